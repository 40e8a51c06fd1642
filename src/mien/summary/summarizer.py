"""A stream of readings becomes a summary: who was seen for how long, and looked how.

Everything counts in time, not in frames: a frame lasts until the next one, so that variable frame rates and frames
left out do not weigh. The last frame lasts as long as the one before it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from mien.results import NOTICE, FaceReading, FrameReading
from mien.summary.episodes import Episode, EpisodeFinder, steady_label
from mien.taxonomy import TAXONOMIES

__all__ = ["Looks", "Summarizer", "Summary", "TrackSummary", "summarize"]


@dataclass(frozen=True)
class Looks:
    """How one person, or all together, looked.

    Args:
        frames: In how many frames the face was seen; of all together, the faces in all frames.
        seconds: For how long.
        emotions: Seconds by steady label, in the taxonomy's order; with `unsure_seconds` they sum to `seconds`.
        emotion_frames: Frames by steady label, likewise.
        unsure_frames: Frames whose reading is unsure.
        unsure_seconds: Seconds likewise.
        mean_probabilities: Mean in time of what each frame alone says, unsure ones included; they sum to 1, and are
            all 0 if nothing was seen.
    """

    frames: int
    seconds: float
    emotions: Mapping[str, float]
    emotion_frames: Mapping[str, int]
    unsure_frames: int
    unsure_seconds: float
    mean_probabilities: Mapping[str, float]

    @property
    def shares(self) -> dict[str, float]:
        """Share of the time seen by steady label, in [0, 1]; 0 if nothing was seen."""
        return {label: seconds / self.seconds if self.seconds else 0.0 for label, seconds in self.emotions.items()}

    @property
    def unsure_share(self) -> float:
        """Share of the time seen in which the reading is unsure."""
        return self.unsure_seconds / self.seconds if self.seconds else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, JSON-safe; the shares are included for readers and ignored by `from_dict`."""
        return {
            "frames": self.frames,
            "seconds": self.seconds,
            "emotions": dict(self.emotions),
            "emotion_frames": dict(self.emotion_frames),
            "unsure_frames": self.unsure_frames,
            "unsure_seconds": self.unsure_seconds,
            "mean_probabilities": dict(self.mean_probabilities),
            "shares": self.shares,
            "unsure_share": self.unsure_share,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        return cls(**{name: value for name, value in values.items() if name not in {"shares", "unsure_share"}})


@dataclass(frozen=True)
class TrackSummary:
    """One person of the video.

    Args:
        track_id: Which person.
        first_s: Presentation time of the first frame with this face.
        last_s: Of the last.
        looks: How the face looked.
        episodes: In the order of onset.
    """

    track_id: int
    first_s: float
    last_s: float
    looks: Looks
    episodes: tuple[Episode, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, JSON-safe."""
        return {
            "track_id": self.track_id,
            "first_s": self.first_s,
            "last_s": self.last_s,
            "looks": self.looks.to_dict(),
            "episodes": [episode.to_dict() for episode in self.episodes],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        return cls(
            track_id=values["track_id"],
            first_s=values["first_s"],
            last_s=values["last_s"],
            looks=Looks.from_dict(values["looks"]),
            episodes=tuple(Episode.from_dict(episode) for episode in values["episodes"]),
        )


@dataclass(frozen=True)
class Summary:
    """What a video's readings amount to.

    Args:
        taxonomy: Name of the label set; None if there was no face.
        frames: How many frames were read.
        seconds: How long they last.
        frames_without_face: How many of them show no face.
        seconds_without_face: How long these last.
        overall: All faces together, also those without a track.
        tracks: The persons, by track id.
    """

    taxonomy: str | None
    frames: int
    seconds: float
    frames_without_face: int
    seconds_without_face: float
    overall: Looks
    tracks: tuple[TrackSummary, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, JSON-safe; the notice is included for readers."""
        return {
            "taxonomy": self.taxonomy,
            "frames": self.frames,
            "seconds": self.seconds,
            "frames_without_face": self.frames_without_face,
            "seconds_without_face": self.seconds_without_face,
            "overall": self.overall.to_dict(),
            "tracks": [track.to_dict() for track in self.tracks],
            "notice": NOTICE,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        return cls(
            taxonomy=values["taxonomy"],
            frames=values["frames"],
            seconds=values["seconds"],
            frames_without_face=values["frames_without_face"],
            seconds_without_face=values["seconds_without_face"],
            overall=Looks.from_dict(values["overall"]),
            tracks=tuple(TrackSummary.from_dict(track) for track in values["tracks"]),
        )


def summarize(
    readings: Iterable[FrameReading],
    *,
    exclusions: Iterable[tuple[float, float]] = (),
    shortest_episode_s: float = 0.2,
    longest_gap_s: float = 0.5,
) -> Summary:
    """What the readings of one video amount to; they are taken one by one and not kept.

    Args:
        readings: In order of time, as `Analyzer.read_video` gives them.
        exclusions: Spans of presentation time to leave out, each (start, end) in seconds; the end is not in it.
        shortest_episode_s: Shorter episodes are left out.
        longest_gap_s: The same look before and after so short a gap is one episode.

    Raises:
        ValueError: a reading without a time, as of a photo; time that runs backwards; or two label sets.
    """
    spans = tuple(exclusions)
    summarizer = Summarizer(shortest_episode_s=shortest_episode_s, longest_gap_s=longest_gap_s)
    for reading in readings:
        if reading.time_s is not None and any(start <= reading.time_s < end for start, end in spans):
            summarizer.skip(reading.time_s)
        else:
            summarizer.add(reading)
    return summarizer.finish()


class Summarizer:
    """`summarize` for readings that come one at a time; its memory grows with persons and episodes alone.

    Example:
        >>> summarizer = Summarizer()
        >>> summarizer.finish().frames
        0
    """

    def __init__(self, *, shortest_episode_s: float = 0.2, longest_gap_s: float = 0.5) -> None:
        self.episodes = EpisodeFinder(shortest_s=shortest_episode_s, longest_gap_s=longest_gap_s)
        self._taxonomy: str | None = None
        self._frames = 0
        self._frames_without_face = 0
        self._seconds = 0.0
        self._seconds_without_face = 0.0
        self._overall = _Tally()
        self._tracks: dict[int, _Track] = {}
        self._waiting: FrameReading | None = None  # its duration is not known yet
        self._last_s: float | None = None
        self._last_duration_s = 0.0

    def add(self, reading: FrameReading) -> tuple[Episode, ...]:
        """Take the next reading; the episodes that ended with it come back, in the order of onset.

        Raises:
            ValueError: a reading without a time, time that runs backwards, or another label set than before.
        """
        now_s = self._checked_time(reading.time_s)
        self._until(now_s)
        for face in reading.faces:
            self._taxonomy = self._taxonomy or face.emotions.taxonomy
            if face.emotions.taxonomy != self._taxonomy:
                raise ValueError(f"expected readings in {self._taxonomy}, got one in {face.emotions.taxonomy}")
        self._frames += 1
        self._frames_without_face += not reading.faces
        self._waiting = reading
        self._last_s = now_s
        ended = self.episodes.add(reading)
        self._keep(ended)
        return ended

    def skip(self, time_s: float) -> None:
        """Pass over a frame: the one before lasted until its time, and it counts for nothing.

        Raises:
            ValueError: time runs backwards.
        """
        now_s = self._checked_time(time_s)
        self._until(now_s)
        self._last_s = now_s

    def finish(self) -> Summary:
        """The stream is over."""
        if self._waiting is not None and self._last_s is not None:
            self._until(self._last_s + self._last_duration_s)
        self._keep(self.episodes.finish())
        labels = TAXONOMIES[self._taxonomy].labels if self._taxonomy else ()
        return Summary(
            taxonomy=self._taxonomy,
            frames=self._frames,
            seconds=self._seconds,
            frames_without_face=self._frames_without_face,
            seconds_without_face=self._seconds_without_face,
            overall=self._overall.looks(labels),
            tracks=tuple(
                TrackSummary(
                    track_id,
                    track.first_s,
                    track.last_s,
                    track.tally.looks(labels),
                    tuple(sorted(track.episodes, key=lambda episode: episode.onset_s)),
                )
                for track_id, track in sorted(self._tracks.items())
            ),
        )

    def _checked_time(self, time_s: float | None) -> float:
        if time_s is None:
            raise ValueError("expected readings of a video, whose time_s is set, got one without: photos have no time")
        if self._last_s is not None and time_s < self._last_s:
            raise ValueError(f"time_s must not run backwards, got {time_s} after {self._last_s}")
        return time_s

    def _until(self, now_s: float) -> None:
        """Count the waiting frame, which lasted until now."""
        self.episodes.advance(now_s)
        if self._waiting is None:
            return
        assert self._waiting.time_s is not None
        duration_s = now_s - self._waiting.time_s
        self._seconds += duration_s
        self._last_duration_s = duration_s
        if not self._waiting.faces:
            self._seconds_without_face += duration_s
        for face in self._waiting.faces:
            self._overall.add(face, duration_s)
            if face.track_id is not None:
                track = self._tracks.setdefault(face.track_id, _Track(self._waiting.time_s))
                track.last_s = self._waiting.time_s
                track.tally.add(face, duration_s)
        self._waiting = None

    def _keep(self, episodes: tuple[Episode, ...]) -> None:
        for episode in episodes:
            self._tracks[episode.track_id].episodes.append(episode)


class _Tally:
    """Sums over the frames of one person, or of all."""

    def __init__(self) -> None:
        self.frames = 0
        self.seconds = 0.0
        self.by_label: dict[str | None, list[float]] = {}  # label, or None for unsure -> [frames, seconds]
        self.weighted = np.zeros(0)
        self.unweighted = np.zeros(0)  # for a video of one frame, which lasts no time

    def add(self, face: FaceReading, duration_s: float) -> None:
        self.frames += 1
        self.seconds += duration_s
        counts = self.by_label.setdefault(steady_label(face), [0, 0.0])
        counts[0] += 1
        counts[1] += duration_s
        values = np.array(face.emotions.values)
        self.weighted = values * duration_s + (self.weighted if len(self.weighted) else 0)
        self.unweighted = values + (self.unweighted if len(self.unweighted) else 0)

    def looks(self, labels: tuple[str, ...]) -> Looks:
        sums = self.weighted if self.seconds else self.unweighted
        means = sums / sums.sum() if len(sums) else np.zeros(len(labels))
        unsure_frames, unsure_seconds = self.by_label.get(None, (0, 0.0))
        return Looks(
            frames=self.frames,
            seconds=self.seconds,
            emotions={label: self.by_label.get(label, (0, 0.0))[1] for label in labels},
            emotion_frames={label: int(self.by_label.get(label, (0, 0.0))[0]) for label in labels},
            unsure_frames=int(unsure_frames),
            unsure_seconds=unsure_seconds,
            mean_probabilities=dict(zip(labels, means.tolist(), strict=True)),
        )


class _Track:
    """Sums and episodes of one person."""

    def __init__(self, first_s: float) -> None:
        self.first_s = first_s
        self.last_s = first_s
        self.tally = _Tally()
        self.episodes: list[Episode] = []
