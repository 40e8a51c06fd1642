"""Pictures of single faces, in files or in bytes, as grey squares of one size."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.card import InputSpec
from mien.datasets.badrows import BadRows
from mien.errors import MediaError
from mien.media.photos import load_photo
from mien.preprocess import to_input

__all__ = ["Progress", "read_face", "read_faces", "resize_faces"]

Progress = Callable[[int, int], None]
"""Called with how many rows are done, and how many there are."""


def read_face(source: str | Path | bytes, *, side_px: int) -> NDArray[np.uint8]:
    """A picture of one face, turned into a model's input as every crop is: `(side_px, side_px)` uint8.

    Raises:
        MediaError: it cannot be read.
    """
    face: NDArray[np.uint8] = to_input([load_photo(source)], _spec(side_px))[0]
    return face


def read_faces(
    paths: Sequence[Path], *, side_px: int, bad: BadRows, progress: Progress | None
) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """Read many pictures; those that cannot be read are bad rows.

    Returns:
        The faces, `(n, side_px, side_px)` uint8, and for each the index of its path.
    """
    pixels = np.empty((len(paths), side_px, side_px), np.uint8)
    kept: list[int] = []
    for index, path in enumerate(paths):
        try:
            pixels[len(kept)] = read_face(path, side_px=side_px)
            kept.append(index)
        except MediaError as error:
            bad.add(str(error))
        if progress is not None:
            progress(index + 1, len(paths))
    pixels.resize((len(kept), side_px, side_px), refcheck=False)  # in place: never two copies of the pixels
    return pixels, np.array(kept, np.intp)


def resize_faces(faces: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    """Grey faces `(n, height, width)`, or colour ones `(n, height, width, 3)`, as `(n, side_px, side_px)` uint8.

    Those that have the size already come back as they are, without a copy.
    """
    if faces.shape[1:] == (side_px, side_px):
        return faces
    return to_input(list(faces), _spec(side_px))


def _spec(side_px: int) -> InputSpec:
    return InputSpec(side_px=side_px, crop_scale=1.0)
