"""FaceSet: the one table of labelled faces that every reader makes and every consumer takes."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mien.taxonomy import FERPLUS_VOTES, Taxonomy

__all__ = ["UNLABELLED", "FaceSet"]

UNLABELLED = -1
"""The label of a row that has none."""


@dataclass(frozen=True, eq=False)
class FaceSet:
    """Labelled faces in memory, one row each.

    Args:
        pixels: `(n, height, width)` uint8, grey.
        labels: `(n,)` int64, indices into `taxonomy.labels`; `UNLABELLED` where a row has none.
        votes: `(n, 10)` uint8, FER+ votes in the order of `FERPLUS_VOTES`; None where nobody voted.
        split: `(n,)` str, the name of each row's split as its source spells it.
        taxonomy: What the labels mean.
        source: Where the rows came from, for messages and records.

    Raises:
        ValueError: the columns disagree in length, type or range.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    votes: NDArray[np.uint8] | None
    split: NDArray[np.str_]
    taxonomy: Taxonomy
    source: str

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.dtype != np.uint8:
            raise ValueError(f"pixels must be (n, height, width) uint8, got {self.pixels.shape} {self.pixels.dtype}")
        n = len(self.pixels)
        if self.labels.shape != (n,) or self.split.shape != (n,):
            raise ValueError(f"labels and split must have {n} rows, got {self.labels.shape}, {self.split.shape}")
        if n and not (self.labels.min() >= UNLABELLED and self.labels.max() < len(self.taxonomy)):
            raise ValueError(f"labels must lie in -1..{len(self.taxonomy) - 1} ({self.taxonomy.name})")
        if self.votes is not None and self.votes.shape != (n, len(FERPLUS_VOTES)):
            raise ValueError(f"votes must be ({n}, {len(FERPLUS_VOTES)}), got {self.votes.shape}")

    def __len__(self) -> int:
        return len(self.pixels)

    def select(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "FaceSet":
        """The rows that a mask or an index array names, in its order."""
        return replace(
            self,
            pixels=self.pixels[rows],
            labels=self.labels[rows],
            votes=None if self.votes is None else self.votes[rows],
            split=self.split[rows],
        )

    def of_split(self, name: str) -> "FaceSet":
        """The rows of one split.

        Raises:
            ValueError: no row belongs to it.
        """
        rows = self.split == name
        if not rows.any():
            there = ", ".join(sorted(set(self.split.tolist())))
            raise ValueError(f"{self.source} has no split {name!r}: it has {there}")
        return self.select(rows)
