"""A model file whose card tells what was measured of it; the graph and all else on the card stay as they are."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mien.card import ModelCard
from mien.classifier import EmotionClassifier
from mien.errors import CardError
from mien.evaluation.modelcard import recorded
from mien.learning.export import write_card
from mien.writing import replacing

__all__ = ["record"]


def record(model: Path, reports: Sequence[Path], destination: Path) -> ModelCard:
    """Put evaluations of a model file on its card, in place of those that are there.

    Args:
        model: A file with a card.
        reports: Folders that `mien evaluate` wrote of it; each another label set.
        destination: The file to write; may be `model`.

    Returns:
        The card that went into the file.

    Raises:
        WeightsMissingError: there is no such file.
        CardError: the file has no card, a folder holds no evaluation or one of another file, or two are of the same
            label set.
    """
    classifier = EmotionClassifier(model)
    card = replace(classifier.card, evaluations=())
    with replacing(destination) as unfinished:
        shutil.copyfile(model, unfinished)
        write_card(unfinished, card)
        known = {classifier.sha256, hashlib.sha256(unfinished.read_bytes()).hexdigest()}
        evaluations = tuple(_read(report, model, known) for report in reports)
        labels = [one["labels"] for one in evaluations]
        if len(set(labels)) < len(labels):
            raise CardError(f"expected one evaluation per label set, got {', '.join(labels)}")
        card = replace(card, evaluations=evaluations)
        write_card(unfinished, card)
    return card


def _read(report: Path, model: Path, known: set[str]) -> dict[str, Any]:
    """A folder's evaluation as it goes on a card, if it is of this file, with or without figures on its card."""
    try:
        metrics = json.loads((report / "metrics.json").read_text("utf-8"))
        changed = report / "robustness.json"
        robustness = json.loads(changed.read_text("utf-8")) if changed.is_file() else None
        values = recorded(metrics, robustness)
        measured = {each["model"]["sha256"] for each in (metrics, robustness) if each is not None}
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise CardError(f"{report}: expected a folder that mien evaluate wrote, got {error!r}") from None
    if not measured <= known:
        raise CardError(f"{report} is of another file than {model}: run mien evaluate on this one")
    if metrics["balance"]:
        raise CardError(f"{report} was scored with rare labels favoured: run mien evaluate without --balance")
    return values
