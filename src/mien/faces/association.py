"""Which box of this frame is which box of the last: pure functions of arrays.

Two-stage association as in ByteTrack (Zhang et al. 2022, arXiv 2110.06864): the boxes that the detector is sure of
choose first; those it doubts may then continue a track, but never begin one.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mien.results import BoxXyxy

__all__ = ["assign", "closeness", "overlaps", "travel"]

Floats = NDArray[np.float64]

_COASTING_S = 0.3
"""A face seldom goes on as it went: its speed falls by 1 / e in this time."""


def overlaps(ones: Sequence[BoxXyxy], others: Sequence[BoxXyxy]) -> Floats:
    """Intersection over union of each with each, `(len(ones), len(others))` in [0, 1].

    Example:
        >>> overlaps([(0, 0, 2, 2)], [(0, 0, 2, 2), (0, 0, 1, 2), (5, 5, 6, 6)])
        array([[1. , 0.5, 0. ]])
    """
    one, other = (np.asarray(boxes, np.float64).reshape(-1, 4) for boxes in (ones, others))
    sides = np.minimum(one[:, None, 2:], other[None, :, 2:]) - np.maximum(one[:, None, :2], other[None, :, :2])
    shared = np.clip(sides, 0, None).prod(axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (one, other)]
    union = areas[0][:, None] + areas[1][None] - shared
    return np.asarray(shared / np.where(union > 0, union, 1), np.float64)


def closeness(ones: Sequence[BoxXyxy], others: Sequence[BoxXyxy], *, reach: float) -> Floats:
    """How near each is to each for its size: 1 for the same centre, 0 from `reach` box sides on or twice the size.

    Small faces that move fast no longer overlap where they were; this still tells near from far.

    Returns:
        `(len(ones), len(others))` in [0, 1].

    Example:
        >>> closeness([(0, 0, 10, 10)], [(0, 0, 10, 10), (10, 0, 20, 10), (0, 0, 30, 30)], reach=2)
        array([[1. , 0.5, 0. ]])
    """
    one, other = (np.asarray(boxes, np.float64).reshape(-1, 4) for boxes in (ones, others))
    centres = [(boxes[:, :2] + boxes[:, 2:]) / 2 for boxes in (one, other)]
    sides = [np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)) for boxes in (one, other)]
    side = np.maximum((sides[0][:, None] + sides[1][None]) / 2, 1e-9)
    distance = np.hypot(*np.moveaxis(centres[0][:, None] - centres[1][None], 2, 0)) / side
    larger = np.maximum(sides[0][:, None], sides[1][None])
    smaller = np.maximum(np.minimum(sides[0][:, None], sides[1][None]), 1e-9)
    return np.where(larger < 2 * smaller, np.maximum(1 - distance / reach, 0), 0.0)


def assign(likeness: Floats, *, least: float) -> list[tuple[int, int]]:
    """Pairs of row and column, best likeness first, each used once, none below `least`.

    Example:
        >>> assign(np.array([[0.9, 0.8], [0.7, 0.1]]), least=0.3)
        [(0, 0)]
    """
    pairs: list[tuple[int, int]] = []
    rows, columns = np.nonzero(likeness >= least)
    used_rows: set[int] = set()
    used_columns: set[int] = set()
    for at in np.argsort(-likeness[rows, columns], kind="stable").tolist():
        row, column = int(rows[at]), int(columns[at])
        if row not in used_rows and column not in used_columns:
            used_rows.add(row)
            used_columns.add(column)
            pairs.append((row, column))
    return pairs


def travel(seconds: float) -> float:
    """How far a face goes in that time, in seconds at its present speed: it slows down, so never beyond 0.3.

    Example:
        >>> round(travel(0.04), 3), round(travel(60.0), 3)
        (0.037, 0.3)
    """
    return _COASTING_S * (1 - math.exp(-max(seconds, 0.0) / _COASTING_S))
