"""Smoothing: in time, not in frames; sums stay 1; labels hold."""

from itertools import pairwise
from typing import Literal, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mien.results import SMOOTHINGS, StreamOptions
from mien.smoothing import Clock, ExponentialSmoother, ForwardFilter, LabelHold, MovingAverage, Smoother, Steady
from mien.taxonomy import FERPLUS
from mien.transitions import over, rates_between

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


# ---------------------------------------------------------------- worked out by hand


def answers(steady: Smoother, steps: list[tuple[float, float]]) -> list[float]:
    """The first of two labels after each (time, reading)."""
    return [float(steady.update(time_s=t, probabilities=np.array([p, 1 - p]))[0]) for t, p in steps]


def test_a_clock_tells_the_time_gone_and_refuses_what_is_before_or_no_time() -> None:
    clock = Clock()
    assert [clock.tick(time_s) for time_s in (0.5, 0.75, 0.75, 2.0)] == [0.0, 0.25, 0.0, 1.25]
    with pytest.raises(ValueError, match=r"time_s must not run backwards, got 1\.5 after 2\.0"):
        clock.tick(1.5)
    assert clock.tick(2.25) == 0.25
    for one in (clock, Clock()):
        with pytest.raises(ValueError, match="got nan after"):
            one.tick(float("nan"))


def test_the_average_is_of_what_is_younger_than_its_window() -> None:
    steps = [(0.0, 1.0), (0.5, 0.5), (1.0, 0.25), (1.25, 0.0), (9.0, 0.125)]
    assert answers(MovingAverage(window_s=1.0), steps) == [1.0, 0.75, 0.375, 0.25, 0.125]
    assert answers(MovingAverage(window_s=0.0), steps) == [reading for _, reading in steps]


def test_an_observation_counts_half_after_each_half_life() -> None:
    steps = [(0.0, 1.0), (0.5, 0.0), (1.5, 0.0), (1.5, 1.0)]
    assert answers(ExponentialSmoother(half_life_s=0.5), steps) == [1.0, 0.5, 0.125, 0.125]
    assert answers(ExponentialSmoother(half_life_s=0.0), steps) == [reading for _, reading in steps]


@pytest.mark.parametrize(("evidence_s", "weight"), [(0.5, 0.2), (0.1, 1.0), (0.05, 1.0), (0.0, 1.0)])
def test_the_filter_is_bayes_rule_with_readings_that_count_by_time(evidence_s: float, weight: float) -> None:
    rates = rates_between(("neutral", "happy", "sad"))
    steady = ForwardFilter(evidence_s=evidence_s, rates=rates)
    first = steady.update(time_s=3.0, probabilities=np.array([0.7, 0.3, 0.0]))
    assert first == pytest.approx(np.array([0.7, 0.3, 0.01]) / 1.01, abs=1e-12)
    then = first @ over(rates, 0.1) * np.array([0.2, 0.01, 0.8]) ** weight
    second = steady.update(time_s=3.1, probabilities=np.array([0.2, 0.0, 0.8]))
    assert second == pytest.approx(then / then.sum(), abs=1e-9)
    again = second @ over(rates, 0.1) * np.array([0.1, 0.1, 0.8]) ** weight
    third = steady.update(time_s=3.2, probabilities=np.array([0.1, 0.1, 0.8]))
    assert third == pytest.approx(again / again.sum(), abs=1e-9)


def test_a_label_that_is_just_so_far_ahead_takes_over() -> None:
    hold = LabelHold(margin=0.25)
    steps = ([0.5, 0.25, 0.25], [0.25, 0.49, 0.26], [0.25, 0.5, 0.25], [0.45, 0.35, 0.2])
    assert [int(hold.update(np.array(one)).argmax()) for one in steps] == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([0.2, 0.5, 0.3], [0.35, 0.35, 0.3]),
        ([0.1, 0.5, 0.4], [1 / 3, 1 / 3, 1 / 3]),
        ([0.6, 0.3, 0.1], [0.6, 0.3, 0.1]),
    ],
)
def test_what_is_ahead_of_the_held_label_shares_the_lead_with_it(given: list[float], expected: list[float]) -> None:
    """The nearest point, by Karush, Kuhn and Tucker: whatever is above is pulled down to one level, the rest stays."""
    hold = LabelHold(margin=1.0)
    hold.update(np.array([1.0, 0.0, 0.0]))
    before = np.array(given)
    steady = hold.update(before)
    assert steady == pytest.approx(expected, abs=2e-9)
    assert steady.sum() == pytest.approx(1, abs=1e-12)
    assert before.tolist() == given
    if given != expected:
        assert steady[0] - steady[1] == pytest.approx(1e-9, rel=1e-3)


def test_the_options_choose_the_smoother_its_strength_and_the_margin() -> None:
    steps = [(0.0, 0.9), (0.1, 0.2), (0.3, 0.45), (0.7, 0.1)]
    rates = rates_between(("neutral", "happy"))
    alone: dict[Kind, Smoother] = {
        "average": MovingAverage(window_s=0.35),
        "exponential": ExponentialSmoother(half_life_s=0.35),
        "filter": ForwardFilter(evidence_s=0.35, rates=rates),
    }
    for kind, bare in alone.items():
        hold = LabelHold(margin=0.2)
        steady = Steady(StreamOptions(smoothing=kind, smoothing_s=0.35, hold=0.2), ("neutral", "happy"))
        for time_s, share in steps:
            reading = np.array([share, 1 - share])
            expected = hold.update(bare.update(time_s=time_s, probabilities=reading))
            np.testing.assert_array_equal(steady.update(time_s=time_s, probabilities=reading), expected)
    assert answers(Steady(StreamOptions(smoothing="none", hold=0.9), ("neutral", "happy")), steps) == [
        share for _, share in steps
    ]
