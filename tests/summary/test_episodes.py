"""Where episodes begin, peak and end."""

import pytest

from mien.summary.episodes import Episode, EpisodeFinder
from reading_samples import face_of, frame, video


def episodes(looks: str, **options: float) -> list[tuple[str, float, float]]:
    """Label, onset and end of the episodes of a video; one letter a tenth of a second, "." no face, "?" unsure."""
    words = {"h": "happy", "s": "sad", "n": "neutral", ".": None, "?": "?"}
    finder = EpisodeFinder(**options)
    found: list[Episode] = []
    for reading in video([words[letter] for letter in looks]):
        found += finder.add(reading)
    finder.advance(len(looks) * 0.1)
    found += finder.finish()
    return [(episode.label, round(episode.onset_s, 6), round(episode.end_s, 6)) for episode in found]


def test_an_episode_lasts_until_the_next_look() -> None:
    assert episodes("nnnhhhhss") == [("neutral", 0, 0.3), ("happy", 0.3, 0.7), ("sad", 0.7, 0.9)]


def test_short_gaps_are_bridged_and_long_ones_are_not() -> None:
    assert episodes("hhh..hhh?hh") == [("happy", 0, 1.1)]
    assert episodes("hhh" + "." * 5 + "hhh") == [("happy", 0, 1.1)]
    assert episodes("hhh" + "." * 6 + "hhh") == [("happy", 0, 0.3), ("happy", 0.9, 1.2)]
    assert episodes("hhh..hhh", longest_gap_s=0.1) == [("happy", 0, 0.3), ("happy", 0.5, 0.8)]


def test_unsure_frames_belong_to_no_episode() -> None:
    assert episodes("???hhhh????") == [("happy", 0.3, 0.7)]


def test_short_ones_are_left_out() -> None:
    assert episodes("hhhhsnnnn") == [("happy", 0, 0.4), ("neutral", 0.5, 0.9)]
    assert episodes("hhhhsnnnn", shortest_s=0) == [("happy", 0, 0.4), ("sad", 0.4, 0.5), ("neutral", 0.5, 0.9)]


def test_the_apex_is_the_first_of_the_most_probable_frames() -> None:
    finder = EpisodeFinder()
    for time_s, share in [(0.0, 0.5), (0.1, 0.9), (0.2, 0.9), (0.3, 0.4)]:
        finder.add(frame(time_s, face_of("happy", share)))
        assert finder.at_apex(0, time_s) == (share == 0.5 or time_s == 0.1)
    finder.advance(0.4)
    (episode,) = finder.finish()
    assert (episode.onset_s, episode.apex_s, episode.end_s, episode.peak) == (0.0, 0.1, 0.4, 0.9)
    assert episode.duration_s == 0.4
    assert Episode.from_dict(episode.to_dict()) == episode


def test_the_steady_label_counts_and_not_the_frame_alone() -> None:
    finder = EpisodeFinder()
    for index, alone in enumerate(["happy", "sad", "happy", "fear"]):
        assert finder.add(frame(index / 10, face_of(alone, smooth="happy"))) == ()
    assert [episode.label for episode in finder.finish()] == ["happy"]


def test_persons_do_not_mix() -> None:
    finder = EpisodeFinder()
    for index in range(5):
        finder.add(
            frame(index / 10, face_of("happy", track_id=7), face_of("sad", track_id=2), face_of("fear", track_id=None))
        )
    found = finder.finish()
    assert [(episode.track_id, episode.label) for episode in found] == [(2, "sad"), (7, "happy")]


def test_negative_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="0 or more, got -1"):
        EpisodeFinder(shortest_s=-1)
