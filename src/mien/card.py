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

__all__ = ["CARD_KEY", "Head", "InputSpec", "ModelCard", "Trust"]

CARD_KEY = "mien.card"

_FORMER = ("protocol", "scores")  # of cards from before `evaluations`: figures without intervals


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
class Trust:
    """How far a head's answers can be trusted, as fitted on rows that training kept aside; see `docs/doubt.md`.

    Args:
        bias: Of the log-odds that an answer is right.
        weights: Of ln p and of -ln(1 - p) in these log-odds, with p the answer's probability; 0 or more each.
        lack_weights: What lack of sharpness, grain and lack of light take from them (`Quality.lack`); 0 or more each.
        plausible_from: Labels of this probability and more are plausible, and the most probable one.
        plausible_coverage: How often the right label is among the plausible ones.
        sure_from: Answers of this certainty and more are sure; None if no accuracy could be promised.
        sure_accuracy: How many of the sure answers are right, with 95 % confidence.
        rows: How many rows it was fitted on.
    """

    bias: float
    weights: tuple[float, float]
    lack_weights: tuple[float, float, float]
    plausible_from: float
    plausible_coverage: float
    sure_from: float | None
    sure_accuracy: float
    rows: int


@dataclass(frozen=True)
class Head:
    """One set of logits and what its columns mean.

    Args:
        taxonomy: Name of the label set of the first columns.
        output: Name of the graph's output, `(n, len(labels) + len(extra))` logits.
        extra: What the columns after the labels mean: "unknown" and "not_a_face", or nothing.
        temperature: The logits of the labels are divided by it before the softmax; fitted on validation rows.
        frequencies: How often the model expects each label, on validation rows; they sum to 1. None if not known.
        trust: How far its answers can be trusted; None if nothing is promised.
        vote_temperature: All logits are divided by it to say how viewers would vote; of a head with `extra` columns.
        not_a_face_from: Of this share of votes and more, "no face" is a doubt: 1 in 100 faces that no viewer doubted
            has it; of such a head. None if not known.
    """

    taxonomy: str
    output: str
    extra: tuple[str, ...]
    temperature: float
    frequencies: tuple[float, ...] | None = None
    trust: Trust | None = None
    vote_temperature: float = 1.0
    not_a_face_from: float | None = None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read a head as it stands in a card; what an older card lacks is not known.

        Raises:
            KeyError, TypeError: it is of another shape.
        """
        known = {"frequencies": None, "trust": None, **values}
        known["extra"] = tuple(known["extra"])
        if known["frequencies"] is not None:
            known["frequencies"] = tuple(known["frequencies"])
        if known["trust"] is not None:
            trust = {**known["trust"]}
            known["trust"] = Trust(**{**trust, **{name: tuple(trust[name]) for name in ("weights", "lack_weights")}})
        return cls(**known)


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
        data: What it was trained on, and what the labels are.
        evaluations: What `mien evaluate` measured of this very file, one per label set, as
            `mien.evaluation.modelcard.recorded` makes them; `mien models record` puts them here.
        training: Recipe, seed and versions.
        intended_use: What it is for.
        misuse: What it is not for.
        limits: What it cannot do.
        not_measured: What nobody knows of it.
        law: What law says of its use.
    """

    name: str
    version: str
    input: InputSpec
    heads: tuple[Head, ...]
    embedding: str | None
    parameters: int
    licence: str
    data: str = ""
    evaluations: tuple[Mapping[str, Any], ...] = ()
    training: Mapping[str, Any] = field(default_factory=dict)
    intended_use: str = ""
    misuse: str = ""
    limits: str = ""
    not_measured: str = ""
    law: str = ""

    def __post_init__(self) -> None:
        if not self.heads:
            raise CardError(f"the card of {self.name} has no head")
        for head in self.heads:
            if head.taxonomy not in TAXONOMIES:
                raise CardError(f"the card of {self.name} names an unknown taxonomy {head.taxonomy!r}")
            for temperature in (head.temperature, head.vote_temperature):
                if not temperature > 0:
                    raise CardError(f"the card of {self.name}: temperature must be positive, got {temperature}")
            if head.frequencies is not None and len(head.frequencies) != len(TAXONOMIES[head.taxonomy]):
                raise CardError(
                    f"the card of {self.name}: expected a frequency for each label of {head.taxonomy}, "
                    f"got {len(head.frequencies)}"
                )

    def head(self, labels: str) -> Head:
        """The head that answers in a label set.

        Raises:
            ValueError: the model has none for it.
        """
        for head in self.heads:
            if head.taxonomy == labels:
                return head
        raise ValueError(f"{self.name} answers in {', '.join(h.taxonomy for h in self.heads)}, not in {labels!r}")

    def evaluation(self, labels: str) -> Mapping[str, Any] | None:
        """What was measured in a label set; None if nothing was."""
        return next((one for one in self.evaluations if one["labels"] == labels), None)

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
            values["heads"] = tuple(map(Head.from_dict, values["heads"]))
            values["evaluations"] = tuple(values.get("evaluations", ()))
            for name in _FORMER:
                values.pop(name, None)
            return cls(**values)
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise CardError(f"{source} has a card that this version of mien cannot read: {error}") from None
