"""What FER+'s ten votes per face mean: the protocol of Barsoum et al. 2016 (arXiv 1608.01041)."""

import numpy as np
from numpy.typing import NDArray

from mien.datasets.faceset import UNLABELLED
from mien.taxonomy import FERPLUS

__all__ = ["majority_labels"]


def majority_labels(votes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The label that a clear majority gave, by the authors' own filter.

    Columns with at most one vote are zeroed ("unknown" and "not a face" too); the winner must hold more than
    half of what remains and be an emotion. It keeps 25,060 Training and 3,199 PublicTest rows.

    Args:
        votes: `(n, 10)` in the order of `FERPLUS_VOTES`.

    Returns:
        `(n,)` int64, indices into `FERPLUS.labels`; `UNLABELLED` where the protocol drops the row.

    Example:
        >>> majority_labels(np.array([[6, 3, 1, 0, 0, 0, 0, 0, 0, 0], [4, 4, 2, 0, 0, 0, 0, 0, 0, 0]], np.uint8))
        array([ 0, -1])
    """
    counted = np.where(votes > 1, votes, 0).astype(np.int64)
    winner = counted.argmax(axis=1)
    clear = 2 * counted.max(axis=1) > counted.sum(axis=1)
    return np.where(clear & (winner < len(FERPLUS)), winner, UNLABELLED)
