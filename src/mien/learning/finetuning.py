"""Fine-tuning of a model file: its heads learn further labelled rows, and a guard sees that nothing else is lost.

The embedding stays as it is: what is learnt is a linear map from it to what is added to each head's logits, drawn back
to nothing by a decay, with rows of the general set beside the new ones so that what is known is not forgotten. It is
written into the graph behind the heads, so that a model file is all that is needed, 8-bit integers or not.

How strong the decay is, rows held out of the new ones decide; the guard asks the finished file about rows of the
general set that neither it nor the model before has learnt.
"""

import shutil
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from mien.card import Head, ModelCard
from mien.classifier import EmotionClassifier
from mien.datasets.faceset import TRAINING, UNLABELLED, UNSPLIT, FaceSet
from mien.datasets.ferplus import majority_labels
from mien.datasets.joining import labels_in, rows_to_add
from mien.datasets.leaks import near_copy_groups
from mien.datasets.splits import validation_rows
from mien.doubt import answers_votes
from mien.errors import DataError, ExportError
from mien.learning.doubt import fit_heads
from mien.learning.export import write_card
from mien.learning.graphs import graph_answers
from mien.learning.runs import fingerprint
from mien.learning.targets import label_targets, vote_targets
from mien.preprocess import to_input
from mien.taxonomy import FERPLUS, TAXONOMIES
from mien.writing import replacing

__all__ = ["MOST_LOST", "Tuned", "finetune"]

MOST_LOST = 0.005
"""Accuracy on the general set that a head may lose at most: half a point."""

DECAYS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
"""How strongly the change is drawn back to nothing; tried all."""

_REPLAYED = 4096  # rows of the general set that are learnt beside the new ones, together as heavy as these
_FOLDS = 5
_VALIDATION, _SPLIT_SEED = 0.08, 0  # for a model whose card does not say what it kept aside

Told = Callable[[str], None]


@dataclass(frozen=True)
class Tuned:
    """What fine-tuning did.

    Args:
        card: The card of the new file.
        decay: The one that was chosen.
        general: Label set -> accuracy on the general set's rows kept aside, before and after.
        held_out: Label set -> accuracy on held-out new rows, before and after.
    """

    card: ModelCard
    decay: float
    general: Mapping[str, tuple[float, float]]
    held_out: Mapping[str, tuple[float, float]]


@dataclass(frozen=True, eq=False)
class _Known:
    """Rows as one head sees them: logits `(n, columns)`, what to learn `(n, columns)`, and the right label `(n,)`."""

    logits: NDArray[np.float32]
    values: NDArray[np.float32]
    truth: NDArray[np.int64]

    def accuracy(self, change: NDArray[np.float32] | float, labels: int) -> float:
        """With `(n, columns)` added to the logits."""
        scored = self.truth != UNLABELLED
        decided = (self.logits + change)[:, :labels].argmax(axis=1)
        return float((decided == self.truth)[scored].mean()) if scored.any() else float("nan")

    def log_likelihoods(self, change: NDArray[np.float32] | float) -> NDArray[np.float64]:
        """`(n,)`: of what is to be learnt; 0 for rows with nothing to learn."""
        logits = (self.logits + change).astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return np.asarray((self.values * logs).sum(axis=1), np.float64)

    def select(self, rows: NDArray[np.bool_]) -> "_Known":
        return _Known(self.logits[rows], self.values[rows], self.truth[rows])


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows as the model sees them: embedding `(n, width)`, and each head's view by its output."""

    embedding: NDArray[np.float32]
    heads: Mapping[str, _Known]

    def __len__(self) -> int:
        return len(self.embedding)

    def select(self, rows: NDArray[np.bool_]) -> "_Rows":
        return _Rows(self.embedding[rows], {output: known.select(rows) for output, known in self.heads.items()})


@dataclass(frozen=True, eq=False)
class _Change:
    """What is added to one head's logits: `embedding @ weights + bias`, `(width, columns)` and `(columns,)`."""

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def of(self, rows: _Rows) -> NDArray[np.float32]:
        return np.asarray(rows.embedding @ self.weights + self.bias, np.float32)


