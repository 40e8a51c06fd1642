import csv

with open("results/conditions.csv", newline="", encoding="utf-8") as file:
    for row in csv.DictReader(file):
        if row["track_id"]:  # the rows without one are of all persons together
            seen, unsure = float(row["seconds"]), float(row["unsure_share"])
            print(f"person {row['track_id']}, {row['condition']}: seen {seen:.1f} s, unsure {unsure:.0%}")
