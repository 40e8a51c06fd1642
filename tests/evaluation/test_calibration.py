"""Temperature, calibration error and reliability."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import optimize
from sklearn.metrics import log_loss

from mien.doubt import softmax
from mien.evaluation.calibration import TEMPERATURE_RANGE, ece, ece_by_chance, fit_temperature, reliability


def drawn_from_their_own_logits(
    n: int, *, temperature: float, seed: int = 3
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Logits and labels such that `logits / temperature` is exactly calibrated."""
    random = np.random.default_rng(seed)
    logits = 2 * random.normal(size=(n, 7))
    cumulative = softmax(logits, temperature=temperature).cumsum(axis=1)
    return logits, (random.random((n, 1)) > cumulative).sum(axis=1).astype(np.int64)


@given(st.integers(0, 2**32 - 1), st.floats(0.3, 3.0))
@settings(deadline=None, max_examples=20)
def test_the_fitted_temperature_has_the_least_loss(seed: int, temperature: float) -> None:
    logits, labels = drawn_from_their_own_logits(300, temperature=temperature, seed=seed)
    best = optimize.minimize_scalar(
        lambda log: log_loss(labels, softmax(logits, temperature=np.exp(log)), labels=range(7)),
        bounds=np.log(TEMPERATURE_RANGE),
        method="bounded",
        options={"xatol": 1e-7},
    )
    assert fit_temperature(logits, labels) == pytest.approx(np.exp(best.x), rel=1e-3)


def test_the_temperature_that_made_the_labels_is_found_again() -> None:
    logits, labels = drawn_from_their_own_logits(40_000, temperature=0.6)
    assert fit_temperature(logits, labels) == pytest.approx(0.6, rel=0.03)
    assert ece(softmax(logits, temperature=0.6), labels) < 0.01
    assert ece(softmax(logits), labels) > 0.05


def test_shares_of_votes_are_targets_too() -> None:
    logits, _ = drawn_from_their_own_logits(50, temperature=1.0)
    assert fit_temperature(logits, softmax(logits, temperature=1.7)) == pytest.approx(1.7, rel=1e-6)


def test_an_optimum_out_of_range_is_cut_to_its_end() -> None:
    logits, labels = np.array([[3.0, 0.0], [0.0, 3.0]]), np.array([0, 1])
    assert fit_temperature(logits, labels) == pytest.approx(TEMPERATURE_RANGE[0])
    assert fit_temperature(logits, 1 - labels) == pytest.approx(TEMPERATURE_RANGE[1])


def test_unusable_logits_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        fit_temperature(np.array([[np.inf, 0.0]]), np.array([0]))
    with pytest.raises(ValueError, match="targets"):
        fit_temperature(np.zeros((2, 3)), np.zeros(3, np.int64))


def test_reliability_and_ece_by_hand() -> None:
    probabilities = np.array([[0.6, 0.4], [0.6, 0.4], [0.9, 0.1], [0.9, 0.1]])
    labels = np.array([0, 1, 0, 0])
    bins = reliability(probabilities, labels, bins=2)
    assert bins.confidence == pytest.approx((0.6, 0.9))
    assert bins.accuracy == pytest.approx((0.5, 1.0))
    assert bins.count == (2, 2)
    assert bins.ece == pytest.approx((0.1 + 0.1) / 2)
    assert ece(probabilities, labels, bins=2) == bins.ece


def test_equal_mass_bins_hold_equally_many_rows_and_equal_width_bins_equal_ranges() -> None:
    logits, labels = drawn_from_their_own_logits(1000, temperature=1.0)
    probabilities = softmax(logits)
    assert set(reliability(probabilities, labels).count) == {66, 67}
    wide = reliability(probabilities, labels, bins=10, equal_mass=False)
    confidence = probabilities.max(axis=1)
    counts, _ = np.histogram(confidence, bins=10, range=(0, 1))
    assert wide.count == tuple(counts[counts > 0])
    gaps = [
        (rows.mean() - (probabilities.argmax(axis=1) == labels)[mask].mean()) * len(rows)
        for low in range(10)
        if len(rows := confidence[mask := (confidence > low / 10) & (confidence <= (low + 1) / 10)])
    ]
    assert wide.ece == pytest.approx(np.abs(gaps).sum() / 1000)


def test_fewer_rows_than_bins_are_fine_and_none_are_not() -> None:
    assert reliability(np.array([[0.8, 0.2]]), np.array([0])).count == (1,)
    with pytest.raises(ValueError, match="at least one bin"):
        reliability(np.array([[0.8, 0.2]]), np.array([0]), bins=0)
    with pytest.raises(ValueError, match="0 labels"):
        reliability(np.zeros((0, 2)), np.zeros(0, np.int64))


@given(st.lists(st.tuples(st.sampled_from([0.5, 0.75, 1.0]), st.integers(0, 1)), min_size=1, max_size=40), st.randoms())
def test_ece_does_not_depend_on_the_order_of_the_rows(
    rows: list[tuple[float, int]], random: "np.random.RandomState"
) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    values = [
        ece(np.array([[share, 1 - share] for share, _ in one]), np.array([label for _, label in one]))
        for one in (rows, shuffled)
    ]
    assert values[0] == pytest.approx(values[1])


def test_the_error_of_the_calibrated_falls_into_its_range_and_that_of_others_does_not() -> None:
    inside = {1.0: 0, 1.6: 0}
    for seed in range(100):
        logits, labels = drawn_from_their_own_logits(1500, temperature=1.0, seed=seed)
        for temperature in inside:
            probabilities = softmax(logits, temperature=temperature)
            low, high = ece_by_chance(probabilities.max(axis=1), draws=200)
            inside[temperature] += low <= ece(probabilities, labels) <= high
    assert 85 <= inside[1.0] < 100
    assert inside[1.6] == 0
