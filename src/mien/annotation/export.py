"""From labels to a `FaceSet` that training takes."""

import numpy as np
from numpy.typing import NDArray

from mien.annotation.store import LabelStore
from mien.datasets.faceset import TRAINING, UNLABELLED, FaceSet
from mien.errors import DataError
from mien.taxonomy import FER2013, FERPLUS, FERPLUS_VOTES

__all__ = ["VIEWERS", "labelled_faces"]

VIEWERS = 10
"""Votes that each face gets in the export, as in FER+, where fewer than two votes for a word count as a slip."""


def labelled_faces(store: LabelStore) -> FaceSet:
    """The labelled faces of a store, with FER+ votes and FER-2013 labels, so that every recipe can learn from them.

    Everybody's votes for a face are scaled to `VIEWERS`. The label is the emotion with more than half of them, where
    FER-2013 has a word for it; else the row has votes alone.

    Raises:
        DataError: nothing is labelled.
    """
    votes = store.votes()
    if not votes:
        raise DataError(f"{store.path} has no labels yet: give some with mien label")
    numbers, pixels = store.faces()
    rows = np.flatnonzero(np.isin(numbers, list(votes)))
    shares = np.stack([votes[int(number)] for number in numbers[rows]])
    counts = np.stack([_whole_votes(row / row.sum()) for row in shares])
    places = [store.where(int(number)) for number in numbers[rows]]
    names = [source if time_s is None else f"{source}@{time_s:.3f}s" for source, time_s in places]
    viewers: dict[int, list[str]] = {}
    for label in store.given():
        viewers.setdefault(label.face, []).append(label.who)
    labelled_by = [", ".join(viewers[number]) for number in numbers[rows].tolist()]
    return FaceSet(
        pixels=pixels[rows],
        labels=np.array([_label(row / row.sum()) for row in shares], np.int64),
        votes=counts,
        split=np.full(len(rows), TRAINING),
        taxonomy=FER2013,
        source=str(store.path),
        names=np.array(names, np.str_),
        attributes={"labelled_by": np.array(labelled_by, np.str_)},
    )


def _whole_votes(shares: NDArray[np.float64]) -> NDArray[np.uint8]:
    """`VIEWERS` votes as nearly in these shares as whole votes can be; what is left over goes to the largest rests."""
    exact = VIEWERS * shares
    counts = np.floor(exact + 1e-9)
    missing = round(VIEWERS - counts.sum())
    counts[np.argsort(counts - exact, kind="stable")[:missing]] += 1
    return counts.astype(np.uint8)


def _label(shares: NDArray[np.float64]) -> int:
    """The emotion with more than half of the votes, in FER-2013's order."""
    winner = int(shares.argmax())
    word = FERPLUS_VOTES[winner]
    if shares[winner] <= 0.5 or winner >= len(FERPLUS) or word not in FER2013.labels:
        return UNLABELLED
    return FER2013.index(word)
