"""How many chosen labels are worth 5,000 random ones: a curve of accuracy against labels, for each queue.

    python benchmarks/label.py --data fer2013.csv --votes fer2013new.csv [--seeds 5]

The pool is FER-2013 Training with FER+'s majority labels (25,060 faces), the test PublicTest (3,199). A linear head
(logistic regression) learns on the embedded model's embedding, standardised over the pool; it starts from 250 random
labels, and each queue then asks for 250 at a time by that head's own answers. The embedding itself was trained on the
pool, as everybody's embedding was trained on something: what is compared is which labels a new head needs.
"""

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: these are small problems

from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression

from mien.active import QUEUES, Queue, disagreement, next_faces, views
from mien.classifier import DEFAULT_MODEL, EmotionClassifier
from mien.datasets.faceset import TRAINING
from mien.datasets.ferplus import majority_labels
from mien.datasets.reading import read

START, STEP, MOST, RANDOM_MOST = 250, 250, 2500, 5000
STRENGTH = 0.003  # scikit-learn's C: the best of 0.001, 0.003 and 0.01 for 2,500 and 5,000 random labels


class Faces(NamedTuple):
    """Embeddings of each view, `(views, n, width)`, and labels `(n,)`; the first view is the face as it is."""

    embeddings: np.ndarray
    labels: np.ndarray


def embedded(classifier: EmotionClassifier, pixels: np.ndarray, *, with_views: bool) -> np.ndarray:
    kinds = range(len(views(pixels[0])) if with_views else 1)
    parts = [
        [classifier.logits([views(face)[kind] for face in pixels[start : start + 512]])["embedding"] for kind in kinds]
        for start in range(0, len(pixels), 512)
    ]
    return np.stack([np.concatenate([part[kind] for part in parts]) for kind in kinds])


def curve(pool: Faces, test: Faces, by: Queue, *, seed: int) -> dict[int, float]:
    """Number of labels -> accuracy on the test."""
    labelled = np.zeros(len(pool.labels), bool)
    labelled[np.random.default_rng(seed).choice(len(labelled), START, replace=False)] = True
    accuracy = {}
    while True:
        head = LogisticRegression(C=STRENGTH, max_iter=200).fit(pool.embeddings[0][labelled], pool.labels[labelled])
        accuracy[int(labelled.sum())] = float((head.predict(test.embeddings[0]) == test.labels).mean())
        if labelled.sum() >= (RANDOM_MOST if by == "random" else MOST):
            return accuracy
        answers = [head.predict_proba(view) for view in pool.embeddings]
        asked = next_faces(
            answers[0],
            pool.embeddings[0],
            count=STEP,
            labelled=labelled,
            disagreements=disagreement(np.stack(answers)) if len(answers) > 1 else None,
            by=by,
            seed=1000 * seed + int(labelled.sum()),
        )
        labelled[asked] = True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="FER-2013's CSV")
    parser.add_argument("--votes", type=Path, help="FER+'s votes")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--rows", type=int, default=0, help="use so many rows of the pool only, for a trial")
    parser.add_argument("--queues", nargs="+", default=list(QUEUES), help="these alone, random among them")
    parser.add_argument("--no-views", action="store_true", help="leave disagreement out: a fifth of the time")
    arguments = parser.parse_args()
    classifier = EmotionClassifier.load(arguments.model)
    faces = read(arguments.data, votes=arguments.votes)
    labels = majority_labels(faces.votes)
    in_pool, in_test = ((faces.split == split) & (labels >= 0) for split in (TRAINING, "PublicTest"))
    rows = np.flatnonzero(in_pool)[: arguments.rows or None]
    pool = embedded(classifier, faces.pixels[rows], with_views=not arguments.no_views)
    test = embedded(classifier, faces.pixels[in_test], with_views=False)
    centre, scale = pool[0].mean(axis=0), pool[0].std(axis=0) + 1e-6
    pool_faces, test_faces = (
        Faces((pool - centre) / scale, labels[rows]),
        Faces((test - centre) / scale, labels[in_test]),
    )
    curves: dict[Queue, list[dict[int, float]]] = {}
    for by in QUEUES:
        if by not in arguments.queues or (by == "disagreement" and arguments.no_views):
            continue
        curves[by] = [curve(pool_faces, test_faces, by, seed=seed) for seed in range(arguments.seeds)]
        print(f"\n{by}, {arguments.seeds} seeds: accuracy in %, mean and standard deviation", flush=True)
        for count in curves[by][0]:
            values = 100 * np.array([each[count] for each in curves[by]])
            print(f"  {count:5d} labels  {values.mean():.2f}  {values.std(ddof=1) if len(values) > 1 else 0:.2f}")
    goal = np.mean([each[max(each)] for each in curves["random"]])
    print(f"\n{max(curves['random'][0])} labels at random: {100 * goal:.2f} %. Labels until the mean is as high:")
    for by, runs in curves.items():
        reached = [count for count in runs[0] if np.mean([run[count] for run in runs]) >= goal]
        print(f"  {by:13s} {reached[0] if reached else f'more than {max(runs[0])}'}")


if __name__ == "__main__":
    main()
