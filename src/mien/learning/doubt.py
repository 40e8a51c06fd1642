"""Fits what a model's card says of doubt, on rows that no network learnt from.

The rows are shown as a detector would frame them: each crop moved and scaled by up to a tenth of its side. So the
product will see faces, and it takes away some of the luck with which a run was chosen on the very same rows: the
embedded model reads 71.0 % of FER-2013's labels right on the rows as stored, and 69.1 to 69.7 % on three draws of
jitter, where jitter as such costs 0.65. Certainty is then taught what a face's quality takes, on the same rows made
blurred, grainy, small and dark.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mien.card import Head, Trust
from mien.datasets.faceset import UNLABELLED
from mien.datasets.ferplus import majority_labels
from mien.doubt import answers_votes, certainty, expected_votes, log_odds_terms, softmax
from mien.evaluation.calibration import fit_temperature, match_accuracy
from mien.evaluation.conformal import fit_plausible_threshold, fit_unsure_threshold
from mien.evaluation.perturbations import brightness, gaussian_blur, jitter, noise, resolution
from mien.quality import measure_quality
from mien.taxonomy import FERPLUS_VOTES, NOT_A_FACE, TAXONOMIES

__all__ = ["Read", "fit_heads"]

Read = Callable[[NDArray[np.uint8]], Mapping[str, NDArray[np.floating]]]
"""From faces `(n, side, side)` uint8 to the logits of each output by its name."""

COVERAGE = 0.9
"""How often the right label is to be among the plausible ones."""

ERRORS_LEFT = 0.5
"""Sure answers are to be wrong at most this share as often as all answers are."""

_JITTER = 0.1
_DRAWS = 3

_HARDER: tuple[Callable[[NDArray[np.uint8]], NDArray[np.uint8]], ...] = (
    lambda faces: gaussian_blur(faces, 1.0),
    lambda faces: gaussian_blur(faces, 2.0),
    lambda faces: noise(faces, 10),
    lambda faces: noise(faces, 20),
    lambda faces: resolution(faces, 24),
    lambda faces: resolution(faces, 16),
    lambda faces: brightness(faces, 0.25),
    lambda faces: brightness(faces, 0.06),
)
"""What certainty learns the price of poor pictures from."""


@dataclass(frozen=True, eq=False)
class _Shown:
    """Rows as they were shown once: logits by output, and `Quality.lack`."""

    logits: Mapping[str, NDArray[np.floating]]
    lack: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Answered:
    """One head's answers to rows whose truth is known: `(n,)` right or not, `(n, 5)` terms of the log-odds."""

    right: NDArray[np.bool_]
    terms: NDArray[np.float64]


def fit_heads(heads: Sequence[Head], kept: Mapping[str, NDArray[np.generic]], *, read: Read) -> tuple[Head, ...]:
    """Fit each head's temperature, frequencies, and how far its answers can be trusted.

    Args:
        heads: With label sets, outputs and further columns; what they say of doubt is replaced.
        kept: Rows kept aside: `pixels` `(n, side, side)` uint8 as the model takes them, `labels` and perhaps `votes`.
        read: Reads faces with the file, or the network, that is to be used.

    Returns:
        The heads in their order. With few rows the promises are kept by saying little: every label is plausible, and
        no answer is sure.
    """
    pixels = np.asarray(kept["pixels"], np.uint8)
    framed = [_show(jitter(pixels, _JITTER, seed=draw), read) for draw in range(_DRAWS)]
    harder = [_show(change(pixels), read) for change in _HARDER]
    fitted = []
    for head in heads:
        votes = np.asarray(kept["votes"], np.uint8) if answers_votes(head) else None
        truth = np.asarray(kept["labels"], np.int64) if votes is None else majority_labels(votes)
        if (truth != UNLABELLED).any():
            head = _fit_decision(head, truth, framed, harder)  # noqa: PLW2901  the same head, knowing more
        fitted.append(head if votes is None else _fit_votes(head, votes, framed[0]))
    return tuple(fitted)


def _show(faces: NDArray[np.uint8], read: Read) -> _Shown:
    return _Shown(read(faces), measure_quality(faces).lack)


