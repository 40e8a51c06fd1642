mien analyze examples/astronaut.mp4 --baseline auto --out against-own-median
