mien export runs/small --out small.onnx
mien evaluate small.onnx --data faces.csv --drop copies.csv --out scores