def _fit_decision(head: Head, truth: NDArray[np.int64], framed: Sequence[_Shown], harder: Sequence[_Shown]) -> Head:
    """Temperature, frequencies and trust."""
    known, columns = truth != UNLABELLED, len(TAXONOMIES[head.taxonomy])
    labels = truth[known]
    logits = np.concatenate([shown.logits[head.output][known, :columns] for shown in framed])
    temperature = match_accuracy(logits, np.tile(labels, len(framed)))
    frequencies = softmax(logits, temperature=temperature).mean(axis=0)

    def answered(shown: _Shown) -> _Answered:
        values = softmax(shown.logits[head.output][known, :columns], temperature=temperature)
        return _Answered(values.argmax(axis=1) == labels, log_odds_terms(values.max(axis=1), shown.lack[known]))

    answers = [answered(shown) for shown in framed]
    # The promises rest on one draw: rows that come three times would make them look better founded than they are.
    once = softmax(logits[: len(labels)], temperature=temperature)
    sure_accuracy = min(1 - ERRORS_LEFT * float((~answers[0].right).mean()), 0.999)
    trust = Trust(
        *_fit_certainty(answers, [answered(shown) for shown in harder]),
        plausible_from=fit_plausible_threshold(once, labels, coverage=COVERAGE),
        plausible_coverage=COVERAGE,
        sure_from=None,
        sure_accuracy=sure_accuracy,
        rows=len(labels),
    )
    sure = certainty(trust, once.max(axis=1), framed[0].lack[known])
    return replace(
        head,
        temperature=temperature,
        frequencies=tuple((frequencies / frequencies.sum()).tolist()),
        trust=replace(trust, sure_from=fit_unsure_threshold(sure, answers[0].right, accuracy=sure_accuracy)),
    )


def _fit_certainty(
    framed: Sequence[_Answered], harder: Sequence[_Answered]
) -> tuple[float, tuple[float, float], tuple[float, float, float]]:
    """Bias, weights and weights of lacks, as `Trust` has them; the first two from faces as they come alone."""
    terms = np.concatenate([one.terms for one in framed])[:, :2]
    bias, weights = fit_log_odds(terms, np.concatenate([one.right for one in framed]))
    terms = np.concatenate([one.terms for one in (*framed, *harder)])
    right = np.concatenate([one.right for one in (*framed, *harder)])
    _, lacks = fit_log_odds(terms[:, 2:], right, given=bias + terms[:, :2] @ weights)
    return bias, (float(weights[0]), float(weights[1])), (float(lacks[0]), float(lacks[1]), float(lacks[2]))


def _fit_votes(head: Head, votes: NDArray[np.uint8], framed: _Shown) -> Head:
    """The temperature at which the ten answers are nearest to the votes, and the share of "no face" that is much."""
    voted = votes.sum(axis=1) > 0
    shares = votes[voted] / votes[voted].sum(axis=1, keepdims=True)
    head = replace(head, vote_temperature=fit_temperature(framed.logits[head.output][voted], shares))
    column = FERPLUS_VOTES.index(NOT_A_FACE)
    faces = framed.logits[head.output][voted & (votes[:, column] == 0)]
    if len(faces) == 0:
        return head
    return replace(head, not_a_face_from=float(np.quantile(expected_votes(head, faces)[:, column], 0.99)))


def fit_log_odds(
    terms: NDArray[np.float64], right: NDArray[np.bool_], *, given: NDArray[np.float64] | None = None
) -> tuple[float, NDArray[np.float64]]:
    """Logistic regression with weights of 0 or more.

    Args:
        terms: `(n, terms)`.
        right: `(n,)`.
        given: `(n,)`, log-odds that are added; there is no bias then.

    Returns:
        The bias, and a weight per term. A term that would weigh less than 0 is left out. A ridge of one row's worth
        keeps them finite where every answer is right.
    """
    n, count = terms.shape
    offset = np.zeros(n) if given is None else given
    columns = np.column_stack([np.ones(n) if given is None else np.zeros(n), terms])
    used = np.ones(count + 1, bool)
    while True:
        weights = np.zeros(count + 1)
        weights[used] = _newton(columns[:, used], right, offset)
        negative = (weights < 0) & (np.arange(count + 1) > 0)
        if not negative.any():
            return float(weights[0]), weights[1:]
        used &= ~negative


def _newton(columns: NDArray[np.float64], right: NDArray[np.bool_], offset: NDArray[np.float64]) -> NDArray[np.float64]:
    weights = np.zeros(columns.shape[1])

    def loss(weights: NDArray[np.float64]) -> float:
        log_odds = offset + columns @ weights
        return float(np.logaddexp(0, np.where(right, -log_odds, log_odds)).sum() + weights @ weights / 2)

    for _ in range(50):
        chance = 1 / (1 + np.exp(-(offset + columns @ weights)))
        slope = columns.T @ (chance - right) + weights
        curvature = (columns * (chance * (1 - chance))[:, None]).T @ columns + np.eye(len(weights))
        step = np.linalg.solve(curvature, slope)
        while loss(weights - step) > loss(weights) and np.abs(step).max() > 1e-9:
            step /= 2
        weights -= step
        if np.abs(step).max() < 1e-9:
            break
    return weights
