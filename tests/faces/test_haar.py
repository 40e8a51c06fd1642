from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.faces.detector import Detector
from mien.faces.haar import Haar

Picture = NDArray[np.uint8]
Load = Callable[[str], Picture]


@pytest.fixture(scope="module")
def haar() -> Haar:
    return Haar()


def test_keeps_the_protocol(haar: Haar) -> None:
    detector: Detector = haar
    assert detector.name == "haar"


def test_finds_frontal_faces_and_little_else(haar: Haar, tally: Callable[[Detector], Any]) -> None:
    result = tally(haar)
    assert result.recall >= 0.66
    assert len(result.false) <= 2


def test_no_face_no_box(haar: Haar, shared_media: Any, photo: Load) -> None:
    names = [
        name for name in shared_media.manifest if name.startswith("images/noface") or name == "images/background.jpg"
    ]
    assert len(names) >= 8
    assert [name for name in names if haar.detect(photo(name))] == []


def test_a_face_is_a_box_and_a_score(haar: Haar, photo: Load) -> None:
    (face,) = haar.detect(photo("images/astronaut.png"))
    assert face.landmarks is None
    assert 0.6 <= face.score <= 1
    assert face.box_xyxy == pytest.approx((177, 68, 272, 163), abs=12)


def test_best_score_comes_first(haar: Haar, photo: Load) -> None:
    scores = [face.score for face in haar.detect(photo("images/group_1.jpg"))]
    assert len(scores) >= 10
    assert scores == sorted(scores, reverse=True)


def test_strange_pictures_hold_no_face(haar: Haar, degenerate: Picture) -> None:
    assert haar.detect(degenerate) == ()


def test_other_shapes_are_refused(haar: Haar) -> None:
    with pytest.raises(ValueError, match=r"got \(10, 10\) uint8"):
        haar.detect(np.zeros((10, 10), np.uint8))


def test_threads_may_share_it(haar: Haar, photo: Load, same_from_eight_threads: Callable[..., bool]) -> None:
    names = ["images/astronaut.png", "images/group6.jpg", "images/noface_coffee.png"]
    assert same_from_eight_threads(haar, [photo(name) for name in names])
