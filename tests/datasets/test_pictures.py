from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.datasets.badrows import BadRows
from mien.datasets.pictures import read_face, read_faces, resize_faces
from mien.errors import DataError, MediaError


def test_a_grey_picture_of_the_right_size_is_untouched(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert (read_face(tmp_path / "a.png", side_px=48) == pixels).all()
    assert (read_face((tmp_path / "a.png").read_bytes(), side_px=48) == pixels).all()


def test_larger_pictures_shrink_by_area() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (1, 96, 96), np.uint8)
    means = pixels.reshape(1, 48, 2, 48, 2).mean(axis=(2, 4))
    assert np.abs(resize_faces(pixels, 48) - means).max() <= 0.75


def test_the_right_size_costs_no_copy() -> None:
    pixels = np.zeros((2, 48, 48), np.uint8)
    assert resize_faces(pixels, 48) is pixels


def test_pictures_that_cannot_be_read_leave_no_gap(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(4)]
    for number in (0, 2, 3):
        Image.new("L", (48, 48), number).save(paths[number])
    bad = BadRows(skip=True)
    pixels, kept = read_faces(paths, side_px=48, bad=bad, progress=None)
    assert kept.tolist() == [0, 2, 3]
    assert pixels[:, 0, 0].tolist() == [0, 2, 3]
    assert len(bad.sentences) == 1
    with pytest.raises(DataError, match=r"1\.png"):
        read_faces(paths, side_px=48, bad=BadRows(skip=False), progress=None)
    with pytest.raises(MediaError):
        read_face(paths[1], side_px=48)
