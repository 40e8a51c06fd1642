"""Rates: they hold at any frame rate, and fitting finds the ones that made the data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm

from mien.taxonomy import FER2013, FERPLUS
from mien.transitions import RATES, fit_rates, over, rates_between


def test_the_shipped_rates_are_rates_and_sticky() -> None:
    assert RATES.shape == (8, 8)
    assert RATES.sum(axis=1) == pytest.approx(np.zeros(8), abs=1e-12)
    assert (RATES[~np.eye(8, dtype=bool)] > 0).all()
    assert (over(RATES, 1.0).diagonal() > 0.75).all()


@given(st.floats(0, 30), st.floats(0, 30))
def test_a_span_is_its_parts_one_after_the_other(one_s: float, other_s: float) -> None:
    parts = over(RATES, one_s) @ over(RATES, other_s)
    assert over(RATES, one_s + other_s) == pytest.approx(parts, abs=0.005)


@pytest.mark.parametrize("seconds", [0.0, 0.04, 1.0, 20.0])
def test_it_is_the_matrix_exponential(seconds: float) -> None:
    assert over(RATES, seconds) == pytest.approx(expm(RATES * seconds), abs=0.003)


def test_labels_in_another_order_keep_their_rates() -> None:
    rates = rates_between(FER2013.labels)
    for row, label in enumerate(FER2013.labels):
        for column, other in enumerate(FER2013.labels):
            if row != column:
                expected = RATES[FERPLUS.labels.index(label), FERPLUS.labels.index(other)]
                assert rates[row, column] == expected


def test_fitting_finds_what_made_the_data() -> None:
    rng = np.random.default_rng(3)
    rates = np.array([[-0.5, 0.5, 0.0], [0.1, -0.2, 0.1], [0.0, 1.0, -1.0]])
    step = over(rates, 0.1)
    tracks = []
    for _ in range(4):
        state, track = 0, []
        for i in range(3000):
            state = int(rng.choice(3, p=step[state] / step[state].sum()))
            values = np.full(3, 0.05)
            values[state if rng.random() < 0.9 else rng.integers(3)] = 0.9
            track.append((i * 0.1, values.tolist()))
        tracks.append(track)
    fitted = fit_rates(tracks, evidence_s=0.1, prior_s=1.0, rounds=15)
    assert fitted.sum(axis=1) == pytest.approx(np.zeros(3), abs=1e-9)
    assert fitted == pytest.approx(rates, abs=0.2)
    assert fitted[0, 1] > 3 * fitted[1, 0]


def test_too_little_to_fit_is_said() -> None:
    with pytest.raises(ValueError, match="track of at least"):
        fit_rates([[(0.0, [0.5, 0.5])]])
