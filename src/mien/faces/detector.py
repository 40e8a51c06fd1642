"""The one protocol that every face detector keeps."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mien.results import Face

__all__ = ["Detector"]


class Detector(Protocol):
    """Finds faces; safe to share between threads."""

    @property
    def name(self) -> str:
        """The name it is registered under, which results carry."""
        ...

    def detect(self, frame_rgb: NDArray[np.uint8]) -> tuple[Face, ...]:
        """Faces of a `(height, width, 3)` uint8 picture of any size, best score first; empty when there is none."""
        ...
