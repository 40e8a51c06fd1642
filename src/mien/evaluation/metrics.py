"""Scores of a classifier from its probabilities and the truth; numpy only.

Everything that people compare is here with its uncertainty: 95 % intervals by Wilson 1927 for every proportion, and
a paired comparison of two models on the same rows. Labels are indices, `(n,)`; probabilities are `(n, classes)`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ClassScores",
    "Comparison",
    "Interval",
    "RiskCoverage",
    "accuracy",
    "balanced_accuracy",
    "brier",
    "class_scores",
    "compare_on_same_rows",
    "confusion_matrix",
    "macro_f1",
    "nll",
    "percent_interval",
    "right_averaged_over_ties",
    "risk_coverage",
    "top_k_accuracy",
    "wilson_interval",
]

Interval = tuple[float, float]

_Z95 = 1.959963984540054
"""The normal quantile of a two-sided 95 % interval."""

_COVERAGE_STEPS = 100


@dataclass(frozen=True)
class ClassScores:
    """How well one class is recognised; each interval holds the true value in 95 of 100 test sets.

    Args:
        precision: Share of right ones among the rows read as this class; None where there are none.
        recall: Share of the rows of this class that were read as it; None where there are none.
        f1: Harmonic mean of both; None where the class is neither true nor read anywhere.
        support: Rows of this class.
    """

    precision: float | None
    precision_interval: Interval
    recall: float | None
    recall_interval: Interval
    f1: float | None
    f1_interval: Interval
    support: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values, JSON-safe."""
        return {
            "precision": self.precision,
            "precision_interval": list(self.precision_interval),
            "recall": self.recall,
            "recall_interval": list(self.recall_interval),
            "f1": self.f1,
            "f1_interval": list(self.f1_interval),
            "support": self.support,
        }


@dataclass(frozen=True)
class RiskCoverage:
    """What accuracy is had by answering only where the model is surest.

    Args:
        coverage: Shares of the rows that are answered, rising to 1.
        accuracy: Accuracy on them.
        aurc: Area under the risk-coverage curve: the error rate averaged over all coverages; 0 is perfect.
    """

    coverage: tuple[float, ...]
    accuracy: tuple[float, ...]
    aurc: float

    def accuracy_at(self, coverage: float) -> float:
        """Accuracy on the surest share of the rows, at the first step that reaches `coverage`.

        Raises:
            ValueError: `coverage` is not in (0, 1].
        """
        if not 0 < coverage <= 1:
            raise ValueError(f"coverage must lie in (0, 1], got {coverage}")
        step = next(i for i, share in enumerate(self.coverage) if share >= coverage - 1e-9)
        return self.accuracy[step]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, JSON-safe."""
        return {
            "coverage": list(self.coverage),
            "accuracy": list(self.accuracy),
            "aurc": self.aurc,
            "accuracy_at_80_percent": self.accuracy_at(0.8),
        }


@dataclass(frozen=True)
class Comparison:
    """Two models on the same rows.

    Args:
        difference: Accuracy of the first minus that of the second.
        interval: 95 % interval of the difference, by resampling rows.
        only_first: Rows that only the first reads right.
        only_second: Rows that only the second reads right.
        p_value: Of McNemar's exact test: how often two equally good models would differ at least this much.
    """

    difference: float
    interval: Interval
    only_first: int
    only_second: int
    p_value: float


def wilson_interval(successes: int, trials: int) -> Interval:
    """The 95 % interval of a proportion (Wilson 1927); (0, 1) when nothing was tried.

    Raises:
        ValueError: not 0 <= successes <= trials.

    Example:
        >>> low, high = wilson_interval(14, 16)
        >>> f"{low:.3f} {high:.3f}"
        '0.640 0.965'
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"expected 0 <= successes <= trials, got {successes} of {trials}")
    if trials == 0:
        return 0.0, 1.0
    share, z2 = successes / trials, _Z95**2
    centre = share + z2 / (2 * trials)
    reach = _Z95 * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    scale = 1 + z2 / trials
    return max(0.0, (centre - reach) / scale), min(1.0, (centre + reach) / scale)


