"""FaceSet: the one table of labelled faces that every reader makes and every consumer takes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.datasets.droplist import DropList
from mien.errors import DataError
from mien.taxonomy import FERPLUS_VOTES, Taxonomy

__all__ = ["TRAINING", "UNLABELLED", "UNSPLIT", "FaceSet"]

UNLABELLED = -1
"""The label of a row that has none."""

TRAINING = "Training"
"""The split to learn from, whatever a source calls it; other splits keep the names that their source gives them."""

UNSPLIT = "all"
"""The split of rows whose source does not divide them."""


@dataclass(frozen=True, eq=False)
class FaceSet:
    """Labelled faces in memory, one row each.

    Args:
        pixels: `(n, height, width)` uint8, grey.
        labels: `(n,)` int64, indices into `taxonomy.labels`; `UNLABELLED` where a row has none.
        votes: `(n, 10)` uint8, FER+ votes in the order of `FERPLUS_VOTES`; None where nobody voted.
        split: `(n,)` str, the name of each row's split: `TRAINING`, `UNSPLIT`, or the source's own word.
        taxonomy: What the labels mean.
        source: Where the rows came from, for messages and records.
        names: `(n,)` str, what the source calls each row: a file, or a row number. Left out: numbers from 0.
        attributes: Further columns, `(n,)` each, numbers or str, by name.
        skipped: One sentence per row that was left out because it cannot be used, with its file and row.
        notes: Sentences on what else of the source is not here, with counts.

    Raises:
        ValueError: the columns disagree in length, type or range.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    votes: NDArray[np.uint8] | None
    split: NDArray[np.str_]
    taxonomy: Taxonomy
    source: str
    names: NDArray[np.str_] = field(default_factory=lambda: np.array([], np.str_))
    attributes: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.dtype != np.uint8:
            raise ValueError(f"pixels must be (n, height, width) uint8, got {self.pixels.shape} {self.pixels.dtype}")
        n = len(self.pixels)
        if len(self.names) == 0 < n:
            object.__setattr__(self, "names", np.arange(n).astype(np.str_))
        columns = {"labels": self.labels, "split": self.split, "names": self.names, **self.attributes}
        for name, column in columns.items():
            if column.shape != (n,):
                raise ValueError(f"{name} must have the shape ({n},), got {column.shape}")
        if n and not (self.labels.min() >= UNLABELLED and self.labels.max() < len(self.taxonomy)):
            raise ValueError(f"labels must lie in -1..{len(self.taxonomy) - 1} ({self.taxonomy.name})")
        if self.votes is not None and self.votes.shape != (n, len(FERPLUS_VOTES)):
            raise ValueError(f"votes must be ({n}, {len(FERPLUS_VOTES)}), got {self.votes.shape}")

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits, `TRAINING` first, the others in the order of their first rows."""
        names, first = np.unique(self.split, return_index=True)
        return tuple(str(name) for name in names[np.lexsort((first, names != TRAINING))])

    def select(self, rows: NDArray[np.bool_] | NDArray[np.intp] | slice) -> "FaceSet":
        """The rows that a mask, an index array or a slice names, in its order."""
        return replace(
            self,
            pixels=self.pixels[rows],
            labels=self.labels[rows],
            votes=None if self.votes is None else self.votes[rows],
            split=self.split[rows],
            names=self.names[rows],
            attributes={name: column[rows] for name, column in self.attributes.items()},
        )

    def of_split(self, name: str) -> "FaceSet":
        """The rows of one split.

        Raises:
            ValueError: no row belongs to it.
        """
        rows = self.split == name
        if not rows.any():
            raise ValueError(f"{self.source} has no split {name!r}: it has {', '.join(self.splits)}")
        return self.select(rows)

    def on_list(self, drop: DropList) -> NDArray[np.bool_]:
        """`(n,)` bool: which rows stand on a drop list.

        Raises:
            DataError: the list names rows that this set's splits do not have: it was made for other data.
        """
        rows = list(zip(self.split.tolist(), self.names.tolist(), strict=True))
        missing = {entry for entry in drop.rows if entry[0] in set(self.splits)}.difference(rows)
        if missing:
            split, name = min(missing)
            raise DataError(
                f"{drop.source} names {len(missing)} rows that {self.source} does not have, such as {name!r} of "
                f"{split}: it was made for other data, make one for these with mien data leaks"
            )
        return np.fromiter((row in drop.rows for row in rows), bool, len(rows))

    def without(self, drop: DropList) -> "FaceSet":
        """The rows that do not stand on a drop list; raises as `on_list`."""
        return self.select(~self.on_list(drop))
