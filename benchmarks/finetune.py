"""What fine-tuning on labels from a new camera gains there, and what it costs on the general set.

    python benchmarks/finetune.py --data fer2013.csv --votes fer2013new.csv [--rows 100 300 1000]

The camera is made: rows of PublicTest, blurred, grainy and dark. So many of them are labelled (their FER+ votes) and
learnt with `mien train --finetune`; the rest of them, which no training saw, says what it gained. The general set is
FER-2013 Training, the guard its rows that the embedded model's training kept aside.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from mien.classifier import DEFAULT_MODEL, EmotionClassifier
from mien.datasets.faceset import TRAINING
from mien.datasets.ferplus import majority_labels
from mien.datasets.reading import read
from mien.evaluation.perturbations import brightness, gaussian_blur, noise
from mien.learning.finetuning import finetune
from mien.taxonomy import FERPLUS


def accuracy(model: Path | str, pixels: np.ndarray, truth: np.ndarray) -> float:
    classifier = EmotionClassifier.load(model)
    logits = classifier.logits(list(pixels))[FERPLUS.name][:, : len(FERPLUS)]
    return 100 * float((logits.argmax(axis=1) == truth).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="FER-2013's CSV")
    parser.add_argument("--votes", type=Path, help="FER+'s votes")
    parser.add_argument("--rows", type=int, nargs="+", default=[100, 300, 1000])
    parser.add_argument("--model", default=DEFAULT_MODEL)
    arguments = parser.parse_args()
    faces = read(arguments.data, votes=arguments.votes)
    labels = majority_labels(faces.votes)
    general = faces.of_split(TRAINING)
    rows = np.random.default_rng(0).permutation(np.flatnonzero((faces.split == "PublicTest") & (labels >= 0)))
    camera = faces.select(rows)
    pixels = brightness(noise(gaussian_blur(camera.pixels, 1.5), 10), 0.25)
    camera = replace(camera, pixels=pixels, split=np.full(len(rows), TRAINING), source="a dim camera")
    held_out, truth = camera.pixels[max(arguments.rows) :], labels[rows][max(arguments.rows) :]
    before = accuracy(arguments.model, held_out, truth)
    print(f"{len(truth)} rows of the camera that nothing learns, accuracy in % (FER+ majority), and the guard's rows")
    print("| labelled | camera, before | after | general set, before | after |\n|---|---|---|---|---|")
    for count in arguments.rows:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "model.onnx"
            tuned = finetune(arguments.model, general, camera.select(slice(0, count)), out)
            after = accuracy(out, held_out, truth)
        was, now = (100 * share for share in tuned.general[FERPLUS.name])
        print(f"| {count} | {before:.1f} | {after:.1f} | {was:.1f} | {now:.1f} |", flush=True)


if __name__ == "__main__":
    main()
