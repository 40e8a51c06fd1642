"""The charts show what was seen, at the right place and in the right colour."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.results import NOTICE, FrameReading
from mien.sinks.charts import conditions_chart
from mien.sinks.timeline import TimelineSink
from mien.summary.conditions import Event, by_condition
from mien.taxonomy import COLOURS_RGB
from reading_samples import face_of, frame, results, video

HAPPY, SAD = (np.array(COLOURS_RGB[label]) for label in ("happy", "sad"))


def timeline(path: Path, readings: list[FrameReading]) -> np.ndarray:
    with TimelineSink(path) as sink:
        for result in results("clips/a.mp4", readings):
            sink.write(result, None)
    with Image.open(path) as picture:
        assert picture.text["Comment"] == NOTICE  # type: ignore[attr-defined]  # a PNG has it
        return np.asarray(picture)


def columns_with(pixels: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """Places from the left of columns in which most of a band of a lane has this colour."""
    return np.flatnonzero((np.abs(pixels[188:330].astype(int) - colour).max(axis=2) < 3).sum(axis=0) > 60)


def test_the_timeline_has_each_emotion_where_it_was(tmp_path: Path) -> None:
    pixels = timeline(tmp_path / "t.png", video(["happy"] * 40 + [None] * 20 + ["sad"] * 41))
    happy, sad = columns_with(pixels, HAPPY), columns_with(pixels, SAD)
    width = 1600 - 2 * 56
    assert abs(happy[0] - 56) < 3
    assert abs(happy[-1] - (56 + 0.4 * width)) < 8
    assert abs(sad[0] - (56 + 0.6 * width)) < 8
    assert abs(sad[-1] - (56 + width)) < 8


def test_an_unsure_stretch_is_hatched_and_not_a_guess(tmp_path: Path) -> None:
    pixels = timeline(tmp_path / "t.png", video(["happy"] * 10 + ["?"] * 11))
    ribbon = pixels[188 + 128 + 6 : 188 + 128 + 6 + 14]
    assert (np.abs(ribbon[:, 100:700].astype(int) - HAPPY).max(axis=2) < 3).all()
    right = ribbon[:, 900:1500].astype(int)
    assert (right.max(axis=2) - right.min(axis=2)).max() < 15  # greys
    assert right.std() > 5  # in stripes


def test_each_person_has_a_lane_up_to_a_dozen(tmp_path: Path) -> None:
    heights = [
        timeline(
            tmp_path / "t.png",
            [frame(i / 10, *(face_of("happy", track_id=track) for track in range(persons))) for i in range(3)],
        ).shape[0]
        for persons in (1, 2, 12, 20)
    ]
    assert heights[1] - heights[0] > 150
    assert heights[3] == heights[2]


def test_a_video_without_a_person_has_a_timeline_too(tmp_path: Path) -> None:
    assert timeline(tmp_path / "t.png", [frame(0.0), frame(1.0, face_of("happy", track_id=None))]).shape[1] == 1600


def test_the_bars_of_conditions_are_as_long_as_their_shares() -> None:
    readings = video(["happy"] * 15 + ["sad"] * 5)
    chart = np.asarray(
        conditions_chart("a.mp4", by_condition(readings, [Event(0, 2, "a"), Event(0, 1, "b"), Event(9, 10, "c")]))
    )
    width = 1600 - 2 * 56
    bars = [chart[150 + 28 + 17 + row * 86].astype(int) for row in range(3)]
    for bar, expected in zip(bars, [(0.75, 0.25), (1, 0), (0, 0)], strict=True):
        shares = [float((np.abs(bar - colour).max(axis=1) < 3).mean()) * 1600 / width for colour in (HAPPY, SAD)]
        assert shares == pytest.approx(expected, abs=0.01)
