"""Thresholds with a promise, held to it where the truth is known."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from mien.doubt import plausible, softmax
from mien.evaluation.conformal import (
    coverage_range,
    fit_plausible_threshold,
    fit_unsure_threshold,
    selection_scores,
    set_scores,
)


def answers(n: int, *, seed: int, sharpness: float = 1.5) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Probabilities and labels drawn from others than these: a model that is not calibrated; right in about 0.6."""
    random = np.random.default_rng(seed)
    logits = sharpness * random.normal(size=(n, 6))
    labels = (random.random((n, 1)) > softmax(logits).cumsum(axis=1)).sum(axis=1)
    return softmax(logits, temperature=2.0), np.minimum(labels, 5).astype(np.int64)


@pytest.mark.parametrize(("rows", "coverage"), [(12, 0.9), (99, 0.8), (500, 0.9)])
def test_new_rows_are_covered_as_promised_over_many_calibrations(rows: int, coverage: float) -> None:
    """Without the n + 1 of the finite sample, 12 rows would cover 11 / 13 = 0.85, not 0.9."""
    covered = []
    for repetition in range(600):
        probabilities, labels = answers(rows + 200, seed=repetition)
        threshold = fit_plausible_threshold(probabilities[:rows], labels[:rows], coverage=coverage)
        covered.append(set_scores(plausible(probabilities[rows:], threshold), labels[rows:]).coverage)
    error = np.std(covered) / math.sqrt(len(covered))
    assert coverage - 3 * error <= np.mean(covered) <= coverage + 1 / (rows + 1) + 3 * error


def test_held_out_coverage_falls_into_its_range_95_times_in_100() -> None:
    low, high = coverage_range(300, 400)
    inside = 0
    for repetition in range(400):
        probabilities, labels = answers(700, seed=repetition)
        threshold = fit_plausible_threshold(probabilities[:300], labels[:300])
        inside += low <= set_scores(plausible(probabilities[300:], threshold), labels[300:]).coverage <= high
    assert stats.binom.cdf(inside, 400, 0.95) > 0.001
    assert inside < 400


@pytest.mark.parametrize(("calibrated_on", "scored_on", "coverage"), [(40, 30, 0.9), (2000, 3199, 0.9), (50, 9, 0.5)])
def test_the_range_is_that_of_the_beta_binomial(calibrated_on: int, scored_on: int, coverage: float) -> None:
    rank = math.ceil((calibrated_on + 1) * coverage)
    exact = stats.betabinom(scored_on, rank, calibrated_on + 1 - rank)
    assert coverage_range(calibrated_on, scored_on, coverage=coverage) == pytest.approx(
        (exact.ppf(0.025) / scored_on, exact.ppf(0.975) / scored_on)
    )


@pytest.mark.parametrize(("calibrated_on", "scored_on"), [(8, 100), (100, 0)])
def test_a_range_needs_enough_rows(calibrated_on: int, scored_on: int) -> None:
    with pytest.raises(ValueError, match="rows to score on"):
        coverage_range(calibrated_on, scored_on)


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_sets_hold_the_top_label_and_shrink_as_the_threshold_rises(seed: int, threshold: float) -> None:
    probabilities, _ = answers(50, seed=seed)
    sets, larger = plausible(probabilities, threshold), plausible(probabilities, threshold / 2)
    assert sets[np.arange(50), probabilities.argmax(axis=1)].all()
    assert not (sets & ~larger).any()
    assert plausible(probabilities, 0.0).all()


def test_more_coverage_takes_larger_sets() -> None:
    probabilities, labels = answers(1000, seed=1)
    thresholds = [fit_plausible_threshold(probabilities, labels, coverage=share) for share in (0.7, 0.8, 0.9, 0.95)]
    assert thresholds == sorted(thresholds, reverse=True)
    scores = [set_scores(plausible(probabilities, threshold), labels) for threshold in thresholds]
    assert all(one.mean_size < two.mean_size for one, two in itertools.pairwise(scores))
    assert all(score.coverage >= share for score, share in zip(scores, (0.7, 0.8, 0.9, 0.95), strict=True))


def test_a_model_that_is_right_more_often_than_promised_names_one_label() -> None:
    probabilities = np.tile([0.5, 0.3, 0.2], (100, 1))
    labels = np.zeros(100, np.int64)
    labels[:5] = 1
    threshold = fit_plausible_threshold(probabilities, labels)
    score = set_scores(plausible(probabilities, threshold), labels)
    assert (score.mean_size, score.single, score.coverage) == (1.0, 1.0, 0.95)


@pytest.mark.parametrize(("rows", "threshold"), [(8, 0.0), (9, 0.2)])
def test_too_few_rows_make_every_label_plausible(rows: int, threshold: float) -> None:
    """Nine rows are the fewest that can promise 0.9: the tenth is then the worst of ten in one of ten cases."""
    probabilities = np.tile([0.5, 0.3, 0.2], (rows, 1))
    assert fit_plausible_threshold(probabilities, np.full(rows, 2)) == threshold


