"""Segments: what goes in comes out, and damage costs the last one alone."""

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mien
from fakes import FakeClassifier, FakeDetector
from mien.batch import states
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
    assert states.to_json(again.last.stream) == states.to_json(state)
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


@pytest.mark.parametrize(
    "last", ["null", "[]", "{}", '{"damaged_at_s": null, "mien": "0.0.1", "state": null}', "[" * 9999]
)
def test_a_segment_whose_end_is_no_state_is_removed(tmp_path: Path, last: str) -> None:
    readings, state = read()
    journal = Journal(tmp_path / "video")
    journal.add(readings, Standing(state, None))
    with gzip.open(tmp_path / "video" / "000001.jsonl.gz", "wt") as file:
        file.write(json.dumps(readings[0].to_dict()) + "\n" + last)
    again = Journal(tmp_path / "video")
    assert list(again.readings()) == readings
    assert [path.name for path in again.folder.iterdir()] == ["000000.jsonl.gz"]
