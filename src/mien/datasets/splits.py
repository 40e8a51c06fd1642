"""Parts of a training set kept aside for choosing: stratified, near copies on one side."""

import numpy as np
from numpy.typing import NDArray

from mien.datasets.leaks import near_copy_groups

__all__ = ["validation_rows"]


def validation_rows(
    pixels: NDArray[np.uint8], labels: NDArray[np.int64], *, fraction: float, seed: int
) -> NDArray[np.bool_]:
    """Choose a validation part that no near copy joins to the rest.

    Groups of near copies are drawn at random until every label has its share, so each label's part is
    `fraction` of its rows to within one group.

    Args:
        pixels: `(n, height, width)` uint8.
        labels: `(n,)`, what to stratify by.
        fraction: Share of the rows to keep aside, in (0, 1).
        seed: Seed of the draw.

    Returns:
        `(n,)` bool, True for validation.

    Raises:
        ValueError: `fraction` out of range.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"fraction must lie between 0 and 1, got {fraction}")
    group = near_copy_groups(pixels)
    order = np.argsort(group, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(group[order])) + 1)
    wanted = {label: fraction * count for label, count in zip(*np.unique(labels, return_counts=True), strict=True)}
    chosen = np.zeros(len(pixels), bool)
    for index in np.random.default_rng(seed).permutation(len(members)):
        rows = members[index]
        label = labels[rows[0]]  # a group with conflicting labels counts for its first row
        if wanted[label] >= len(rows):
            wanted[label] -= len(rows)
            chosen[rows] = True
    return chosen
