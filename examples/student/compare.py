import numpy as np

from mien import FER2013, EmotionClassifier
from mien.datasets.reading import read
from mien.evaluation.metrics import compare_on_same_rows

faces = read("faces.csv").of_split("PublicTest")
right = {}
for model in ("small.onnx", "mien-m"):
    answers = EmotionClassifier.load(model).classify(list(faces.pixels), labels="fer2013")
    right[model] = np.array([FER2013.labels.index(answer.top) for answer in answers]) == faces.labels
    print(f"{model}: {right[model].mean():.0%}")
difference = compare_on_same_rows(right["small.onnx"], right["mien-m"])
low, high = difference.interval
print(f"small.onnx is {100 * difference.difference:.0f} points better ({100 * low:.0f} to {100 * high:.0f})")
