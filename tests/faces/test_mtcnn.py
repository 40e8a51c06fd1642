from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mien.analyzer import Analyzer
from mien.faces.detector import Detector
from mien.faces.mtcnn import Mtcnn
from mien.media.photos import load_photo

Picture = NDArray[np.uint8]
Load = Callable[[str], Picture]

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def mtcnn() -> Mtcnn:
    return Mtcnn()


def test_keeps_the_protocol(mtcnn: Mtcnn) -> None:
    detector: Detector = mtcnn
    assert detector.name == "mtcnn"


def test_finds_the_hand_checked_faces(mtcnn: Mtcnn, tally: Callable[[Detector], Any]) -> None:
    result = tally(mtcnn)
    assert result.recall >= 0.97
    assert len(result.false) <= 1


def test_no_face_no_likely_box_and_no_reading(mtcnn: Mtcnn, shared_media: Any, photo: Load) -> None:
    names = [
        name for name in shared_media.manifest if name.startswith("images/noface") or name == "images/background.jpg"
    ]
    assert len(names) >= 8
    assert [(name, face) for name in names for face in mtcnn.detect(photo(name)) if face.score >= 0.5] == []
    analyzer = Analyzer(detector=mtcnn)
    assert [name for name in names if analyzer.read(photo(name)).faces] == []


def test_landmarks_lie_in_the_face_as_the_viewer_sees_them(mtcnn: Mtcnn, photo: Load) -> None:
    (face,) = mtcnn.detect(photo("images/astronaut.png"))
    points = face.landmarks
    assert points is not None
    x0, y0, x1, y1 = face.box_xyxy
    for x, y in (points.left_eye, points.right_eye, points.nose, points.mouth_left, points.mouth_right):
        assert x0 < x < x1
        assert y0 < y < y1
    assert points.left_eye[0] < points.nose[0] < points.right_eye[0]
    assert points.left_eye[1] < points.nose[1] < points.mouth_left[1]
    assert points.mouth_left[0] < points.mouth_right[0]
    assert points.left_eye == pytest.approx((202, 101), abs=4)
    assert points.right_eye == pytest.approx((247, 102.5), abs=4)


def test_a_small_picture_is_not_shrunk_and_a_large_one_is(mtcnn: Mtcnn, photo: Load) -> None:
    small = photo("images/astronaut.png")
    (face,) = mtcnn.detect(small)
    (large,) = mtcnn.detect(cv2.resize(small, None, fx=3, fy=4).astype(np.uint8))
    assert np.divide(large.box_xyxy, (3, 4, 3, 4)) == pytest.approx(face.box_xyxy, abs=8)


def test_best_score_comes_first(mtcnn: Mtcnn, photo: Load) -> None:
    scores = [face.score for face in mtcnn.detect(photo("images/group6.jpg"))]
    assert len(scores) == 6
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("name", ["images/dark.jpg", "images/very_dark.jpg", "images/small_face_1080p.jpg"])
def test_a_second_look_finds_dark_and_small_faces(mtcnn: Mtcnn, photo: Load, name: str) -> None:
    assert len(mtcnn.detect(photo(name))) == 1


def test_a_second_look_is_an_option(photo: Load) -> None:
    once = Mtcnn(retries=False)
    assert once.detect(photo("images/very_dark.jpg")) == ()
    assert len(once.detect(photo("images/astronaut.png"))) == 1


@pytest.mark.parametrize(
    ("left", "top", "part_px", "large_px"),
    [(192, 79, 62, 160), (196, 84, 52, 220)],  # the second needs the finer pyramid
)
def test_a_lenient_look_finds_a_face_without_forehead_and_chin_and_is_not_sure(
    left: int, top: int, part_px: int, large_px: int
) -> None:
    photo = load_photo(EXAMPLES / "astronaut.jpg")
    part = photo[top : top + part_px, left : left + part_px]  # eyes, nose and mouth, as tight as can be
    face = cv2.resize(part, (48, 48), interpolation=cv2.INTER_AREA)
    picture = np.full((240, 320, 3), 120, np.uint8)
    large = cv2.resize(face, (large_px, large_px), interpolation=cv2.INTER_CUBIC)
    above = (240 - large_px) // 2
    picture[above : above + large_px, 80 : 80 + large_px] = large
    assert Mtcnn(retries=False).detect(picture) == ()
    (found,) = Mtcnn().detect(picture)
    assert 80 <= (found.box_xyxy[0] + found.box_xyxy[2]) / 2 <= 80 + large_px
    assert found.score <= 0.8
    assert len(Analyzer(detector=Mtcnn(), min_visible=0).read(picture).faces) == 1


@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
def test_a_face_on_its_side_or_head_is_framed_as_the_upright_one(mtcnn: Mtcnn, photo: Load, quarter_turns: int) -> None:
    upright = photo("images/astronaut.png")
    (face,) = mtcnn.detect(upright)
    (turned,) = mtcnn.detect(np.rot90(upright, quarter_turns))
    assert turned.score == face.score
    x0, y0, x1, y1 = face.box_xyxy
    expected = {
        1: (y0, 512 - x1, y1, 512 - x0),
        2: (512 - x1, 512 - y1, 512 - x0, 512 - y0),
        3: (512 - y1, x0, 512 - y0, x1),
    }
    assert turned.box_xyxy == pytest.approx(expected[quarter_turns], abs=1e-3)
    assert face.landmarks is not None
    assert turned.landmarks is not None
    turn_deg = (face.landmarks.roll_deg - turned.landmarks.roll_deg) % 360
    assert turn_deg == pytest.approx(90 * quarter_turns, abs=1e-3)


def test_strange_pictures_hold_no_face(mtcnn: Mtcnn, degenerate: Picture) -> None:
    assert mtcnn.detect(degenerate) == ()


@pytest.mark.parametrize("shape", [(10, 10), (10, 10, 4), (0, 10, 3)])
def test_other_shapes_are_refused(mtcnn: Mtcnn, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"frame_rgb must be \(height, width, 3\) uint8 RGB and not empty, got"):
        mtcnn.detect(np.zeros(shape, np.uint8))


def test_the_frame_is_left_alone(mtcnn: Mtcnn, photo: Load) -> None:
    frame = photo("images/very_dark.jpg").copy()
    before = frame.copy()
    mtcnn.detect(frame)
    assert (frame == before).all()


def test_threads_may_share_it(mtcnn: Mtcnn, photo: Load, same_from_eight_threads: Callable[..., bool]) -> None:
    names = ["images/astronaut.png", "images/group6.jpg", "images/noface_cat.png", "images/pexels_group8_small.jpg"]
    assert same_from_eight_threads(mtcnn, [photo(name) for name in names])
