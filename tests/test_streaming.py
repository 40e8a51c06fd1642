"""Whole streams: one reading per frame in order, as `Session.read` gives them, from threads that end."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import mien
from fakes import FakeClassifier, FakeDetector
from mien.batch import states
from mien.errors import MediaError
from mien.media.videos import Frame
from mien.results import Face, Smoothing
from mien.streaming import StreamReader

RNG = np.random.default_rng(0)
TEXTURE = RNG.integers(0, 256, (12, 12, 3), np.uint8).repeat(4, axis=0).repeat(4, axis=1)
FACE = Face((30.0, 30.0, 78.0, 78.0), 0.9, None)


def picture() -> NDArray[np.uint8]:
    frame = np.full((120, 160, 3), 90, np.uint8)
    frame[30:78, 30:78] = TEXTURE
    return frame


class ScriptedDetector(FakeDetector):
    """Finds what the script says for the frame, which carries its number in its first pixel."""

    def __init__(self, script: dict[int, tuple[Face, ...]], *, otherwise: tuple[Face, ...] = ()) -> None:
        self.script, self.otherwise = script, otherwise

    def detect(self, frame_rgb: NDArray[np.uint8]) -> tuple[Face, ...]:
        return self.script.get(int(frame_rgb[0, 0, 0]), self.otherwise)


class Source:
    """Numbered frames, 25 a second; then, perhaps, an error."""

    def __init__(self, count: int, error: Exception | None = None) -> None:
        self.count, self.error = count, error
        self.given, self.closed_in = 0, ""

    def __iter__(self) -> Iterator[Frame]:
        for index in range(self.count):
            pixels = picture()
            pixels[0, 0] = index % 256
            self.given += 1
            yield Frame(index, index / 25, pixels)
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        self.closed_in = threading.current_thread().name


def analyzer(detector: FakeDetector) -> mien.Analyzer:
    return mien.Analyzer(model=FakeClassifier(), detector=detector)


def threads_of_ours() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("mien-")]


def test_one_reading_per_frame_in_order_as_a_session_reads_them() -> None:
    reader = analyzer(FakeDetector(FACE))
    pairs = list(reader.read_frames(Source(40)))
    session = reader.session()
    alone = [session.read(frame.pixels_rgb, time_s=frame.time_s) for frame in Source(40)]
    assert [reading.index for _, reading in pairs] == list(range(40))
    assert [frame.index for frame, _ in pairs] == list(range(40))
    for (_, reading), other in zip(pairs, alone, strict=True):
        (face,), (other_face,) = reading.faces, other.faces
        assert (face.box_xyxy, face.emotions, face.smooth) == (
            other_face.box_xyxy,
            other_face.emotions,
            other_face.smooth,
        )
        assert face.track_id == 0
    assert alone[0].faces[0].track_id is None  # a session cannot look ahead
    assert alone[39].faces[0].track_id == 0


def test_a_fleeting_box_is_not_there_at_all() -> None:
    elsewhere = Face((90.0, 60.0, 130.0, 100.0), 0.9, None)
    detector = ScriptedDetector({10: (FACE, elsewhere)}, otherwise=(FACE,))
    pairs = list(analyzer(detector).read_frames(Source(30)))
    assert [[face.track_id for face in reading.faces] for _, reading in pairs] == [[0]] * 30


def test_a_stream_too_short_to_tell_keeps_its_face_without_a_number() -> None:
    ((_, reading),) = analyzer(FakeDetector(FACE)).read_frames(Source(1))
    assert [face.track_id for face in reading.faces] == [None]


def test_an_empty_stream_has_no_readings() -> None:
    assert list(analyzer(FakeDetector(FACE)).read_frames(Source(0))) == []


def test_frames_are_read_as_they_are_asked_for() -> None:
    source = Source(10_000)
    readings = analyzer(FakeDetector(FACE)).read_frames(source)
    assert source.given == 0
    for _ in range(5):
        next(readings)
    assert source.given < 60
    readings.close()
    assert source.closed_in == "mien-decode"
    assert threads_of_ours() == []
    assert source.given < 60


def test_letting_go_of_the_readings_ends_the_threads() -> None:
    for _, reading in analyzer(FakeDetector(FACE)).read_frames(Source(1000)):
        if reading.index == 3:
            break
    assert threads_of_ours() == []


def test_what_breaks_the_source_comes_after_what_could_be_read() -> None:
    readings = analyzer(FakeDetector(FACE)).read_frames(Source(12, MediaError("the rest is damaged")))
    seen: list[int] = []
    with pytest.raises(MediaError, match="the rest is damaged"):
        seen.extend(reading.index for _, reading in readings)
    assert seen == list(range(12))
    assert threads_of_ours() == []


@pytest.mark.parametrize("where", ["detect", "classify"])
def test_what_breaks_in_a_thread_reaches_the_caller(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("broken part")

    reader = analyzer(FakeDetector(FACE))
    monkeypatch.setattr(reader.detector if where == "detect" else reader.classifier, where, broken)
    with pytest.raises(RuntimeError, match="broken part"):
        list(reader.read_frames(Source(50)))
    assert threads_of_ours() == []


def test_closing_before_the_first_reading_closes_the_source() -> None:
    source = Source(5)
    StreamReader(source, analyzer(FakeDetector(FACE)).session()).close()
    assert source.closed_in
    assert source.given == 0


@pytest.mark.parametrize("smoothing", ["average", "exponential", "filter", "none"])
def test_going_on_from_a_state_gives_the_same_readings(smoothing: Smoothing) -> None:
    elsewhere = Face((90.0, 60.0, 130.0, 100.0), 0.9, None)
    script = {**dict.fromkeys(range(12, 40), (FACE, elsewhere)), 20: (elsewhere,), **dict.fromkeys(range(45, 52), ())}
    reader = analyzer(ScriptedDetector(script, otherwise=(FACE,)))
    options = mien.StreamOptions(detect_every=3, smoothing=smoothing)
    unbroken = [reading for _, reading in reader.read_frames(Source(70), options)]
    for cut in (1, 2, 13, 14, 22, 41, 46, 47, 69):
        before = StreamReader(Source(70), reader.session(options))
        readings = [next(before)[1] for _ in range(cut)]
        there = before.state()
        assert there is not None
        state = states.from_json(json.loads(json.dumps(states.to_json(there))))
        before.close()
        frames = list(Source(70))
        held, rest = frames[cut : state.last[0] + 1], frames[state.last[0] + 1 :]
        with StreamReader(rest, reader.session(options), state=state, held=held) as after:
            pairs = list(after)
        assert [frame.index for frame, _ in pairs] == list(range(cut, 70))
        assert readings + [reading for _, reading in pairs] == unbroken, cut


def test_there_is_no_state_before_the_first_reading() -> None:
    reader = StreamReader(Source(5), analyzer(FakeDetector(FACE)).session())
    assert reader.state() is None
    reader.close()


def test_a_state_stays_as_it_was() -> None:
    with StreamReader(Source(40), analyzer(FakeDetector(FACE)).session()) as reader:
        next(reader)
        state = reader.state()
        assert state is not None
        kept = states.to_json(state)
        list(reader)
        assert states.to_json(state) == kept
