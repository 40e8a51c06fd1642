"""What detectors do to a picture before they look at it."""

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["require_rgb", "shrunk", "stretched"]

Picture = NDArray[np.uint8]

_DULL = 150
"""A picture whose grey levels span less than this may gain from stretching; ordinary photos span 190 to 255."""


def require_rgb(frame_rgb: Picture) -> None:
    """Raise ValueError unless it is a `(height, width, 3)` uint8 picture of at least one pixel."""
    if frame_rgb.ndim != 3 or frame_rgb.shape[2] != 3 or frame_rgb.dtype != np.uint8 or frame_rgb.size == 0:
        raise ValueError(
            f"frame_rgb must be (height, width, 3) uint8 RGB and not empty, got {frame_rgb.shape} {frame_rgb.dtype}"
        )


def shrunk(frame: Picture, *, longer_side_px: int) -> Picture:
    """The picture with its longer side at most that long; the shorter keeps at least one pixel."""
    height, width = frame.shape[:2]
    factor = longer_side_px / max(height, width)
    if factor >= 1:
        return frame
    size_wh = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(cv2.resize(frame, size_wh, interpolation=cv2.INTER_AREA), np.uint8)


def stretched(frame: Picture) -> Picture | None:
    """A dull picture with its grey levels spread over 0..255; None if its contrast is good, or if it has none.

    The darkest and brightest half per cent are cut, so that a lamp in a dark room does not hide the face.
    """
    low, high = np.percentile(frame, [0.5, 99.5])
    if not 1 <= high - low < _DULL:
        return None
    levels = np.clip((np.arange(256) - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(frame, levels), np.uint8)
