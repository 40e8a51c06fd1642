"""What a network learns from each row: labels, votes, or what Barsoum et al. 2016 make of the votes.

Source: arXiv 1608.01041, section 3.2, with the filters of the authors' own program. In all four of their modes a single
vote for anything counts as a slip and is dropped, and rows whose winner is "unknown" or "not a face" are not learnt.

- `majority`: the winner, if more than half of the votes are for it.
- `soft` (their cross-entropy): the votes of the most voted emotions, up to three, until they hold three quarters;
  they must hold more than half. Normalised over the eight emotions.
- `probability`: one emotion drawn from the `soft` distribution, anew in each epoch.
- `multi-target`: every emotion with at least 30 % of the votes is right; together they must hold more than half.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.datasets.faceset import UNLABELLED, FaceSet
from mien.datasets.ferplus import majority_labels
from mien.errors import DataError
from mien.learning.recipe import Target
from mien.taxonomy import FER2013, FERPLUS, FERPLUS_VOTES, Taxonomy

__all__ = ["HeadTargets", "head_targets", "label_targets", "vote_targets"]

_EMOTIONS = len(FERPLUS)


@dataclass(frozen=True, eq=False)
class HeadTargets:
    """What one head of a network learns.

    Args:
        name: "votes" or "labels".
        taxonomy: What the first columns mean; a decision is taken among them.
        columns: What all columns mean.
        values: `(n, len(columns))` float32, each row a distribution (0 or 1 per column for "multi-target"); all 0
            where there is nothing to learn.
        truth: `(n,)` int64, the index in `taxonomy` that a decision is scored against; `UNLABELLED` for none.
    """

    name: str
    taxonomy: Taxonomy
    columns: tuple[str, ...]
    values: NDArray[np.float32]
    truth: NDArray[np.int64]

    @property
    def learnable(self) -> NDArray[np.bool_]:
        """`(n,)`: the rows with something to learn."""
        return np.asarray(self.values.sum(axis=1) > 0)


def head_targets(faces: FaceSet, target: Target) -> tuple[HeadTargets, ...]:
    """The heads that a target asks for, and what each learns from each row.

    Raises:
        DataError: the target needs votes and there are none, or its label head is not FER-2013's.
    """
    heads: list[HeadTargets] = []
    if target != "labels":
        if faces.votes is None:
            raise DataError(f"{faces.source} has no FER+ votes, which the target {target!r} needs: give --votes FILE")
        columns = FERPLUS_VOTES if target in {"votes", "votes+labels"} else FERPLUS.labels
        values = vote_targets(faces.votes, target)
        heads.append(HeadTargets("votes", FERPLUS, columns, values, majority_labels(faces.votes)))
    if target in {"labels", "votes+labels"}:
        if target == "votes+labels" and faces.taxonomy != FER2013:
            raise DataError(f"the target votes+labels needs labels of {FER2013.name}, got {faces.taxonomy.name}")
        values = label_targets(faces.labels, len(faces.taxonomy))
        heads.append(HeadTargets("labels", faces.taxonomy, faces.taxonomy.labels, values, faces.labels))
    return tuple(heads)


def label_targets(labels: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
    """One-hot rows; all 0 where a row has no label."""
    values = np.zeros((len(labels), classes), np.float32)
    rows = np.flatnonzero(labels != UNLABELLED)
    values[rows, labels[rows]] = 1
    return values


def vote_targets(votes: NDArray[np.uint8], target: Target) -> NDArray[np.float32]:
    """Turn votes into what a target learns.

    Args:
        votes: `(n, 10)` in the order of `FERPLUS_VOTES`.
        target: Any but "labels".

    Returns:
        `(n, 10)` for "votes" and "votes+labels", `(n, 8)` for the others; rows that are not learnt are all 0.

    Example:
        >>> votes = np.array([[0, 5, 4, 0, 0, 0, 0, 0, 1, 0]], np.uint8)
        >>> vote_targets(votes, "votes")[0, :3], vote_targets(votes, "multi-target")[0, :3]
        (array([0. , 0.5, 0.4], dtype=float32), array([0., 1., 1.], dtype=float32))
    """
    if target in {"votes", "votes+labels"}:
        return _normalised(votes)
    if target == "majority":
        return label_targets(majority_labels(votes), _EMOTIONS)
    rule = _multi_target if target == "multi-target" else _soft
    patterns, row_of = np.unique(votes, axis=0, return_inverse=True)  # far fewer than rows
    values = np.stack([rule(np.where(pattern > 1, pattern, 0).astype(np.int64)) for pattern in patterns])
    return values[row_of.reshape(-1)]


def _normalised(values: NDArray[np.generic]) -> NDArray[np.float32]:
    total = values.sum(axis=-1, keepdims=True, dtype=np.float32)
    return np.asarray(np.divide(values, total, out=np.zeros(values.shape, np.float32), where=total > 0), np.float32)


def _soft(counted: NDArray[np.int64]) -> NDArray[np.float32]:
    """The most voted emotions of one row; equal counts are taken together, and four or more are too many."""
    taken = np.zeros_like(counted)
    left = counted.copy()
    weighed = 0  # also counts an "unknown" or "not a face" that is then left out
    while weighed < 0.75 * counted.sum() and np.count_nonzero(taken) < 3:
        tied = np.flatnonzero(left == left.max())
        emotions, others = tied[tied < _EMOTIONS], tied[tied >= _EMOTIONS]
        taken[emotions] = left[emotions]
        weighed += int(left[tied].sum())
        left[tied] = 0
        if len(others):
            if not taken.any():  # nobody won but "unknown" or "not a face"
                return np.zeros(_EMOTIONS, np.float32)
            break
    if np.count_nonzero(taken) > 3 or 2 * taken.sum() <= counted.sum():
        return np.zeros(_EMOTIONS, np.float32)
    return _normalised(taken[:_EMOTIONS])


def _multi_target(counted: NDArray[np.int64]) -> NDArray[np.float32]:
    """Every emotion of one row that is right enough."""
    taken = np.where(counted >= 0.3 * counted.sum(), counted, 0)
    if 2 * taken.sum() <= counted.sum() or taken.argmax() >= _EMOTIONS:
        return np.zeros(_EMOTIONS, np.float32)
    return (taken[:_EMOTIONS] > 0).astype(np.float32)
