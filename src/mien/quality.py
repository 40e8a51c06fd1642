"""How well a face can be seen: its size, light, sharpness and grain, on the picture that the model is given.

What counts is what reaches the model, so all but the size are measured on its input, where a face that was blurred,
or was small and had to grow, shows alike whatever the photo's size. Sharpness does not ask for light or contrast: it
compares the finest detail with the detail four times as coarse.

Where a face is called too small, too dark or too blurred, the embedded model's accuracy has fallen by about ten
points. FER+ majority, 2,011 rows of FER-2013 that training kept aside, 88.8 % as they are (the first mien-m;
`benchmarks/doubt.py --kept-aside` measures it for any):

    ==========================  =====  =====  =====  =====  =====
    shrunk to, px                  32     24     20     16     12
    accuracy, %                  85.9   82.4   78.4   70.3   59.1
    brightness times              0.5   0.25   0.12   0.06   0.03
    light, median                 104     52     25     13      6
    accuracy, %                  87.4   84.0   79.3   75.9   69.4
    blur, sigma in px of 48       0.5    1.0    1.5    2.0    3.0
    sharpness, median            0.62   0.39   0.31   0.28   0.25
    accuracy, %                  88.2   84.4   76.4   66.5   50.5
    ==========================  =====  =====  =====  =====  =====
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.results import Doubt

__all__ = ["TOO_BLURRED", "TOO_DARK", "TOO_SMALL_PX", "Quality", "measure_quality"]

TOO_SMALL_PX = 20.0
"""Crops whose longer side is shorter are too small."""

TOO_DARK = 25.0
"""Faces whose light is less are too dark."""

TOO_BLURRED = 0.32
"""Faces whose sharpness is less are too blurred."""

_SHARP, _GRAINY, _LIT = 0.55, 1.0, 100.0  # beyond each, 99 of 100, 96 of 100 and 99 of 100 rows of FER-2013 lie

_EDGE_PX = 2  # of 48: what turning and moving makes up at the edge is no sharper than a blurred face
_LEAST = 1e-3  # grey levels; keeps the sharpness of an even face finite


@dataclass(frozen=True, eq=False)
class Quality:
    """How well each of n faces can be seen; every field is `(n,)`.

    Args:
        side_px: Longer side of the face's crop as it was cut from the photo.
        light: Grey level, 0..255, below which 95 % of the face's pixels lie.
        sharpness: Finest detail over coarser detail (standard deviations of two difference-of-Gaussian bands); about
            0.76 in a face of FER-2013, less where it is blurred or had to grow, above 1 where it is grainy.
    """

    side_px: NDArray[np.float64]
    light: NDArray[np.float64]
    sharpness: NDArray[np.float64]

    @property
    def lack(self) -> NDArray[np.float64]:
        """`(n, 3)`: lack of sharpness, excess of grain, lack of light, as logarithms; 0 in an ordinary face."""
        sharp, light = np.maximum(self.sharpness, _LEAST), np.maximum(self.light, 1.0)
        return np.maximum(np.log(np.stack([_SHARP / sharp, sharp / _GRAINY, _LIT / light], axis=1)), 0.0)

    def doubts(self) -> list[tuple[Doubt, ...]]:
        """Why each face cannot be seen well; nothing for most."""
        reasons: dict[Doubt, NDArray[np.bool_]] = {
            "too_small": self.side_px < TOO_SMALL_PX,
            "too_dark": self.light < TOO_DARK,
            "too_blurred": self.sharpness < TOO_BLURRED,
        }
        return [tuple(word for word, holds in reasons.items() if holds[face]) for face in range(len(self.light))]


def measure_quality(faces: NDArray[np.uint8], side_px: Sequence[float] | None = None) -> Quality:
    """Measure how well faces can be seen.

    Args:
        faces: `(n, side, side)` uint8 grey, as the model takes them.
        side_px: Longer side of each face's crop before it was scaled; None for faces that were not.

    Example:
        >>> face = np.random.default_rng(0).integers(0, 256, (1, 48, 48)).astype(np.uint8)
        >>> measure_quality(face // 16).doubts()
        [('too_dark',)]
    """
    light, sharpness = np.empty(len(faces)), np.empty(len(faces))
    for index, face in enumerate(faces):
        middle = face[_EDGE_PX:-_EDGE_PX, _EDGE_PX:-_EDGE_PX].astype(np.float32)
        fine, coarse = (cv2.GaussianBlur(middle, (6 * sigma + 1,) * 2, sigma) for sigma in (1, 3))
        (_, detail), (_, coarser) = (cv2.meanStdDev(band) for band in (middle - fine, fine - coarse))
        sharpness[index] = detail.item() / (coarser.item() + _LEAST)
        brightest = int(0.95 * (middle.size - 1))
        light[index] = np.partition(middle, brightest, axis=None)[brightest]
    sides = np.full(len(faces), faces.shape[2] if faces.ndim == 3 else 0) if side_px is None else side_px
    return Quality(np.asarray(sides, np.float64), light, sharpness)
