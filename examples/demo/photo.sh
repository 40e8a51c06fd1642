mien analyze examples/astronaut.jpg --out demo
