mien analyze examples/astronaut.jpg --model small.onnx --out mine
mien models card small.onnx > mine/card.md
