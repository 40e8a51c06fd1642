from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mien.errors import WeightsMissingError
from mien.faces.candidates import Candidates
from mien.faces.detector import Detector
from mien.faces.yunet import Yunet

Picture = NDArray[np.uint8]
Load = Callable[[str], Picture]


@pytest.fixture
def yunet(pulled_yunet: Path) -> Yunet:
    return Yunet()


def test_keeps_the_protocol(yunet: Yunet) -> None:
    detector: Detector = yunet
    assert detector.name == "yunet"


def test_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path))
    with pytest.raises(WeightsMissingError, match="run mien models pull yunet"):
        Yunet()


def test_finds_the_hand_checked_faces(yunet: Yunet, tally: Callable[[Detector], Any]) -> None:
    result = tally(yunet)
    assert result.recall >= 0.97
    assert len(result.false) <= 1


def test_finds_no_face_where_there_is_none(yunet: Yunet, shared_media: Any, photo: Load) -> None:
    names = [
        name for name in shared_media.manifest if name.startswith("images/noface") or name == "images/background.jpg"
    ]
    assert len(names) >= 8
    assert [name for name in names if yunet.detect(photo(name))] == []


@pytest.mark.parametrize(
    "name", ["images/astronaut.png", "images/group6.jpg", "images/group_2.jpg", "images/group_1.jpg"]
)
def test_decodes_as_opencv_does(yunet: Yunet, pulled_yunet: Path, photo: Load, name: str) -> None:
    picture = photo(name)
    shrink = min(1.0, 640 / max(picture.shape))
    height, width = (round(side * shrink) for side in picture.shape[:2])
    canvas = np.zeros((640, 640, 3), np.uint8)
    canvas[:height, :width] = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    reference = cv2.FaceDetectorYN.create(
        str(pulled_yunet / "face_detection_yunet_2023mar.onnx"), "", (640, 640), 0.6, 0.3, 5000
    )
    _, rows = reference.detect(np.ascontiguousarray(canvas[:, :, ::-1]))
    faces = yunet.detect(canvas)
    assert len(faces) == len(rows)
    rows = np.array(sorted(rows.tolist(), key=lambda row: -row[14]))
    boxes = np.array([face.box_xyxy for face in faces])
    assert boxes[:, :2] == pytest.approx(rows[:, :2], abs=0.05)
    assert boxes[:, 2:] == pytest.approx(rows[:, :2] + rows[:, 2:4], abs=0.05)
    assert [face.score for face in faces] == pytest.approx(rows[:, 14].tolist(), abs=1e-3)
    points = np.array([list(face.landmarks.to_dict().values()) for face in faces if face.landmarks])
    assert points.reshape(-1, 10) == pytest.approx(rows[:, 4:14], abs=0.05)


def test_a_small_face_in_a_large_picture_is_found_by_the_second_look(pulled_yunet: Path, photo: Load) -> None:
    picture = photo("images/small_face_1080p.jpg")
    assert Yunet(retries=False).detect(picture) == ()
    (face,) = Yunet().detect(picture)
    assert face.box_xyxy == pytest.approx((937, 512, 958, 536), abs=6)


@pytest.mark.parametrize("left", range(600, 700, 20))
def test_a_face_on_the_seam_of_two_tiles_is_found_once(yunet: Yunet, photo: Load, left: int) -> None:
    face = cv2.resize(photo("images/astronaut.png")[:220, 90:350], None, fx=0.2, fy=0.2, interpolation=cv2.INTER_AREA)
    picture = np.full((1280, 1280, 3), 120, np.uint8)
    picture[left : left + face.shape[0], left : left + face.shape[1]] = face
    (found,) = yunet.detect(np.asarray(cv2.resize(picture, (3840, 3840)), np.uint8))
    assert np.divide(found.box_xyxy, 3) == pytest.approx((left + 17.6, left + 12.6, left + 35.6, left + 35.2), abs=4)


@pytest.mark.parametrize(
    ("score", "opinion", "is_kept"),
    [(0.5, 0.85, True), (0.5, 0.75, False), (0.65, 0.2, True), (0.65, 0.05, False), (0.8, 0.0, True)],
)
def test_the_weaker_a_box_the_more_another_network_must_agree(
    yunet: Yunet, monkeypatch: pytest.MonkeyPatch, score: float, opinion: float, is_kept: bool
) -> None:
    proposed = Candidates(*(np.array(values, np.float32) for values in ([[10, 10, 50, 50]], [score], [[[30, 30]] * 5])))
    monkeypatch.setattr(Yunet, "_look_at_tile", lambda *_: proposed)
    monkeypatch.setattr(
        "mien.faces.yunet.second_opinions", lambda _, __, boxes: np.full(len(boxes), opinion, np.float32)
    )
    assert bool(yunet.detect(np.zeros((64, 64, 3), np.uint8))) == is_kept


@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
def test_a_face_on_its_side_or_head_is_turned_upright(yunet: Yunet, photo: Load, quarter_turns: int) -> None:
    upright = photo("images/astronaut.png")
    (face,) = yunet.detect(upright)
    (turned,) = yunet.detect(np.rot90(upright, quarter_turns))
    assert turned.score == face.score
    assert face.landmarks is not None
    assert turned.landmarks is not None
    turn_deg = (face.landmarks.roll_deg - turned.landmarks.roll_deg) % 360
    assert turn_deg == pytest.approx(90 * quarter_turns, abs=1e-3)


def test_darkness_is_no_obstacle(yunet: Yunet, photo: Load) -> None:
    for name in ("images/dark.jpg", "images/very_dark.jpg", "images/overexposed.jpg"):
        assert len(yunet.detect(photo(name))) == 1


def test_strange_pictures_hold_no_face(yunet: Yunet, degenerate: Picture) -> None:
    assert yunet.detect(degenerate) == ()


def test_other_shapes_are_refused(yunet: Yunet) -> None:
    with pytest.raises(ValueError, match=r"got \(10, 10\) uint8"):
        yunet.detect(np.zeros((10, 10), np.uint8))


def test_threads_may_share_it(yunet: Yunet, photo: Load, same_from_eight_threads: Callable[..., bool]) -> None:
    names = ["images/astronaut.png", "images/group6.jpg", "images/noface_cat.png", "images/group_1.jpg"]
    assert same_from_eight_threads(yunet, [photo(name) for name in names])
