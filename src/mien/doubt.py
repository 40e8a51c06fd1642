"""From a head's logits to a decision, and how far to trust it; pure functions of arrays and a card.

What each number promises, and what it does not, stands in `docs/doubt.md`; `learning/doubt.py` fits what is used here.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.card import Head, Trust
from mien.taxonomy import FERPLUS, FERPLUS_VOTES, TAXONOMIES

__all__ = ["Decision", "answers_votes", "certainty", "decide", "expected_votes", "plausible", "softmax"]

_SURE = 1e-9  # probabilities are kept this far from 0 and 1, where their logarithms end


@dataclass(frozen=True, eq=False)
class Decision:
    """What a head decides about n faces.

    Args:
        values: `(n, labels)` probabilities, moved towards rare labels where that was asked for.
        top: `(n,)`, the label that is decided for.
        certainty: `(n,)`, probability that it is right, among faces as they come; None from a card that promises
            nothing, as the next two.
        plausible: `(n, labels)`, whether each label is plausible.
        unsure: `(n,)`, whether the certainty is too low for a sure answer.
    """

    values: NDArray[np.float64]
    top: NDArray[np.intp]
    certainty: NDArray[np.float64] | None
    plausible: NDArray[np.bool_] | None
    unsure: NDArray[np.bool_] | None


def decide(head: Head, logits: NDArray[np.floating], lack: NDArray[np.float64], *, balance: float = 0.0) -> Decision:
    """Decide how faces look.

    With a balance of 1 the decision is as if all labels were equally frequent: each probability is divided by the
    label's frequency to the power of the balance (logit adjustment, Menon et al. 2021, arXiv 2007.07314). Rare labels
    are found more often, and more answers are wrong. `values` then speak of such a world; certainty and plausible
    labels still speak of faces as they come.

    Args:
        head: Whose logits they are.
        logits: `(n, len(labels) + len(extra))`, before temperature.
        lack: `(n, 3)`, `Quality.lack` of the faces.
        balance: 0 decides for the most probable label.

    Raises:
        ValueError: a balance out of 0..1, or one for a head whose card knows no frequencies.
    """
    natural = softmax(logits[:, : len(TAXONOMIES[head.taxonomy])], temperature=head.temperature)
    values = natural if balance == 0 else _balanced(head, natural, balance)
    top = values.argmax(axis=1)
    if head.trust is None:
        return Decision(values, top, None, None, None)
    rows = np.arange(len(values))
    sure = certainty(head.trust, natural[rows, top], lack)
    sets = plausible(natural, head.trust.plausible_from)
    sets[rows, top] = True
    unsure = np.zeros(len(values), bool) if head.trust.sure_from is None else sure < head.trust.sure_from
    return Decision(values, top, sure, sets, unsure)


def _balanced(head: Head, natural: NDArray[np.float64], balance: float) -> NDArray[np.float64]:
    if not 0 <= balance <= 1:
        raise ValueError(f"balance must lie in 0..1, got {balance}")
    if head.frequencies is None:
        raise ValueError(f"the card does not say how frequent {head.taxonomy}'s labels are: leave balance at 0")
    weighed = natural / np.array(head.frequencies) ** balance
    return np.asarray(weighed / weighed.sum(axis=1, keepdims=True), np.float64)


def certainty(trust: Trust, probability: NDArray[np.float64], lack: NDArray[np.float64]) -> NDArray[np.float64]:
    """How probable it is that answers are right.

    Beta calibration (Kull et al. 2017) of the answer's probability, less what the face's quality takes.

    Args:
        trust: As fitted.
        probability: `(n,)`, of each answer.
        lack: `(n, 3)`, `Quality.lack` of each face.

    Returns:
        `(n,)`, rising with the probability and falling with every lack.
    """
    log_odds = trust.bias + log_odds_terms(probability, lack) @ np.array([*trust.weights, *trust.lack_weights])
    return np.asarray(1 / (1 + np.exp(-log_odds)), np.float64)


def log_odds_terms(probability: NDArray[np.float64], lack: NDArray[np.float64]) -> NDArray[np.float64]:
    """`(n, 5)`: what `Trust` weighs, each term with a weight of 0 or more."""
    kept = np.clip(probability, _SURE, 1 - _SURE)
    return np.column_stack([np.log(kept), -np.log1p(-kept), -lack])


def plausible(probabilities: NDArray[np.floating], threshold: float) -> NDArray[np.bool_]:
    """Which labels are plausible for each face: those that reach the threshold, and always the most probable one.

    Args:
        probabilities: `(n, classes)`.
        threshold: As fitted on probabilities of the same temperature.

    Returns:
        `(n, classes)`; each row holds at least one True.

    Example:
        >>> plausible(np.array([[0.9, 0.06, 0.04], [0.45, 0.35, 0.2]]), 0.3)
        array([[ True, False, False], [ True,  True, False]])
    """
    sets = np.asarray(probabilities >= threshold)
    sets[np.arange(len(sets)), probabilities.argmax(axis=1)] = True
    return sets


def answers_votes(head: Head) -> bool:
    """Whether a head was trained on FER+'s votes, all ten answers of them."""
    return (head.taxonomy, head.extra) == (FERPLUS.name, FERPLUS_VOTES[len(FERPLUS) :])


def expected_votes(head: Head, logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """How viewers would vote, from a head for which `answers_votes` holds; `(n, 10)`, each row sums to 1."""
    return softmax(logits, temperature=head.vote_temperature)


def softmax(logits: NDArray[np.floating], *, temperature: float = 1.0) -> NDArray[np.float64]:
    """Logits `(n, classes)` as probabilities, divided by the temperature first; each row sums to 1 within 1e-12.

    Raises:
        ValueError: the temperature is not positive.
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be positive, got {temperature}")
    scaled = logits.astype(np.float64) / temperature
    exps = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(exps / exps.sum(axis=1, keepdims=True), np.float64)
