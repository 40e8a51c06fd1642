import math

import numpy as np
import pytest

from mien.faces.candidates import Candidates, drop_overlapping


def candidates(*boxes: tuple[float, float, float, float], scores: list[float] | None = None) -> Candidates:
    n = len(boxes)
    return Candidates(
        np.array(boxes, np.float32).reshape(n, 4),
        np.array(scores or np.linspace(0.9, 0.8, n), np.float32),
        np.arange(n * 10, dtype=np.float32).reshape(n, 5, 2),
    )


def test_faces_come_best_first_with_their_points() -> None:
    worse, better = candidates((0, 0, 4, 4), (5, 5, 9, 9), scores=[0.5, 0.75]).to_faces()[::-1]
    assert (better.box_xyxy, better.score) == ((5, 5, 9, 9), 0.75)
    assert better.landmarks is not None
    assert worse.landmarks is not None
    assert (better.landmarks.left_eye, better.landmarks.mouth_right) == ((10, 11), (18, 19))
    assert worse.landmarks.left_eye == (0, 1)


def test_boxes_that_are_none_are_left_out() -> None:
    good = (0, 0, 4, 4)
    found = candidates(good, (4, 0, 0, 4), (0, 4, 4, 4), (0, 0, math.inf, 4), (0, 0, math.nan, 4))
    assert [face.box_xyxy for face in found.to_faces()] == [good]


def test_a_score_of_more_than_1_by_rounding_is_1() -> None:
    assert candidates((0, 0, 4, 4), scores=[1.0000001]).to_faces()[0].score == 1


def test_none_is_no_face() -> None:
    assert len(Candidates.none()) == 0
    assert Candidates.none().scaled(2, 3).to_faces() == ()


def test_the_mirror_image_swaps_left_and_right() -> None:
    found = candidates((10, 20, 30, 50))
    mirrored = found.mirrored(100)
    assert np.array_equal(mirrored.mirrored(100).points_xy, found.points_xy)
    assert mirrored.boxes_xyxy.tolist() == [[70, 20, 90, 50]]
    assert mirrored.points_xy[0].tolist() == [[98, 3], [100, 1], [96, 5], [92, 9], [94, 7]]


def test_scaling_moves_boxes_and_points() -> None:
    scaled = candidates((1, 2, 3, 4)).scaled(2, 10)
    assert scaled.boxes_xyxy.tolist() == [[2, 20, 6, 40]]
    assert scaled.points_xy[0, 1].tolist() == [4, 30]


@pytest.mark.parametrize(("iou", "left"), [(0.3, [1, 2]), (0.4, [1, 0, 2])])
def test_of_two_boxes_that_overlap_the_better_stays(iou: float, left: list[int]) -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 5, 10, 15], [50, 50, 60, 60]], np.float32)  # the first two: IoU 1/3
    assert drop_overlapping(boxes, np.array([0.8, 0.9, 0.7], np.float32), iou=iou).tolist() == left


def test_no_boxes_overlap_nothing() -> None:
    assert drop_overlapping(np.empty((0, 4), np.float32), np.empty(0, np.float32), iou=0.5).tolist() == []
