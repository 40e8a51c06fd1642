"""Explanations: right where the truth is known, gone when the weights are, and of what the model really uses."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from conftest import SharedMedia
from fakes import FakeClassifier
from mien.classifier import EmotionClassifier
from mien.explain import CELLS, Explanation, explain, overlay
from mien.faces.align import face_crop
from mien.media.photos import load_photo
from mien.preprocess import to_input
from mien.results import Emotions, Face, Landmarks

PHOTO = Path(__file__).parents[1] / "examples" / "astronaut.jpg"
MASKS = 400


class ReadsOnePlace(FakeClassifier):
    """Says "happy" the more, the more contrast there is in one part of the crop."""

    part = (slice(30, 42), slice(6, 18))

    def classify(
        self, crops: Sequence[NDArray[np.uint8]], *, labels: str | None = None, balance: float = 0
    ) -> list[Emotions]:
        happy = [1 / (1 + math.exp(2.5 - crop[self.part].std() / 20)) for crop in crops]
        return [Emotions("ferplus", (1 - p, p, 0, 0, 0, 0, 0, 0)) for p in happy]


def checkered() -> NDArray[np.uint8]:
    """As much detail everywhere."""
    return np.asarray(np.indices((48, 48)).sum(axis=0) // 2 % 2 * 200 + 20, np.uint8)


def correlation(first: Explanation, second: Explanation) -> float:
    return float(np.corrcoef(first.evidence.ravel(), second.evidence.ravel())[0, 1])


@pytest.fixture(scope="module")
def classifier() -> EmotionClassifier:
    return EmotionClassifier.load()


@pytest.fixture(scope="module")
def crop() -> NDArray[np.uint8]:
    return face_crop(load_photo(PHOTO), Face((176, 60, 272, 180), 1.0, None), scale=1.0)


@pytest.fixture(scope="module")
def real(classifier: EmotionClassifier, crop: NDArray[np.uint8]) -> Explanation:
    return explain(classifier, crop, masks=MASKS)


def test_evidence_lies_where_the_classifier_looks_and_nowhere_else() -> None:
    for label, sign in (("happy", 1), ("neutral", -1)):
        explanation = explain(ReadsOnePlace(), checkered(), label=label, masks=MASKS)
        evidence = sign * explanation.evidence
        inside = np.zeros((48, 48), bool)
        inside[ReadsOnePlace.part] = True
        beside = np.zeros((48, 48), bool)
        beside[24:48, 0:24] = True
        assert evidence[inside].mean() > 10 * np.abs(evidence[~beside]).mean()
        assert np.unravel_index(evidence.argmax(), evidence.shape) in set(zip(*np.nonzero(inside), strict=True))


def test_weights_are_log_odds_of_a_part_seen_sharp() -> None:
    """For a model whose log-odds add up over cells, the map is what each cell adds."""
    added = np.random.default_rng(4).normal(size=(CELLS, CELLS))

    class AddsUp(FakeClassifier):
        def classify(
            self, crops: Sequence[NDArray[np.uint8]], *, labels: str | None = None, balance: float = 0
        ) -> list[Emotions]:
            odds = [float((crop[3::6, 3::6] / 255 * added).sum()) for crop in crops]
            p = [1 / (1 + math.exp(-one)) for one in odds]
            return [Emotions("ferplus", (1 - one, one, 0, 0, 0, 0, 0, 0)) for one in p]

    face = np.zeros((48, 48), np.uint8)
    face[3::6, 3::6] = 255  # dots, which blur almost away
    explanation = explain(AddsUp(), face, label="happy", masks=MASKS)
    assert np.corrcoef(explanation.evidence[3::6, 3::6].ravel(), added.ravel())[0, 1] > 0.95


def test_the_same_call_gives_the_same_map(
    classifier: EmotionClassifier, crop: NDArray[np.uint8], real: Explanation
) -> None:
    again = explain(classifier, crop, masks=MASKS)
    assert np.array_equal(again.evidence, real.evidence)
    assert (again.label, again.probability, again.legend) == (real.label, real.probability, real.legend)


def test_another_seed_gives_nearly_the_same_map(
    classifier: EmotionClassifier, crop: NDArray[np.uint8], real: Explanation
) -> None:
    assert correlation(real, explain(classifier, crop, masks=MASKS, seed=1)) > 0.8


def test_randomised_weights_destroy_the_map(
    classifier: EmotionClassifier, crop: NDArray[np.uint8], real: Explanation, tmp_path: Path
) -> None:
    """Adebayo et al. 2018 (arXiv 1810.03292): a map that survives this shows the face, not the model."""
    correlations = []
    for seed in range(3):
        random = np.random.default_rng(seed)
        model = onnx.load(classifier.path)
        for weights in model.graph.initializer:
            values = numpy_helper.to_array(weights)
            if values.ndim >= 2:
                shuffled = random.permutation(values.ravel()).reshape(values.shape)
                weights.CopyFrom(numpy_helper.from_array(shuffled, weights.name))
        onnx.save(model, str(tmp_path / "random.onnx"))
        without = EmotionClassifier(tmp_path / "random.onnx")
        correlations.append(correlation(real, explain(without, crop, label=real.label, masks=MASKS)))
    assert np.mean(np.abs(correlations)) < 0.5


def cost_of_hiding(
    classifier: EmotionClassifier, crop: NDArray[np.uint8], explanation: Explanation
) -> tuple[float, NDArray[np.float64]]:
    """Log-odds lost under plain grey on the strongest 15 % of the evidence, and on 40 parts of that shape elsewhere.

    Not blurred, as the map was made, but covered.
    """
    (face,) = to_input([crop], classifier.card.input)
    top = explanation.evidence >= np.quantile(explanation.evidence, 0.85)
    random = np.random.default_rng(0)
    parts = [np.zeros_like(top), top, *(np.roll(top, random.integers(0, 48, 2), axis=(0, 1)) for _ in range(40))]
    answers = classifier.classify([np.where(part, np.uint8(face.mean()), face) for part in parts])
    shares = np.array([answer.probabilities[explanation.label] for answer in answers])
    odds = np.log(shares / (1 - shares))
    return float(odds[0] - odds[1]), odds[0] - odds[2:]


def test_hiding_the_evidence_costs_more_than_hiding_as_much_elsewhere(
    classifier: EmotionClassifier, crop: NDArray[np.uint8], real: Explanation
) -> None:
    cost, elsewhere = cost_of_hiding(classifier, crop, real)
    assert cost > max(0.5, 2 * elsewhere.mean())
    assert (cost > elsewhere).mean() >= 0.9


def test_it_does_so_on_eight_more_faces_of_several_expressions(
    classifier: EmotionClassifier, shared_media: SharedMedia
) -> None:
    costs = []
    for index in range(1, 9):
        name = f"images/emotions_a_{index}.jpg"
        face = Face(tuple(shared_media.faces[name]["faces"][0]), 1.0, None)
        crop = face_crop(load_photo(shared_media.path(name)), face, scale=1.0)
        cost, elsewhere = cost_of_hiding(classifier, crop, explain(classifier, crop, masks=MASKS))
        costs.append((cost, elsewhere.mean()))
    mean = np.mean(costs, axis=0)
    assert mean[0] > 2 * mean[1]
    assert sum(cost > elsewhere for cost, elsewhere in costs) >= 7


def test_label_and_label_set_are_free_to_choose(classifier: EmotionClassifier, crop: NDArray[np.uint8]) -> None:
    few = 2 * CELLS**2
    explanation = explain(classifier, crop, label="sad", labels="fer2013", masks=few)
    assert (explanation.label, explanation.taxonomy, explanation.masks) == ("sad", "fer2013", few)
    (answer,) = classifier.classify([crop], labels="fer2013")
    assert explanation.probability == pytest.approx(answer.probabilities["sad"], abs=1e-5)
    with pytest.raises(ValueError, match="expected one of angry"):
        explain(classifier, crop, label="contempt", labels="fer2013")
    with pytest.raises(ValueError, match="answers in"):
        explain(classifier, crop, labels="affwild2")
    with pytest.raises(ValueError, match=f"masks must be {few} or more"):
        explain(classifier, crop, masks=few - 1)
    with pytest.raises(ValueError, match="crop 0 must be"):
        explain(classifier, crop[..., :2])


def test_a_face_without_detail_has_no_evidence(classifier: EmotionClassifier) -> None:
    explanation = explain(classifier, np.full((48, 48), 128, np.uint8), masks=2 * CELLS**2)
    assert np.abs(explanation.evidence).max() < 1e-3
    assert explanation.probability == pytest.approx(explanation.blurred, abs=1e-5)
    assert "factor of 1.0" in explanation.legend


@pytest.mark.parametrize("roll", [0.0, 30.0])
@pytest.mark.parametrize("size_wh", [(900, 300), (60, 80), (200, 1600)])
def test_the_overlay_lies_on_the_face_and_leaves_the_photo_alone(roll: float, size_wh: tuple[int, int]) -> None:
    width, height = size_wh
    side = min(size_wh) / 3
    x, y = width / 2, height / 2
    tilt = np.array([[math.cos(math.radians(roll)), -math.sin(math.radians(roll))], [0, 0]])
    tilt[1] = -tilt[0, 1], tilt[0, 0]

    def at(right: float, down: float) -> tuple[float, float]:
        moved = tilt @ (side * right, side * down)
        return (x + float(moved[0]), y + float(moved[1]))

    points = Landmarks(at(-0.2, -0.1), at(0.2, -0.1), at(0, 0.1), at(-0.15, 0.3), at(0.15, 0.3))
    face = Face((x - side / 2, y - side / 2, x + side / 2, y + side / 2), 1.0, points)
    frame = np.full((height, width, 3), 128, np.uint8)
    evidence = np.zeros((48, 48), np.float32)
    evidence[34:46, 18:30], evidence[2:14, 18:30] = 1.0, -1.0
    picture = overlay(frame, face, Explanation("happy", "ferplus", 0.9, 0.1, evidence, 500), crop_scale=1.0)
    assert (frame == 128).all()
    size = min(480 / height, 960 / width)
    shown = picture[:480, : round(width * size)].astype(int)
    shown = shown[(480 - round(height * size)) // 2 :]
    for place, redder in ((at(0, 0.33), True), (at(0, -0.33), False)):
        red, _, blue = shown[round(place[1] * size - 0.5), round(place[0] * size - 0.5)]
        assert (red > 170 > 60 > blue) if redder else (blue > 150 > 60 > red)
    assert (shown[5, 5] == 128).all()
    close = picture[:480, -480:].astype(int)
    assert close[400, 240, 0] > 170 > 60 > close[400, 240, 2]
    assert (picture[480:] < 100).any(axis=2).mean() > 0.02  # the legend


def test_the_legend_says_what_it_is_and_is_not(real: Explanation) -> None:
    assert f'"{real.label}" ({real.probability:.0%})' in real.legend
    assert "400 times" in real.legend
    assert "not whether the answer is right, nor what the person feels" in real.legend
