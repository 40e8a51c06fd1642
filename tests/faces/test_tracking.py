"""Who is who: births, misses, crossings, returns; textured squares stand for heads."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.faces import tracking
from mien.faces.appearance import appearance
from mien.faces.association import travel
from mien.faces.tracking import Track, Tracked, Tracker
from mien.results import Face, Landmarks

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


def face(left: float, score: float = 0.9, width: float = SIDE) -> Face:
    return Face((left, 70, left + width, 70 + SIDE), score, None)


def seen(tracker: Tracker, time_s: float, heads: Heads, found: Sequence[Face] | None) -> tuple[Tracked, ...]:
    return tracker.step(scene(*heads), time_s=time_s, detected=found)


def ids(tracker: Tracker, time_s: float, heads: Heads, found: Sequence[Face] | None = None) -> list[int | None]:
    """The persons of the next frame; the detector finds every head unless it is said what it finds."""
    detected = [face(left) for left, _ in heads] if found is None else found
    return [one.track_id for one in seen(tracker, time_s, heads, detected)]


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
    for one in (tracker, Tracker()):
        with pytest.raises(ValueError, match="got nan after"):
            one.follow(scene(), time_s=float("nan"))
    assert tracker.follow(scene((100, RED)), time_s=0.5) is True


# ---------------------------------------------------------------- one track


def track_at(box_xyxy: tuple[float, float, float, float], look: Sequence[float] = (0.0,)) -> Track:
    one = Face(box_xyxy, 0.9, None)
    return Track(0, one, 0.0, 0.0, np.array(look, np.float32), one)


def test_a_speed_is_of_the_centre_and_forgets_by_half_in_a_tenth_of_a_second() -> None:
    track = track_at((10, 20, 30, 60))
    track.go(Face((14, 30, 50, 90), 0.9, None), 0.2)
    assert track.face == Face((14, 30, 50, 90), 0.9, None)
    assert track.speed_xy == pytest.approx([0.75 * 12 / 0.2, 0.75 * 20 / 0.2])
    track.go(track.face, 0.1)
    assert track.speed_xy == pytest.approx([0.375 * 12 / 0.2, 0.375 * 20 / 0.2])


@pytest.mark.parametrize("seconds", [0.0, 1e-6])
def test_in_no_time_there_is_no_speed(seconds: float) -> None:
    track = track_at((10, 20, 30, 60))
    track.go(Face((14, 30, 50, 90), 0.9, None), seconds)
    assert (track.face.box_xyxy, track.speed_xy.tolist()) == ((14, 30, 50, 90), [0, 0])


def test_a_track_leaves_once() -> None:
    track = track_at((10, 20, 30, 60))
    there = track.face
    track.leave(3.0)
    track.face = Face((0, 0, 1, 1), 0.9, None)
    track.leave(4.0)
    assert (track.in_sight, track.left_s, track.left_face, track.patch) == (False, 3.0, there, None)


def test_overlap_and_looks_count_alike_and_a_doubtful_overlap_does_not_count() -> None:
    """IoU 0.6 and 0.3 exactly; looks by which the one who overlaps less is the likelier."""
    tracks = [track_at((0, 0, 75, 10), (9, 9, 9)), track_at((62, 0, 127, 10), (0, 0, 0))]
    detected = [Face((27, 0, 92, 10), 0.9, None)]
    looks = [np.zeros(3, np.float32)]
    alike = np.exp(-3 * 81 / 100)
    for least, expected in (
        (0.3, [0.5 * 48 / 92 + 0.5 * alike, 0.5 * 0.3 + 0.5]),
        (0.31, [0.5 * 48 / 92 + 0.5 * alike, 0]),
    ):
        table = tracking._by_overlap(tracks, [0], detected, looks, least)
        assert table[:, 0] == pytest.approx(expected, abs=1e-6)


# ---------------------------------------------------------------- many


def test_the_defaults_are_those_of_the_documentation() -> None:
    """`StreamOptions` and `docs/video.md` say the same."""
    tracker = Tracker()
    assert (tracker.sure_score, tracker.birth_hits, tracker.birth_s) == (0.0, 3, 0.3)
    assert (tracker.memory_s, tracker.coast_s) == (2.0, 0.5)
    assert ids(tracker, 0.0, (), [face(300, score=0.0)]) == [None]


def test_keys_are_counted_and_never_used_again_until_a_reset() -> None:
    tracker = Tracker()
    for step in range(3):
        (one,) = seen(tracker, step / 10, (), [face(100 + 200 * step)])
        assert (one.key, one.detection, one.face) == (step, 0, face(100 + 200 * step))
        assert tracker.people == {step: None}
    tracker.reset()
    assert tracker.people == {}
    assert [one.key for one in seen(tracker, 0.0, (), [face(100), face(300)])] == [0, 1]


def test_detected_faces_come_in_the_detectors_order_and_then_those_that_were_followed() -> None:
    heads = [(100, RED), (250, BLUE), (400, GREEN)]
    tracker = grown(heads)
    found = seen(tracker, 0.6, heads, [face(400), face(250)])
    assert [(one.key, one.track_id, one.detection) for one in found] == [(2, 2, 0), (1, 1, 1), (0, 0, None)]
    assert [one.face for one in found[:2]] == [face(400), face(250)]
    assert found[2].face.box_xyxy == pytest.approx(face(100).box_xyxy, abs=0.5)
    followed = seen(tracker, 0.7, heads, None)
    assert [(one.key, one.detection) for one in followed] == [(0, None), (1, None), (2, None)]


@pytest.mark.parametrize(
    ("times_s", "expected"),
    [
        ((8.0, 8.0625, 8.125, 8.1875, 8.25), [None, None, None, None, 0]),
        ((8.0, 8.5, 9.0), [None, None, 0]),
    ],
)
def test_a_person_has_been_found_often_and_for_long(times_s: Sequence[float], expected: list[int | None]) -> None:
    tracker = Tracker(birth_hits=3, birth_s=0.25)
    assert [ids(tracker, time_s, [(100, RED)])[0] for time_s in times_s] == expected


def test_a_guess_is_followed_for_no_longer_than_it_has_been_known_to_the_very_end() -> None:
    tracker = Tracker(birth_hits=2, birth_s=0.25)
    heads = [(100, RED)]
    assert [ids(tracker, time_s, heads) for time_s in (8.0, 8.25)] == [[None], [0]]
    assert [ids(tracker, time_s, heads, []) for time_s in (8.5, 8.75)] == [[0], []]


def test_out_of_sight_a_face_is_thought_to_go_on_slower_and_slower() -> None:
    tracker = Tracker(birth_hits=2, birth_s=0.1)
    points = Landmarks((110, 90), (140, 90), (125, 105), (115, 120), (135, 120))
    there = Face((100, 70, 160, 130), 0.9, points)
    for time_s in (4.0, 4.25):
        seen(tracker, time_s, [(100, RED)], [there])
    for step in range(1, 6):
        assert tracker.follow(scene((100 + 6 * step, RED)), time_s=4.25 + step / 8) is True
        seen(tracker, 4.25 + step / 8, [(100 + 6 * step, RED)], None)
    (track,) = tracker._tracks
    assert track.speed_xy == pytest.approx([48, 0], abs=3)  # 6 pixels in an eighth of a second
    assert track.face.landmarks is not None
    track.speed_xy = np.array([40.0, -20.0])
    assert tracker.follow(scene(), time_s=5.0) is False
    assert (track.in_sight, track.left_s) == (False, 4.875)
    for time_s in (5.0, 5.5, 9.0):
        assert tracker.follow(scene(), time_s=time_s) is True
        x, y = 40 * travel(time_s - 4.875), -20 * travel(time_s - 4.875)
        assert track.face.box_xyxy == pytest.approx((130 + x, 70 + y, 190 + x, 130 + y), abs=0.5)
        assert track.face.landmarks is None


def test_who_is_in_sight_is_not_the_one_beside() -> None:
    tracker = Tracker(birth_hits=1, birth_s=0.0)
    assert ids(tracker, 0.0, [(100, RED)]) == [0]
    assert ids(tracker, 0.1, [(100, RED), (140, RED)]) == [0, 1]


def test_who_comes_back_unlike_at_first_is_known_when_the_track_has_lasted() -> None:
    tracker = grown([(100, RED)])
    assert ids(tracker, 0.6, (), []) == []
    persons = [ids(tracker, 1.0 + step / 8, [(170, GREEN if step == 0 else RED)]) for step in range(4)]
    assert persons == [[None], [None], [None], [0]]
    assert tracker.people == {1: 0}


def test_who_left_as_another_came_may_be_that_other() -> None:
    tracker = grown([(100, RED)], coast_s=0.0)
    assert ids(tracker, 0.625, [(100, RED), (180, GREEN)], [face(180)]) == [None]
    for step in range(1, 4):
        persons = ids(tracker, 0.625 + step / 8, [(180, RED)])
    assert persons == [0]


def test_who_comes_back_plainly_is_known_at_once_with_a_speed() -> None:
    tracker = grown([(100, RED)])
    assert ids(tracker, 0.6, (), []) == []
    assert ids(tracker, 1.5, [(160, RED)]) == [0]
    assert tracker._tracks[0].speed_xy == pytest.approx([60 * (1 - 0.5**10), 0], abs=1e-6)


@pytest.mark.parametrize(
    ("gone_s", "memory_s", "left", "expected"), [(0.5, 2.0, 230, 0), (0.5, 2.0, 320, None), (1.0, 0.5, 320, None)]
)
def test_how_far_one_may_have_gone_grows_with_the_time_gone_up_to_what_is_remembered(
    gone_s: float, memory_s: float, left: int, expected: int | None
) -> None:
    """Within 3.5 sides after half a second, and no farther later where memory ends."""
    tracker = grown([(100, RED)], memory_s=memory_s)
    ids(tracker, 0.6, (), [])
    assert ids(tracker, 0.5 + gone_s, [(left, RED)]) == [expected]


def test_of_two_boxes_on_one_face_only_one_is_followed() -> None:
    for left, expected in ((110, [1]), (115, [1, 0])):  # IoU 0.71, and 0.6 exactly
        heads = [(100, RED), (left, BLUE)]
        tracker = grown(heads)
        assert ids(tracker, 0.6, heads, [face(left)]) == expected


def test_one_detection_belongs_to_one_track() -> None:
    heads = [(100, RED), (130, BLUE)]
    tracker = grown(heads, sure_score=0.9)
    assert [one.detection for one in seen(tracker, 0.6, heads, [face(115)])].count(0) == 1


def test_people_are_forgotten_by_the_second_look_without_them() -> None:
    tracker = Tracker(birth_hits=2, birth_s=0.125, memory_s=1.0)
    for time_s in (8.0, 8.25):
        ids(tracker, time_s, [(100, RED)])
    remembered = []
    for time_s in (10.0, 10.5):
        assert ids(tracker, time_s, (), []) == []
        remembered.append(tracker.people)
    assert remembered == [{0: 0}, {}]


def test_people_are_remembered_to_the_very_end() -> None:
    tracker = Tracker(birth_hits=2, birth_s=0.125, memory_s=1.0)
    for time_s in (8.0, 8.25):
        ids(tracker, time_s, [(100, RED)])
    remembered = []
    for time_s in (8.75, 9.0, 9.25, 9.5):
        assert ids(tracker, time_s, (), []) == []
        remembered.append(tracker.people)
    assert remembered == [{0: 0}, {0: 0}, {0: 0}, {}]


def test_a_look_is_the_mean_of_the_first_five_sights_and_then_forgets_by_a_fifth() -> None:
    tracker, looks = Tracker(), []
    for step in range(8):
        frame = scene((100, (190 - 5 * step, 120, 110 + 6 * step)))
        looks.append(appearance(frame, face(100).box_xyxy))
        tracker.step(frame, time_s=step / 10, detected=[face(100)])
        (track,) = tracker._tracks
        assert track.looks == step
        if step == 0:
            expected = looks[0]  # what is all that is known, until there is a second
        elif step <= 5:
            expected = np.mean(looks[1:], axis=0, dtype=np.float32)
        else:
            expected = 0.8 * expected + 0.2 * looks[-1]
        assert track.look == pytest.approx(expected, abs=1e-3)


def test_faces_that_may_hide_one_another_say_nothing_of_their_looks() -> None:
    """By more than a twentieth: boxes 52.5 wide that share 5 columns have an IoU of 0.05."""
    heads = [(100, RED), (300, BLUE)]
    tracker = grown(heads)
    for left, looks in ((147.5, [6, 6]), (147.0, [5, 5])):
        tracker = grown(heads)
        for track, at in zip(tracker._tracks, (100, left), strict=True):
            track.face = face(at, width=52.5)
        near = [face(100, width=52.5), face(left, width=52.5)]
        seen(tracker, 0.5, heads, near)
        assert [track.looks for track in tracker._tracks] == looks
