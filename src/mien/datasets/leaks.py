"""Near copies: pictures that stand in a data set more than once.

FER-2013 holds 1,853 exact copies, many of them across its splits, and more that differ by a crop or a
watermark. A model is then tested on what it was trained on, and a validation part flatters it.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["near_copy_groups", "near_copy_of_any"]

THUMBNAIL_PX = 16
_BLOCK = 2048


def near_copy_groups(pixels: NDArray[np.uint8], *, correlation: float = 0.95) -> NDArray[np.intp]:
    """Group rows that are near copies of one another, directly or through a third.

    Args:
        pixels: `(n, height, width)` uint8; the sides must be multiples of 16.
        correlation: Two rows are near copies from this correlation of their 16x16 thumbnails on, in (0, 1].

    Returns:
        `(n,)`: for each row the smallest row index of its group; a row without a copy names itself.
    """
    thumbnails = _unit_thumbnails(pixels)
    group = np.arange(len(pixels), dtype=np.intp)

    def root(row: int) -> int:
        while group[row] != row:
            group[row] = group[group[row]]
            row = int(group[row])
        return row

    for start in range(0, len(pixels), _BLOCK):
        block = thumbnails[start : start + _BLOCK]
        left, right = np.nonzero(block @ thumbnails[start:].T >= correlation)
        for a, b in zip(left.tolist(), right.tolist(), strict=True):
            if a < b:
                low, high = sorted((root(start + a), root(start + b)))
                group[high] = low
    return np.array([root(row) for row in range(len(pixels))], np.intp)


def near_copy_of_any(
    pixels: NDArray[np.uint8], reference: NDArray[np.uint8], *, correlation: float = 0.95
) -> NDArray[np.bool_]:
    """Which rows of `pixels` have a near copy in `reference`; `(n,)` bool. Arguments as `near_copy_groups`."""
    thumbnails, others = _unit_thumbnails(pixels), _unit_thumbnails(reference)
    found = np.zeros(len(pixels), bool)
    for start in range(0, len(pixels), _BLOCK):
        found[start : start + _BLOCK] = (thumbnails[start : start + _BLOCK] @ others.T >= correlation).any(axis=1)
    return found


def _unit_thumbnails(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """`(n, 256)` thumbnails with mean 0 and norm 1, so that a dot product is a correlation; constant ones are 0."""
    n, height, width = pixels.shape
    if height % THUMBNAIL_PX or width % THUMBNAIL_PX:
        raise ValueError(f"sides must be multiples of {THUMBNAIL_PX} px, got {height}x{width}")
    cells = pixels.reshape(n, THUMBNAIL_PX, height // THUMBNAIL_PX, THUMBNAIL_PX, width // THUMBNAIL_PX)
    flat = cells.mean(axis=(2, 4), dtype=np.float32).reshape(n, -1)
    flat -= flat.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(np.divide(flat, norm, out=np.zeros_like(flat), where=norm > 1e-3), np.float32)
