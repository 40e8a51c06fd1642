import json

with open("results/readings.csv.meta.json", encoding="utf-8") as file:
    made = json.load(file)
frames = sum(video["frames"] for video in made["inputs"].values())
print(
    f"Expressions were read with mien {made['mien']} (model {made['model']['name']}, "
    f"SHA-256 {made['model']['sha256'][:12]}, detector {made['options']['detector']}, "
    f"labels {made['options']['labels']}) on {frames} frames, made steady along each face's track "
    f"({made['stream']['smoothing']}, {made['stream']['smoothing_s']} s). {made['notice']}"
)
