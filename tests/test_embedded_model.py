"""The embedded model as it ships: from JPEG to stored probabilities; on PublicTest its scores and its promises."""

import json
import runpy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import mien
from conftest import SharedMedia
from mien.card import Head
from mien.classifier import DEFAULT_MODEL, EmotionClassifier, embedded_models
from mien.datasets.faceset import FaceSet
from mien.datasets.fer2013 import PUBLIC_TEST
from mien.evaluation.conformal import coverage_range
from mien.evaluation.judge import Evaluation, decide_on, judge, set_exam
from mien.evaluation.modelcard import model_page
from mien.evaluation.perturbations import JITTER, brightness, gaussian_blur, resolution
from mien.evaluation.robustness import QUOTED_JITTER, measure_robustness
from mien.taxonomy import FER2013, TAXONOMIES

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


@pytest.fixture(scope="module")
def answers(classifier: EmotionClassifier, public_test: FaceSet) -> dict[str, NDArray[np.float32]]:
    """The embedded model's logits for all of PublicTest, by label set."""
    return classifier.logits(list(public_test.pixels))


@pytest.fixture(scope="module", params=["ferplus", "fer2013"])
def judged(
    request: pytest.FixtureRequest,
    classifier: EmotionClassifier,
    public_test: FaceSet,
    answers: dict[str, NDArray[np.float32]],
) -> Evaluation:
    """What the answers are worth, in each label set."""
    head = classifier.card.head(request.param)
    exam = set_exam(public_test, split=PUBLIC_TEST, taxonomy=TAXONOMIES[head.taxonomy])
    return judge(exam, answers[head.taxonomy][exam.faces.names.astype(int)], head=head, model={})


def logits_of(classifier: EmotionClassifier, pixels: NDArray[np.uint8], head: Head) -> NDArray[np.float32]:
    return classifier.logits(list(pixels))[head.taxonomy]


@pytest.fixture(scope="module")
def classifier() -> EmotionClassifier:
    return EmotionClassifier.load()


def test_public_test_scores_are_those_of_the_card_and_what_was_promised(
    judged: Evaluation, classifier: EmotionClassifier
) -> None:
    full, labels = judged.full, judged.head.taxonomy
    assert full.n == {"ferplus": 3199, "fer2013": 3589}[labels]
    assert full.accuracy >= {"ferplus": 0.885, "fer2013": 0.710}[labels]
    measured = classifier.card.evaluation(labels)
    assert measured is not None
    assert full.accuracy == pytest.approx(measured["full"]["accuracy"], abs=0.0005)
    assert full.macro_f1 == pytest.approx(measured["full"]["macro_f1"], abs=0.005)


def test_calibration_is_that_of_the_card(judged: Evaluation, classifier: EmotionClassifier) -> None:
    full, measured = judged.full, classifier.card.evaluation(judged.head.taxonomy)
    assert measured is not None
    assert full.doubt is not None
    assert full.doubt.sure is not None
    written = measured["full"]["doubt"]
    assert full.before.ece == pytest.approx(measured["full"]["ece_before"], abs=0.003)
    assert full.after.ece == pytest.approx(measured["full"]["ece_after"], abs=0.003)
    assert full.doubt.certainty.ece == pytest.approx(written["certainty_ece"], abs=0.003)
    assert full.doubt.plausible.coverage == pytest.approx(written["plausible"]["coverage"], abs=0.003)
    assert full.doubt.sure.answered == pytest.approx(written["sure"]["answered"], abs=0.003)


def test_promises_of_doubt_come_true(judged: Evaluation) -> None:
    """On rows that nothing was fitted on; the intervals hold the luck of both draws."""
    doubt, trust = judged.full.doubt, judged.head.trust
    assert doubt is not None
    assert trust is not None
    low, high = coverage_range(trust.rows, judged.full.n, coverage=trust.plausible_coverage)
    assert doubt.plausible.coverage >= low
    if doubt.plausible.mean_size > 1.05:  # sets of one label cannot cover less than the accuracy
        assert doubt.plausible.coverage <= high + 0.01
    assert doubt.sure is not None
    assert doubt.sure.accuracy_interval[1] >= doubt.sure_promised
    assert doubt.certainty.ece <= 0.03
    assert judged.full.risk_coverage.accuracy_at(0.8) > judged.full.accuracy + 0.04


@pytest.mark.parametrize(
    ("change", "levels"),
    [(gaussian_blur, (1.0, 2.0, 3.0)), (brightness, (0.25, 0.06, 0.03)), (resolution, (24, 16, 12))],
)
def test_certainty_falls_with_what_can_be_seen(
    change: Callable[[NDArray[np.uint8], float], NDArray[np.uint8]],
    levels: tuple[float, ...],
    judged: Evaluation,
    classifier: EmotionClassifier,
) -> None:
    pixels, head = judged.exam.faces.pixels[:200], judged.head
    certainties = []
    for faces in (pixels, *(change(pixels, level) for level in levels)):
        certainty = decide_on(faces, logits_of(classifier, faces, head), head=head).certainty
        assert certainty is not None
        certainties.append(float(certainty.mean()))
    assert (np.diff(certainties) < 0).all(), certainties
    assert certainties[-1] < certainties[0] - 0.05


def test_a_detectors_jitter_costs_no_more_than_a_point(judged: Evaluation, classifier: EmotionClassifier) -> None:
    tenth = replace(JITTER, levels=(QUOTED_JITTER,))
    result = measure_robustness(
        judged, lambda pixels: logits_of(classifier, pixels, judged.head), faces=1000, perturbations=(tenth,)
    )
    assert result.jitter is not None
    assert result.jitter.cost_interval[0] < 0.01


@pytest.mark.parametrize("labels", ["ferplus", "fer2013"])
def test_a_colour_photo_and_its_grey_copy_agree(shared_media: SharedMedia, labels: str) -> None:
    analyzer = mien.Analyzer(detector="mtcnn", labels=labels)
    names = sorted(name for name, line in shared_media.manifest.items() if name.startswith("images/london"))
    assert len(names) == 20
    for name in names:
        colour = mien.load_photo(shared_media.path(name))
        grey = np.asarray(cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY), np.uint8)[:, :, None].repeat(3, axis=2)
        faces = analyzer.detector.detect(colour)
        (one,), (other,) = (analyzer.read_faces(picture, faces) for picture in (colour, grey))
        assert one is not None
        assert other is not None
        difference = np.abs(np.subtract(one.emotions.values, other.emotions.values)).max()
        assert difference < 0.05, name
        lead = one.emotions.probabilities[one.emotions.top] - one.emotions.probabilities[other.emotions.top]
        assert lead < 2 * difference + 1e-9, name  # another label only where the two were as good as even


@pytest.mark.parametrize("name", embedded_models())
def test_the_page_of_the_card_is_that_of_the_file(name: str) -> None:
    """`benchmarks/embed.py` writes it when another model is embedded."""
    classifier = EmotionClassifier.load(name)
    page = "model-card.md" if name == DEFAULT_MODEL else f"model-card-{name}.md"
    written = (ROOT / "docs" / page).read_text("utf-8")
    if name == DEFAULT_MODEL:
        assert (ROOT / "docs" / "doubt.md").read_text("utf-8").count(f"`{classifier.sha256[:12]}`") == 4  # its tables
    assert written == model_page(classifier.card, sha256=classifier.sha256, size_bytes=classifier.path.stat().st_size)
