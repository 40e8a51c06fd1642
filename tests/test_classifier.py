"""The classifier: cards are read from the file itself, label sets from the card, bad files refused in a sentence."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mien import classifier as classifier_module
from mien.classifier import EmotionClassifier, embedded_models
from mien.errors import CardError, ChecksumError, WeightsMissingError
from mien.taxonomy import FER2013, FERPLUS


@pytest.fixture(scope="module")
def classifier() -> EmotionClassifier:
    return EmotionClassifier.load()


@pytest.fixture(scope="module")
def faces() -> NDArray[np.uint8]:
    """Noise of several contrasts: no faces, but the network must answer them all the same way each time."""
    rng = np.random.default_rng(0)
    return np.clip(rng.normal(128, 1, (9, 48, 48)) * np.linspace(0.2, 2, 9)[:, None, None], 0, 255).astype(np.uint8)


def test_answers_are_probabilities_in_the_asked_label_set(
    classifier: EmotionClassifier, faces: NDArray[np.uint8]
) -> None:
    for taxonomy in (FERPLUS, FER2013):
        answers = classifier.classify(list(faces), labels=taxonomy.name)
        assert [answer.taxonomy for answer in answers] == [taxonomy.name] * len(faces)
        assert all(abs(sum(answer.values) - 1) < 1e-9 for answer in answers)
        assert [answer.votes for answer in answers] == [answer.votes for answer in classifier.classify(list(faces))]
    assert classifier.classify([]) == []


def test_a_batch_answers_as_its_faces_do_alone(classifier: EmotionClassifier, faces: NDArray[np.uint8]) -> None:
    together = [answer.values for answer in classifier.classify(list(faces))]
    alone = [classifier.classify([face])[0].values for face in faces]
    assert np.abs(np.subtract(together, alone)).max() < 1e-5


def test_probabilities_follow_from_the_logits_and_the_card(
    classifier: EmotionClassifier, faces: NDArray[np.uint8]
) -> None:
    head = classifier.card.head("ferplus")
    logits = classifier.logits(list(faces))["ferplus"].astype(np.float64)
    odds = np.exp(logits[:, : len(FERPLUS)] / head.temperature)
    expected = odds / odds.sum(axis=1, keepdims=True)
    assert np.allclose([answer.values for answer in classifier.classify(list(faces))], expected, atol=1e-6)
    odds = np.exp(logits / head.vote_temperature)
    votes = odds / odds.sum(axis=1, keepdims=True)
    assert np.allclose([answer.votes or () for answer in classifier.classify(list(faces))], votes, atol=1e-6)


def test_a_renamed_file_reads_the_same(classifier: EmotionClassifier, faces: NDArray[np.uint8], tmp_path: Path) -> None:
    renamed = tmp_path / "ünïcode 7 fer2013.bin"
    shutil.copy(classifier.path, renamed)
    again = EmotionClassifier.load(renamed)
    assert (again.card, again.sha256) == (classifier.card, classifier.sha256)
    assert again.classify(list(faces)) == classifier.classify(list(faces))


def test_the_default_model_is_embedded_with_its_card(classifier: EmotionClassifier) -> None:
    assert embedded_models()[classifier.card.name] == classifier.path
    assert classifier.path.stat().st_size <= 8_000_000
    assert [head.taxonomy for head in classifier.card.heads] == ["ferplus", "fer2013"]


@pytest.mark.parametrize("name", embedded_models())
def test_an_altered_embedded_model_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though ONNX Runtime would load it: a byte of its weights is another."""
    original = embedded_models()[name]
    content = bytearray(original.read_bytes())
    content[len(content) // 2] ^= 1
    altered = tmp_path / original.name
    altered.write_bytes(content)
    EmotionClassifier(altered)
    shutil.copy(original.with_name("SHA256SUMS"), tmp_path)
    monkeypatch.setattr(classifier_module, "_ASSETS", tmp_path)
    with pytest.raises(ChecksumError, match=f"{name}.onnx must have SHA-256 .* install mien again"):
        EmotionClassifier.load(name)
    (tmp_path / "SHA256SUMS").write_text("", "ascii")
    with pytest.raises(ChecksumError, match="of none known here"):
        EmotionClassifier.load(name)


def test_a_file_of_ones_own_may_be_pinned_too(classifier: EmotionClassifier) -> None:
    assert EmotionClassifier(classifier.path, sha256=classifier.sha256).sha256 == classifier.sha256
    with pytest.raises(ChecksumError, match="must have SHA-256 0000, got"):
        EmotionClassifier(classifier.path, sha256="0000")


@pytest.mark.parametrize(("content", "says"), [(b"", "cannot be|can load"), (b"text, not a model", "can load")])
def test_what_is_no_model_is_refused(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(CardError, match=says):
        EmotionClassifier.load(path)


def test_a_model_without_a_card_is_refused(shared_models: Path) -> None:
    with pytest.raises(CardError, match="no mien card"):
        EmotionClassifier.load(shared_models / "face_detection_yunet_2023mar.onnx")


def test_an_absent_file_is_named_with_what_there_is() -> None:
    with pytest.raises(WeightsMissingError, match="mien-m"):
        EmotionClassifier.load("nobody.onnx")


@pytest.mark.parametrize("crop", [np.zeros((48, 48)), np.zeros((48, 48, 2), np.uint8)])
def test_bad_crops_are_refused(classifier: EmotionClassifier, crop: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match="crop 0 must be"):
        classifier.classify([crop])
    with pytest.raises(ValueError, match="answers in"):
        classifier.classify([], labels="affwild2")
