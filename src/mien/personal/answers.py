"""What the general model answers for some faces: all that is ever kept of a person's pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mien.classifier import EmotionClassifier
from mien.taxonomy import TAXONOMIES

__all__ = ["Answers", "answers_of"]


@dataclass(frozen=True, eq=False)
class Answers:
    """What the general model answers for some faces.

    Args:
        logits: Name of the label set -> `(n, len(labels))`, over the head's temperature.
        embeddings: `(n, width)`; None from a model without one.
    """

    logits: Mapping[str, NDArray[np.float64]]
    embeddings: NDArray[np.float64] | None

    def __len__(self) -> int:
        return len(next(iter(self.logits.values())))

    def select(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "Answers":
        """The rows that a mask or an index array names."""
        return Answers(
            {labels: values[rows] for labels, values in self.logits.items()},
            None if self.embeddings is None else self.embeddings[rows],
        )

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """All faces of several, in order; at least one part."""
        embeddings = [part.embeddings for part in parts if part.embeddings is not None]
        return cls(
            {labels: np.concatenate([part.logits[labels] for part in parts]) for labels in parts[0].logits},
            np.concatenate(embeddings) if len(embeddings) == len(parts) else None,
        )


def answers_of(classifier: EmotionClassifier, crops: Sequence[NDArray[np.uint8]]) -> Answers:
    """Ask the general model; `crops` are framed as `mien.faces.align.face_crop` frames them."""
    answers = classifier.logits(crops)
    logits = {
        head.taxonomy: answers[head.taxonomy][:, : len(TAXONOMIES[head.taxonomy])].astype(np.float64) / head.temperature
        for head in classifier.card.heads
    }
    embeddings = answers.get("embedding")
    return Answers(logits, None if embeddings is None else embeddings.astype(np.float64))
