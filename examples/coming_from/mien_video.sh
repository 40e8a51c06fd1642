mien analyze examples/astronaut.mp4 --columns py-feat --out coming