@dataclass(frozen=True, eq=False)
class _Lesson:
    """What is to be learnt, and by what it is judged.

    Args:
        heads: Those that learn.
        known: Rows of the general set that judge.
        old: Rows of it that are learnt beside the new ones.
        new: The further rows.
        folds: `(len(new),)`, which fold holds each.
    """

    heads: tuple[Head, ...]
    known: _Rows
    old: _Rows
    new: _Rows
    folds: NDArray[np.intp]


def finetune(
    model: str | Path,
    general: FaceSet,
    extra: FaceSet,
    destination: Path,
    *,
    name: str | None = None,
    decays: Sequence[float] = DECAYS,
    on_step: Told = lambda _: None,
) -> Tuned:
    """Teach a model's heads further rows, unless what it knows suffers.

    A head that answers with votes learns only where the general set has votes to judge it by.

    Args:
        model: Name of an embedded model, or a model file with an embedding.
        general: The set that it must stay good at, such as FER-2013 with its votes. A part of its training rows is
            learnt beside the new ones, another judges: the one that the model's own training kept aside, where its
            card says which.
        extra: The further rows.
        destination: The model file to write; its card says what it came from.
        name: Name of the new model; None adds "-finetuned" to the old one's.
        decays: What to try.
        on_step: Told in a few words what is being done.

    Raises:
        DataError: rows that cannot be learnt or judged by.
        ExportError: the model has no embedding, what is learnt does not help on held-out new rows, or the guard
            refuses it; nothing is written.
    """
    classifier = EmotionClassifier.load(model)
    card = classifier.card
    if card.embedding is None:
        raise ExportError(f"{card.name} has no embedding, so its heads cannot learn: expected a model with two heads")
    on_step("choosing the rows that judge")
    replayed, aside = _split(general, card)
    extra = rows_to_add(extra, aside)
    on_step("asking the model about all rows")
    heads = tuple(head for head in card.heads if aside.votes is not None or not answers_votes(head))
    known, old, new = (_ask(classifier, heads, faces) for faces in (aside, replayed, extra))
    on_step("learning")
    lesson = _Lesson(heads, known, old, new, _folds(extra.pixels))
    decay, held_out = _choose_decay(lesson, decays)
    changes = {head.output: _fit(head.output, old, new, decay=decay) for head in heads}
    with replacing(destination) as unfinished:
        shutil.copyfile(classifier.path, unfinished)
        _add_to_heads(unfinished, card.embedding, changes)
        on_step("judging the new file")
        loss = _guard(unfinished, lesson, to_input(list(aside.pixels), card.input))
        on_step("fitting doubt")
        outputs = [head.output for head in heads]
        kept: dict[str, NDArray[Any]] = {"pixels": to_input(list(aside.pixels), card.input), "labels": aside.labels}
        if aside.votes is not None:
            kept["votes"] = aside.votes
        refitted = fit_heads(heads, kept, read=lambda faces: graph_answers(unfinished, outputs, faces))
        fitted = {head.output: head for head in refitted}
        card = replace(
            card,
            name=name or f"{card.name.removesuffix('-finetuned')}-finetuned",
            heads=tuple(fitted.get(head.output, head) for head in card.heads),
            evaluations=(),  # they are of the file that it came from
            training={
                **card.training,
                "finetuned": {
                    "from": {"name": card.name, "version": card.version, "sha256": classifier.sha256},
                    "rows": {"extra": len(extra), "replayed": len(replayed), "judging": len(aside)},
                    "extra_sha256": fingerprint(extra),
                    "decay": decay,
                    "general_accuracy": {labels: list(pair) for labels, pair in loss.items()},
                    "held_out_accuracy": {labels: list(pair) for labels, pair in held_out.items()},
                },
            },
        )
        write_card(unfinished, card)
    return Tuned(card, decay, loss, held_out)


def _split(general: FaceSet, card: ModelCard) -> tuple[FaceSet, FaceSet]:
    """Rows of the general set to learn beside the new ones, and rows to judge by."""
    wanted = UNSPLIT if general.splits == (UNSPLIT,) else TRAINING
    training = general.of_split(wanted) if wanted in general.splits else general.select(slice(0, 0))
    members = card.training.get("members") or []
    fraction, seed = _VALIDATION, _SPLIT_SEED
    if members:
        recipe = tomllib.loads(members[0]["recipe"])
        fraction, seed = recipe.get("validation", fraction), recipe.get("split_seed", seed)
    aside = validation_rows(training.pixels, training.labels, fraction=fraction, seed=seed)
    if not aside.any():
        raise DataError(f"{general.source} leaves no row of the split {wanted} to judge by: give the whole set")
    rows = np.flatnonzero(~aside)
    if len(rows) > _REPLAYED:
        rows = np.sort(np.random.default_rng(seed).choice(rows, _REPLAYED, replace=False))
    return training.select(rows), training.select(aside)


