"""Fine-tuning teaches a model file new rows, and its guard stops what would harm it."""

from pathlib import Path

import numpy as np
import pytest

from mien.classifier import DEFAULT_MODEL, EmotionClassifier
from mien.datasets.faceset import TRAINING, FaceSet
from mien.errors import ExportError
from mien.learning import finetuning
from mien.learning.finetuning import MOST_LOST, finetune
from mien.taxonomy import FER2013
from training_samples import faces_to_learn

LABELS = FER2013.name


def decided(classifier: EmotionClassifier, pixels: np.ndarray) -> np.ndarray:
    return np.asarray(classifier.logits(list(pixels))[LABELS].argmax(axis=1))


@pytest.fixture(scope="module")
def general() -> FaceSet:
    """Clouds that the embedded model reads all right: their labels are its answers."""
    rng = np.random.default_rng(0)
    coarse = rng.normal(128, 70, (160, 6, 6)).clip(0, 255)
    pixels = coarse.repeat(8, axis=1).repeat(8, axis=2).astype(np.uint8)
    labels = decided(EmotionClassifier.load(), pixels).astype(np.int64)
    return FaceSet(pixels, labels, None, np.full(len(pixels), TRAINING), FER2013, "clouds.npz")


def accuracy(path: Path | str, faces: FaceSet) -> float:
    return float((decided(EmotionClassifier.load(path), faces.pixels) == faces.labels).mean())


def test_new_rows_are_learnt_and_the_general_set_is_kept(general: FaceSet, tmp_path: Path) -> None:
    extra, unseen = faces_to_learn(140), faces_to_learn(70, seed=5)
    out = tmp_path / "mine.onnx"
    steps: list[str] = []
    tuned = finetune(DEFAULT_MODEL, general, extra, out, on_step=steps.append)
    assert accuracy(out, unseen) > accuracy(DEFAULT_MODEL, unseen) + 0.2
    before, after = tuned.general[LABELS]
    assert before == 1.0
    assert after >= before - MOST_LOST
    was, now = tuned.held_out[LABELS]
    assert now > was + 0.2
    card = EmotionClassifier(out).card
    assert card == tuned.card
    assert card.name == f"{DEFAULT_MODEL}-finetuned"
    assert card.training["finetuned"]["from"]["sha256"] == EmotionClassifier.load().sha256
    assert card.training["finetuned"]["rows"]["extra"] == 140
    assert steps[0] == "choosing the rows that judge"


def test_a_fine_tuned_model_learns_on(general: FaceSet, tmp_path: Path) -> None:
    extra, gentle = faces_to_learn(140), tmp_path / "gentle.onnx"
    finetune(DEFAULT_MODEL, general, extra, gentle, decays=(30.0,))
    again = finetune(gentle, general, extra, tmp_path / "again.onnx", decays=(1.0,), name="mine")
    assert again.card.name == "mine"
    again_from = EmotionClassifier(tmp_path / "again.onnx").card.training["finetuned"]["from"]
    assert again_from["name"] == f"{DEFAULT_MODEL}-finetuned"


def harmful(general: FaceSet) -> FaceSet:
    """Clouds of the same kind, each labelled as the next emotion."""
    coarse = np.random.default_rng(1).normal(128, 70, (100, 6, 6)).clip(0, 255)
    pixels = coarse.repeat(8, axis=1).repeat(8, axis=2).astype(np.uint8)
    labels = (decided(EmotionClassifier.load(), pixels) + 1) % len(FER2013)
    return FaceSet(pixels, labels.astype(np.int64), None, np.full(100, TRAINING), FER2013, "wrong.npz")


def test_the_guard_stops_a_harmful_update_and_nothing_is_written(general: FaceSet, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"would cost more than 0.5 points of accuracy on the general set"):
        finetune(DEFAULT_MODEL, general, harmful(general), tmp_path / "mine.onnx", decays=(0.01,))
    assert list(tmp_path.iterdir()) == []


def test_the_guard_judges_the_finished_file(general: FaceSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finetuning, "_choose_decay", lambda *_: (0.01, {}))  # as if nobody had looked before
    with pytest.raises(ExportError, match=r"would answer .* % of the general set right in fer2013, before 100.0 %"):
        finetune(DEFAULT_MODEL, general, harmful(general), tmp_path / "mine.onnx")
    assert list(tmp_path.iterdir()) == []


def test_what_does_not_help_on_held_out_rows_is_refused(
    general: FaceSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finetuning, "_held_out", lambda *_, **__: (-0.1, {LABELS: (0.5, 0.4)}))
    with pytest.raises(ExportError, match=r"does not help on extra rows that were held out \(fer2013 0.500 to 0.400\)"):
        finetune(DEFAULT_MODEL, general, faces_to_learn(35), tmp_path / "mine.onnx", decays=(30.0,))
    assert list(tmp_path.iterdir()) == []
