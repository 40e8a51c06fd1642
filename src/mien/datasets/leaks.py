"""Near copies: pictures that stand in a data set more than once.

FER-2013 holds 1,853 exact copies, many of them across its splits, and more that differ by a crop or a
watermark. A model is then tested on what it was trained on, and a validation part flatters it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.datasets.faceset import TRAINING, UNLABELLED, UNSPLIT, FaceSet
from mien.datasets.pictures import Progress

__all__ = ["CORRELATION", "Leaks", "conflicting_groups", "find_leaks", "near_copy_groups", "near_copy_of_any"]

CORRELATION = 0.95
"""From this correlation of their thumbnails on, two pictures count as near copies."""

THUMBNAIL_PX = 16
_TILE = 2048


@dataclass(frozen=True, eq=False)
class Leaks:
    """Copies among the rows of a `FaceSet`; constant images are copies of nothing.

    Args:
        correlation: From which correlation of thumbnails on rows count as near copies.
        constant: `(n,)` bool, images of one grey.
        exact: `(n,)`, the first row with the same pixels; the row itself if there is none before.
        near: `(n,)`, the first row of each group of copies, exact or near, joined directly or through others.
        partner: `(n,)`, for rows outside Training the Training row that is most like them among their copies;
            -1 where no Training row is a copy.
        likeness: `(n,)` float32, correlation with the partner, 1 for an exact copy; 0 without one.
        across: (split, other split) -> how many rows of the first have an exact, and how many any copy in the second.
    """

    correlation: float
    constant: NDArray[np.bool_]
    exact: NDArray[np.intp]
    near: NDArray[np.intp]
    partner: NDArray[np.intp]
    likeness: NDArray[np.float32]
    across: Mapping[tuple[str, str], tuple[int, int]]

    @property
    def leaked(self) -> NDArray[np.bool_]:
        """`(n,)`: rows outside Training that have a copy in Training."""
        return self.partner >= 0


def find_leaks(faces: FaceSet, *, correlation: float = CORRELATION, progress: Progress | None = None) -> Leaks:
    """Find exact and near copies within and across splits.

    Args:
        faces: Any set. Rows of a set without splits count as Training.
        correlation: From this correlation of their 16x16 thumbnails on, two rows are near copies; in (0, 1].
        progress: Told how many rows have been compared with all others.

    Raises:
        ValueError: `correlation` out of range.
    """
    n = len(faces)
    flat = faces.pixels.reshape(n, faces.pixels[:1].size or 1)
    constant = flat.min(axis=1, initial=255) == flat.max(axis=1, initial=0)
    exact = _exact_groups(faces.pixels, constant)
    left, right, likeness = _near_pairs(faces.pixels, correlation, progress)
    copies = np.flatnonzero(exact != np.arange(n))
    near = _joined_groups(n, [(left, right), (exact[copies], copies)])
    is_training = (faces.split == TRAINING) | (faces.split == UNSPLIT)
    partner, likeness_of = _training_partners(is_training, exact, (left, right, likeness))
    return Leaks(
        correlation=correlation,
        constant=constant,
        exact=exact,
        near=near,
        partner=partner,
        likeness=likeness_of,
        across=_count_across(faces, exact, left, right),
    )


def conflicting_groups(group: NDArray[np.intp], labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """`(n,)`: rows of groups whose members have different labels; rows without a label contradict nobody."""
    labelled = labels != UNLABELLED
    pairs = np.unique(np.stack([group[labelled], labels[labelled]]), axis=1)
    groups, kinds = np.unique(pairs[0], return_counts=True)
    return np.isin(group, groups[kinds > 1])


def near_copy_groups(pixels: NDArray[np.uint8], *, correlation: float = CORRELATION) -> NDArray[np.intp]:
    """Group rows that are near copies of one another, directly or through a third.

    Args:
        pixels: `(n, height, width)` uint8.
        correlation: Two rows are near copies from this correlation of their 16x16 thumbnails on, in (0, 1].

    Returns:
        `(n,)`: for each row the smallest row index of its group; a row without a copy names itself.
    """
    left, right, _ = _near_pairs(pixels, correlation, None)
    return _joined_groups(len(pixels), [(left, right)])


def near_copy_of_any(
    pixels: NDArray[np.uint8], reference: NDArray[np.uint8], *, correlation: float = CORRELATION
) -> NDArray[np.bool_]:
    """Which rows of `pixels` have a near copy in `reference`; `(n,)` bool. Arguments as `near_copy_groups`."""
    thumbnails, others = _unit_thumbnails(pixels), _unit_thumbnails(reference)
    found = np.zeros(len(pixels), bool)
    for start in range(0, len(pixels), _TILE):
        found[start : start + _TILE] = (thumbnails[start : start + _TILE] @ others.T >= correlation).any(axis=1)
    return found


def _exact_groups(pixels: NDArray[np.uint8], constant: NDArray[np.bool_]) -> NDArray[np.intp]:
    first: dict[bytes, int] = {}
    rows = (
        row if is_constant else first.setdefault(blake2b(face, digest_size=16).digest(), row)
        for row, (face, is_constant) in enumerate(zip(np.ascontiguousarray(pixels), constant.tolist(), strict=True))
    )
    return np.fromiter(rows, np.intp, len(pixels))


def _near_pairs(
    pixels: NDArray[np.uint8], correlation: float, progress: Progress | None
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """All pairs of near copies, the smaller row first, with their correlation."""
    if not 0 < correlation <= 1:
        raise ValueError(f"correlation must lie in (0, 1], got {correlation}")
    thumbnails = _unit_thumbnails(pixels)
    n = len(thumbnails)
    parts = []
    for top in range(0, n, _TILE):
        for start in range(top, n, _TILE):  # tile by tile, so that the memory does not grow with the rows
            tile = thumbnails[top : top + _TILE] @ thumbnails[start : start + _TILE].T
            left, right = np.nonzero(tile >= correlation)
            likeness = tile[left, right]
            left, right = left + top, right + start
            once = left < right
            parts.append((left[once], right[once], likeness[once]))
        if progress is not None:
            progress(min(top + _TILE, n), n)
    if not parts:
        return np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0, np.float32)
    lefts, rights, likenesses = zip(*parts, strict=True)
    return np.concatenate(lefts), np.concatenate(rights), np.concatenate(likenesses)


def _joined_groups(n: int, pairs: Iterable[tuple[NDArray[np.intp], NDArray[np.intp]]]) -> NDArray[np.intp]:
    """For each row the smallest row that a chain of pairs joins it to."""
    group = list(range(n))

    def root(row: int) -> int:
        while group[row] != row:
            group[row] = group[group[row]]
            row = group[row]
        return row

    for left, right in pairs:
        for a, b in zip(left.tolist(), right.tolist(), strict=True):
            low, high = sorted((root(a), root(b)))
            group[high] = low
    return np.array([root(row) for row in range(n)], np.intp)


def _training_partners(
    is_training: NDArray[np.bool_],
    exact: NDArray[np.intp],
    pairs: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]],
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """The most similar Training copy of each row outside Training, -1 where there is none; and how similar it is."""
    n = len(exact)
    first_in_training = np.full(n, n, np.intp)
    training = np.flatnonzero(is_training)
    np.minimum.at(first_in_training, exact[training], training)
    copies = np.flatnonzero(~is_training & (first_in_training[exact] < n))
    left, right, similarity = pairs
    inside = np.concatenate([left, right, first_in_training[exact[copies]]])
    outside = np.concatenate([right, left, copies])
    how_similar = np.concatenate([similarity, similarity, np.ones(len(copies), np.float32)]).clip(max=1)
    crossing = np.flatnonzero(is_training[inside] & ~is_training[outside])
    order = crossing[np.argsort(how_similar[crossing], kind="stable")]
    partner = np.full(n, -1, np.intp)
    likeness = np.zeros(n, np.float32)
    partner[outside[order]] = inside[order]  # of several, the last and most similar stays
    likeness[outside[order]] = how_similar[order]
    return partner, likeness


def _count_across(
    faces: FaceSet, exact: NDArray[np.intp], left: NDArray[np.intp], right: NDArray[np.intp]
) -> dict[tuple[str, str], tuple[int, int]]:
    across: dict[tuple[str, str], tuple[int, int]] = {}
    for other in faces.splits:
        is_other = faces.split == other
        in_other = np.bincount(exact[is_other], minlength=len(faces))
        has_exact = in_other[exact] > is_other  # a row is no copy of itself
        has_any = has_exact.copy()
        has_any[left[is_other[right]]] = True
        has_any[right[is_other[left]]] = True
        for split in faces.splits:
            rows = faces.split == split
            across[split, other] = (int((has_exact & rows).sum()), int((has_any & rows).sum()))
    return across


def _unit_thumbnails(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """`(n, 256)` thumbnails with mean 0 and norm 1, so that a dot product is a correlation; constant ones are 0."""
    n, height, width = pixels.shape
    if height % THUMBNAIL_PX or width % THUMBNAIL_PX:
        side = THUMBNAIL_PX * max(1, round(max(height, width) / THUMBNAIL_PX))
        pixels = np.stack([cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA) for face in pixels])
        height = width = side
    cells = pixels.reshape(n, THUMBNAIL_PX, height // THUMBNAIL_PX, THUMBNAIL_PX, width // THUMBNAIL_PX)
    flat = cells.mean(axis=(2, 4), dtype=np.float32).reshape(n, THUMBNAIL_PX**2)
    flat -= flat.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(np.divide(flat, norm, out=np.zeros_like(flat), where=norm > 1e-3), np.float32)
