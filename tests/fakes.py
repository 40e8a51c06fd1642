"""A fake of each protocol, for tests that are about something else."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mien.card import Head, InputSpec, ModelCard
from mien.results import Emotions, Face
from mien.taxonomy import TAXONOMIES


class FakeDetector:
    """Answers with the same faces for every picture."""

    name = "fake"

    def __init__(self, *faces: Face) -> None:
        self.faces = faces

    def detect(self, frame_rgb: NDArray[np.uint8]) -> tuple[Face, ...]:
        return self.faces


class FakeClassifier:
    """Answers "the brighter the crop, the more of the first label"; remembers the crops it was given."""

    sha256 = "0" * 64
    card = ModelCard(
        name="fake",
        version="1",
        input=InputSpec(side_px=48, crop_scale=1.0),
        heads=(Head("ferplus", "votes", ("unknown", "not_a_face"), 1.0), Head("fer2013", "labels", (), 1.0)),
        embedding=None,
        parameters=1,
        licence="Apache-2.0",
    )

    def __init__(self, *, not_a_face: float | None = 0.0) -> None:
        self.not_a_face = not_a_face
        self.seen: list[NDArray[np.uint8]] = []

    def classify(
        self, crops: Sequence[NDArray[np.uint8]], *, labels: str | None = None, balance: float = 0
    ) -> list[Emotions]:
        self.seen += crops
        taxonomy = TAXONOMIES[labels or "ferplus"]
        answers = []
        for crop in crops:
            first = float(crop.mean()) / 255
            rest = (1 - first) / (len(taxonomy) - 1)
            values = (first, *([rest] * (len(taxonomy) - 1)))
            no_face = self.not_a_face
            votes = None if no_face is None else (1 - no_face, *([0.0] * 8), no_face)
            answers.append(Emotions(taxonomy.name, values, votes))
        return answers
