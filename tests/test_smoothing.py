"""Smoothing: in time, not in frames; sums stay 1; labels hold."""

from itertools import pairwise
from typing import Literal, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mien.results import SMOOTHINGS, StreamOptions
from mien.smoothing import ExponentialSmoother, ForwardFilter, LabelHold, MovingAverage, Smoother, Steady
from mien.taxonomy import FERPLUS
from mien.transitions import rates_between

Kind = Literal["average", "exponential", "filter"]
KINDS: tuple[Kind, ...] = get_args(Kind)


def smoother(kind: Kind) -> Smoother:
    if kind == "average":
        return MovingAverage(window_s=0.5)
    if kind == "exponential":
        return ExponentialSmoother(half_life_s=0.25)
    return ForwardFilter(evidence_s=0.5, rates=rates_between(("neutral", "happy")))


def step_response(kind: Kind, fps: float) -> float:
    """What a step shows after 0.3 seconds."""
    steady, value = smoother(kind), 0.0
    for i in range(-round(fps), round(0.3 * fps) + 1):
        value = float(steady.update(time_s=i / fps, probabilities=np.array([i > 0, i <= 0], float) * 0.6 + 0.2)[0])
    return value


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_curve_at_any_frame_rate(kind: Kind) -> None:
    assert step_response(kind, 20) == pytest.approx(step_response(kind, 100), abs=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_time_must_not_run_backwards(kind: Kind) -> None:
    steady = smoother(kind)
    steady.update(time_s=1.0, probabilities=np.array([1.0, 0.0]))
    with pytest.raises(ValueError, match="backwards"):
        steady.update(time_s=0.9, probabilities=np.array([1.0, 0.0]))


probabilities = st.lists(st.floats(0.001, 1), min_size=8, max_size=8).map(lambda v: np.array(v) / sum(v))
track = st.lists(st.tuples(st.floats(0, 0.5), probabilities), min_size=1, max_size=12)


@given(st.sampled_from(SMOOTHINGS), track)
def test_what_comes_out_are_probabilities(kind: str, steps: list[tuple[float, NDArray[np.float64]]]) -> None:
    steady, time_s = Steady(StreamOptions(smoothing=kind), FERPLUS.labels), 0.0  # type: ignore[arg-type]  # drawn from the literals
    for seconds, values in steps:
        time_s += seconds
        smooth = steady.update(time_s=time_s, probabilities=values)
        assert smooth.min() >= 0
        assert smooth.sum() == pytest.approx(1, abs=1e-9)


@given(track)
def test_the_held_label_changes_only_with_a_margin(steps: list[tuple[float, NDArray[np.float64]]]) -> None:
    hold = LabelHold(margin=0.2)
    label = int(steps[0][1].argmax())
    for _, values in steps:
        if values.max() - values[label] >= 0.2:
            label = int(values.argmax())
        assert int(hold.update(values).argmax()) == label


def test_a_filter_needs_more_than_one_odd_reading_to_change_its_mind() -> None:
    steady = ForwardFilter(evidence_s=0.1, rates=rates_between(("neutral", "happy")))
    calm, odd = np.array([0.8, 0.2]), np.array([0.2, 0.8])
    labels = [
        int(steady.update(time_s=i / 25, probabilities=odd if i == 20 or i >= 40 else calm).argmax()) for i in range(60)
    ]
    assert labels[:41] == [0] * 41
    assert labels[-1] == 1
    assert sum(one != other for one, other in pairwise(labels)) == 1


def test_a_filter_counts_time_and_not_frames() -> None:
    """Ten readings in a hundredth of a second say hardly more than one."""
    values = []
    for count in (1, 10):
        steady = ForwardFilter(evidence_s=0.1, rates=rates_between(("neutral", "happy")))
        steady.update(time_s=0.0, probabilities=np.array([0.9, 0.1]))
        for i in range(1, count + 1):
            last = steady.update(time_s=0.01 * i / count, probabilities=np.array([0.2, 0.8]))
        values.append(float(last[0]))
    assert values[0] == pytest.approx(values[1], abs=0.01)
