"""The one preprocessing: what goes through unchanged, what is scaled, what is refused."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.card import InputSpec
from mien.preprocess import to_input

SPEC = InputSpec(side_px=48, crop_scale=1.05)


def test_a_stored_face_passes_through_unchanged() -> None:
    face = np.random.default_rng(0).integers(0, 256, (48, 48)).astype(np.uint8)
    assert np.array_equal(to_input([face], SPEC)[0], face)


def test_grey_pixels_as_colour_give_the_same_input() -> None:
    face = np.random.default_rng(1).integers(0, 256, (48, 48)).astype(np.uint8)
    coloured = np.repeat(face[:, :, None], 3, axis=2)
    assert np.array_equal(to_input([coloured], SPEC)[0], face)


@pytest.mark.parametrize(("rgb", "grey"), [((255, 0, 0), 76), ((0, 255, 0), 150), ((0, 0, 255), 29)])
def test_colour_becomes_grey_in_rgb_order(rgb: tuple[int, int, int], grey: int) -> None:
    crop = np.full((60, 60, 3), rgb, np.uint8)
    assert np.all(np.abs(to_input([crop], SPEC)[0].astype(int) - grey) <= 1)


def test_large_crops_shrink_by_area() -> None:
    """A checkerboard of single pixels is grey when every pixel counts; picking pixels would leave stripes."""
    board = (np.indices((480, 480)).sum(axis=0) % 2 * 255).astype(np.uint8)
    assert np.all(np.abs(to_input([board], SPEC)[0].astype(int) - 127) <= 1)


def test_crops_of_any_size_in_one_batch() -> None:
    crops = [np.zeros((1, 1), np.uint8), np.zeros((7, 300, 3), np.uint8), np.zeros((500, 500, 3), np.uint8)]
    assert to_input(crops, SPEC).shape == (3, 48, 48)
    assert to_input([], SPEC).shape == (0, 48, 48)


@pytest.mark.parametrize(
    "crop",
    [
        np.zeros((48, 48, 4), np.uint8),
        np.zeros((48, 48), np.float32),
        np.zeros((0, 48), np.uint8),
        np.zeros(9, np.uint8),
    ],
)
def test_what_is_no_crop_is_named(crop: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match=r"crop 1 must be .* got"):
        to_input([np.zeros((48, 48), np.uint8), crop], SPEC)
