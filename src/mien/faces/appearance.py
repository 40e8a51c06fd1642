"""What a face looks like, cheaply: enough to tell the people of one scene apart, not to recognise anybody.

It serves where boxes alone mislead: two people cross, or one leaves the picture and comes back. Hair, skin and
collar colour differ between the people of a scene far more than between two frames of one of them.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.results import BoxXyxy

__all__ = ["Look", "appearance", "likeness"]

_SIDE = 6  # cells of the thumbnail, each way
_ABOVE, _BESIDE, _BELOW = 0.3, 0.3, 0.4  # of the box: hair, ears and the collar belong to the look
_SPREAD = 10.0  # in units of L*a*b*: two frames of one person differ by 2 to 7, two people of a scene by 7 to 11

Look = NDArray[np.float32]


def appearance(frame_rgb: NDArray[np.uint8], box_xyxy: BoxXyxy) -> Look:
    """The colours of a head: `(108,)`, L*a*b* of 6x6 cells, brightness taken relative to the whole.

    Args:
        frame_rgb: `(height, width, 3)` uint8.
        box_xyxy: Of the face; may reach beyond the picture.
    """
    height, width = frame_rgb.shape[:2]
    left, top, right, bottom = box_xyxy
    wide, high = right - left, bottom - top
    x0, x1 = (round(min(max(x, 0), width - 1)) for x in (left - _BESIDE * wide, right + _BESIDE * wide))
    y0, y1 = (round(min(max(y, 0), height - 1)) for y in (top - _ABOVE * high, bottom + _BELOW * high))
    cells = cv2.resize(frame_rgb[y0 : y1 + 1, x0 : x1 + 1], (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    shares = np.asarray(cells, np.float32) / np.float32(255)
    lab = np.asarray(cv2.cvtColor(shares, cv2.COLOR_RGB2Lab), np.float32)
    lab[..., 0] = (lab[..., 0] - lab[..., 0].mean()) / 2  # light changes more than colour does
    return lab.ravel()


def likeness(one: Look, other: Look) -> float:
    """How alike two looks are, in [0, 1]; 1 for the same.

    Example:
        >>> grey = appearance(np.full((9, 9, 3), 99, np.uint8), (2, 2, 6, 6))
        >>> likeness(grey, grey)
        1.0
    """
    rms = float(np.sqrt(np.mean((one - other) ** 2) * 3))
    return float(np.exp(-((rms / _SPREAD) ** 2)))
