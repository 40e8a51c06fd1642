"""Subtitles as players read them."""

import re
from pathlib import Path

import pytest

from mien.errors import DataError
from mien.results import NOTICE
from mien.sinks.subtitles import SubtitleSink
from reading_samples import face_of, frame, results, video


def written(path: Path, looks: list[str | None], *, step_s: float = 0.1) -> str:
    with SubtitleSink(path) as sink:
        for result in results("a.mp4", video(looks, step_s=step_s)):
            sink.write(result, None)
    return path.read_text("utf-8")


def test_srt(tmp_path: Path) -> None:
    assert written(tmp_path / "a.srt", ["happy"] * 5 + [None] * 9 + ["sad"] * 3) == (
        f"1\n00:00:00,000 --> 00:00:03,000\n{NOTICE}\n\n"
        "2\n00:00:00,000 --> 00:00:00,500\nhappy 67%\n\n"
        "3\n00:00:01,400 --> 00:00:01,700\nsad 67%\n\n"
    )


def test_webvtt_of_a_long_video(tmp_path: Path) -> None:
    text = written(tmp_path / "a.vtt", ["happy", "sad"], step_s=3599.9996)
    assert text.startswith(f"WEBVTT\n\n1\n00:00:00.000 --> 00:00:03.000\n{NOTICE}\n\n")
    assert "01:00:00.000 --> 01:59:59.999\nsad 67%\n\n" in text


def test_persons_are_named_where_there_are_several_and_cues_are_in_order(tmp_path: Path) -> None:
    with SubtitleSink(tmp_path / "a.srt") as sink:
        readings = [
            frame(i / 10, face_of("fear" if i > 4 else "happy", track_id=0), face_of("sad", track_id=3))
            for i in range(9)
        ]
        for result in results("a.mp4", readings):
            sink.write(result, None)
    text = (tmp_path / "a.srt").read_text()
    starts = re.findall(r"^(\S+) -->", text, re.MULTILINE)
    assert starts == sorted(starts)
    assert re.findall(r"^Person.*", text, re.MULTILINE) == [
        "Person 0: happy 67%",
        "Person 3: sad 67%",
        "Person 0: fear 67%",
    ]


def test_other_formats_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected a name that ends in \.srt or \.vtt"):
        SubtitleSink(tmp_path / "a.txt")
