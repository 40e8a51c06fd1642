"""States of streams as JSON: the same to the last bit, and nothing else is made of what a file says."""

import copy
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import mien
from fakes import FakeClassifier, FakeDetector
from mien.batch.states import from_json, to_json
from mien.media.videos import Frame
from mien.results import SMOOTHINGS, Face, Geometry, Landmarks, StreamOptions
from mien.streaming import StreamReader, StreamState

LANDMARKS = Landmarks((44.1, 50.2), (64.3, 50.4), (54.5, 60.6), (46.7, 68.8), (62.9, 68.1))
TEXTURE = np.random.default_rng(0).integers(0, 256, (48, 48, 3), np.uint8)
UNWANTED: tuple[Any, ...] = (
    {"Popen": {"args": ["true"]}},
    {"os.mkdir": ["/tmp/harm"]},
    {"Face": {"box_xyxy": {"tuple": [0, 0, 1, 1]}, "score": 2.0, "landmarks": None}},  # no share
    {"Face": {"box_xyxy": {"tuple": [0, 0, 1, 1]}, "score": 1.0}},
    {"Face": {"box_xyxy": {"tuple": [0, 0, 1, 1]}, "score": 1.0, "landmarks": None, "more": 1}},
    {"Patch": {}, "Face": {}},
    {"ndarray": {"dtype": "|O", "shape": [1], "data": "AAAAAAAAAAA="}},
    {"ndarray": {"dtype": "<f8", "shape": [9999999], "data": "AAAAAAAAAAA="}},
    {"Tracker": [1]},
    {"dict": [[[], 1]]},
)


def read(options: StreamOptions | None = None) -> StreamState:
    """Where a stream stands whose face is held back until it is somebody."""
    analyzer = mien.Analyzer(model=FakeClassifier(), detector=FakeDetector(Face((30, 30, 78, 78), 0.9, LANDMARKS)))
    pixels = np.full((120, 160, 3), 90, np.uint8)
    pixels[30:78, 30:78] = TEXTURE
    with StreamReader((Frame(index, index / 30, pixels) for index in range(40)), analyzer.session(options)) as reader:
        next(reader)
        state = reader.state()
    assert state is not None
    assert len(state.held) > 5
    return state


def written(state: StreamState) -> Any:
    return json.loads(json.dumps(to_json(state)))


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_a_state_is_the_same_to_the_last_bit(smoothing: Any) -> None:
    state = read(StreamOptions(smoothing=smoothing))
    again = from_json(written(state))
    assert (again.held, again.names, again.last) == (state.held, state.names, state.last)
    (track,), (expected,) = again.session.tracker._tracks, state.session.tracker._tracks
    assert (track.face, track.first_face, track.hits) == (expected.face, expected.first_face, expected.hits)
    assert (track.look.dtype, track.look.tolist()) == (expected.look.dtype, expected.look.tolist())
    assert track.patch is not None
    assert expected.patch is not None
    assert np.array_equal(track.patch.grey, expected.patch.grey)
    assert track.speed_xy.flags.writeable
    assert again.session.patient_from_s == state.session.patient_from_s == -np.inf
    assert written(again) == written(state)


def test_a_reading_keeps_its_geometry() -> None:
    state = read()
    (reading, keys), *rest = state.held
    measured = tuple(replace(face, geometry=Geometry(0.1, 0.2, 0.3, 0.4, 0.5, 0.6)) for face in reading.faces)
    state = replace(state, held=((replace(reading, faces=measured), keys), *rest))
    assert from_json(written(state)).held == state.held


@pytest.mark.parametrize("unwanted", UNWANTED)
def test_nothing_but_the_parts_of_a_state_is_made(unwanted: Any) -> None:
    values = written(read())
    hidden = copy.deepcopy(values)
    hidden["state"]["StreamState"]["names"] = {"dict": [[0, unwanted]]}
    for wrong in ({**values, "state": unwanted}, hidden):
        with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
            from_json(wrong)


def test_a_part_of_a_state_is_no_state() -> None:
    values = written(read())
    with pytest.raises(ValueError, match="expected a StreamState, got a SessionState"):
        from_json({**values, "state": values["state"]["StreamState"]["session"]})


def test_a_state_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match=f"expected a state of mien {mien.__version__}, got one of 0.0.1"):
        from_json({**written(read()), "mien": "0.0.1"})
