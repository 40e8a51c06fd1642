mien convert results/readings.csv results/readings.parquet
mien convert results/readings.csv results/for-py-feat.csv --columns py-feat
