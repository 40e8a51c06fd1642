"""Doubt with a promise: sets of plausible labels, and a confidence below which a model says "not sure"; numpy only.

Both are thresholds, fitted once on rows that no network saw and stored with the model. What they promise holds for
faces drawn like those rows, on average over them: not for each emotion, not for each group of people, and not for
pictures that are darker, smaller or more blurred than the rows were.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.evaluation.metrics import Interval, wilson_interval

__all__ = [
    "SelectionScores",
    "SetScores",
    "coverage_range",
    "fit_plausible_threshold",
    "fit_unsure_threshold",
    "selection_scores",
    "set_scores",
]

_STEPS = 200
"""Confidences that `fit_unsure_threshold` can answer with: multiples of 1 / 200."""

_FORGIVEN = 2
"""Wrong answers that the first test of `fit_unsure_threshold` must be able to bear."""


@dataclass(frozen=True)
class SetScores:
    """How sets of plausible labels did on a set of rows.

    Args:
        n: Rows.
        coverage: Share of the rows whose true label is in the set.
        coverage_interval: 95 % interval of the coverage (Wilson).
        mean_size: Labels in a set, on average; 1 is the least.
        single: Share of the sets that hold one label.
    """

    n: int
    coverage: float
    coverage_interval: Interval
    mean_size: float
    single: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values, JSON-safe."""
        return {**asdict(self), "coverage_interval": list(self.coverage_interval)}


@dataclass(frozen=True)
class SelectionScores:
    """How a model does where it is sure.

    Args:
        n: Rows.
        answered: Share of the rows at or above the threshold.
        accuracy: Share of right answers among them; None where there are none.
        accuracy_interval: 95 % interval of the accuracy (Wilson).
    """

    n: int
    answered: float
    accuracy: float | None
    accuracy_interval: Interval

    def to_dict(self) -> dict[str, Any]:
        """Plain values, JSON-safe."""
        return {**asdict(self), "accuracy_interval": list(self.accuracy_interval)}


def fit_plausible_threshold(
    probabilities: NDArray[np.floating], labels: NDArray[np.int64], *, coverage: float = 0.9
) -> float:
    """The largest threshold at which sets of plausible labels keep their promise (split conformal prediction).

    The rule is LAC (Sadinle, Lei & Wasserman 2019, arXiv 1609.00451), whose sets are the smallest on average, with
    one change: the most probable label counts as conforming whatever its probability, in fitting as in use, so that
    no set is empty and the threshold need not pay for it. APS (Romano et al. 2020, arXiv 2006.02544) was measured
    on the same rows: without its random step it covers far more than asked with sets three times as large, and with
    it a face has another set each time it is read.

    Promise: for a face drawn like the rows, the true label is in the set with a probability of at least `coverage`,
    on average over draws of the rows. Of the share covered in the long run with these n rows, `coverage_range` says
    how far it may lie from `coverage`. No promise is made for one emotion or one kind of picture: sets of a rare
    emotion, and of faces that the model finds hard, hold the truth less often. A model that is right more often
    than `coverage` covers more, with sets of one label.

    Args:
        probabilities: `(n, classes)` of rows that neither the network nor its temperature was fitted on.
        labels: `(n,)`, the truth.
        coverage: What to promise, in (0, 1).

    Returns:
        A threshold for `mien.doubt.plausible`, in [0, 1]; 0, at which every label is plausible, for fewer than about
        `coverage / (1 - coverage)` rows.

    Raises:
        ValueError: no rows, different lengths, or a coverage out of range.
    """
    if len(labels) == 0 or len(probabilities) != len(labels):
        raise ValueError(
            f"expected probabilities for each label, at least one, got {len(probabilities)}, {len(labels)}"
        )
    if not 0 < coverage < 1:
        raise ValueError(f"coverage must lie between 0 and 1, got {coverage}")
    of_truth = np.take_along_axis(probabilities, labels[:, None], axis=1)[:, 0].astype(np.float64)
    of_truth[probabilities.argmax(axis=1) == labels] = 1.0
    wanted = _rank(len(labels), coverage)
    return float(np.sort(of_truth)[-wanted]) if wanted <= len(labels) else 0.0


def _rank(n: int, coverage: float) -> int:
    """How many of n rows must be covered, so that the next one is with probability `coverage`: not n but n + 1."""
    return math.ceil((n + 1) * coverage - 1e-9)


