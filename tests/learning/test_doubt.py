"""Fitting doubt: what is fitted holds on rows that it was not fitted on."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from mien.card import Head
from mien.doubt import decide, expected_votes
from mien.evaluation.conformal import coverage_range, set_scores
from mien.evaluation.perturbations import jitter
from mien.learning.doubt import ERRORS_LEFT, fit_heads, fit_log_odds
from mien.taxonomy import FER2013

HEADS = (Head("ferplus", "votes", ("unknown", "not_a_face"), 1.0), Head("fer2013", "labels", (), 1.0))
_FROM_FERPLUS = np.array([4, 5, 6, 1, 3, 2, 0])


_FREQUENCIES = np.array([0.15, 0.02, 0.13, 0.25, 0.15, 0.1, 0.2])
_LEVELS = np.arange(7) * 30 + 30


def rows(n: int, *, seed: int) -> dict[str, NDArray[np.generic]]:
    """Faces of 24 stripes; most have the grey level of their label, in some faces only few more than of any other."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(7, n, p=_FREQUENCIES)
    plain = rng.random((n, 24)) < rng.uniform(0, 0.7, (n, 1))
    stripes = _LEVELS[np.where(plain, labels[:, None], rng.integers(0, 7, (n, 24)))]
    votes = np.zeros((n, 10), np.uint8)
    votes[np.arange(n), _FROM_FERPLUS[labels]] = 8
    votes[:, 8] = 2
    pixels = np.broadcast_to(stripes.repeat(2, axis=1)[:, None, :], (n, 48, 48)).astype(np.uint8)
    return {"pixels": pixels, "labels": labels.astype(np.int64), "votes": votes}


def read(pixels: NDArray[np.uint8]) -> Mapping[str, NDArray[np.floating]]:
    """Counts the grey levels; much too sure of what it has counted."""
    near = np.abs(pixels[..., None].astype(np.int64) - _LEVELS) < 15
    logits = np.log(_FREQUENCIES) + 60 * near.mean(axis=(1, 2))
    votes = np.full((len(pixels), 10), -3.0)
    votes[:, _FROM_FERPLUS] = logits
    return {"labels": logits, "votes": votes}


@pytest.fixture(scope="module")
def fitted() -> tuple[Head, ...]:
    return fit_heads(HEADS, rows(1500, seed=0), read=read)


def test_heads_keep_their_order_and_what_is_not_of_doubt(fitted: tuple[Head, ...]) -> None:
    for before, after in zip(HEADS, fitted, strict=True):
        assert (after.taxonomy, after.output, after.extra) == (before.taxonomy, before.output, before.extra)
        assert after.trust is not None
        assert after.trust.rows == 1500
        assert sum(after.frequencies or ()) == pytest.approx(1)
    assert fitted[1].vote_temperature == 1.0
    assert fitted[1].not_a_face_from is None
    assert fitted[0].not_a_face_from is not None


def test_certainty_and_sets_hold_on_other_rows(fitted: tuple[Head, ...]) -> None:
    other = rows(3000, seed=1)
    labels = np.asarray(other["labels"], np.int64)
    pixels = jitter(np.asarray(other["pixels"], np.uint8), 0.1, seed=9)
    head = fitted[1]
    decision = decide(head, read(pixels)["labels"], np.zeros((3000, 3)))
    assert head.trust is not None
    assert decision.certainty is not None
    assert decision.plausible is not None
    assert decision.unsure is not None
    right = decision.top == labels
    assert decision.certainty.mean() == pytest.approx(right.mean(), abs=0.04)
    low, _ = coverage_range(1500, 3000)
    assert set_scores(decision.plausible, labels).coverage >= low
    assert head.trust.sure_accuracy == pytest.approx(1 - ERRORS_LEFT * (1 - right.mean()), abs=0.03)
    assert right[~decision.unsure].mean() >= head.trust.sure_accuracy - 0.02


def test_the_temperature_for_votes_is_the_one_that_fits_them() -> None:
    kept = rows(400, seed=2)
    (head,) = fit_heads(HEADS[:1], kept, read=read)
    shares = np.asarray(kept["votes"], np.float64) / 10
    logits = read(np.asarray(kept["pixels"], np.uint8))["votes"]

    def loss(temperature: float) -> float:
        return float(-(shares * np.log(expected_votes(replace(head, vote_temperature=temperature), logits))).sum())

    assert head.vote_temperature > 1  # it is too sure
    assert loss(head.vote_temperature) < loss(1.0)


def test_a_few_rows_promise_by_saying_little() -> None:
    (head,) = fit_heads(HEADS[1:], rows(5, seed=3), read=read)
    assert head.trust is not None
    assert (head.trust.plausible_from, head.trust.sure_from) == (0.0, None)


def test_a_run_without_votes_and_one_without_a_majority_can_be_exported() -> None:
    kept = rows(60, seed=4)
    (head,) = fit_heads(HEADS[1:], {name: kept[name] for name in ("pixels", "labels")}, read=read)
    assert head.trust is not None
    (head,) = fit_heads(HEADS[:1], {**kept, "votes": np.full((60, 10), 1, np.uint8)}, read=read)
    assert head.trust is None


def test_log_odds_are_those_of_logistic_regression() -> None:
    rng = np.random.default_rng(0)
    terms = rng.normal(0, 1, (500, 2))
    right = rng.random(500) < 1 / (1 + np.exp(-(0.5 + terms @ (2.0, 0.7))))
    bias, weights = fit_log_odds(terms, right)
    theirs = LogisticRegression(C=1.0, tol=1e-8).fit(terms, right)  # its ridge spares the bias
    assert np.allclose([bias, *weights], [theirs.intercept_[0], *theirs.coef_[0]], atol=0.01)
    _, (first, second) = fit_log_odds(terms * (1, -1), right)
    assert (first > 0, second) == (True, 0.0)
    bias, (weight,) = fit_log_odds(terms[:, :1], right, given=2.0 * terms[:, 0])
    assert (bias, abs(weight) < 0.3) == (0.0, True)


def test_where_every_answer_is_right_the_weights_stay_finite() -> None:
    bias, weights = fit_log_odds(np.random.default_rng(0).random((50, 2)), np.ones(50, bool))
    assert np.isfinite([bias, *weights]).all()


def test_frequencies_are_near_the_labels(fitted: tuple[Head, ...]) -> None:
    labels = np.asarray(rows(1500, seed=0)["labels"], np.int64)
    shares = np.bincount(labels, minlength=len(FER2013)) / len(labels)
    assert np.abs(np.subtract(fitted[1].frequencies or (), shares)).max() < 0.05
