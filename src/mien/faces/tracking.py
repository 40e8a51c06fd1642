"""Who is who from frame to frame: a detector's boxes become tracks that keep their number.

Time is real, not counted in frames, so that a stream of 15 frames a second and one of 60 behave alike. A track begins
as a guess and becomes a person once it has been found often enough for long enough; a fleeting false box never does.
Who comes back is known at once where that is plain, else when the new track becomes a person: by then it has been seen
well enough to tell. `benchmarks/tracking.py` measures all this.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mien.faces.appearance import Look, appearance, likeness
from mien.faces.association import assign, closeness, overlaps, travel
from mien.faces.flow import Patch, Similarity, follow, moved, patch_about, same_place
from mien.results import BoxXyxy, Face

__all__ = ["Track", "Tracked", "Tracker"]

_MIN_IOU = 0.15
_MIN_DOUBTFUL_IOU = 0.3
_SAME_FACE_IOU = 0.6
_LOOK_SHARE = 0.5  # of the likeness that decides between overlapping boxes
_MIN_RETURN = 0.15
_REACH = 1.5  # box sides that a face may be from where it was, ...
_REACH_PER_S = 4.0  # ... and more for every second that it was out of sight
_SHORTEST_STEP_S = 1e-6  # in less, nothing moves: a speed would be noise, or beyond all numbers
_SPEED_HALF_LIFE_S = 0.1
_LOOK_BLEND = 0.2
_HIDES_IOU = 0.05  # faces that overlap by more may hide one another


@dataclass(frozen=True)
class Tracked:
    """A face that the tracker sees in this frame.

    Args:
        face: Where it is now; its score is the last detection's.
        key: Which track, whether it is a person yet or not; never used again.
        track_id: Which person, from 0; None while that is not sure.
        detection: Which of the frame's detected faces it is; None where it was followed without one.
    """

    face: Face
    key: int
    track_id: int | None
    detection: int | None


@dataclass
class Track:
    """What is known of one track; `face` is where it is, or is thought to be."""

    key: int
    face: Face
    first_s: float
    seen_s: float  # when a detection last confirmed it
    look: Look
    first_face: Face
    looks: int = 0  # of how many sights, nobody before it, `look` is made; of the first of all if none was such
    hits: int = 1
    misses: int = 0  # detections in a row without it
    track_id: int | None = None
    in_sight: bool = True
    left_s: float = 0.0  # when it was last in sight, and there
    left_face: Face | None = None
    patch: Patch | None = None
    speed_xy: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    detection: int | None = None

    def go(self, face: Face, seconds: float) -> None:
        """It moved there in that time."""
        if seconds > _SHORTEST_STEP_S:
            speed = (_centre(face.box_xyxy) - _centre(self.face.box_xyxy)) / seconds
            self.speed_xy = self.speed_xy + (1 - 0.5 ** (seconds / _SPEED_HALF_LIFE_S)) * (speed - self.speed_xy)
        self.face = face

    def leave(self, time_s: float) -> None:
        """It is out of sight."""
        if self.in_sight:
            self.in_sight, self.left_s, self.left_face, self.patch = False, time_s, self.face, None


class Tracker:
    """Follows the faces of one stream.

    Args:
        sure_score: Detections of at least this score may begin a track; the rest only continue one.
        birth_hits: Detections that make a track a person, ...
        birth_s: ... spread over at least this time.
        memory_s: How long a person out of sight is remembered.
        coast_s: How long a person is followed by flow alone while detections miss it; never for longer than it has
            been known.

    Example:
        >>> tracker, frame = Tracker(birth_hits=2, birth_s=0.1), np.zeros((90, 90, 3), np.uint8)
        >>> face = Face((20, 20, 60, 60), score=0.9, landmarks=None)
        >>> [[seen.track_id for seen in tracker.step(frame, time_s=t, detected=[face])] for t in (0.0, 0.2)]
        [[None], [0]]
    """

    def __init__(
        self,
        *,
        sure_score: float = 0.0,
        birth_hits: int = 3,
        birth_s: float = 0.3,
        memory_s: float = 2.0,
        coast_s: float = 0.5,
    ) -> None:
        self.sure_score = sure_score
        self.birth_hits = birth_hits
        self.birth_s = birth_s
        self.memory_s = memory_s
        self.coast_s = coast_s
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next person is 0."""
        self._tracks: list[Track] = []
        self._next_key = 0
        self._next_id = 0
        self._time_s: float | None = None

    @property
    def people(self) -> dict[int, int | None]:
        """Track -> person, of those that are remembered, in sight or not; None where that is not sure yet."""
        return {track.key: track.track_id for track in self._tracks}

    def follow(self, frame_rgb: NDArray[np.uint8], *, time_s: float) -> bool:
        """Move the tracks to where their faces are in this frame, by what the picture shows.

        Returns:
            Whether all that were in sight still are; if not, it is time to detect.

        Raises:
            ValueError: time runs backwards.
        """
        before_s = time_s if self._time_s is None else self._time_s
        if not time_s >= before_s:
            raise ValueError(f"time_s must not run backwards, got {time_s} after {before_s}")
        self._time_s = time_s
        all_seen = True
        for track in self._tracks:
            track.detection = None
            if track.in_sight:
                step = _step_of(track, frame_rgb)
                if step is not None:
                    track.go(moved(track.face, step), time_s - before_s)
                else:
                    track.leave(before_s)
                    all_seen = False
            if track.left_face is not None and not track.in_sight:
                track.face = _shifted(track.left_face, track.speed_xy * travel(time_s - track.left_s))
        return all_seen

    def step(
        self, frame_rgb: NDArray[np.uint8], *, time_s: float, detected: Sequence[Face] | None
    ) -> tuple[Tracked, ...]:
        """The faces of the next frame.

        Args:
            frame_rgb: `(height, width, 3)` uint8.
            time_s: Its time in the stream; must not run backwards.
            detected: What a detector finds in it; None if none was asked.

        Returns:
            What is in sight: detected faces in the detector's order, then those that were followed without.
        """
        if self._time_s != time_s:
            self.follow(frame_rgb, time_s=time_s)
        if detected is not None:
            self._match(frame_rgb, time_s, detected)
        seen = [track for track in self._tracks if track.in_sight]
        for track in seen:
            track.patch = patch_about(frame_rgb, track.face.box_xyxy)
        seen.sort(key=lambda track: (track.detection is None, track.detection or 0))
        return tuple(Tracked(track.face, track.key, track.track_id, track.detection) for track in seen)

    def _match(self, frame_rgb: NDArray[np.uint8], time_s: float, detected: Sequence[Face]) -> None:
        """Give each detection to a track, begin tracks with the rest, and end those that are long gone."""
        looks = [appearance(frame_rgb, face.box_xyxy) for face in detected]
        sure = [row for row, face in enumerate(detected) if face.score >= self.sure_score]
        doubtful = [row for row, face in enumerate(detected) if face.score < self.sure_score]
        open_tracks = list(self._tracks)
        for rows, least in ((sure, _MIN_IOU), (doubtful, _MIN_DOUBTFUL_IOU)):
            self._pair(open_tracks, rows, _by_overlap(open_tracks, rows, detected, looks, least), detected, looks)
        self._pair(open_tracks, sure, self._by_return(open_tracks, sure, detected, looks, time_s), detected, looks)
        for row in sure:
            self._tracks.append(
                Track(self._next_key, detected[row], time_s, time_s, looks[row], detected[row], detection=row)
            )
            self._next_key += 1
        self._miss(open_tracks, time_s)
        for track in tuple(self._tracks):
            lasting = track.hits >= self.birth_hits and time_s - track.first_s >= self.birth_s
            if track.track_id is None and lasting:
                track.track_id = self._person(track)

    def _person(self, track: Track) -> int:
        """Who a track is that has lasted: one who was lost before it began, if near and alike; else somebody new."""
        lost = [
            other
            for other in self._tracks
            if other.track_id is not None and not other.in_sight and other.left_s <= track.first_s
        ]
        chances = [self._return_chance(other, track.first_face, track.look, track.first_s) for other in lost]
        if chances and max(chances) >= _MIN_RETURN:
            found = lost[chances.index(max(chances))]
            self._tracks.remove(found)
            assert found.track_id is not None
            return found.track_id
        self._next_id += 1
        return self._next_id - 1

    def _pair(
        self,
        tracks: list[Track],
        rows: list[int],
        table: NDArray[np.float64],
        detected: Sequence[Face],
        looks: Sequence[Look],
    ) -> None:
        """Give the likeliest pairs to each other and take them out of both lists."""
        pairs = [(tracks[at], rows[to]) for at, to in assign(table, least=1e-9)]
        boxes = [face.box_xyxy for face in detected]
        alone = (overlaps(boxes, boxes) > _HIDES_IOU).sum(axis=1) == 1
        for track, row in pairs:
            assert self._time_s is not None
            seconds = self._time_s - track.seen_s
            if track.in_sight:
                track.face = detected[row]
            else:
                track.go(detected[row], max(seconds, _SPEED_HALF_LIFE_S))
            if alone[row]:
                share = max(_LOOK_BLEND, 1 / (1 + track.looks))
                track.look, track.looks = (1 - share) * track.look + share * looks[row], track.looks + 1
            track.seen_s, track.detection = self._time_s, row
            track.hits, track.misses, track.in_sight = track.hits + 1, 0, True
            tracks.remove(track)
            rows.remove(row)

    def _by_return(
        self,
        tracks: Sequence[Track],
        rows: Sequence[int],
        detected: Sequence[Face],
        looks: Sequence[Look],
        time_s: float,
    ) -> NDArray[np.float64]:
        """How likely each detection is a track that moved far or comes back; 0 where it hardly can be."""
        table = np.array(
            [[self._return_chance(track, detected[row], looks[row], time_s) for row in rows] for track in tracks]
        ).reshape(len(tracks), len(rows))
        return np.where(table >= _MIN_RETURN, table, 0.0)

    def _return_chance(self, track: Track, face: Face, look: Look, time_s: float) -> float:
        """How likely a face that is seen at a time is a track: near for the time gone, and alike; in [0, 1]."""
        reach = _REACH + _REACH_PER_S * min(time_s - track.seen_s, self.memory_s)
        near = closeness([track.face.box_xyxy], [face.box_xyxy], reach=reach).item()
        return near and near * likeness(track.look, look)

    def _miss(self, missed: Sequence[Track], time_s: float) -> None:
        """What no detection confirmed: guesses end, people are followed for a while, then remembered for a while."""
        taken = [track.face.box_xyxy for track in self._tracks if track.detection is not None]
        for track in missed:
            track.misses += 1
            doubled = bool((overlaps([track.face.box_xyxy], taken) > _SAME_FACE_IOU).any())
            known_s = track.seen_s - track.first_s
            if doubled or time_s - track.seen_s > min(self.coast_s, known_s):
                track.leave(time_s)
            forgotten = track.misses > 1 and time_s - track.seen_s > self.memory_s
            if track.track_id is None or forgotten:
                self._tracks.remove(track)


