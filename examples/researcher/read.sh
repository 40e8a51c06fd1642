mien analyze examples/astronaut.mp4 --timeline --out results
