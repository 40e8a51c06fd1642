"""From logits to decisions: certainty knows its place, sets hold their labels, balance favours the rare."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import special

from mien.card import Head, Trust
from mien.doubt import certainty, decide, expected_votes, plausible, softmax
from mien.taxonomy import FER2013

TRUST = Trust(
    bias=0.2,
    weights=(1.2, 0.9),
    lack_weights=(1.0, 0.5, 0.25),
    plausible_from=0.25,
    plausible_coverage=0.9,
    sure_from=0.6,
    sure_accuracy=0.9,
    rows=1000,
)
HEAD = Head("fer2013", "labels", (), 0.8, frequencies=(0.2, 0.02, 0.1, 0.28, 0.1, 0.1, 0.2), trust=TRUST)
SHARES = st.floats(0, 1)
LACKS = st.floats(0, 5)


def some_logits(n: int = 200) -> NDArray[np.float64]:
    return np.random.default_rng(0).normal(0, 2, (n, 7))


def no_lack(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.zeros((len(logits), 3))


def test_softmax_equals_scipys_and_survives_large_and_infinite_logits() -> None:
    logits = np.array([[1.0, 2.0, 3.0], [1000.0, -1000.0, 0.0], [-np.inf, 0.0, 1.0]])
    np.testing.assert_allclose(softmax(logits, temperature=2.0), special.softmax(logits / 2, axis=1))
    with pytest.raises(ValueError, match="temperature must be positive"):
        softmax(logits, temperature=0)


@given(SHARES, SHARES, LACKS, LACKS, st.integers(0, 2))
def test_certainty_rises_with_the_probability_and_falls_with_every_lack(
    one: float, other: float, less: float, more: float, which: int
) -> None:
    low, high = sorted((one, other))
    lack = np.zeros((2, 3))
    answers = certainty(TRUST, np.array([low, high]), lack)
    assert 0 <= answers[0] <= answers[1] <= 1
    lack[:, which] = sorted((less, more))
    seen, hidden = certainty(TRUST, np.array([high, high]), lack)
    assert hidden <= seen


def test_a_card_that_promises_nothing_gets_no_promise() -> None:
    logits = some_logits()
    decision = decide(replace(HEAD, trust=None), logits, no_lack(logits))
    assert (decision.certainty, decision.plausible, decision.unsure) == (None, None, None)
    assert np.allclose(decision.values, special.softmax(logits / 0.8, axis=1))
    assert (decision.top == logits.argmax(axis=1)).all()


def test_answers_below_the_threshold_are_unsure() -> None:
    logits = some_logits()
    decision = decide(HEAD, logits, no_lack(logits))
    assert decision.certainty is not None
    assert decision.unsure is not None
    assert 0 < decision.unsure.mean() < 1
    assert decision.certainty[decision.unsure].max() < 0.6 <= decision.certainty[~decision.unsure].min()
    nothing_promised = decide(replace(HEAD, trust=replace(TRUST, sure_from=None)), logits, no_lack(logits))
    assert nothing_promised.unsure is not None
    assert not nothing_promised.unsure.any()


def test_plausible_labels_are_those_above_the_threshold_and_the_top() -> None:
    logits = some_logits()
    decision = decide(HEAD, logits, no_lack(logits))
    assert decision.plausible is not None
    expected = plausible(decision.values, 0.25)
    assert (decision.plausible == expected).all()
    assert decision.plausible[np.arange(len(logits)), decision.top].all()


@given(st.floats(0, 1))
def test_balance_divides_by_the_frequencies(balance: float) -> None:
    logits = some_logits()
    decision = decide(HEAD, logits, no_lack(logits), balance=balance)
    adjusted = logits / 0.8 - balance * np.log(np.array(HEAD.frequencies))
    assert np.allclose(decision.values, special.softmax(adjusted, axis=1))
    assert decision.plausible is not None
    assert decision.plausible[np.arange(len(logits)), decision.top].all()


def test_balance_finds_more_of_the_rare_and_certainty_says_what_it_costs() -> None:
    logits = some_logits()
    plain, balanced = (decide(HEAD, logits, no_lack(logits), balance=balance) for balance in (0.0, 1.0))
    rare = FER2013.index("disgust")
    assert (balanced.top == rare).sum() > (plain.top == rare).sum() > 0
    assert plain.certainty is not None
    assert balanced.certainty is not None
    changed = plain.top != balanced.top
    assert changed.any()
    assert (balanced.certainty[changed] < plain.certainty[changed]).all()
    assert (balanced.certainty[~changed] == plain.certainty[~changed]).all()


def test_a_balance_out_of_range_or_without_frequencies_is_refused() -> None:
    logits = some_logits(2)
    with pytest.raises(ValueError, match=r"balance must lie in 0\.\.1, got 1\.5"):
        decide(HEAD, logits, no_lack(logits), balance=1.5)
    with pytest.raises(ValueError, match="does not say how frequent fer2013's labels are"):
        decide(replace(HEAD, frequencies=None), logits, no_lack(logits), balance=0.5)


def test_votes_have_a_temperature_of_their_own() -> None:
    head = Head("ferplus", "votes", ("unknown", "not_a_face"), 0.5, vote_temperature=2.0)
    logits = np.random.default_rng(1).normal(0, 2, (5, 10))
    assert np.allclose(expected_votes(head, logits), special.softmax(logits / 2, axis=1))