def coverage_range(calibrated_on: int, scored_on: int, *, coverage: float = 0.9) -> Interval:
    """Where the coverage of a conformal threshold falls in 95 of 100 repetitions, luck of both draws included.

    The covered rows are beta-binomial (Vovk 2012, arXiv 1209.2673): the threshold is a random quantile, and the
    rows it is scored on are random too.

    Args:
        calibrated_on: Rows that the threshold was fitted on.
        scored_on: Other rows, drawn like them.
        coverage: What was promised.

    Returns:
        Lowest and highest usual share of covered rows. Only the lower end binds a model that is right more often
        than `coverage`.

    Raises:
        ValueError: no rows to score on, or too few to calibrate on for any threshold but 0.

    Example:
        >>> low, high = coverage_range(2000, 3199)
        >>> f"{low:.3f} {high:.3f}"
        '0.883 0.916'
    """
    inside = _rank(calibrated_on, coverage)
    if scored_on < 1 or inside > calibrated_on:
        raise ValueError(
            f"expected rows to score on and enough to calibrate on for a coverage of {coverage}, "
            f"got {scored_on} and {calibrated_on}"
        )
    a, b = inside, calibrated_on + 1 - inside
    whole = math.lgamma(scored_on + 1) - _log_beta(a, b)
    cumulative = np.cumsum(
        [
            math.exp(
                whole
                - math.lgamma(covered + 1)
                - math.lgamma(scored_on - covered + 1)
                + _log_beta(covered + a, scored_on - covered + b)
            )
            for covered in range(scored_on + 1)
        ]
    )
    low, high = np.searchsorted(cumulative, [0.025, 0.975])
    return float(low / scored_on), float(min(high, scored_on) / scored_on)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def set_scores(sets: NDArray[np.bool_], labels: NDArray[np.int64]) -> SetScores:
    """Score sets of plausible labels.

    Args:
        sets: `(n, classes)`, as `plausible` makes them.
        labels: `(n,)`, the truth.

    Raises:
        ValueError: no rows, or different lengths.
    """
    if len(labels) == 0 or len(sets) != len(labels):
        raise ValueError(f"expected a set for each label, at least one, got {len(sets)}, {len(labels)}")
    covered = np.take_along_axis(sets, labels[:, None], axis=1)
    size = sets.sum(axis=1)
    return SetScores(
        n=len(labels),
        coverage=float(covered.mean()),
        coverage_interval=wilson_interval(int(covered.sum()), len(labels)),
        mean_size=float(size.mean()),
        single=float((size == 1).mean()),
    )


def fit_unsure_threshold(
    confidence: NDArray[np.floating], right: NDArray[np.bool_], *, accuracy: float, risk: float = 0.05
) -> float | None:
    """The smallest confidence from which on answers are right often enough.

    Thresholds are tried from the highest down, each by the exact binomial test of "the answers at or above it are
    right in at most `accuracy` of all faces", until one is not rejected. Since the order is fixed beforehand, one
    level `risk` holds for all of them together (fixed-sequence testing; Angelopoulos et al. 2021, arXiv 2110.01052).
    The first has as many rows as it takes to bear two wrong answers.

    Promise: with probability 1 - `risk` over draws of the rows, at least `accuracy` of the answers at or above the
    threshold are right, for faces drawn like the rows, all of them together. Not promised: that an answer just at
    the threshold is right so often (it is less often, as the surer ones make up for it), that each emotion is, or
    that other pictures keep it.

    Args:
        confidence: `(n,)` in [0, 1], of rows that neither the network nor its temperature was fitted on.
        right: `(n,)`, whether the answers are right.
        accuracy: What to promise, in (0, 1).
        risk: How often the promise may be broken by the luck of the draw, in (0, 1).

    Returns:
        A threshold in [0, 1]: answers below it are unsure; None if none can be promised, as with too few rows.

    Raises:
        ValueError: different lengths, or a number out of range.
    """
    if confidence.shape != right.shape or confidence.ndim != 1:
        raise ValueError(f"expected a confidence for each answer, got {confidence.shape}, {right.shape}")
    if not (0 < accuracy < 1 and 0 < risk < 1):
        raise ValueError(f"accuracy and risk must lie between 0 and 1, got {accuracy}, {risk}")
    if len(confidence) and not (confidence.min() >= 0 and confidence.max() <= 1):
        raise ValueError(f"confidence must lie in 0..1, got {confidence.min()}..{confidence.max()}")
    threshold = None
    for step in range(_STEPS, -1, -1):
        answered = confidence >= step / _STEPS
        n, wrong = int(answered.sum()), int((answered & ~right).sum())
        if _chance_of_so_few_wrong(min(_FORGIVEN, n), n, accuracy) > risk:
            continue  # too few rows to begin with, whatever the answers
        if _chance_of_so_few_wrong(wrong, n, accuracy) > risk:
            break
        threshold = step / _STEPS
    return threshold


def _chance_of_so_few_wrong(wrong: int, n: int, accuracy: float) -> float:
    """Probability of at most `wrong` wrong answers among n if `accuracy` of all are right."""
    count = np.arange(wrong)
    logs = np.cumsum(np.log(n - count) - np.log(count + 1) + math.log(1 - accuracy) - math.log(accuracy))
    start = n * math.log(accuracy)
    return math.exp(start) + float(np.exp(start + logs).sum())


def selection_scores(
    confidence: NDArray[np.floating], right: NDArray[np.bool_], *, threshold: float
) -> SelectionScores:
    """Score the answers at or above a threshold.

    Args:
        confidence: `(n,)`.
        right: `(n,)`, whether the answers are right.
        threshold: Of `fit_unsure_threshold`.

    Raises:
        ValueError: no rows, or different lengths.
    """
    if len(confidence) == 0 or confidence.shape != right.shape:
        raise ValueError(f"expected a confidence for each answer, at least one, got {len(confidence)}, {len(right)}")
    answered = confidence >= threshold
    n, hits = int(answered.sum()), int((answered & right).sum())
    return SelectionScores(
        n=len(right),
        answered=n / len(right),
        accuracy=hits / n if n else None,
        accuracy_interval=wilson_interval(hits, n),
    )
