"""What was measured of a file goes on its card, and only on its own."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evaluation_samples import CARD, HEAD, VOTE_HEAD, evaluate_sample, sample_faces, write_sample_model
from mien.classifier import EmotionClassifier
from mien.errors import CardError
from mien.learning.recording import record


def test_the_card_gets_the_figures_and_the_answers_stay(tmp_path: Path) -> None:
    model = write_sample_model(tmp_path / "model.onnx")
    reports = [evaluate_sample(tmp_path / "a", model, VOTE_HEAD), evaluate_sample(tmp_path / "b", model, HEAD)]
    card = record(model, reports, tmp_path / "scored.onnx")
    before, after = EmotionClassifier(model), EmotionClassifier(tmp_path / "scored.onnx")
    assert after.card == card
    assert replace(card, evaluations=()) == before.card == CARD
    assert [one["labels"] for one in card.evaluations] == ["ferplus", "fer2013"]
    wanted = json.loads((reports[1] / "metrics.json").read_text())["full"]["accuracy"]
    measured = card.evaluation("fer2013")
    assert measured is not None
    assert measured["full"]["accuracy"] == wanted
    faces = list(sample_faces().pixels[:3])
    assert np.array_equal(before.logits(faces)["ferplus"], after.logits(faces)["ferplus"])


def test_a_recorded_file_can_be_measured_and_recorded_again(tmp_path: Path) -> None:
    model = write_sample_model(tmp_path / "model.onnx")
    card = record(model, [evaluate_sample(tmp_path / "a", model, VOTE_HEAD)], model)
    written = model.read_bytes()
    assert record(model, [tmp_path / "a"], model) == card
    assert model.read_bytes() == written
    card = record(model, [evaluate_sample(tmp_path / "b", model, HEAD)], model)
    assert [one["labels"] for one in card.evaluations] == ["fer2013"]


def test_figures_of_another_file_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    model = write_sample_model(tmp_path / "model.onnx")
    other = write_sample_model(tmp_path / "other.onnx", replace(CARD, version="2"))
    written = model.read_bytes()
    for reports, says in (
        ([evaluate_sample(tmp_path / "a", other, HEAD)], "is of another file"),
        ([evaluate_sample(tmp_path / "b", model, HEAD), tmp_path / "b"], "one evaluation per label set"),
        ([tmp_path], "expected a folder that mien evaluate wrote"),
    ):
        with pytest.raises(CardError, match=says):
            record(model, reports, model)
    assert model.read_bytes() == written
    assert {path.name for path in tmp_path.iterdir()} == {"model.onnx", "other.onnx", "a", "b"}
