"""The process that reads a video tells that it comes forward, also where no frame is wanted for long."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mien
from fakes import FakeClassifier, FakeDetector
from mien.media.decoding import Decoded, Decoder
from mien.server import video_process
from mien.server.video_process import read_video_file

ROOT = Path(__file__).parents[2]


def said_of(results: Path, **options: Any) -> list[dict[str, Any]]:
    """What it says while it reads the sample."""
    said: list[dict[str, Any]] = []
    read_video_file(
        ROOT / "examples" / "astronaut.mp4",
        results,
        analyzer=mien.Analyzer(model=FakeClassifier(), detector=FakeDetector()),
        max_video_s=60,
        max_pixels=1_000_000,
        say=said.append,
        **options,
    )
    return said


def test_it_says_how_far_the_decoder_is_where_no_frame_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = Decoder.frames

    def slowly(*arguments: Any, **options: Any) -> Iterator[Decoded]:
        for decoded in pictures(*arguments, **options):
            time.sleep(0.02)
            yield decoded

    monkeypatch.setattr(Decoder, "frames", slowly)
    monkeypatch.setattr(video_process, "_SAY_EVERY_S", 0.01)
    *said, last = said_of(tmp_path / "results", every_s=1000)
    decoded_s = [each["decoded_s"] for each in said if each["frames"] <= 1]
    assert len(decoded_s) > 5
    assert decoded_s == sorted(decoded_s)
    assert last == {"frames": 1, "progress": 1.0}


def test_it_is_silent_where_nothing_comes_forward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_process, "_SAY_EVERY_S", 0.01)
    pictures = Decoder.frames

    def stuck(*arguments: Any, **options: Any) -> Iterator[Decoded]:
        for number, decoded in enumerate(pictures(*arguments, **options)):
            if number == 1:
                time.sleep(1.0)
            yield decoded

    monkeypatch.setattr(Decoder, "frames", stuck)
    seen = [(each["frames"], each.get("decoded_s")) for each in said_of(tmp_path / "results", every_s=None)]
    assert len(set(seen)) == len(seen)  # nothing is said twice, whatever the time
