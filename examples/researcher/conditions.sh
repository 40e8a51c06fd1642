mien conditions results/readings.csv --events examples/researcher/events.csv --exclude 2.8-3 --out results
