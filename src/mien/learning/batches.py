"""Which faces are seen when: the rows to learn from as tensors, and the order of an epoch.

All randomness comes from the seed and the place in the run alone, never from what happened before, so that a resumed
run repeats what an unbroken one would have done.
"""

import copy
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mien.datasets.faceset import FaceSet
from mien.learning.targets import HeadTargets

__all__ = ["Batch", "Rows", "epoch_order", "step_seed", "steps_per_epoch"]


class Batch(NamedTuple):
    """Some rows on the device."""

    pixels: Tensor  # (n, side, side) uint8
    targets: tuple[Tensor, ...]  # one (n, columns) float32 per head
    truth: tuple[Tensor, ...]  # one (n,) int64 per head


class Rows:
    """Faces and their targets, in memory: an index array gives a batch."""

    def __init__(self, faces: FaceSet, heads: tuple[HeadTargets, ...]) -> None:
        self.pixels = torch.from_numpy(np.ascontiguousarray(faces.pixels))
        self.targets = tuple(torch.from_numpy(head.values) for head in heads)
        self.truth = tuple(torch.from_numpy(head.truth) for head in heads)

    def __len__(self) -> int:
        return len(self.pixels)

    def select(self, rows: NDArray[np.bool_]) -> "Rows":
        """The rows that a mask names."""
        chosen, index = copy.copy(self), torch.from_numpy(rows)
        chosen.pixels = self.pixels[index]
        chosen.targets = tuple(column[index] for column in self.targets)
        chosen.truth = tuple(column[index] for column in self.truth)
        return chosen

    def batch(self, rows: NDArray[np.intp], *, device: torch.device) -> Batch:
        """The rows in the order given, on a device."""
        index = torch.from_numpy(rows)
        return Batch(
            self.pixels[index].to(device, non_blocking=True),
            tuple(column[index].to(device, non_blocking=True) for column in self.targets),
            tuple(column[index].to(device, non_blocking=True) for column in self.truth),
        )


def epoch_order(classes: NDArray[np.int64], *, oversample: bool, seed: int, epoch: int) -> NDArray[np.intp]:
    """The rows of one epoch in random order.

    Args:
        classes: `(n,)`, the class of each row.
        oversample: Repeat rows of rare classes until all are as common as the commonest; else each row stands once.
        seed: Of the run.
        epoch: Each has its own order.
    """
    rng = np.random.default_rng((seed, epoch))
    if not oversample:
        return rng.permutation(len(classes))
    members = [np.flatnonzero(classes == label) for label in np.unique(classes)]
    wanted = max(map(len, members))
    parts: list[NDArray[np.intp]] = []
    for rows in members:
        whole, rest = divmod(wanted, len(rows))
        parts += [np.tile(rows, whole), rng.choice(rows, rest, replace=False)]
    return rng.permutation(np.concatenate(parts))


def steps_per_epoch(rows: int, batch: int) -> int:
    """Whole batches only, so that batch normalisation never sees a small one; but at least one step."""
    return max(1, rows // batch)


def step_seed(seed: int, epoch: int, step: int, *, rank: int = 0) -> int:
    """The seed of one step's views and dropout, in 0..2**63 - 1."""
    state = np.random.SeedSequence((seed, epoch, step, rank)).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))
