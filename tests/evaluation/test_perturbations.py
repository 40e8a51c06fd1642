"""Perturbations: each does what it is called by, and nothing to what it is given."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.evaluation.perturbations import (
    JITTER,
    PERTURBATIONS,
    Perturbation,
    brightness,
    contrast,
    crop_scale,
    crop_shift,
    gaussian_blur,
    jitter,
    jpeg,
    noise,
    occlusion,
    resolution,
    rotation,
)

Pixels = NDArray[np.uint8]
RANDOM = {"rotation", "crop shift", "occlusion", "noise", "detector jitter"}


@pytest.fixture
def faces() -> Pixels:
    """Twenty smooth pictures with light and dark parts."""
    coarse = np.random.default_rng(5).integers(40, 216, (20, 6, 6)).astype(np.uint8)
    return gaussian_blur(coarse.repeat(8, axis=1).repeat(8, axis=2), 2.0)


def dots(count: int, *, x: int = 24, y: int = 24) -> Pixels:
    """Black with a bright blot around (x, y)."""
    pixels = np.zeros((count, 48, 48), np.uint8)
    pixels[:, y - 2 : y + 3, x - 2 : x + 3] = 250
    return pixels


def centres(pixels: Pixels) -> NDArray[np.float64]:
    """Centre of brightness of each picture, x and y."""
    weights = pixels.astype(np.float64)
    total = weights.sum(axis=(1, 2))
    places = np.arange(48)
    return np.stack([(weights.sum(axis=axis) @ places) / total for axis in (1, 2)], axis=1)


@pytest.mark.parametrize("one", PERTURBATIONS, ids=lambda one: one.name)
def test_every_level_changes_the_faces_repeatably_and_leaves_the_given_ones(one: Perturbation, faces: Pixels) -> None:
    given = faces.copy()
    for level in one.levels:
        changed = one.apply(faces, level, 0)
        assert changed.shape == faces.shape
        assert changed.dtype == np.uint8
        assert not np.array_equal(changed, faces)
        assert np.array_equal(changed, one.apply(faces, level, 0))
        assert np.array_equal(changed, one.apply(faces, level, 1)) == (one.name not in RANDOM)
    assert np.array_equal(faces, given)
    assert one.apply(faces[:0], one.levels[0], 0).shape == (0, 48, 48)


@pytest.mark.parametrize(
    ("change", "level"),
    [
        *((brightness, 1), (contrast, 1), (resolution, 48), (rotation, 0), (crop_shift, 0), (crop_scale, 1)),
        *((jitter, 0), (occlusion, 0), (noise, 0)),
    ],
)
def test_the_level_of_no_change_changes_nothing(
    change: Callable[[Pixels, float], Pixels], level: float, faces: Pixels
) -> None:
    assert np.array_equal(change(faces, level), faces)


@pytest.mark.parametrize("change", [rotation, crop_shift, crop_scale, jitter])
def test_edges_are_repeated_not_black(change: Callable[[Pixels, float], Pixels]) -> None:
    grey = np.full((3, 48, 48), 200, np.uint8)
    assert np.array_equal(change(grey, 0.3), grey)


def test_light_and_contrast() -> None:
    face = np.tile(np.array([[60, 140]], np.uint8), (1, 48, 24))
    assert set(np.unique(brightness(face, 0.5))) == {30, 70}
    assert set(np.unique(brightness(face, 2.0))) == {120, 255}
    assert set(np.unique(contrast(face, 0.5))) == {80, 120}
    assert set(np.unique(contrast(face, 3.0))) == {0, 220}


def test_rotation_turns_either_way_about_the_middle(faces: Pixels) -> None:
    turned = rotation(faces, 90)
    ways = [
        int(np.array_equal(new, np.rot90(old))) - int(np.array_equal(new, np.rot90(old, -1)))
        for new, old in zip(turned, faces, strict=True)
    ]
    assert set(ways) == {-1, 1}


def test_a_crop_moves_as_far_as_said_in_every_direction() -> None:
    moved = centres(crop_shift(dots(400), 0.2)) - 24
    assert np.hypot(*moved.T) == pytest.approx(0.2 * 48, abs=0.4)
    assert np.abs(moved.mean(axis=0)).max() < 1.5
    assert {tuple(sign) for sign in np.sign(moved).tolist()} >= {(1, 1), (1, -1), (-1, 1), (-1, -1)}


def test_a_longer_crop_shows_a_smaller_face_in_the_same_place() -> None:
    face = np.zeros((1, 48, 48), np.uint8)
    face[0, 12:36, 12:36] = 240
    for factor in (0.8, 1.2, 1.5):
        changed = crop_scale(face, factor)
        assert np.sqrt((changed > 120).sum()) == pytest.approx(24 / factor, abs=1.0)
        assert centres(changed)[0] == pytest.approx([23.5, 23.5], abs=0.2)


def test_jitter_stays_in_its_bounds_and_reaches_them() -> None:
    moved = centres(jitter(dots(500, x=24, y=24), 0.1)) - 23.5
    reach = np.abs(moved).max(axis=0)
    assert (reach <= (4.8 + 0.5) / 0.9 + 0.3).all()
    assert (reach > 4.2).all()
    sizes = np.sqrt((jitter(dots(500), 0.1) > 125).sum(axis=(1, 2)))
    assert 5 / 1.1 - 1 <= sizes.min() < sizes.max() <= 5 / 0.9 + 1


def test_an_occlusion_covers_its_share_with_the_mean_grey_anywhere(faces: Pixels) -> None:
    white = np.full((60, 48, 48), 100, np.uint8)
    white[:, ::2] = 200
    for share in (0.1, 0.3):
        covered = occlusion(white, share) == 150
        assert covered.mean(axis=(1, 2)) == pytest.approx(share, abs=0.01)
        assert covered.any(axis=0)[8::16, 8::16].all()


def test_blur_and_resolution_take_detail_and_keep_light(faces: Pixels) -> None:
    sharp = np.random.default_rng(1).integers(60, 196, (4, 48, 48)).astype(np.uint8)
    for change, levels in ((gaussian_blur, (0.5, 1.0, 2.0)), (resolution, (32, 24, 12))):
        detail = [change(sharp, level).std() for level in levels]
        assert detail == sorted(detail, reverse=True)
        assert detail[-1] < 0.4 * sharp.std()
        assert change(sharp, levels[-1]).mean() == pytest.approx(sharp.mean(), abs=1.5)
    assert np.abs(resolution(faces, 96).astype(int) - faces).max() < 12


def test_jpeg_harms_more_the_lower_its_quality(faces: Pixels) -> None:
    harm = [float(np.abs(jpeg(faces, quality).astype(int) - faces).mean()) for quality in (95, 60, 30, 8)]
    assert harm == sorted(harm)
    assert 0 < harm[0] < 1.5


def test_noise_has_the_spread_it_says() -> None:
    grey = np.full((50, 48, 48), 128, np.uint8)
    changed = noise(grey, 10).astype(float) - 128
    assert changed.std() == pytest.approx(10, rel=0.02)
    assert changed.mean() == pytest.approx(0, abs=0.1)


def test_jitter_is_tried_with_the_others() -> None:
    assert JITTER in PERTURBATIONS
    assert len({one.name for one in PERTURBATIONS}) == len(PERTURBATIONS)
