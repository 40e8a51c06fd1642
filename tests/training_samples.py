"""Synthetic faces that a small network can learn in a few steps: the label is the pattern of the stripes."""

import numpy as np
from numpy.typing import NDArray

from mien.datasets.faceset import TRAINING, FaceSet
from mien.taxonomy import FER2013

__all__ = ["faces_to_learn"]

_VOTE_COLUMN = (4, 5, 6, 1, 3, 2, 0)  # FER-2013's emotions among FER+'s columns


def faces_to_learn(rows: int = 84, *, seed: int = 0, test_rows: int = 0) -> FaceSet:
    """Faces of 48 px, labels in turn, eight votes for the label's emotion and two for unknown; no near copies."""
    rng = np.random.default_rng(seed)
    n = rows + test_rows
    labels = np.arange(n, dtype=np.int64) % len(FER2013)
    pixels = rng.integers(0, 120, (n, 12, 12)).astype(np.uint8).repeat(4, axis=1).repeat(4, axis=2)
    votes = np.zeros((n, 10), np.uint8)
    for row, label in enumerate(labels):
        pixels[row] += _stripes(int(label))
        votes[row, _VOTE_COLUMN[label]] = 8
        votes[row, 8] = 2
    split = np.array([TRAINING] * rows + ["PublicTest"] * test_rows)
    return FaceSet(pixels, labels, votes, split, FER2013, "synthetic faces")


def _stripes(label: int) -> NDArray[np.uint8]:
    """None; fine or coarse stripes down, across, or both."""
    width = 2 if label % 2 else 6
    on = np.arange(48) // width % 2 == 1
    down, across = label in {1, 2, 5, 6}, label in {3, 4, 5, 6}
    bright = (on[None, :] & down) ^ (on[:, None] & across)
    return np.where(bright, np.uint8(100), np.uint8(0))
