"""The one step from face crops to a model's input, for training rows, photos, server and export check alike."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.card import InputSpec

__all__ = ["to_input"]


def to_input(crops: Sequence[NDArray[np.uint8]], spec: InputSpec) -> NDArray[np.uint8]:
    """Face crops as the model's `faces` input.

    Colour becomes grey by the ITU-R 601 weights, as in FER-2013's own making; larger crops shrink by area, smaller
    ones grow linearly, and a crop that is not square is stretched. A grey crop of the model's own size passes
    through unchanged.

    Args:
        crops: Each `(height, width, 3)` RGB or `(height, width)` grey, uint8, at least one pixel.
        spec: The model's input.

    Returns:
        `(len(crops), side_px, side_px)` uint8.

    Raises:
        ValueError: a crop of another shape or type, named by its position.
    """
    batch = np.empty((len(crops), spec.side_px, spec.side_px), np.uint8)
    for index, crop in enumerate(crops):
        is_picture = crop.ndim == 2 or (crop.ndim == 3 and crop.shape[2] == 3)
        if not is_picture or crop.dtype != np.uint8 or crop.size == 0:
            raise ValueError(
                f"crop {index} must be (height, width, 3) RGB or (height, width) grey, uint8 and not empty; "
                f"got {crop.shape} {crop.dtype}"
            )
        shrinks = max(crop.shape[:2]) > spec.side_px
        scaled = cv2.resize(
            crop, (spec.side_px, spec.side_px), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        )
        batch[index] = scaled if scaled.ndim == 2 else cv2.cvtColor(scaled, cv2.COLOR_RGB2GRAY)
    return batch