def percent_interval(interval: Interval) -> str:
    """An interval of a share as text in percent.

    Example:
        >>> percent_interval((0.64, 0.965))
        '(64.00 to 96.50)'
    """
    return f"({100 * interval[0]:.2f} to {100 * interval[1]:.2f})"


def confusion_matrix(truth: NDArray[np.int64], predicted: NDArray[np.int64], *, classes: int) -> NDArray[np.int64]:
    """`(classes, classes)` counts: row = true class, column = predicted class.

    Raises:
        ValueError: no rows, different lengths, or a label out of range.
    """
    if len(truth) == 0 or truth.shape != predicted.shape:
        raise ValueError(f"expected as many true as predicted labels, at least one, got {len(truth)}, {len(predicted)}")
    for name, labels in (("true", truth), ("predicted", predicted)):
        if labels.min() < 0 or labels.max() >= classes:
            raise ValueError(f"{name} labels must lie in 0..{classes - 1}, got {labels.min()}..{labels.max()}")
    counts = np.bincount(truth * classes + predicted, minlength=classes * classes)
    return counts.reshape(classes, classes).astype(np.int64)


def accuracy(confusion: NDArray[np.int64]) -> float:
    """Share of the rows that are right."""
    return float(np.trace(confusion) / confusion.sum())


def class_scores(confusion: NDArray[np.int64]) -> list[ClassScores]:
    """Precision, recall and F1 of each class, in order, with 95 % intervals.

    F1 is no proportion, but a monotone function of one: with J = TP / (TP + FP + FN), F1 = 2 J / (1 + J). Its
    interval is the Wilson interval of J, carried over (the "indirect" method of Lam, Gopal & Qian 2023,
    arXiv 2309.14621).
    """
    scores = []
    for index in range(len(confusion)):
        right = int(confusion[index, index])
        support, answered = int(confusion[index].sum()), int(confusion[:, index].sum())
        either = support + answered - right
        low, high = wilson_interval(right, either)
        scores.append(
            ClassScores(
                precision=right / answered if answered else None,
                precision_interval=wilson_interval(right, answered),
                recall=right / support if support else None,
                recall_interval=wilson_interval(right, support),
                f1=2 * right / (support + answered) if either else None,
                f1_interval=(2 * low / (1 + low), 2 * high / (1 + high)),
                support=support,
            )
        )
    return scores


def macro_f1(confusion: NDArray[np.int64]) -> float:
    """Mean F1 over the classes that are true or predicted somewhere."""
    return _mean_known([score.f1 for score in class_scores(confusion)])


def balanced_accuracy(confusion: NDArray[np.int64]) -> float:
    """Mean recall over the classes that have rows."""
    return _mean_known([score.recall for score in class_scores(confusion)])


def _mean_known(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known)


def top_k_accuracy(probabilities: NDArray[np.floating], labels: NDArray[np.int64], *, k: int) -> float:
    """Share of the rows whose true label is among the `k` most probable; a tie goes to the earlier label."""
    true = np.take_along_axis(probabilities, labels[:, None], axis=1)
    is_earlier = np.arange(probabilities.shape[1]) < labels[:, None]
    rank = (probabilities > true).sum(axis=1) + ((probabilities == true) & is_earlier).sum(axis=1)
    return float((rank < k).mean())


def nll(probabilities: NDArray[np.floating], targets: NDArray[np.int64] | NDArray[np.floating]) -> float:
    """Mean negative log-likelihood in nats.

    Probabilities below the double-precision epsilon count as that epsilon, as in scikit-learn's `log_loss`: a model
    that says 0 pays 36 nats, not infinity.

    Args:
        probabilities: `(n, classes)`.
        targets: `(n,)` labels, or `(n, classes)` distributions.

    Raises:
        ValueError: shapes that do not fit.
    """
    logs = np.log(np.maximum(probabilities.astype(np.float64), np.finfo(np.float64).eps))
    return float(-(_distributions(targets, probabilities) * logs).sum(axis=1).mean())


def brier(probabilities: NDArray[np.floating], targets: NDArray[np.int64] | NDArray[np.floating]) -> float:
    """Mean squared distance of the probabilities to the truth, summed over classes, in [0, 2] (Brier 1950).

    Arguments and errors as `nll`.
    """
    return float(((probabilities - _distributions(targets, probabilities)) ** 2).sum(axis=1).mean())


