"""Dense landmarks and the distances in a face."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien import Analyzer, Face, FaceReading, Geometry, load_photo
from mien.faces.mesh import FaceMesh, geometry_of

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


@pytest.fixture(scope="module")
def face() -> Face:
    return Analyzer(detector="mtcnn").detector.detect(load_photo(PHOTO))[0]


@pytest.fixture(scope="module")
def mesh() -> FaceMesh:
    return FaceMesh()


def values(geometry: Geometry | None) -> np.ndarray:
    assert geometry is not None
    return np.array(list(geometry.to_dict().values()))


def scaled(face: Face, by: float) -> Face:
    return Face(tuple(by * value for value in face.box_xyxy), face.score, None)  # type: ignore[arg-type]  # four


def test_a_smile_with_open_eyes_is_measured(mesh: FaceMesh, face: Face) -> None:
    geometry = mesh.measure(load_photo(PHOTO), face)
    assert geometry is not None
    assert 0.1 < geometry.mouth_opening < 0.4
    assert 0.8 < geometry.mouth_width < 1.3
    for height in (geometry.left_brow_height, geometry.right_brow_height):
        assert 0.2 < height < 0.7
    for opening in (geometry.left_eye_opening, geometry.right_eye_opening):
        assert 0.08 < opening < 0.3


def test_distances_do_not_depend_on_the_size_of_the_picture(mesh: FaceMesh, face: Face) -> None:
    frame_rgb = load_photo(PHOTO)
    larger = np.asarray(cv2.resize(frame_rgb, None, fx=2.0, fy=2.0), np.uint8)
    upright = scaled(face, 1.0)
    once, twice = mesh.measure(frame_rgb, upright), mesh.measure(larger, scaled(face, 2.0))
    assert np.abs(values(once) - values(twice)).max() < 0.03


def test_a_mirror_changes_left_and_right(mesh: FaceMesh, face: Face) -> None:
    frame_rgb = load_photo(PHOTO)
    width = frame_rgb.shape[1]
    left, top, right, bottom = face.box_xyxy
    mirrored = Face((width - right, top, width - left, bottom), 1.0, None)
    seen, swapped = mesh.measure(frame_rgb, scaled(face, 1.0)), mesh.measure(frame_rgb[:, ::-1].copy(), mirrored)
    order = [0, 1, 3, 2, 5, 4]
    assert np.abs(values(seen) - values(swapped)[order]).max() < 0.05


def test_distances_are_in_units_of_the_eyes_and_turn_with_the_head() -> None:
    points = np.random.default_rng(0).normal(0, 30, (468, 3)).astype(np.float32)
    tilt = cv2.Rodrigues(np.array([0.2, 0.5, -0.3]))[0]
    for other in (3 * points + 7, points @ tilt.T):
        assert values(geometry_of(other)) == pytest.approx(values(geometry_of(points)), rel=1e-3)
    eyes = points.copy()
    eyes[[33, 133]], eyes[[362, 263]] = (-50, 0, 0), (50, 0, 0)
    eyes[13], eyes[14] = (0, 40, 0), (0, 65, 0)
    assert geometry_of(eyes).mouth_opening == pytest.approx(0.25)


def test_no_face_has_no_geometry(mesh: FaceMesh) -> None:
    nothing = np.full((200, 200, 3), 127, np.uint8)
    assert mesh.measure(nothing, Face((50, 50, 150, 150), 1.0, None)) is None


def test_readings_have_it_where_it_is_asked_for() -> None:
    frame_rgb = load_photo(PHOTO)
    (plain,) = Analyzer(detector="mtcnn").read(frame_rgb).faces
    (measured,) = Analyzer(detector="mtcnn", geometry=True).read(frame_rgb).faces
    assert plain.geometry is None
    assert measured.geometry is not None
    assert replace(measured, geometry=None) == plain
    assert FaceReading.from_dict(measured.to_dict()) == measured
