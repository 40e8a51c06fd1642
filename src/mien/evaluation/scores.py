"""Every score of one model on one set of rows, as a frozen value that turns into JSON as it stands."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.card import Head, Trust
from mien.doubt import Decision, decide, softmax
from mien.evaluation.calibration import Reliability, ece_by_chance, reliability, reliability_of_answers
from mien.evaluation.conformal import SelectionScores, SetScores, selection_scores, set_scores
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
from mien.taxonomy import TAXONOMIES

__all__ = ["DoubtScores", "Scores", "VoteScores", "score"]


@dataclass(frozen=True)
class VoteScores:
    """What a model says viewers would vote, against how they voted.

    Args:
        answers: 10 where "unknown" and "not a face" count too; 8, the emotions, from a head without them.
        temperature: What the logits are divided by to speak of votes.
        nll: Cross-entropy in nats of the shares of the votes.
        entropy: What `nll` would be if the model said the very shares: its floor.
        brier: Squared distance, summed over answers.
    """

    answers: int
    temperature: float
    nll: float
    entropy: float
    brier: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values, JSON-safe."""
        return asdict(self)


@dataclass(frozen=True)
class DoubtScores:
    """How what a card promises of its answers comes true.

    Args:
        certainty: Certainty against accuracy, 15 bins of equal mass.
        plausible: The sets of plausible labels.
        plausible_promised: How often they were to hold the truth.
        sure: The answers that are not unsure; None if the card calls none sure.
        sure_promised: How often they were to be right.
    """

    certainty: Reliability
    plausible: SetScores
    plausible_promised: float
    sure: SelectionScores | None
    sure_promised: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values, JSON-safe."""
        return {
            "certainty_ece": self.certainty.ece,
            "certainty_reliability": self.certainty.to_dict(),
            "plausible": {**self.plausible.to_dict(), "promised": self.plausible_promised},
            "sure": None if self.sure is None else {**self.sure.to_dict(), "promised": self.sure_promised},
        }


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
        ece_by_chance: Where the ECE of `after` falls in 95 of 100 test sets if every probability is exactly true.
        risk_coverage: Accuracy when only the surest share is answered; by certainty where there is one, else by
            probability.
        doubt: How the card's promises come true; None from a card that makes none.
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
    ece_by_chance: Interval
    risk_coverage: RiskCoverage
    doubt: DoubtScores | None
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
            "ece_by_chance": list(self.ece_by_chance),
            "reliability_before": self.before.to_dict(),
            "reliability_after": self.after.to_dict(),
            "risk_coverage": self.risk_coverage.to_dict(),
        }
        if self.doubt is not None:
            values["doubt"] = self.doubt.to_dict()
        if self.votes is not None:
            values["votes"] = self.votes.to_dict()
        return values


def score(
    logits: NDArray[np.floating],
    truth: NDArray[np.int64],
    *,
    head: Head,
    lack: NDArray[np.float64],
    protocol: str,
    temperature_source: str,
    balance: float = 0.0,
    votes: NDArray[np.uint8] | None = None,
) -> Scores:
    """Score a model's answers.

    Args:
        logits: `(n, len(labels) + len(extra))` of the head, before temperature.
        truth: `(n,)`, the right label of every row.
        head: That answered.
        lack: `(n, 3)`, `Quality.lack` of the faces.
        protocol: What counts as right, for the record.
        temperature_source: Where the head's temperature comes from, for the record.
        balance: How far rare labels are favoured, as `decide` takes it.
        votes: `(n, 10)` FER+ votes, if the head's labels are FER+'s emotions.

    Raises:
        ValueError: no rows, shapes that do not fit, or a balance that `decide` refuses.
    """
    taxonomy = TAXONOMIES[head.taxonomy]
    if logits.shape != (len(truth), len(taxonomy) + len(head.extra)):
        raise ValueError(
            f"logits must be ({len(truth)}, {len(taxonomy) + len(head.extra)}) for {taxonomy.name}, got {logits.shape}"
        )
    plain = decide(replace(head, temperature=1.0, trust=None), logits, lack, balance=balance).values
    decision = decide(head, logits, lack, balance=balance)
    tempered = decision.values
    right = decision.top == truth
    confusion = confusion_matrix(truth, decision.top.astype(np.int64), classes=len(taxonomy))
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
        temperature=head.temperature,
        temperature_source=temperature_source,
        nll=nll(tempered, truth),
        brier=brier(tempered, truth),
        before=reliability(plain, truth),
        after=reliability(tempered, truth),
        ece_by_chance=ece_by_chance(tempered.max(axis=1)),
        risk_coverage=risk_coverage(tempered.max(axis=1) if decision.certainty is None else decision.certainty, right),
        doubt=None if head.trust is None else _promises(head.trust, decision, truth),
        votes=None if votes is None else _against_votes(head, logits, votes),
    )


def _promises(trust: Trust, decision: Decision, truth: NDArray[np.int64]) -> DoubtScores:
    assert decision.certainty is not None
    assert decision.plausible is not None
    right = decision.top == truth
    threshold = trust.sure_from
    return DoubtScores(
        certainty=reliability_of_answers(decision.certainty, right),
        plausible=set_scores(decision.plausible, truth),
        plausible_promised=trust.plausible_coverage,
        sure=None if threshold is None else selection_scores(decision.certainty, right, threshold=threshold),
        sure_promised=trust.sure_accuracy,
    )


def _against_votes(head: Head, logits: NDArray[np.floating], votes: NDArray[np.uint8]) -> VoteScores:
    expected = softmax(logits, temperature=head.vote_temperature)
    shares = vote_shares(votes, answers=expected.shape[1])
    return VoteScores(
        answers=expected.shape[1],
        temperature=head.vote_temperature,
        nll=nll(expected, shares),
        entropy=nll(shares, shares),
        brier=brier(expected, shares),
    )
