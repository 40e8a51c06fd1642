"""A file calibrated anew: another card, the same graph, the same answers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from mien.classifier import EmotionClassifier
from mien.cli.app import app
from mien.learning.calibrate import calibrate
from mien.learning.export import export_runs, write_card
from mien.learning.recipe import Recipe
from mien.learning.training import train
from training_samples import faces_to_learn

RECIPE = Recipe(
    "mien_m",
    epochs=1,
    target="votes+labels",
    batch=16,
    validation=0.2,
    precision="32-true",
    options={"stem": 8, "stages": [[8, 1], [16, 1]]},
)


def test_calibrating_puts_back_what_export_fitted(tmp_path: Path) -> None:
    train(faces_to_learn(), RECIPE, tmp_path / "run")
    model, again = tmp_path / "model.onnx", tmp_path / "again.onnx"
    card = export_runs([tmp_path / "run"], model, name="tiny")
    bare = tuple(replace(head, temperature=1.0, frequencies=None, trust=None) for head in card.heads)
    write_card(model, replace(card, heads=bare))
    assert calibrate(model, tmp_path / "run", again) == card
    before, after = EmotionClassifier.load(model), EmotionClassifier.load(again)
    assert (before.card.heads, after.card) == (bare, card)
    faces = list(faces_to_learn().pixels[:3])
    assert np.array_equal(before.logits(faces)["ferplus"], after.logits(faces)["ferplus"])
    done = CliRunner().invoke(app, ["calibrate", str(model), "--run", str(tmp_path / "run")])
    assert done.exit_code == 0
    assert "ferplus: temperature" in done.output
    assert EmotionClassifier.load(model).card == card
