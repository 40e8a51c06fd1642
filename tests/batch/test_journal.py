"""Segments: what goes in comes out, damage costs the last one alone, and nothing that could run is loaded."""

import base64
import gzip
import json
import os
import pickle
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mien
from fakes import FakeClassifier, FakeDetector
from mien.batch.journal import End, Journal, Standing, forget, has_segments
from mien.errors import DataError
from mien.media.videos import Frame
from mien.results import SMOOTHINGS, Face, FrameReading, StreamOptions
from mien.streaming import StreamReader, StreamState

TEXTURE = np.random.default_rng(0).integers(0, 256, (48, 48, 3), np.uint8)
END = End(None, {"fps": 25.0}, ("summary.json",), ("animation.gif",), "all")


def read(options: StreamOptions | None = None) -> tuple[list[FrameReading], StreamState]:
    """Some readings of a face that stays, and the state behind them."""
    analyzer = mien.Analyzer(model=FakeClassifier(), detector=FakeDetector(Face((30, 30, 78, 78), 0.9, None)))
    pixels = np.full((120, 160, 3), 90, np.uint8)
    pixels[30:78, 30:78] = TEXTURE
    frames = (Frame(index, index / 25, pixels) for index in range(100))
    with StreamReader(frames, analyzer.session(options)) as reader:
        readings = [next(reader)[1] for _ in range(30)]
        state = reader.state()
    assert state is not None
    return readings, state


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_what_goes_in_comes_out(tmp_path: Path, smoothing: Any) -> None:
    readings, state = read(StreamOptions(smoothing=smoothing))
    journal = Journal(tmp_path / "video")
    assert journal.last is None
    assert list(journal.readings()) == []
    journal.add(readings[:20], Standing(state, 1.5))
    journal.add(readings[20:], Standing(state, None))
    again = Journal(tmp_path / "video")
    assert list(again.readings()) == readings
    assert isinstance(again.last, Standing)
    assert (again.last.damaged_at_s, again.last.stream.last, again.last.stream.held) == (None, state.last, state.held)
    assert pickle.dumps(again.last.stream.session.tracker.people) == pickle.dumps(state.session.tracker.people)
    again.add([], END)
    assert Journal(tmp_path / "video").last == END
    assert has_segments(tmp_path)


def test_a_damaged_last_segment_costs_no_more_than_itself(tmp_path: Path) -> None:
    readings, state = read()
    journal = Journal(tmp_path / "video")
    journal.add(readings[:10], Standing(state, None))
    journal.add(readings[10:20], Standing(state, None))
    journal.add(readings[20:], END)
    last = tmp_path / "video" / "000002.jsonl.gz"
    last.write_bytes(last.read_bytes()[:-40])
    (tmp_path / "video" / ".mien-0123.unfinished.gz").write_bytes(b"half")
    again = Journal(tmp_path / "video")
    assert list(again.readings()) == readings[:20]
    assert isinstance(again.last, Standing)
    assert sorted(path.name for path in again.folder.iterdir()) == ["000000.jsonl.gz", "000001.jsonl.gz"]


def test_a_damaged_earlier_segment_is_one_sentence(tmp_path: Path) -> None:
    readings, state = read()
    journal = Journal(tmp_path / "video")
    journal.add(readings[:10], Standing(state, None))
    journal.add(readings[10:], END)
    first = tmp_path / "video" / "000000.jsonl.gz"
    first.write_bytes(first.read_bytes()[:50])
    with pytest.raises(DataError, match="run again with --no-resume"):
        list(Journal(tmp_path / "video").readings())


def test_what_lies_behind_a_missing_segment_is_not_gone_on_with(tmp_path: Path) -> None:
    readings, state = read()
    journal = Journal(tmp_path / "video")
    for part in (readings[:10], readings[10:20], readings[20:]):
        journal.add(part, Standing(state, None))
    journal.add([], END)
    (tmp_path / "video" / "000001.jsonl.gz").unlink()
    again = Journal(tmp_path / "video")
    assert list(again.readings()) == readings[:10]
    assert isinstance(again.last, Standing)
    again.add(readings[10:], END)
    assert list(Journal(tmp_path / "video").readings()) == readings


def test_journals_are_forgotten_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    Journal(tmp_path / "kept" / "video").add([], END)
    with monkeypatch.context() as patch:
        patch.setattr(shutil.os, "unlink", killed)  # type: ignore[attr-defined]
        with pytest.raises(KeyboardInterrupt):
            forget(tmp_path / "kept")
    assert not has_segments(tmp_path / "kept")
    forget(tmp_path / "kept")
    assert list(tmp_path.iterdir()) == []


class Harmful:
    """Would make a folder when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def test_what_could_run_is_not_loaded(tmp_path: Path) -> None:
    _, state = read()
    harmful: Any = Harmful(tmp_path / "harm")
    for number, stored in enumerate((harmful, replace(state, names={0: harmful}))):
        folder = tmp_path / str(number)
        folder.mkdir()
        line = {"damaged_at_s": None, "state": base64.b64encode(pickle.dumps(stored)).decode()}
        with gzip.open(folder / "000000.jsonl.gz", "wt") as file:
            file.write(json.dumps(line))
        assert Journal(folder).last is None
    assert not (tmp_path / "harm").exists()
