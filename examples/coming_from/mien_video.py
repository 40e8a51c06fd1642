import csv
from statistics import mean

with open("coming/readings.csv", newline="", encoding="utf-8") as file:
    rows = [row for row in csv.DictReader(file) if row["success"] == "1"]
for emotion in ("happiness", "neutral", "anger"):
    print(emotion, round(mean(float(row[emotion]) for row in rows), 2))
