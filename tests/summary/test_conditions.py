"""Events and what was seen under them."""

from pathlib import Path

import pytest

from mien.errors import DataError
from mien.summary.conditions import Event, by_condition, condition_header, condition_rows, read_events
from mien.taxonomy import FERPLUS
from reading_samples import face_of, frame, video


def test_events_are_read_in_any_notation_and_order(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("﻿Label, start,END,note\nb,0:10,12.5,x\n a ,1,0:00:02.5,\n", "utf-8")
    assert read_events(path) == (Event(1, 2.5, "a"), Event(10, 12.5, "b"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("start,end\n1,2\n", r"events\.csv: expected the columns start, end, label, got start, end"),
        ("", "got none"),
        ("start,end,label\n1,2,a\n3,x,b\n", "line 3: expected a time in seconds"),
        ("start,end,label\n2,1,a\n", "line 2: expected an event that begins before it ends, got 2.0 s to 1.0 s"),
        ("start,end,label\n1,2,\n", "line 2: expected an event with a label"),
        ("start,end,label\n1\n", "line 2: expected a time in seconds"),
    ],
)
def test_what_is_no_events_file(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "events.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_events(path)


def test_bytes_are_no_events_file(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="expected a CSV file in UTF-8"):
        read_events(path)


def test_every_condition_has_its_own_frames() -> None:
    readings = video(["happy"] * 10 + ["sad"] * 10 + ["fear"] * 10)
    events = [Event(2.0, 3.0, "late"), Event(0.5, 1.2, "early"), Event(2.5, 2.8, "inner")]
    summaries = by_condition(iter(readings), events)
    assert list(summaries) == ["early", "late", "inner"]
    early = summaries["early"].overall
    assert early.frames == 7
    assert early.seconds == pytest.approx(0.7)
    assert early.shares["happy"] == pytest.approx(5 / 7)
    assert summaries["late"].overall.shares["fear"] == 1
    assert summaries["inner"].overall.frames == 3


def test_a_condition_may_come_again_and_the_time_between_does_not_count() -> None:
    summary = by_condition(video(["happy"] * 30), [Event(0, 0.5, "a"), Event(2.0, 2.5, "a")])["a"]
    assert summary.overall.seconds == pytest.approx(1.0)
    assert len(summary.tracks[0].episodes) == 2


def test_excluded_spans_are_in_no_condition() -> None:
    summary = by_condition(video(["happy"] * 10), [Event(0, 1, "a")], exclusions=[(0.2, 0.8)])["a"]
    assert summary.overall.frames == 4


def test_a_condition_of_which_nothing_was_seen() -> None:
    summary = by_condition(video(["happy"] * 3), [Event(50, 60, "a")])["a"]
    assert (summary.frames, summary.overall.seconds) == (0, 0)


def test_an_event_may_be_of_one_video(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("input,start,end,label\nb.mp4,1,2,x\n,1,3,y\n", "utf-8")
    of_one, of_all = read_events(path)
    assert [of_one.is_of(source) for source in ("clips/b.mp4", "b.mp4", "clips/a.mp4")] == [True, True, False]
    assert of_all.is_of("clips/a.mp4")


def test_rows_are_all_together_and_then_each_person() -> None:
    readings = [
        frame(i / 10, face_of("happy", 0.9, track_id=0), face_of("sad", track_id=3), index=i) for i in range(10)
    ]
    summaries = by_condition(readings, [Event(0, 0.5, "a"), Event(7, 8, "none")])
    header = condition_header(FERPLUS)
    together, *persons, nobody = (
        dict(zip(header, row, strict=True)) for row in condition_rows("a.mp4", summaries, FERPLUS)
    )
    assert [row["track_id"] for row in (together, *persons)] == [None, 0, 3]
    assert (together["input"], together["condition"], together["frames"]) == ("a.mp4", "a", 10)
    assert together["seconds"] == pytest.approx(1.0)
    assert (together["happy_share"], together["sad_share"], together["unsure_share"]) == (0.5, 0.5, 0)
    assert (persons[0]["happy_share"], persons[0]["episodes"]) == (1, 1)
    assert persons[0]["happy_mean"] == pytest.approx(0.9)
    assert sum(together[f"{label}_mean"] for label in FERPLUS.labels) == pytest.approx(1)  # type: ignore[misc]
    assert (nobody["condition"], nobody["frames"], nobody["seconds"], nobody["happy_share"]) == ("none", 0, 0, None)
