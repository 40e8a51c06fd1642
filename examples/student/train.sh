mien train examples/student/small.toml --data faces.csv --out runs/small
