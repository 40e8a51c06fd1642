"""Probabilities along time, short enough to draw however long the video is."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.results import FrameReading
from mien.summary.episodes import steady_label
from mien.taxonomy import TAXONOMIES

__all__ = ["Curve", "Curves"]

_FIRST_STEP_S = 1 / 128


@dataclass(frozen=True)
class Curve:
    """One person along time, in steps of equal length; steps without the face are left out.

    Args:
        track_id: Which person.
        time_s: `(n,)` begin of each step.
        raw: `(n, labels)` mean of what each frame alone says.
        smooth: `(n, labels)` mean of the steady probabilities.
        label: `(n,)` int, place of the steady label that most of the frames have; -1 where most are unsure.
        certainty: `(n,)` mean probability that the most probable label is right; NaN from a model that does not say.
        usual_s: Usual distance of two steps.
    """

    track_id: int
    time_s: NDArray[np.float64]
    raw: NDArray[np.float64]
    smooth: NDArray[np.float64]
    label: NDArray[np.int64]
    certainty: NDArray[np.float64]
    usual_s: float

    @property
    def end_s(self) -> NDArray[np.float64]:
        """`(n,)` end of each step: the begin of the next, unless that is far off and the person out of sight."""
        following = np.append(self.time_s[1:], np.inf)
        return np.where(following - self.time_s <= 3 * self.usual_s, following, self.time_s + self.usual_s)


class Curves:
    """Gathers the curves of one video's persons.

    Steps begin shorter than a frame, so that a short video keeps every frame; each time there are more than `limit`
    of them, neighbours are joined two by two. Memory stays bounded.

    Args:
        limit: At most so many steps of all persons together.
    """

    def __init__(self, *, limit: int = 20_000) -> None:
        self.limit = limit
        self.step_s = _FIRST_STEP_S
        self.labels: tuple[str, ...] = ()
        self._steps: dict[int, dict[int, NDArray[np.float64]]] = {}  # track -> step -> sums, as `_sums` lays them out
        self._count = 0

    def add(self, reading: FrameReading) -> None:
        """Take the next reading; faces without a track have no curve."""
        if reading.time_s is None:
            return
        for face in reading.faces:
            if face.track_id is None:
                continue
            self.labels = TAXONOMIES[face.emotions.taxonomy].labels
            label = steady_label(face)
            votes = [0.0] * (len(self.labels) + 1)
            votes[-1 if label is None else self.labels.index(label)] = 1.0
            certainty = face.emotions.certainty
            sums = np.array(
                [
                    1.0,
                    *(face.emotions.values),
                    *(face.smooth or face.emotions).values,
                    *votes,
                    math.nan if certainty is None else certainty,
                ]
            )
            steps = self._steps.setdefault(face.track_id, {})
            step = math.floor(reading.time_s / self.step_s)
            if step in steps:
                steps[step] += sums
            else:
                steps[step] = sums
                self._count += 1
        while self._count > max(self.limit, len(self._steps)):
            self._join()

    def finish(self) -> tuple[Curve, ...]:
        """The curves by track id."""
        return tuple(self._curve(track_id, steps) for track_id, steps in sorted(self._steps.items()))

    def _join(self) -> None:
        """Make the steps twice as long."""
        self.step_s *= 2
        for track_id, steps in self._steps.items():
            joined: dict[int, NDArray[np.float64]] = {}
            for step, sums in steps.items():
                if step // 2 in joined:
                    joined[step // 2] += sums
                else:
                    joined[step // 2] = sums
            self._steps[track_id] = joined
        self._count = sum(map(len, self._steps.values()))

    def _curve(self, track_id: int, steps: dict[int, NDArray[np.float64]]) -> Curve:
        order = sorted(steps)
        table = np.stack([steps[step] for step in order])
        frames, size = table[:, :1], len(self.labels)
        votes = table[:, 1 + 2 * size : 2 + 3 * size]
        label = np.argmax(votes, axis=1)
        return Curve(
            track_id=track_id,
            time_s=np.array(order) * self.step_s,
            raw=table[:, 1 : 1 + size] / frames,
            smooth=table[:, 1 + size : 1 + 2 * size] / frames,
            label=np.where(label == size, -1, label),
            certainty=table[:, -1] / frames[:, 0],
            usual_s=float(np.median(np.diff(order))) * self.step_s if len(order) > 1 else self.step_s,
        )
