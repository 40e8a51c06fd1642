"""Tracks joined and parted."""

import pytest

from mien.errors import DataError
from mien.tables.columns import Row
from mien.tables.identities import Track, merged, split, tracks_of

ROWS: list[Row] = [
    {"input": "a", "frame": 0, "timestamp": 0.0, "track_id": 1},
    {"input": "a", "frame": 0, "timestamp": 0.0, "track_id": 2},
    {"input": "a", "frame": 1, "timestamp": 1.0, "track_id": None},
    {"input": "a", "frame": 2, "timestamp": 2.0, "track_id": 3},
    {"input": "a", "frame": 3, "timestamp": 3.0, "track_id": 3},
    {"input": "a", "frame": 3, "timestamp": 3.0, "track_id": 2},
    {"input": "b", "frame": 3, "timestamp": 3.0, "track_id": 2},
    {"input": "c.jpg", "frame": 0, "timestamp": None, "track_id": None},
]


def tracks(rows: list[Row]) -> list[int | None]:
    return [row["track_id"] for row in rows]


def test_the_tracks_of_every_input() -> None:
    assert tracks_of(ROWS) == {
        "a": {1: Track(1, 0.0, 0.0), 2: Track(2, 0.0, 3.0), 3: Track(2, 2.0, 3.0)},
        "b": {2: Track(1, 3.0, 3.0)},
        "c.jpg": {},
    }


def test_tracks_of_one_input_are_joined() -> None:
    rows = list(merged(ROWS, {3: 1, 2: 7}, source="a", where="t"))
    assert tracks(rows) == [1, 7, None, 1, 1, 7, 2, None]
    assert tracks(ROWS)[3] == 3


def test_tracks_may_change_places() -> None:
    assert tracks(list(merged(ROWS, {3: 2, 2: 3}, source="a", where="t")))[:6] == [1, 3, None, 2, 2, 3]


def test_two_faces_of_one_frame_are_two_persons() -> None:
    with pytest.raises(DataError, match=r"t: tracks 3 and 2 are both seen in frame 3 of a: two faces cannot be one"):
        list(merged(ROWS, {3: 2}, source="a", where="t"))


def test_a_track_of_one_input_is_parted() -> None:
    rows = list(split(ROWS, 2, source="a", at_s=3.0, new_id=4))
    assert tracks(rows) == [1, 2, None, 3, 3, 4, 2, None]
    assert tracks(list(split(ROWS, 2, source="a", at_s=9.0, new_id=4))) == tracks(ROWS)
