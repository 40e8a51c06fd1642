"""Every score of one model on one set of rows, as a frozen value that turns into JSON as it stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.doubt import softmax
from mien.evaluation.calibration import Reliability, reliability
from mien.evaluation.metrics import (
    ClassScores,
    Interval,
    RiskCoverage,
    accuracy,
    balanced_accuracy,
    brier,
    class_scores,
    confusion_matrix,
    macro_f1,
    nll,
    risk_coverage,
    top_k_accuracy,
    wilson_interval,
)
from mien.evaluation.protocol import vote_shares
from mien.taxonomy import Taxonomy

__all__ = ["Scores", "VoteScores", "score"]


@dataclass(frozen=True)
class VoteScores:
    """The probabilities at temperature 1, on which the network was trained, against the viewers' votes.

    Args:
        nll: Cross-entropy in nats of the shares of the eight emotions among the votes.
        entropy: What `nll` would be if the probabilities were the shares: its floor.
        brier: Squared distance, summed over classes.
    """

    nll: float
    entropy: float
    brier: float


@dataclass(frozen=True)
class Scores:
    """How well a model reads a set of rows; shares in [0, 1], intervals of 95 %.

    Args:
        protocol: What counts as right.
        labels: The classes, in the order of `confusion`.
        n: Rows scored.
        accuracy: Share of right ones.
        accuracy_interval: Of the accuracy (Wilson).
        top2_accuracy: Share of rows whose true class is among the two most probable.
        macro_f1: Mean F1 over classes.
        balanced_accuracy: Mean recall over classes.
        per_class: Label -> its scores.
        confusion: Counts; row = true class, column = predicted class.
        temperature: What the logits are divided by.
        temperature_source: Where the temperature comes from.
        nll: Negative log-likelihood of the truth in nats, with the temperature.
        brier: Squared distance to the truth, summed over classes, with the temperature.
        before: Reliability at temperature 1, 15 bins of equal mass.
        after: Reliability with the temperature.
        risk_coverage: Accuracy when only the surest share is answered, with the temperature.
        votes: Against FER+'s votes; None where there are none.
    """

    protocol: str
    labels: tuple[str, ...]
    n: int
    accuracy: float
    accuracy_interval: Interval
    top2_accuracy: float
    macro_f1: float
    balanced_accuracy: float
    per_class: Mapping[str, ClassScores]
    confusion: tuple[tuple[int, ...], ...]
    temperature: float
    temperature_source: str
    nll: float
    brier: float
    before: Reliability
    after: Reliability
    risk_coverage: RiskCoverage
    votes: VoteScores | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, JSON-safe."""
        values: dict[str, Any] = {
            "protocol": self.protocol,
            "labels": list(self.labels),
            "n": self.n,
            "accuracy": self.accuracy,
            "accuracy_interval": list(self.accuracy_interval),
            "top2_accuracy": self.top2_accuracy,
            "macro_f1": self.macro_f1,
            "balanced_accuracy": self.balanced_accuracy,
            "per_class": {label: scores.to_dict() for label, scores in self.per_class.items()},
            "confusion": [list(row) for row in self.confusion],
            "temperature": self.temperature,
            "temperature_source": self.temperature_source,
            "nll": self.nll,
            "brier": self.brier,
            "ece_before": self.before.ece,
            "ece_after": self.after.ece,
            "reliability_before": self.before.to_dict(),
            "reliability_after": self.after.to_dict(),
            "risk_coverage": self.risk_coverage.to_dict(),
        }
        if self.votes is not None:
            values |= {
                "vote_nll": self.votes.nll,
                "vote_entropy": self.votes.entropy,
                "vote_brier": self.votes.brier,
            }
        return values


def score(
    logits: NDArray[np.floating],
    truth: NDArray[np.int64],
    *,
    taxonomy: Taxonomy,
    protocol: str,
    temperature: float,
    temperature_source: str,
    votes: NDArray[np.uint8] | None = None,
) -> Scores:
    """Score a model's answers.

    Args:
        logits: `(n, len(taxonomy))`, before temperature.
        truth: `(n,)`, the right label of every row.
        taxonomy: What the columns mean.
        protocol: What counts as right, for the record.
        temperature: Of the model's card.
        temperature_source: Where it comes from, for the record.
        votes: `(n, 10)` FER+ votes, if the columns are FER+'s emotions.

    Raises:
        ValueError: no rows, or shapes that do not fit.
    """
    if logits.shape != (len(truth), len(taxonomy)):
        raise ValueError(f"logits must be ({len(truth)}, {len(taxonomy)}) for {taxonomy.name}, got {logits.shape}")
    plain = softmax(logits)
    tempered = softmax(logits, temperature=temperature)
    predicted = logits.argmax(axis=1)
    right = predicted == truth
    confusion = confusion_matrix(truth, predicted, classes=len(taxonomy))
    return Scores(
        protocol=protocol,
        labels=taxonomy.labels,
        n=len(truth),
        accuracy=accuracy(confusion),
        accuracy_interval=wilson_interval(int(right.sum()), len(truth)),
        top2_accuracy=top_k_accuracy(tempered, truth, k=2),
        macro_f1=macro_f1(confusion),
        balanced_accuracy=balanced_accuracy(confusion),
        per_class=dict(zip(taxonomy.labels, class_scores(confusion), strict=True)),
        confusion=tuple(map(tuple, confusion.tolist())),
        temperature=temperature,
        temperature_source=temperature_source,
        nll=nll(tempered, truth),
        brier=brier(tempered, truth),
        before=reliability(plain, truth),
        after=reliability(tempered, truth),
        risk_coverage=risk_coverage(tempered.max(axis=1), right),
        votes=None if votes is None else _against_votes(plain, votes),
    )


def _against_votes(probabilities: NDArray[np.float64], votes: NDArray[np.uint8]) -> VoteScores:
    shares = vote_shares(votes)
    return VoteScores(nll=nll(probabilities, shares), entropy=nll(shares, shares), brier=brier(probabilities, shares))