def _ask(classifier: EmotionClassifier, heads: Sequence[Head], faces: FaceSet) -> _Rows:
    """What the model answers for rows, and what each head is to learn from them."""
    card = classifier.card
    assert card.embedding is not None
    outputs = [card.embedding, *(head.output for head in heads)]
    answers = graph_answers(classifier.path, outputs, to_input(list(faces.pixels), card.input))
    known = {head.output: _Known(answers[head.output], *_targets(head, faces)) for head in heads}
    return _Rows(answers[card.embedding], known)


def _targets(head: Head, faces: FaceSet) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """What a head learns from each row, `(n, columns)`, and the label that it is scored against, `(n,)`."""
    taxonomy = TAXONOMIES[head.taxonomy]
    truth = labels_in(taxonomy, faces)
    values = np.pad(label_targets(truth, len(taxonomy)), ((0, 0), (0, len(head.extra))))
    if head.taxonomy == FERPLUS.name and faces.votes is not None:
        voted = faces.votes.sum(axis=1) > 0
        values[voted] = vote_targets(faces.votes[voted], "votes" if head.extra else "soft")
        truth = np.where(voted, majority_labels(faces.votes), truth)
    return values, truth


def _choose_decay(lesson: _Lesson, decays: Sequence[float]) -> tuple[float, dict[str, tuple[float, float]]]:
    """The decay under which held-out new rows gain most, of those that cost the general set little enough."""
    best: tuple[float, float, dict[str, tuple[float, float]]] | None = None
    losses: list[str] = []
    for decay in decays:
        lost = max(_lost(lesson, head, decay=decay) for head in lesson.heads)
        losses.append(f"{100 * lost:.1f} at decay {decay:g}")
        if not lost <= MOST_LOST:
            continue
        gain, scores = _held_out(lesson, decay=decay)
        if best is None or gain > best[0]:
            best = gain, decay, scores
    if best is None:
        raise ExportError(
            f"fine-tuning would cost more than {100 * MOST_LOST:g} points of accuracy on the general set "
            f"({', '.join(losses)}): nothing was written; check the labels of the extra rows, or give more of them"
        )
    gain, decay, scores = best
    if not gain > 0:
        told = ", ".join(f"{labels} {before:.3f} to {after:.3f}" for labels, (before, after) in scores.items())
        raise ExportError(
            f"what is learnt does not help on extra rows that were held out ({told}): nothing was written; give more "
            "rows, or check their labels"
        )
    return decay, scores


def _lost(lesson: _Lesson, head: Head, *, decay: float) -> float:
    """Accuracy that a head would lose on the general set."""
    part, columns = lesson.known.heads[head.output], len(TAXONOMIES[head.taxonomy])
    change = _fit(head.output, lesson.old, lesson.new, decay=decay).of(lesson.known)
    return part.accuracy(0, columns) - part.accuracy(change, columns)


def _held_out(lesson: _Lesson, *, decay: float) -> tuple[float, dict[str, tuple[float, float]]]:
    """Mean gain of the log-likelihood less its standard error, and accuracy before and after, on rows held out.

    The gain is that of the head that gains least, and none where a head answers fewer of them right.
    """
    gains: list[float] = []
    scores: dict[str, tuple[float, float]] = {}
    for head in lesson.heads:
        part = lesson.new.heads[head.output]
        change = np.zeros_like(part.logits)
        for number in np.unique(lesson.folds):
            asked = lesson.folds == number
            learnt = _fit(head.output, lesson.old, lesson.new.select(~asked), decay=decay)
            change[asked] = learnt.of(lesson.new.select(asked))
        rows = part.values.sum(axis=1) > 0
        gain = (part.log_likelihoods(change) - part.log_likelihoods(0))[rows]
        if len(gain):
            gains.append(float(gain.mean() - gain.std() / np.sqrt(len(gain))))
        columns = len(TAXONOMIES[head.taxonomy])
        if (part.truth != UNLABELLED).any():
            scores[head.taxonomy] = part.accuracy(0, columns), part.accuracy(change, columns)
            if scores[head.taxonomy][1] < scores[head.taxonomy][0]:
                gains.append(0.0)
    return (min(gains) if gains else 0.0), scores


