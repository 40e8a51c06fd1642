"""Steady emotion probabilities along one face track.

An expression changes slowly against a camera's frame rate, so the classifier's per-frame noise can be averaged away.
Everything here counts in time, not in frames: the same face filmed at 15 and at 60 frames a second smooths to the same
curve. A smoother belongs to one track; whoever follows several keeps one for each.
"""

from collections import deque
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mien.results import StreamOptions
from mien.transitions import over, rates_between

__all__ = ["Clock", "ExponentialSmoother", "ForwardFilter", "LabelHold", "MovingAverage", "Smoother", "Steady"]

Floats = NDArray[np.float64]

_LEAST_PROBABILITY = 0.01
"""No single reading rules a label out."""

_LEAD = 1e-9
"""By how much a held label is ahead of an equal one: nothing, but on top."""


class Smoother(Protocol):
    """Makes the probabilities of one track steady."""

    def update(self, *, time_s: float, probabilities: Floats) -> Floats:
        """Take in one observation, `(n_labels,)` summing to 1; the same shape and sum comes back.

        Raises:
            ValueError: time runs backwards.
        """
        ...


class Clock:
    """The time since the observation before, which must not be negative."""

    def __init__(self) -> None:
        self._time_s: float | None = None

    def tick(self, time_s: float) -> float:
        """Seconds since the last call; 0 at the first."""
        before_s = time_s if self._time_s is None else self._time_s
        if not time_s >= before_s:
            raise ValueError(f"time_s must not run backwards, got {time_s} after {before_s}")
        self._time_s = time_s
        return time_s - before_s


class MovingAverage:
    """Mean of the observations of the last `window_s` seconds.

    Example:
        >>> smoother = MovingAverage(window_s=1.0)
        >>> [smoother.update(time_s=t, probabilities=np.array([p, 1 - p])).tolist() for t, p in [(0, 1.0), (0.9, 0.0)]]
        [[1.0, 0.0], [0.5, 0.5]]
    """

    def __init__(self, *, window_s: float) -> None:
        self.window_s = window_s
        self._clock = Clock()
        self._recent: deque[tuple[float, Floats]] = deque()

    def update(self, *, time_s: float, probabilities: Floats) -> Floats:
        self._clock.tick(time_s)
        self._recent.append((time_s, probabilities))
        while self._recent[0][0] <= time_s - self.window_s and len(self._recent) > 1:
            self._recent.popleft()
        return np.asarray(np.mean([values for _, values in self._recent], axis=0), np.float64)


class ExponentialSmoother:
    """Average that forgets: an observation counts half after `half_life_s` seconds.

    Example:
        >>> smoother = ExponentialSmoother(half_life_s=1.0)
        >>> [smoother.update(time_s=t, probabilities=np.array([p, 1 - p])).tolist() for t, p in [(0, 1.0), (1, 0.0)]]
        [[1.0, 0.0], [0.5, 0.5]]
    """

    def __init__(self, *, half_life_s: float) -> None:
        self.half_life_s = half_life_s
        self._clock = Clock()
        self._mean: Floats | None = None

    def update(self, *, time_s: float, probabilities: Floats) -> Floats:
        seconds = self._clock.tick(time_s)
        if self._mean is None:
            self._mean = probabilities
        else:
            keep = 0.5 ** (seconds / self.half_life_s) if self.half_life_s > 0 else 0.0
            self._mean = keep * self._mean + (1 - keep) * probabilities
        return self._mean


class ForwardFilter:
    """What a face shows, given all readings so far: a hidden Markov model's forward recursion, in real time.

    Between readings the belief spreads as expressions change (`mien.transitions`); a reading multiplies it by its
    probabilities. Neighbouring frames show nearly the same picture and err alike, so that they must not count as so
    many witnesses: readings count once in `evidence_s` seconds, however many there are.

    Example:
        >>> smoother = ForwardFilter(evidence_s=0.5, rates=rates_between(("neutral", "happy")))
        >>> first = smoother.update(time_s=0.0, probabilities=np.array([0.9, 0.1]))
        >>> smoother.update(time_s=0.04, probabilities=np.array([0.4, 0.6])).argmax().item()
        0
    """

    def __init__(self, *, evidence_s: float, rates: Floats) -> None:
        self.evidence_s = evidence_s
        self.rates = rates
        self._clock = Clock()
        self._belief: Floats | None = None

    def update(self, *, time_s: float, probabilities: Floats) -> Floats:
        seconds = self._clock.tick(time_s)
        evidence = np.maximum(probabilities, _LEAST_PROBABILITY)
        if self._belief is None:
            belief = evidence
        else:
            weight = min(seconds / self.evidence_s, 1.0) if self.evidence_s > 0 else 1.0
            belief = (self._belief @ over(self.rates, seconds)) * evidence**weight
        self._belief = belief / belief.sum()
        return self._belief


class LabelHold:
    """Hysteresis: the label stays on top until another is ahead of it by `margin`.

    Example:
        >>> hold = LabelHold(margin=0.1)
        >>> [hold.update(np.array(p)).argmax().item() for p in ([0.6, 0.4], [0.48, 0.52], [0.4, 0.6])]
        [0, 0, 1]
    """

    def __init__(self, *, margin: float) -> None:
        self.margin = margin
        self._label: int | None = None

    def update(self, probabilities: Floats) -> Floats:
        """The nearest probabilities with the held label on top: what is ahead of it shares the lead with it."""
        best = int(probabilities.argmax())
        if self._label is None or probabilities[best] - probabilities[self._label] >= self.margin:
            self._label = best
        return _with_top(probabilities, self._label)


class Steady:
    """One track's smoother and label, as the options ask.

    Args:
        options: Which, and how strong.
        labels: Of the probabilities.
    """

    def __init__(self, options: StreamOptions, labels: tuple[str, ...]) -> None:
        self._smoother = _smoother(options, labels)
        self._hold = LabelHold(margin=options.hold)

    def update(self, *, time_s: float, probabilities: Floats) -> Floats:
        """Take in one observation, `(n_labels,)` summing to 1; the same shape and sum comes back."""
        if self._smoother is None:
            return probabilities
        return self._hold.update(self._smoother.update(time_s=time_s, probabilities=probabilities))


def _smoother(options: StreamOptions, labels: tuple[str, ...]) -> Smoother | None:
    """The smoother that the options name."""
    if options.smoothing == "average":
        return MovingAverage(window_s=options.smoothing_s)
    if options.smoothing == "exponential":
        return ExponentialSmoother(half_life_s=options.smoothing_s)
    if options.smoothing == "filter":
        return ForwardFilter(evidence_s=options.smoothing_s, rates=rates_between(labels))
    return None


def _with_top(probabilities: Floats, label: int) -> Floats:
    """The nearest probabilities, by the sum of squares, of which `label` is the largest."""
    if probabilities.argmax() == label:
        return probabilities
    # Raise it, and lower whatever is above, to the mean of the two, then of the three, ...
    raised = probabilities.copy()
    level = float(raised[label])
    ahead: list[int] = []
    for other in np.argsort(-probabilities).tolist():
        if other == label or probabilities[other] <= level:
            break
        ahead.append(other)
        level = float(probabilities[[*ahead, label]].mean())
    raised[[*ahead, label]] = level
    leader = np.zeros_like(raised)
    leader[label] = 1
    return np.asarray((1 - _LEAD) * raised + _LEAD * leader, np.float64)
