import math
import time
import tracemalloc

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mien.faces.align import LARGEST_CROP_PX, ROLL_FROM_DEG, crop_place, face_crop
from mien.results import Face, Landmarks

Picture = NDArray[np.uint8]
Point = tuple[float, float]

BACKGROUND = 60


def drawn_face(
    *,
    centre_xy: Point = (200.0, 150.0),
    side: float = 80.0,
    roll_deg: float = 0.0,
    size_wh: tuple[int, int] = (400, 300),
) -> tuple[Picture, Face]:
    """A red left eye, a green right eye and a blue mouth where FER-2013 has them, tilted by `roll_deg`."""
    roll = math.radians(roll_deg)

    def at(x: float, y: float) -> Point:
        dx, dy = (x - 0.5) * side, (y - 0.5) * side
        return (
            centre_xy[0] + dx * math.cos(roll) - dy * math.sin(roll),
            centre_xy[1] + dx * math.sin(roll) + dy * math.cos(roll),
        )

    points = [at(0.32, 0.375), at(0.68, 0.375), at(0.5, 0.59), at(0.35, 0.77), at(0.65, 0.77)]
    frame = np.full((size_wh[1], size_wh[0], 3), BACKGROUND, np.uint8)
    for colour, (x, y) in (((255, 0, 0), points[0]), ((0, 255, 0), points[1]), ((0, 0, 255), at(0.5, 0.77))):
        sixteenths = (round((x - 0.5) * 16), round((y - 0.5) * 16))
        cv2.circle(frame, sixteenths, round(side * 0.06 * 16), colour, cv2.FILLED, cv2.LINE_AA, shift=4)
    half = side / 2
    box = (centre_xy[0] - half, centre_xy[1] - half, centre_xy[0] + half, centre_xy[1] + half)
    return frame, Face(box, 1.0, Landmarks(*points))


def spots(crop: Picture) -> list[Point]:
    """Where the three spots lie, as shares of the crop's side."""
    side = crop.shape[0]
    found = []
    for channel in range(3):
        others = [other for other in range(3) if other != channel]
        weight = np.clip(crop[:, :, channel].astype(float) - crop[:, :, others].max(axis=2), 0, None)
        weight[weight < 60] = 0
        y, x = np.mgrid[:side, :side] + 0.5
        found.append((float((x * weight).sum() / weight.sum() / side), float((y * weight).sum() / weight.sum() / side)))
    return found


def expected_spots(scale: float) -> list[Point]:
    return [((x - 0.5) / scale + 0.5, (y - 0.5) / scale + 0.5) for x, y in ((0.32, 0.375), (0.68, 0.375), (0.5, 0.77))]


@pytest.mark.parametrize("scale", [0.95, 1.0, 1.1, 1.3])
def test_the_points_come_to_lie_as_the_scale_says(scale: float) -> None:
    frame, face = drawn_face()
    crop = face_crop(frame, face, scale=scale)
    assert crop.shape == (round(80 * scale), round(80 * scale), 3)
    assert np.array(spots(crop)) == pytest.approx(np.array(expected_spots(scale)), abs=0.012)


@pytest.mark.parametrize("roll_deg", [-170, -90, -60, -30, -13, 13, 20, 45, 90, 135, 180])
@pytest.mark.parametrize("side", [60.0, 280.0])
def test_roll_is_removed(roll_deg: float, side: float) -> None:
    frame, face = drawn_face(roll_deg=roll_deg, side=side, centre_xy=(400, 300), size_wh=(800, 600))
    crop = face_crop(frame, face, scale=1.1)
    assert crop.shape[0] == min(round(side * 1.1), LARGEST_CROP_PX)
    assert np.array(spots(crop)) == pytest.approx(np.array(expected_spots(1.1)), abs=0.012)


@pytest.mark.parametrize("roll_deg", [-11.5, 5.0, 11.5])
def test_a_small_roll_is_left_alone(roll_deg: float) -> None:
    assert abs(roll_deg) < ROLL_FROM_DEG
    frame, face = drawn_face(roll_deg=roll_deg)
    plain = Face(face.box_xyxy, face.score, None)
    assert (face_crop(frame, face, scale=1.1) == face_crop(frame, plain, scale=1.1)).all()


def test_the_eye_line_of_a_profile_says_nothing() -> None:
    frame, face = drawn_face()
    close = Landmarks((200, 150), (203, 155), (0, 0), (0, 0), (0, 0))
    profile = Face(face.box_xyxy, 1.0, close)
    assert close.roll_deg > 45
    assert (face_crop(frame, profile, scale=1.0) == face_crop(frame, face, scale=1.0)).all()


def test_a_shifted_box_shifts_the_crop() -> None:
    frame, face = drawn_face()
    x0, y0, x1, y1 = face.box_xyxy
    shifted = Face((x0 + 8, y0 - 4, x1 + 8, y1 - 4), 1.0, None)
    moved = np.array(spots(face_crop(frame, shifted, scale=1.0))) - spots(face_crop(frame, face, scale=1.0))
    assert moved == pytest.approx(np.tile([-0.1, 0.05], (3, 1)), abs=0.005)


def test_the_longer_side_of_the_box_counts() -> None:
    frame, face = drawn_face()
    x0, y0, x1, y1 = face.box_xyxy
    narrow = Face((x0 + 15, y0, x1 - 15, y1), 1.0, None)
    assert (face_crop(frame, narrow, scale=1.0) == face_crop(frame, face, scale=1.0)).all()


