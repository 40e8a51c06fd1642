"""A session: numbers for people, steady readings, and nothing that leaks from one stream to another."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import mien
from fakes import FakeClassifier, FakeDetector
from mien.classifier import Classifier
from mien.faces.detector import Detector
from mien.results import SMOOTHINGS, Emotions, Face, FaceReading, FrameReading, Smoothing
from mien.session import Session
from mien.smoothing import Steady
from mien.taxonomy import FERPLUS

RNG = np.random.default_rng(0)
TEXTURE = RNG.integers(0, 256, (12, 12, 3), np.uint8).repeat(4, axis=0).repeat(4, axis=1)
BACKGROUND = RNG.integers(90, 110, (120, 200, 3), np.uint8)


def frame_with(*corners: tuple[int, int]) -> NDArray[np.uint8]:
    """Textured squares of 48 px on a dull ground."""
    frame = BACKGROUND.copy()
    for left, top in corners:
        frame[top : top + 48, left : left + 48] = TEXTURE
    return frame


def face_at(left: float, top: float, score: float = 0.9) -> Face:
    return Face((left, top, left + 48, top + 48), score, None)


class CountingDetector(FakeDetector):
    """Says how often it was asked."""

    calls = 0

    def detect(self, frame_rgb: NDArray[np.uint8]) -> tuple[Face, ...]:
        self.calls += 1
        return self.faces


def analyzer(detector: FakeDetector) -> mien.Analyzer:
    return mien.Analyzer(model=FakeClassifier(), detector=detector)


def test_a_face_becomes_a_person_after_some_hits_in_time() -> None:
    session = analyzer(FakeDetector(face_at(30, 30))).session(mien.StreamOptions(detect_every=1, birth_s=0.2))
    ids = [session.read(frame_with((30, 30)), time_s=i / 10).faces[0].track_id for i in range(5)]
    assert ids == [None, None, 0, 0, 0]


def test_between_detections_the_box_stays_on_the_face() -> None:
    detector = CountingDetector(face_at(30, 30))
    session = analyzer(detector).session(mien.StreamOptions(detect_every=10))
    boxes = [session.read(frame_with((30 + 2 * i, 30 + i)), time_s=i / 25).faces[0].box_xyxy for i in range(10)]
    assert detector.calls == 1
    for i, box in enumerate(boxes):
        assert box == pytest.approx((30 + 2 * i, 30 + i, 78 + 2 * i, 78 + i), abs=1.5)


def test_a_face_that_is_lost_sight_of_is_looked_for_at_once() -> None:
    detector = CountingDetector(face_at(30, 30))
    session = analyzer(detector).session(mien.StreamOptions(detect_every=10))
    session.read(frame_with((30, 30)), time_s=0.0)
    detector.faces = ()
    assert session.read(frame_with(), time_s=0.04).faces == ()
    assert detector.calls == 2


def test_readings_say_when_and_how_and_survive_json() -> None:
    options = mien.StreamOptions(detect_every=3, smoothing="average", smoothing_s=0.5)
    session = analyzer(FakeDetector(face_at(30, 30))).session(options)
    readings = [session.read(frame_with((30, 30)), time_s=1.5 + i / 25) for i in range(3)]
    assert [reading.index for reading in readings] == [0, 1, 2]
    assert [reading.time_s for reading in readings] == [1.5, 1.54, 1.58]
    assert readings[2].stream == options
    assert FrameReading.from_dict(readings[2].to_dict()) == readings[2]
    assert session.read(frame_with(), time_s=9.0, index=90).index == 90


def test_raw_and_steady_are_both_there() -> None:
    session = analyzer(FakeDetector(face_at(30, 30))).session(mien.StreamOptions(detect_every=1, smoothing_s=0.5))
    dark, bright = frame_with(), np.full((120, 200, 3), 255, np.uint8)
    session.read(dark, time_s=0.0)
    face = session.read(bright, time_s=0.04).faces[0]
    assert face.smooth is not None
    assert face.emotions.probabilities["neutral"] == 1.0
    assert 0.3 < face.smooth.probabilities["neutral"] < 0.6


values = st.lists(st.floats(0.001, 1), min_size=8, max_size=8).map(lambda v: np.array(v) / sum(v))
moment = st.tuples(st.floats(0, 1), st.lists(values, min_size=3, max_size=3), st.lists(st.integers(0, 2), unique=True))


class PlaceReader:
    """Says of the face at each of three places what is written there."""

    options = analyzer(FakeDetector()).options

    def __init__(self, detector: Detector) -> None:
        self.classifier: Classifier = FakeClassifier()
        self.detector = detector
        self.written: list[NDArray[np.float64]] = []

    def read_faces(self, frame_rgb: NDArray[np.uint8], faces: Sequence[Face]) -> list[FaceReading | None]:
        return [
            FaceReading(face.box_xyxy, face.score, None, Emotions("ferplus", tuple(self.written[place_of(face)])))
            for face in faces
        ]


def place_of(face: Face | FaceReading) -> int:
    """Which of three places, 70 px apart."""
    return round(face.box_xyxy[0] / 70)


@given(st.sampled_from(SMOOTHINGS), st.lists(moment, min_size=1, max_size=8))
def test_smoothing_never_mixes_two_tracks(
    kind: Smoothing, moments: list[tuple[float, list[NDArray[np.float64]], list[int]]]
) -> None:
    """Whoever comes, goes or is told first: a face's steady reading comes of its own track's readings alone."""
    detector, time_s = FakeDetector(), 0.0
    reader = PlaceReader(detector)
    session = Session(reader, detector, mien.StreamOptions(detect_every=1, smoothing=kind, memory_s=0.5))
    alone: dict[int, Steady] = {}
    for seconds, reader.written, present in moments:
        time_s += seconds
        frame = frame_with(*((70 * place, 30) for place in range(3) if place in present))
        detector.faces = tuple(face_at(70 * place, 30) for place in present)
        found = session.look(frame)
        reading, keys = session.advance(frame, time_s=time_s, found=found)
        for face, key in zip(reading.faces, keys, strict=True):
            steady = alone.setdefault(key, Steady(session.options, FERPLUS.labels))
            expected = steady.update(time_s=time_s, probabilities=reader.written[place_of(face)])
            assert face.smooth is not None
            assert face.smooth.values == pytest.approx(expected)
        assert {place_of(face) for face in reading.faces} >= set(present)


def test_reset_forgets_and_two_sessions_share_nothing() -> None:
    reader = analyzer(FakeDetector(face_at(30, 30)))
    options = mien.StreamOptions(detect_every=1)
    one, other = reader.session(options), reader.session(options)
    frames = [(frame_with((30, 30)), i / 10) for i in range(6)]
    first = [one.read(frame, time_s=time_s) for frame, time_s in frames]
    for frame, time_s in frames[:3]:
        other.read(frame, time_s=time_s)
    one.reset()
    assert [one.read(frame, time_s=time_s) for frame, time_s in frames] == first
    assert other.read(frames[3][0], time_s=0.3) == first[3]


def test_time_must_not_run_backwards() -> None:
    session = analyzer(FakeDetector()).session()
    session.read(frame_with(), time_s=1.0)
    with pytest.raises(ValueError, match="time_s must not run backwards"):
        session.read(frame_with(), time_s=0.5)


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="frame_rgb must be"):
        analyzer(FakeDetector()).session().read(np.zeros((9, 9), np.uint8), time_s=0.0)


class Saying:
    """Reads every face as one emotion."""

    def __init__(self, reader: mien.Analyzer, label: str) -> None:
        self.options, self.classifier, self.detector = reader.options, reader.classifier, reader.detector
        self._emotions = Emotions("ferplus", tuple(float(label == each) for each in FERPLUS.labels))

    def read_faces(self, frame_rgb: NDArray[np.uint8], faces: Sequence[Face]) -> list[FaceReading | None]:
        return [FaceReading(face.box_xyxy, face.score, None, self._emotions) for face in faces]


def test_another_reader_reads_one_person_or_all_and_nobody_loses_their_number() -> None:
    reader = analyzer(FakeDetector(face_at(10, 30), face_at(130, 30)))
    frame = frame_with((10, 30), (130, 30))
    for person, sad in ((1, {1}), (None, {0, 1})):
        session = reader.session(mien.StreamOptions(detect_every=3, birth_s=0.1))
        for step in range(12):
            session.read(frame, time_s=step / 10)
        session.read_with(Saying(reader, "sad"), person=person)
        for step in range(12, 16):  # detected and followed ones alike
            faces = session.read(frame, time_s=step / 10).faces
            assert {face.track_id for face in faces} == {0, 1}
            assert {face.track_id for face in faces if face.emotions.top == "sad"} == sad