def _distributions(
    targets: NDArray[np.int64] | NDArray[np.floating], probabilities: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Targets as `(n, classes)`; labels become 0 and 1."""
    n, classes = probabilities.shape
    if targets.shape == (n, classes):
        return targets.astype(np.float64)
    if targets.shape != (n,) or not np.issubdtype(targets.dtype, np.integer):
        raise ValueError(f"targets must be ({n},) labels or ({n}, {classes}), got {targets.shape} {targets.dtype}")
    return np.asarray(np.eye(classes)[targets], np.float64)


def risk_coverage(confidence: NDArray[np.floating], right: NDArray[np.bool_]) -> RiskCoverage:
    """Accuracy against the share of rows answered, surest first (El-Yaniv & Wiener 2010), in steps of 1 %.

    Rows of equal confidence are answered in random order, and the curve is its expectation.

    Args:
        confidence: `(n,)`, larger is surer.
        right: `(n,)`, whether the answer is right.

    Raises:
        ValueError: no rows, or different lengths.
    """
    if len(confidence) == 0 or confidence.shape != right.shape:
        raise ValueError(f"expected a confidence for each answer, at least one, got {len(confidence)}, {len(right)}")
    n = len(right)
    order = np.argsort(-confidence)
    share_right = np.cumsum(right_averaged_over_ties(confidence, right)[order]) / np.arange(1, n + 1)
    coverage = np.arange(1, _COVERAGE_STEPS + 1) / _COVERAGE_STEPS
    answered = np.ceil(coverage * n - 1e-9).astype(np.intp)
    return RiskCoverage(
        coverage=tuple(coverage.tolist()),
        accuracy=tuple(share_right[answered - 1].tolist()),
        aurc=float(1 - share_right.mean()),
    )


def right_averaged_over_ties(confidence: NDArray[np.floating], right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """`right` as 0..1, equal confidences sharing their mean, so that no order among them can matter; `(n,)`."""
    _, group = np.unique(confidence, return_inverse=True)
    mean = np.bincount(group, weights=right) / np.bincount(group)
    return np.asarray(mean[group], np.float64)


def compare_on_same_rows(
    first_right: NDArray[np.bool_], second_right: NDArray[np.bool_], *, resamples: int = 10_000, seed: int = 0
) -> Comparison:
    """Is one model better than the other, or luckier? McNemar's exact test and a paired bootstrap.

    Args:
        first_right: `(n,)`, which rows the first model reads right.
        second_right: `(n,)`, the same rows for the second.
        resamples: Bootstrap samples.
        seed: Of the bootstrap.

    Raises:
        ValueError: no rows, or different lengths.

    Example:
        >>> first, second = np.array([True] * 9 + [False]), np.array([True] * 3 + [False] * 7)
        >>> result = compare_on_same_rows(first, second)
        >>> result.only_first, result.only_second, result.p_value
        (6, 0, 0.03125)
    """
    n = len(first_right)
    if n == 0 or first_right.shape != second_right.shape:
        raise ValueError(f"both models must be judged on the same rows, at least one, got {n}, {len(second_right)}")
    only_first = int((first_right & ~second_right).sum())
    only_second = int((second_right & ~first_right).sum())
    # Resampling rows draws the three kinds of row from a multinomial: no need to draw them one by one.
    shares = [only_first / n, only_second / n, (n - only_first - only_second) / n]
    drawn = np.random.default_rng(seed).multinomial(n, shares, size=resamples)
    low, high = np.quantile((drawn[:, 0] - drawn[:, 1]) / n, [0.025, 0.975])
    return Comparison(
        difference=(only_first - only_second) / n,
        interval=(float(low), float(high)),
        only_first=only_first,
        only_second=only_second,
        p_value=_mcnemar_p(only_first, only_second),
    )


def _mcnemar_p(only_first: int, only_second: int) -> float:
    """Two-sided exact p-value (McNemar 1947): the rows that differ are tosses of a fair coin."""
    tosses = only_first + only_second
    ways = tail = 1
    for k in range(min(only_first, only_second)):
        ways = ways * (tosses - k) // (k + 1)  # of choosing k + 1
        tail += ways
    return min(1.0, float(2 * tail / 2**tosses))
