"""The embedded model as it ships: from JPEG to stored probabilities, and its scores on PublicTest."""

import json
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mien
from mien.datasets.faceset import FaceSet
from mien.datasets.fer2013 import PUBLIC_TEST
from mien.datasets.ferplus import majority_labels
from mien.taxonomy import FER2013, FERPLUS

ROOT = Path(__file__).parents[1]
STORED = json.loads((Path(__file__).parent / "stored" / "astronaut.json").read_text("utf-8"))


@pytest.mark.parametrize("labels", ["ferplus", "fer2013"])
def test_from_jpeg_to_stored_probabilities(labels: str) -> None:
    """The whole path: decoding, detection, framing, scaling, network, temperature."""
    analyzer = mien.Analyzer(detector="mtcnn", labels=labels)
    reading = analyzer.read(mien.load_photo(ROOT / "examples" / "astronaut.jpg"))
    assert reading.model_sha256 == STORED["model_sha256"]
    (face,) = reading.faces
    assert np.abs(np.subtract(face.box_xyxy, STORED["box_xyxy"])).max() < 1.0
    for label, probability in STORED["probabilities"][labels].items():
        assert face.emotions.probabilities[label] == pytest.approx(probability, abs=0.01), label


@pytest.fixture(scope="module")
def public_test(shared_fer2013: Path) -> FaceSet:
    """PublicTest with its votes, straight from the packed sheets."""
    expand: dict[str, Any] = runpy.run_path(str(shared_fer2013 / "expand.py"))
    rows, pixels = expand["load"]()
    chosen = [index for index, row in enumerate(rows) if row["usage"] == PUBLIC_TEST]
    return FaceSet(
        pixels=pixels[chosen],
        labels=np.array([int(rows[index]["emotion"]) for index in chosen]),
        votes=np.array([[int(rows[index][vote]) for vote in expand["VOTES"]] for index in chosen], np.uint8),
        split=np.array([PUBLIC_TEST] * len(chosen)),
        taxonomy=FER2013,
        source="PublicTest",
    )


def test_public_test_scores(public_test: FaceSet) -> None:
    """What the card states is what the shipped file scores, and it is what was promised."""
    classifier = mien.EmotionClassifier.load()
    logits = classifier.logits(list(public_test.pixels))
    assert public_test.votes is not None
    majority = majority_labels(public_test.votes)
    scored = majority >= 0
    ferplus = float((logits["ferplus"][scored, : len(FERPLUS)].argmax(axis=1) == majority[scored]).mean())
    fer2013 = float((logits["fer2013"].argmax(axis=1) == public_test.labels).mean())
    assert (int(scored.sum()), len(public_test)) == (3199, 3589)
    assert ferplus >= 0.865
    assert fer2013 >= 0.680
    assert ferplus == pytest.approx(classifier.card.scores["ferplus_accuracy"], abs=0.0005)
    assert fer2013 == pytest.approx(classifier.card.scores["fer2013_accuracy"], abs=0.0005)