def _by_overlap(
    tracks: Sequence[Track], rows: Sequence[int], detected: Sequence[Face], looks: Sequence[Look], least: float
) -> NDArray[np.float64]:
    """How likely each detection is a track that is about there: by overlap, and by looks where several overlap."""
    iou = overlaps([track.face.box_xyxy for track in tracks], [detected[row].box_xyxy for row in rows])
    alike = np.array([[likeness(track.look, looks[row]) for row in rows] for track in tracks]).reshape(iou.shape)
    return np.where(iou >= least, (1 - _LOOK_SHARE) * iou + _LOOK_SHARE * alike, 0.0)


def _step_of(track: Track, frame_rgb: NDArray[np.uint8]) -> Similarity | None:
    """Where the picture says a track went; None if it does not say."""
    if track.patch is None:
        return None
    return follow(track.patch, same_place(frame_rgb, track.patch), track.face.box_xyxy)


def _centre(box_xyxy: BoxXyxy) -> NDArray[np.float64]:
    return np.array([(box_xyxy[0] + box_xyxy[2]) / 2, (box_xyxy[1] + box_xyxy[3]) / 2])


def _shifted(face: Face, by_xy: NDArray[np.float64]) -> Face:
    x, y = by_xy.tolist()
    left, top, right, bottom = face.box_xyxy
    return replace(face, box_xyxy=(left + x, top + y, right + x, bottom + y), landmarks=None)