def test_beyond_the_picture_its_edge_is_repeated() -> None:
    frame = np.zeros((100, 100, 3), np.uint8)
    frame[:, :, 0] = np.arange(100)
    frame[:, :, 1] = np.arange(100)[:, None]
    crop = face_crop(frame, Face((-20, 60, 40, 120), 1.0, None), scale=1.0)
    columns = np.clip(np.arange(-20, 40), 0, 99)
    rows = np.clip(np.arange(60, 120), 0, 99)
    assert (crop[:, :, 0] == columns).all()
    assert (crop[:, :, 1] == rows[:, None]).all()


def test_a_tilted_face_at_the_edge_shows_no_black() -> None:
    frame, face = drawn_face(centre_xy=(20, 20), roll_deg=40)
    crop = face_crop(frame, face, scale=1.1)
    assert crop.max(axis=2).min() >= BACKGROUND - 1


def test_a_large_crop_is_shrunk_without_moire() -> None:
    frame = np.zeros((1200, 1200, 3), np.uint8)
    frame[:, ::2] = 255
    for landmarks in (None, Landmarks((400, 400), (600, 600), (0, 0), (0, 0), (0, 0))):
        crop = face_crop(frame, Face((100, 100, 1060, 1060), 1.0, landmarks), scale=1.0)
        assert crop.shape == (LARGEST_CROP_PX, LARGEST_CROP_PX, 3)
        assert np.ptp(crop[10:-10, 10:-10]) <= 64  # a mean of 5 columns; picked columns would give 255


@pytest.mark.parametrize(
    "box",
    [
        (50.0, 50.0, 50.0, 50.0),
        (50.0, 50.0, 50.0, 90.0),
        (-500.0, -400.0, -450.0, -350.0),
        (900.0, 50.0, 950.0, 100.0),
        (-1e9, -1e9, 1e9, 1e9),
        (1e12, 1e12, 1e12 + 5, 1e12 + 9),
    ],
)
@pytest.mark.parametrize("shape", [(300, 400, 3), (1, 1, 3), (2, 3000, 3), (40_000, 3, 3)])
@pytest.mark.parametrize("tilted", [False, True])
def test_strange_boxes_and_pictures_give_a_crop(
    box: tuple[float, float, float, float], shape: tuple[int, int, int], tilted: bool
) -> None:
    eyes = ((box[2], box[3]), (box[0], box[1]))
    landmarks = Landmarks(*eyes, (0, 0), (0, 0), (0, 0)) if tilted else None
    crop = face_crop(np.full(shape, 77, np.uint8), Face(box, 1.0, landmarks), scale=1.1)
    assert crop.dtype == np.uint8
    assert crop.shape == (crop.shape[0], crop.shape[0], 3)
    assert 1 <= crop.shape[0] <= LARGEST_CROP_PX
    assert (crop == 77).all()


def test_a_box_much_larger_than_the_picture_costs_little() -> None:
    frame = np.full((2000, 2000, 3), 5, np.uint8)
    tracemalloc.start()
    start_s = time.thread_time()
    face_crop(frame, Face((-1e6, -1e6, 1e6, 1e6), 1.0, None), scale=1.1)
    taken_s = time.thread_time() - start_s
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert taken_s < 0.2
    assert peak_bytes < 2e6


def test_the_crop_has_its_own_memory() -> None:
    frame, face = drawn_face()
    crop = face_crop(frame, face, scale=1.0)
    assert crop.flags.c_contiguous
    assert not np.shares_memory(crop, frame)


@given(
    x=st.floats(-200, 600),
    y=st.floats(-200, 600),
    width=st.floats(0, 700),
    height=st.floats(0, 700),
    roll_deg=st.floats(-180, 180),
    scale=st.floats(0.1, 3),
)
@settings(max_examples=150, deadline=None)
def test_any_box_gives_a_square_no_larger_than_needed(
    x: float, y: float, width: float, height: float, roll_deg: float, scale: float
) -> None:
    roll = math.radians(roll_deg)
    eye = (math.cos(roll) * 0.3 * width, math.sin(roll) * 0.3 * width)
    face = Face((x, y, x + width, y + height), 1.0, Landmarks((0, 0), eye, (0, 0), (0, 0), (0, 0)))
    crop = face_crop(np.zeros((300, 400, 3), np.uint8), face, scale=scale)
    wanted = min(max(round(scale * face.longer_side_px), 1), LARGEST_CROP_PX)
    assert crop.shape == (wanted, wanted, 3)


@pytest.mark.parametrize("roll_deg", [0.0, 8.0, -25.0, 40.0])
@pytest.mark.parametrize("scale", [0.9, 1.3])
def test_the_place_of_a_crop_is_where_its_spots_are_in_the_picture(roll_deg: float, scale: float) -> None:
    frame, face = drawn_face(roll_deg=roll_deg)
    crop = face_crop(frame, face, scale=scale)
    place = crop_place(face, scale=scale)
    assert face.landmarks is not None
    for (x, y), expected in zip(spots(crop)[:2], (face.landmarks.left_eye, face.landmarks.right_eye), strict=True):
        assert place @ (x, y, 1) == pytest.approx(np.array(expected), abs=1.2)
