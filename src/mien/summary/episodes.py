"""Episodes: how long a face keeps one look, from its onset over its apex to its end."""

from dataclasses import asdict, dataclass
from typing import Any, Self

from mien.results import FaceReading, FrameReading

__all__ = ["Episode", "EpisodeFinder", "steady_label"]

_ROUNDING_S = 1e-6  # a difference of two times need not be what their decimals say


@dataclass(frozen=True)
class Episode:
    """One person looking one way for a while.

    Args:
        track_id: Which person.
        label: How the face looks.
        onset_s: Presentation time of its first frame.
        apex_s: Presentation time of the frame in which the label was most probable; the first of equals.
        end_s: When its last frame gave way to the next.
        peak: The label's steady probability at the apex.
    """

    track_id: int
    label: str
    onset_s: float
    apex_s: float
    end_s: float
    peak: float

    @property
    def duration_s(self) -> float:
        """From onset to end, in seconds."""
        return self.end_s - self.onset_s

    def to_dict(self) -> dict[str, Any]:
        """Plain values, JSON-safe."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        return cls(**values)


def steady_label(face: FaceReading) -> str | None:
    """How a face looks, along its track where it has one; None where the reading is unsure."""
    return None if face.emotions.unsure else (face.smooth or face.emotions).top


class EpisodeFinder:
    """Cuts the tracks of one video into episodes, frame by frame.

    An episode ends when its person looks another way, or is unsure or out of sight for more than `longest_gap_s`.
    Faces without a track have no episodes.

    Args:
        shortest_s: Episodes that are shorter are left out.
        longest_gap_s: The same look before and after so short a gap is one episode.

    Raises:
        ValueError: a number is negative.
    """

    def __init__(self, *, shortest_s: float = 0.2, longest_gap_s: float = 0.5) -> None:
        if not (shortest_s >= 0 and longest_gap_s >= 0):
            raise ValueError(f"shortest_s and longest_gap_s must be 0 or more, got {shortest_s} and {longest_gap_s}")
        self.shortest_s = shortest_s
        self.longest_gap_s = longest_gap_s
        self._open: dict[int, Episode] = {}
        self._in_last_frame: set[int] = set()

    def add(self, reading: FrameReading) -> tuple[Episode, ...]:
        """Take the next frame; what ended with it comes back, in the order of onset."""
        assert reading.time_s is not None
        now_s = reading.time_s
        self.advance(now_s)
        ended = [track_id for track_id, episode in self._open.items() if now_s - episode.end_s > self.longest_gap_s]
        started: dict[int, Episode] = {}
        for face in reading.faces:
            label = steady_label(face)
            if face.track_id is None or label is None:
                continue
            probability = (face.smooth or face.emotions).probabilities[label]
            fresh = Episode(face.track_id, label, now_s, now_s, now_s, probability)
            before = self._open.get(face.track_id)
            if before is None or before.label != label or face.track_id in ended:
                if before is not None and face.track_id not in ended:
                    ended.append(face.track_id)
                started[face.track_id] = fresh
            else:
                apex_s, peak = max((before.apex_s, before.peak), (now_s, probability), key=lambda apex: apex[1])
                started[face.track_id] = Episode(face.track_id, label, before.onset_s, apex_s, now_s, peak)
        closed = self._close(ended)
        self._open |= started
        self._in_last_frame = set(started)
        return closed

    def advance(self, now_s: float) -> None:
        """Say that the last frame lasted until now, also where the next one is not to be read."""
        for track_id in self._in_last_frame:
            episode = self._open[track_id]
            self._open[track_id] = Episode(
                track_id, episode.label, episode.onset_s, episode.apex_s, now_s, episode.peak
            )
        self._in_last_frame = set()

    def at_apex(self, track_id: int, time_s: float) -> bool:
        """Whether the frame at this time, the last that was added, is the apex so far of a person's episode."""
        return track_id in self._open and self._open[track_id].apex_s == time_s

    def finish(self) -> tuple[Episode, ...]:
        """The video is over: what is still open comes back, in the order of onset."""
        return self._close(list(self._open))

    def _close(self, track_ids: list[int]) -> tuple[Episode, ...]:
        closed = [self._open.pop(track_id) for track_id in track_ids]
        closed.sort(key=lambda episode: (episode.onset_s, episode.track_id))
        return tuple(episode for episode in closed if episode.duration_s >= self.shortest_s - _ROUNDING_S)
