"""Faces are gathered from photos and videos once, and a stop costs seconds."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from fakes import FakeClassifier, FakeDetector
from mien import Analyzer, Face, load_photo
from mien.annotation.gathering import SMALLEST_PX, gather
from mien.annotation.store import LabelStore
from mien.errors import MediaError
from mien.preprocess import to_input

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"
VIDEO = "videos/one_face.mp4"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LabelStore]:
    with LabelStore(tmp_path / "labels.sqlite") as store:
        yield store


def fake_analyzer(*boxes: tuple[float, float, float, float]) -> Analyzer:
    return Analyzer(model=FakeClassifier(), detector=FakeDetector(*(Face(box, 1.0, None) for box in boxes)))


def test_each_face_of_a_photo_is_taken_once_as_the_model_sees_it(store: LabelStore) -> None:
    analyzer = fake_analyzer((30, 30, 90, 90), (0, 0, 40, 40), (5, 5, 5 + SMALLEST_PX - 1, 20))
    assert gather(store, analyzer, PHOTO) == 2
    assert gather(store, analyzer, PHOTO) == 0
    _, pixels = store.faces()
    crop = load_photo(PHOTO)[30:90, 30:90]
    assert np.array_equal(pixels[:1], to_input([crop], analyzer.classifier.card.input))
    assert store.where(1) == (str(PHOTO.resolve()), None)
    assert (store.picture(1) or b"").startswith(b"\xff\xd8")


def test_what_is_not_read_as_a_face_is_not_asked_about(store: LabelStore) -> None:
    faces = (Face((30, 30, 90, 90), 1.0, None), Face((30, 30, 90, 90), 0.5, None))
    analyzer = Analyzer(model=FakeClassifier(not_a_face=0.05), detector=FakeDetector(*faces))
    assert gather(store, analyzer, PHOTO) == 1


def test_a_broken_photo_is_said_and_leaves_nothing(store: LabelStore, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    with pytest.raises(MediaError):
        gather(store, fake_analyzer((0, 0, 40, 40)), broken)
    assert len(store) == 0


class _StoppedError(Exception):
    """Stands for Ctrl-C."""


def test_a_video_goes_on_where_a_stop_left_it(store: LabelStore, tmp_path: Path) -> None:
    pytest.importorskip("av", reason="needs the extra video")
    from video_samples import write_video

    video = tmp_path / "long.mp4"
    write_video(video, [Fraction(number, 2) for number in range(60)])
    analyzer = fake_analyzer((0, 0, 40, 40))
    times: list[float] = []

    def stop_late(time_s: float) -> None:
        times.append(time_s)
        if time_s >= 18:
            raise _StoppedError

    with pytest.raises(_StoppedError):
        gather(store, analyzer, video, every_s=1.0, on_time=stop_late)
    kept = len(store)
    assert 10 <= kept < len(times)
    gather(store, analyzer, video, every_s=1.0)
    assert [store.where(number)[1] for number in range(1, len(store) + 1)] == pytest.approx(list(range(30)))
    assert gather(store, analyzer, video) == 0