def test_set_scores_by_hand() -> None:
    sets = np.array([[True, False, False], [True, True, False], [False, True, True], [True, True, True]])
    score = set_scores(sets, np.array([0, 2, 1, 2]))
    assert (score.n, score.coverage, score.mean_size, score.single) == (4, 0.75, 2.0, 0.25)
    assert score.coverage_interval[0] < 0.75 < score.coverage_interval[1]
    assert score.to_dict()["coverage_interval"] == list(score.coverage_interval)


def accuracy_from(threshold: float) -> float:
    """Of answers that are right with probability 1 - (1 - confidence)^2 / 2, confidence uniform: the true one."""
    return 1 - (1 - threshold) ** 2 / 6


def simulated(n: int, *, seed: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    random = np.random.default_rng(seed)
    confidence = random.random(n)
    return confidence, random.random(n) < 1 - (1 - confidence) ** 2 / 2


@pytest.mark.parametrize("accuracy", [0.9, 0.95])
def test_the_promise_of_accuracy_is_broken_as_rarely_as_said(accuracy: float) -> None:
    found = [fit_unsure_threshold(*simulated(800, seed=seed), accuracy=accuracy, risk=0.1) for seed in range(500)]
    thresholds = [threshold for threshold in found if threshold is not None]
    broken = sum(accuracy_from(threshold) < accuracy for threshold in thresholds)
    assert stats.binom.sf(broken - 1, 500, 0.1) > 0.001
    assert len(thresholds) > 490
    exact = 1 - math.sqrt(6 * (1 - accuracy))
    assert 0 < np.median(thresholds) - exact < 0.15  # careful, and not useless


def test_more_rows_and_lower_demands_leave_fewer_faces_unsure() -> None:
    confidence, right = simulated(20_000, seed=3)
    demands = [fit_unsure_threshold(confidence, right, accuracy=accuracy) for accuracy in (0.85, 0.9, 0.95, 0.98)]
    assert demands == sorted(threshold for threshold in demands if threshold is not None)
    few = fit_unsure_threshold(confidence[:500], right[:500], accuracy=0.95)
    assert few is not None
    assert demands[2] is not None
    assert few > demands[2]
    kept = selection_scores(confidence, right, threshold=demands[2])
    assert kept.accuracy is not None
    assert kept.accuracy > 0.95
    assert kept.answered == pytest.approx(1 - demands[2], abs=0.02)


def test_a_model_that_is_always_right_is_always_sure_and_one_that_never_is_never() -> None:
    confidence = np.linspace(0, 1, 300)
    assert fit_unsure_threshold(confidence, np.ones(300, bool), accuracy=0.9) == 0.0
    assert fit_unsure_threshold(confidence, np.zeros(300, bool), accuracy=0.9) is None


@pytest.mark.parametrize("n", [0, 1, 20])
def test_a_few_right_answers_promise_nothing(n: int) -> None:
    assert fit_unsure_threshold(np.full(n, 0.99), np.ones(n, bool), accuracy=0.95) is None


def test_nobody_above_the_threshold_is_no_accuracy() -> None:
    score = selection_scores(np.array([0.1, 0.2]), np.array([True, False]), threshold=0.9)
    assert (score.answered, score.accuracy, score.accuracy_interval) == (0.0, None, (0.0, 1.0))
    assert score.to_dict()["accuracy_interval"] == [0.0, 1.0]


def test_what_does_not_fit_is_refused() -> None:
    none, one = np.zeros((0, 3)), np.full((1, 3), 1 / 3)
    with pytest.raises(ValueError, match="at least one"):
        fit_plausible_threshold(none, np.zeros(0, np.int64))
    with pytest.raises(ValueError, match="coverage must lie"):
        fit_plausible_threshold(one, np.zeros(1, np.int64), coverage=1.0)
    with pytest.raises(ValueError, match="at least one"):
        set_scores(plausible(one, 0.5), np.zeros(2, np.int64))
    with pytest.raises(ValueError, match="each answer"):
        fit_unsure_threshold(np.zeros(2), np.ones(3, bool), accuracy=0.9)
    with pytest.raises(ValueError, match="accuracy and risk"):
        fit_unsure_threshold(np.zeros(2), np.ones(2, bool), accuracy=1.0)
    with pytest.raises(ValueError, match=r"confidence must lie in 0\.\.1"):
        fit_unsure_threshold(np.array([0.5, 93.0]), np.ones(2, bool), accuracy=0.9)
    with pytest.raises(ValueError, match="each answer"):
        selection_scores(np.zeros(0), np.zeros(0, bool), threshold=0.5)
