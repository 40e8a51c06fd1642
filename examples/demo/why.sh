mien explain examples/astronaut.jpg --out demo/why.png
