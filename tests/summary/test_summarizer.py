"""Shares in time, persons apart, and nothing kept but persons and episodes."""

import json
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.results import NOTICE, FrameReading
from mien.summary.summarizer import Summarizer, Summary, summarize
from reading_samples import face_of, frame, video


def test_shares_are_shares_of_time_and_not_of_frames() -> None:
    readings = [
        frame(0.0, face_of("happy")),
        frame(1.0, face_of("sad")),
        frame(1.5, face_of("sad")),
        frame(2.0),
        frame(3.0, face_of("happy")),
    ]
    summary = summarize(readings)  # the last frame lasts as long as the one before: 1 s
    looks = summary.overall
    assert (summary.frames, summary.seconds) == (5, 4.0)
    assert (summary.frames_without_face, summary.seconds_without_face) == (1, 1.0)
    assert (looks.frames, looks.seconds) == (4, 3.0)
    assert looks.emotions["happy"] == 2.0
    assert looks.emotion_frames["sad"] == 2
    assert looks.shares["sad"] == pytest.approx(1 / 3)
    assert looks.mean_probabilities["happy"] == pytest.approx((2 * 2 / 3 + 1 / 21) / 3)


def test_unsure_time_is_told_apart() -> None:
    looks = summarize(video(["happy", "?", "?", "happy"])).overall
    assert looks.emotions["happy"] == pytest.approx(0.2)
    assert looks.emotions["sad"] == 0
    assert looks.unsure_frames == 2
    assert looks.unsure_share == pytest.approx(0.5)
    assert looks.mean_probabilities["sad"] > 0.3


def test_persons_are_told_apart() -> None:
    readings = [
        frame(i / 10, face_of("happy", track_id=1), *([face_of("fear", track_id=4)] * (i > 4))) for i in range(10)
    ]
    summary = summarize(readings)
    first, second = summary.tracks
    assert (first.track_id, first.first_s, first.last_s) == (1, 0.0, 0.9)
    assert (second.track_id, second.first_s, second.last_s) == (4, 0.5, 0.9)
    assert first.looks.shares["happy"] == second.looks.shares["fear"] == 1
    assert [episode.label for episode in second.episodes] == ["fear"]
    assert summary.overall.seconds == pytest.approx(1.5)


def test_excluded_spans_count_for_nothing() -> None:
    summary = summarize(video(["happy"] * 10 + ["sad"] * 10), exclusions=[(0.45, 1.45)])
    assert summary.overall.emotions["happy"] == pytest.approx(0.5)
    assert summary.overall.emotions["sad"] == pytest.approx(0.5)
    assert summary.seconds == pytest.approx(1.0)
    assert [episode.label for episode in summary.tracks[0].episodes] == ["happy", "sad"]


def test_a_video_without_a_face_and_one_without_a_frame() -> None:
    for readings in ([], [frame(0.0), frame(0.1)]):
        summary = summarize(readings)
        assert (summary.taxonomy, summary.frames, summary.tracks) == (None, len(readings), ())
        assert summary.overall.unsure_share == 0
        assert Summary.from_dict(summary.to_dict()) == summary


def test_a_single_frame_has_means_though_it_lasts_no_time() -> None:
    looks = summarize([frame(5.0, face_of("happy"))]).overall
    assert (looks.frames, looks.seconds) == (1, 0)
    assert looks.mean_probabilities["happy"] == pytest.approx(2 / 3)
    assert sum(looks.shares.values()) == 0


@pytest.mark.parametrize(
    ("readings", "message"),
    [
        ([frame(None, face_of("happy"))], "photos have no time"),
        ([frame(1.0), frame(0.5)], r"must not run backwards, got 0\.5 after 1\.0"),
        ([frame(0.0, face_of("happy")), frame(1.0, face_of("happy", taxonomy="fer2013"))], "got one in fer2013"),
    ],
)
def test_what_is_no_video_is_refused(readings: list[FrameReading], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        summarize(readings)


@given(
    st.lists(
        st.tuples(st.floats(0, 2), st.sampled_from(["happy", "sad", "?", None]), st.sampled_from([0, 1])), max_size=40
    )
)
def test_the_parts_are_the_whole(steps: list[tuple[float, str | None, int]]) -> None:
    readings, time_s = [], 0.0
    for step_s, look, track in steps:
        time_s += step_s
        doubts = ("too_dark",) if look == "?" else ()
        faces = () if look is None else (face_of("fear" if look == "?" else look, track_id=track, doubts=doubts),)  # type: ignore[arg-type]  # hypothesis knows no Literal
        readings.append(frame(time_s, *faces))
    summary = summarize(readings)
    looks = summary.overall
    assert sum(looks.emotions.values()) + looks.unsure_seconds == pytest.approx(looks.seconds)
    assert sum(looks.emotion_frames.values()) + looks.unsure_frames == looks.frames
    assert sum(track.looks.seconds for track in summary.tracks) == pytest.approx(looks.seconds)
    assert looks.seconds <= summary.seconds + 1e-9
    if looks.frames:
        assert sum(looks.mean_probabilities.values()) == pytest.approx(1)
    for person in summary.tracks:
        spans = [(episode.onset_s, episode.end_s) for episode in person.episodes]
        assert all(end <= onset for (_, end), (onset, _) in pairwise(spans))
    assert Summary.from_dict(json.loads(json.dumps(summary.to_dict()))) == summary
    assert summary.to_dict()["notice"] == NOTICE


def test_memory_does_not_grow_with_the_video() -> None:
    summarizer = Summarizer()
    face = face_of("happy")
    tracemalloc.start()
    for index in range(4000):
        summarizer.add(frame(index / 30, face, index=index))
        if index == 1000:
            early = tracemalloc.get_traced_memory()[0]
    late = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert late < early + 20_000
