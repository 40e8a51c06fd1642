"""The card that travels inside every model file: what goes in, what comes out, how good it is, who may use it.

It is stored as JSON in the ONNX file's metadata under `CARD_KEY`, so that a model is one file and nothing is
ever guessed from a name.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from mien.errors import CardError
from mien.taxonomy import TAXONOMIES

__all__ = ["CARD_KEY", "Head", "InputSpec", "ModelCard"]

CARD_KEY = "mien.card"


@dataclass(frozen=True)
class InputSpec:
    """What the model's `faces` input takes: `(n, side_px, side_px)` uint8 grey.

    Args:
        side_px: Side of the square input.
        crop_scale: The framing it was trained on: side of the square crop over the longer side of a face's box.
    """

    side_px: int
    crop_scale: float


@dataclass(frozen=True)
class Head:
    """One set of logits and what its columns mean.

    Args:
        taxonomy: Name of the label set of the first columns.
        output: Name of the graph's output, `(n, len(labels) + len(extra))` logits.
        extra: What the columns after the labels mean: "unknown" and "not_a_face", or nothing.
        temperature: The logits of the labels are divided by it before the softmax; fitted on validation rows.
    """

    taxonomy: str
    output: str
    extra: tuple[str, ...]
    temperature: float


@dataclass(frozen=True)
class ModelCard:
    """What a model is; see the fields' names.

    Args:
        name: Name of the model.
        version: Version of its weights.
        input: What goes in.
        heads: What comes out; the first is the default.
        embedding: Name of the graph's output that holds the embedding; None if it has none.
        parameters: Number of trained parameters.
        licence: SPDX identifier of the weights.
        data: What it was trained on.
        protocol: How the scores were taken.
        scores: Name of the score -> value.
        training: Recipe, seed and versions.
        intended_use: What it is for.
        limits: What it cannot do, what was not measured, and law.
    """

    name: str
    version: str
    input: InputSpec
    heads: tuple[Head, ...]
    embedding: str | None
    parameters: int
    licence: str
    data: str = ""
    protocol: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    intended_use: str = ""
    limits: str = ""

    def __post_init__(self) -> None:
        if not self.heads:
            raise CardError(f"the card of {self.name} has no head")
        for head in self.heads:
            if head.taxonomy not in TAXONOMIES:
                raise CardError(f"the card of {self.name} names an unknown taxonomy {head.taxonomy!r}")
            if not head.temperature > 0:
                raise CardError(f"the card of {self.name}: temperature must be positive, got {head.temperature}")

    def head(self, labels: str) -> Head:
        """The head that answers in a label set.

        Raises:
            ValueError: the model has none for it.
        """
        for head in self.heads:
            if head.taxonomy == labels:
                return head
        raise ValueError(f"{self.name} answers in {', '.join(h.taxonomy for h in self.heads)}, not in {labels!r}")

    def to_json(self) -> str:
        """The card as JSON text."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str, *, source: str) -> Self:
        """Read a card.

        Args:
            text: What `to_json` wrote.
            source: Where it stands, for messages.

        Raises:
            CardError: it is no card, or of another shape.
        """
        try:
            values = json.loads(text)
            values["input"] = InputSpec(**values["input"])
            values["heads"] = tuple(Head(**{**head, "extra": tuple(head["extra"])}) for head in values["heads"])
            return cls(**values)
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise CardError(f"{source} has a card that this version of mien cannot read: {error}") from None
