"""From a data set and a model's answers to its scores: which rows are asked, and what the answers are worth."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.card import Head, ModelCard
from mien.datasets.droplist import DropList
from mien.datasets.faceset import UNLABELLED, FaceSet
from mien.datasets.fer2013 import PUBLIC_TEST
from mien.doubt import Decision, decide
from mien.errors import DataError
from mien.evaluation.protocol import Truth, true_labels
from mien.evaluation.scores import Scores, score
from mien.quality import measure_quality
from mien.taxonomy import FERPLUS, Taxonomy

__all__ = ["VIEWS", "Evaluation", "Exam", "decide_on", "default_labels", "default_split", "judge", "set_exam"]

VIEWS = "one per face, as stored; no test-time augmentation"
"""How each face is shown to the model."""


@dataclass(frozen=True, eq=False)
class Exam:
    """The rows that a protocol scores, with the right answers.

    Args:
        faces: The rows to be read, with their names.
        truth: `labels` has one label per row, none `UNLABELLED`.
        split: Name of the split.
        left_out: Rows of the split that the protocol does not score.
        clean: `(n,)` bool, the rows that stay without those on the drop list; None without a list.
    """

    faces: FaceSet
    truth: Truth
    split: str
    left_out: int
    clean: NDArray[np.bool_] | None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A judged model: its scores, and the answers they come from.

    Args:
        exam: What was asked.
        model: Name, version and SHA-256 of the model.
        head: The head that answered.
        balance: How far rare labels were favoured, as `decide` takes it.
        decision: Its answers, as the product gives them.
        full: Scores on all rows.
        clean: Scores without the rows on the drop list; None without a list, or if it leaves no row.
    """

    exam: Exam
    model: dict[str, str]
    head: Head
    balance: float
    decision: Decision
    full: Scores
    clean: Scores | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, JSON-safe: what `metrics.json` holds."""
        exam = self.exam
        values: dict[str, Any] = {
            "protocol": exam.truth.title,
            "rule": exam.truth.rule,
            "views": VIEWS,
            "labels": exam.truth.taxonomy.name,
            "balance": self.balance,
            "model": self.model,
            "data": {
                "source": exam.faces.source,
                "split": exam.split,
                "scored": len(exam.faces),
                "left_out_by_protocol": exam.left_out,
                "skipped_as_bad": len(exam.faces.skipped),
                "on_drop_list": None if exam.clean is None else int((~exam.clean).sum()),
            },
            "full": self.full.to_dict(),
        }
        if self.clean is not None:
            values["clean"] = self.clean.to_dict()
        return values


def default_split(faces: FaceSet) -> str:
    """PublicTest, the split to compare by.

    Raises:
        DataError: the data have no such split; the message lists theirs.
    """
    if PUBLIC_TEST not in faces.splits:
        raise DataError(
            f"{faces.source} has no split {PUBLIC_TEST}: choose one with --split: {', '.join(faces.splits)}"
        )
    return PUBLIC_TEST


def default_labels(faces: FaceSet, card: ModelCard) -> str:
    """The label set to score when none is named: FER+ where there are votes, else the data's own, else the model's."""
    known = [head.taxonomy for head in card.heads]
    wanted = FERPLUS.name if faces.votes is not None else faces.taxonomy.name
    if wanted in known:
        return wanted
    return faces.taxonomy.name if faces.taxonomy.name in known else known[0]


def set_exam(faces: FaceSet, *, split: str, taxonomy: Taxonomy, drop: DropList | None = None) -> Exam:
    """Choose the rows that the protocol for a label set scores.

    Args:
        faces: The whole data set.
        split: Name of the split to score.
        taxonomy: The label set to score.
        drop: Rows that the clean scores leave out, such as those with a copy in Training.

    Raises:
        DataError: no such split, FER+ without votes, no row that the protocol scores, or a drop list that was
            made for other data.
    """
    if split not in faces.splits:
        raise DataError(f"{faces.source} has no split {split!r}: it has {', '.join(faces.splits)}")
    asked = faces.of_split(split)
    truth = true_labels(asked, taxonomy)
    kept = truth.labels != UNLABELLED
    return Exam(
        faces=asked.select(kept),
        truth=replace(truth, labels=truth.labels[kept]),
        split=split,
        left_out=int((~kept).sum()),
        clean=None if drop is None else ~asked.on_list(drop)[kept],
    )


def decide_on(pixels: NDArray[np.uint8], logits: NDArray[np.floating], *, head: Head, balance: float = 0.0) -> Decision:
    """What the product decides about faces, from the model's answers and the faces' quality.

    Args:
        pixels: `(n, side, side)` uint8, as the model takes them.
        logits: `(n, len(labels) + len(extra))` of the head, before temperature; the probabilities are renormalised
            over the labels.
        head: The head that answered.
        balance: As `decide` takes it.
    """
    return decide(head, logits, measure_quality(pixels).lack, balance=balance)


def judge(
    exam: Exam, logits: NDArray[np.floating], *, head: Head, model: dict[str, str], balance: float = 0.0
) -> Evaluation:
    """Score a model's answers to an exam.

    Args:
        exam: What was asked.
        logits: As `decide_on` takes them.
        head: The head that answered; what its card says of doubt is put to the test.
        model: Name, version and SHA-256, for the record.
        balance: How far to favour rare labels, as `decide` takes it.

    Raises:
        ValueError: logits that do not fit, a head for another label set, or a balance that `decide` refuses.
    """
    taxonomy = exam.truth.taxonomy
    if head.taxonomy != taxonomy.name:
        raise ValueError(f"the exam is set in {taxonomy.name} but the head answers in {head.taxonomy}")
    lack = measure_quality(exam.faces.pixels).lack
    votes = exam.faces.votes if taxonomy == FERPLUS else None

    def scores(rows: NDArray[np.bool_]) -> Scores:
        return score(
            logits[rows],
            exam.truth.labels[rows],
            head=head,
            lack=lack[rows],
            protocol=exam.truth.title,
            temperature_source="the model's card",
            balance=balance,
            votes=None if votes is None else votes[rows],
        )

    return Evaluation(
        exam=exam,
        model=model,
        head=head,
        balance=balance,
        decision=decide(head, logits, lack, balance=balance),
        full=scores(np.ones(len(logits), bool)),
        clean=scores(exam.clean) if exam.clean is not None and exam.clean.any() else None,
    )