def _folds(pixels: NDArray[np.uint8]) -> NDArray[np.intp]:
    """`(n,)`: which fold holds each row; near copies, such as frames of one second, are in one."""
    groups = np.unique(near_copy_groups(pixels), return_inverse=True)[1].reshape(-1)
    order = np.random.default_rng(0).permutation(groups.max() + 1)
    return np.asarray(order[groups] % _FOLDS, np.intp)


def _fit(output: str, old: _Rows, new: _Rows, *, decay: float) -> _Change:
    """Regression of one head's targets on the embedding, on top of its logits; both kinds of rows weigh the same."""
    parts = [(rows.embedding, rows.heads[output]) for rows in (old, new)]
    embedding = np.concatenate([each for each, _ in parts]).astype(np.float64)
    logits, values = (
        torch.from_numpy(np.concatenate([getattr(known, column) for _, known in parts]).astype(np.float64))
        for column in ("logits", "values")
    )
    weights = torch.cat([torch.full((len(each),), len(new) / max(len(each), 1)) for each, _ in parts]).double()
    centre = embedding.mean(axis=0)
    scale = float(np.sqrt(((embedding - centre) ** 2).sum(axis=1).mean())) or 1.0
    features = torch.from_numpy(np.column_stack([(embedding - centre) / scale, np.ones(len(embedding))]))
    change = torch.zeros((features.shape[1], logits.shape[1]), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([change], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        each = -(values * F.log_softmax(logits + features @ change, dim=1)).sum(dim=1)
        loss = (weights * each).sum() + 0.5 * decay * (change**2).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    learnt = change.detach().numpy()
    slopes = learnt[:-1] / scale
    return _Change(slopes.astype(np.float32), (learnt[-1] - centre @ slopes).astype(np.float32))


def _add_to_heads(path: Path, embedding: str, changes: Mapping[str, _Change]) -> None:
    """Write changes into a graph: behind each head, `embedding @ weights + bias` is added to its logits."""
    model = onnx.load(str(path))
    graph = model.graph
    taken = {name for node in graph.node for name in node.output}
    for output, change in changes.items():
        before = next(name for number in range(len(taken) + 1) if (name := f"{output}_before_{number}") not in taken)
        for node in graph.node:
            node.output[:] = [before if name == output else name for name in node.output]
            node.input[:] = [before if name == output else name for name in node.input]
        added = f"{before}_change"
        for part, array in (("weights", change.weights), ("bias", change.bias)):
            graph.initializer.append(numpy_helper.from_array(array, f"{added}_{part}"))
        graph.node.append(helper.make_node("Gemm", [embedding, f"{added}_weights", f"{added}_bias"], [added]))
        graph.node.append(helper.make_node("Add", [before, added], [output]))
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def _guard(path: Path, lesson: _Lesson, pixels: NDArray[np.uint8]) -> dict[str, tuple[float, float]]:
    """Accuracy of each head on the general set before and after, by the file as it is.

    Raises:
        ExportError: a head has lost more than `MOST_LOST`.
    """
    answers = graph_answers(path, [head.output for head in lesson.heads], pixels)
    accuracies: dict[str, tuple[float, float]] = {}
    for head in lesson.heads:
        before, columns = lesson.known.heads[head.output], len(TAXONOMIES[head.taxonomy])
        after = replace(before, logits=answers[head.output])
        accuracies[head.taxonomy] = was, is_now = before.accuracy(0, columns), after.accuracy(0, columns)
        if not was - is_now <= MOST_LOST:
            raise ExportError(
                f"the fine-tuned model would answer {100 * is_now:.1f} % of the general set right in {head.taxonomy}, "
                f"before {100 * was:.1f} % (at most {100 * MOST_LOST:g} points may be lost): nothing was written"
            )
    return accuracies
