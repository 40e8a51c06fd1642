"""Summary and frequency of one video, as files."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mien.errors import DataError
from mien.results import NOTICE, SourceResult
from mien.sinks.report.sink import ReportSink
from mien.sinks.sink import Sink
from mien.sinks.subtitles import SubtitleSink
from mien.sinks.summaries import SummarySink, VideoFrequencySink
from mien.sinks.timeline import TimelineSink
from mien.summary.summarizer import Summary, summarize
from mien.taxonomy import FERPLUS
from reading_samples import frame, results, video

READINGS = video(["happy"] * 6 + [None] * 2 + ["?"] * 2 + ["sad"] * 4)

SINKS: dict[str, Callable[[Path], Sink]] = {
    "summary": SummarySink,
    "frequency": lambda path: VideoFrequencySink(path, FERPLUS),
    "report": ReportSink,
    "timeline": TimelineSink,
    "subtitles": lambda path: SubtitleSink(path.with_suffix(".srt")),
}


def fill(sink: Sink, *items: SourceResult) -> None:
    with sink as opened:
        for item in items:
            opened.write(item, None)


def test_the_summary_comes_back(tmp_path: Path) -> None:
    fill(SummarySink(tmp_path / "s.json"), *results("a.mp4", READINGS))
    document = json.loads((tmp_path / "s.json").read_text("utf-8"))
    assert (document["input"], document["notice"]) == ("a.mp4", NOTICE)
    assert Summary.from_dict(document) == summarize(READINGS)


def test_the_frequency_of_every_emotion_in_frames_and_seconds(tmp_path: Path) -> None:
    fill(VideoFrequencySink(tmp_path / "f.csv", FERPLUS), *results("a.mp4", READINGS))
    with (tmp_path / "f.csv").open(newline="") as file:
        rows = {row["emotion"]: (int(row["frames"]), round(float(row["seconds"]), 6)) for row in csv.DictReader(file)}
    assert list(rows) == [*FERPLUS.labels, "unsure", "no_face"]
    assert {name: counts for name, counts in rows.items() if counts[0]} == {
        "happy": (6, 0.6),
        "sad": (4, 0.4),
        "unsure": (2, 0.2),
        "no_face": (2, 0.2),
    }


def test_a_video_that_broke_off_is_summarized_as_far_as_it_went(tmp_path: Path) -> None:
    fill(SummarySink(tmp_path / "s.json"), *results("a.mp4", READINGS), SourceResult("a.mp4", None, "broke off"))
    assert json.loads((tmp_path / "s.json").read_text())["frames"] == len(READINGS)


@pytest.mark.parametrize("kind", SINKS)
def test_a_second_video_and_a_photo_are_refused_and_leave_nothing(tmp_path: Path, kind: str) -> None:
    items = [*results("a.mp4", READINGS[:1]), *results("b.mp4", READINGS[:1])]
    with pytest.raises(DataError, match=r"expected the frames of a\.mp4 alone, got one of b\.mp4"):
        fill(SINKS[kind](tmp_path / "out"), *items)
    with pytest.raises(ValueError, match="photos have no time"):
        fill(SINKS[kind](tmp_path / "out"), *results("a.jpg", [frame(None)]))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", SINKS)
def test_a_video_without_a_frame_is_no_failure(tmp_path: Path, kind: str) -> None:
    fill(SINKS[kind](tmp_path / "out"))
    assert len(list(tmp_path.iterdir())) == 1
