"""Who is who: births, misses, crossings, returns; textured squares stand for heads."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.faces.tracking import Tracker
from mien.results import Face

SIDE = 60
GROUND = np.random.default_rng(0).integers(90, 110, (200, 640, 3)).astype(np.uint8)
RED, BLUE, GREEN = (190, 120, 110), (110, 120, 190), (110, 180, 120)

Heads = Sequence[tuple[int, tuple[int, int, int]]]


def scene(*heads: tuple[int, tuple[int, int, int]]) -> NDArray[np.uint8]:
    """Heads from back to front, each by its left edge and colour."""
    frame = GROUND.copy()
    grain = np.random.default_rng(1).integers(-40, 40, (12, 12, 1)).repeat(5, axis=0).repeat(5, axis=1)
    for left, colour in heads:
        shown = np.clip(np.array(colour) + grain, 0, 255).astype(np.uint8)
        first, last = max(left, 0), min(left + SIDE, 640)
        frame[70 : 70 + SIDE, first:last] = shown[:, first - left : last - left]
    return frame


def face(left: float, score: float = 0.9) -> Face:
    return Face((left, 70, left + SIDE, 70 + SIDE), score, None)


def ids(tracker: Tracker, time_s: float, heads: Heads, found: Sequence[Face] | None = None) -> list[int | None]:
    """The persons of the next frame; the detector finds every head unless it is said what it finds."""
    detected = [face(left) for left, _ in heads] if found is None else found
    return [seen.track_id for seen in tracker.step(scene(*heads), time_s=time_s, detected=detected)]


def grown(heads: Heads, **options: float) -> Tracker:
    """A tracker that has known some heads for half a second."""
    tracker = Tracker(**options)  # type: ignore[arg-type]
    for step in range(6):
        persons = ids(tracker, step / 10, heads)
    assert persons == list(range(len(heads)))
    return tracker


def test_a_fleeting_box_is_nobody_and_is_not_followed_for_longer_than_it_was_seen() -> None:
    tracker = Tracker()
    assert ids(tracker, 0.0, (), [face(300)]) == [None]
    assert ids(tracker, 0.1, (), [face(300)]) == [None]
    assert ids(tracker, 0.2, (), []) == []
    assert ids(tracker, 0.3, (), [face(300)]) == [None]


def test_a_person_is_followed_through_misses_for_as_long_as_agreed() -> None:
    tracker = grown([(100, RED)], coast_s=0.35)
    found = [ids(tracker, 0.5 + step / 10, [(100, RED)], []) for step in range(1, 6)]
    assert found == [[0], [0], [0], [], []]
    assert ids(tracker, 1.1, [(100, RED)]) == [0]


def test_doubtful_boxes_continue_a_track_but_begin_none() -> None:
    tracker = grown([(100, RED)], sure_score=0.5)
    for step in range(1, 12):
        assert ids(tracker, 0.5 + step / 10, [(100, RED), (400, BLUE)], [face(100, 0.3), face(400, 0.3)]) == [0]


def test_people_who_cross_keep_their_numbers_though_the_one_behind_is_not_found() -> None:
    tracker = grown([(100, RED), (400, BLUE)])
    for step in range(1, 21):
        red, blue = 100 + 15 * step, 400 - 15 * step
        hidden = abs(red - blue) < 40
        ids(tracker, 0.5 + step / 20, [(red, RED), (blue, BLUE)], [face(blue)] if hidden else [face(red), face(blue)])
    assert ids(tracker, 1.55, [(400, RED), (100, BLUE)]) == [0, 1]


def test_who_comes_back_alike_after_a_while_is_the_same_and_who_is_not_alike_is_another() -> None:
    for colour, expected in ((RED, 0), (GREEN, 1)):
        tracker = grown([(100, RED)])
        assert ids(tracker, 0.6, (), []) == []
        for step in range(6):
            persons = ids(tracker, 1.5 + step / 10, [(260, colour)])
        assert persons == [expected]


def test_who_was_half_hidden_when_coming_back_is_known_once_in_full_sight() -> None:
    """The first looks at somebody who steps out from behind another say little; the number waits for better ones."""
    tracker = grown([(100, RED), (250, BLUE)])
    ids(tracker, 0.6, [(250, BLUE)], [face(250)])
    persons: list[int | None] = []
    for step in range(8):
        left = 235 - 25 * step
        persons = ids(tracker, 1.2 + step / 10, [(left, RED), (250, BLUE)], [face(left), face(250)])
    assert persons == [0, 1]


def test_nobody_is_remembered_for_longer_than_agreed() -> None:
    tracker = grown([(100, RED)], memory_s=1.0)
    ids(tracker, 0.6, (), [])
    for step in range(3):
        ids(tracker, 2.0 + step / 10, (), [])
    for step in range(6):
        persons = ids(tracker, 2.5 + step / 10, [(100, RED)])
    assert persons == [1]


def test_time_must_not_run_backwards() -> None:
    tracker = grown([(100, RED)])
    with pytest.raises(ValueError, match="time_s must not run backwards"):
        tracker.follow(scene(), time_s=0.1)
