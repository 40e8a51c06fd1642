"""Every shipped recipe in small, from labelled faces to a reading of a photo with the file that came of it."""

from pathlib import Path

import numpy as np
import pytest

from fakes import FakeDetector
from mien.analyzer import Analyzer
from mien.learning import classical
from mien.learning.classical import train_classical
from mien.learning.export import export_runs
from mien.learning.recipe import ClassicalRecipe
from mien.learning.recipe_files import load_recipe, shipped_recipes
from mien.learning.runs import read_record
from mien.learning.training import Execution, train
from mien.results import Face
from training_samples import faces_to_learn

FACES = faces_to_learn(28)


def train_small(name: str, run: Path) -> None:
    """The recipe's own model and data path; fewer rows, steps and points of the grid."""
    recipe = load_recipe(name)
    if isinstance(recipe, ClassicalRecipe):
        changes = {f"grid.{key}": list(values[:1]) for key, values in recipe.grid.items()}
        some = {"pca_components": min(recipe.pca_components, 8), "folds": 2, "validation": 0.3}
        small = load_recipe(name, overrides={**changes, **some})
        assert isinstance(small, ClassicalRecipe)
        train_classical(FACES, small, run)
    else:
        some = {"epochs": 1, "batch": 10, "validation": 0.3, "warmup_epochs": 0}
        small = load_recipe(name, overrides=some)
        assert not isinstance(small, ClassicalRecipe)
        outcome = train(FACES, small, run, execution=Execution(accelerator="cpu"))
        assert outcome.epochs_done == 1


@pytest.mark.parametrize("name", shipped_recipes())
def test_a_recipe_goes_from_faces_to_a_reading(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classical, "_jobs", lambda: 1)  # processes take longer to start than these searches last
    train_small(name, tmp_path / "run")
    assert read_record(tmp_path / "run")["finished"]
    card = export_runs([tmp_path / "run"], tmp_path / "model.onnx", name=name)

    face = Face((40.0, 30.0, 88.0, 90.0), score=1.0, landmarks=None)
    analyzer = Analyzer(model=tmp_path / "model.onnx", detector=FakeDetector(face), max_not_a_face=1)
    photo = np.random.default_rng(0).integers(0, 256, (120, 160, 3)).astype(np.uint8)
    (seen,) = analyzer.read(photo).faces
    assert seen.emotions.taxonomy == card.heads[0].taxonomy
    assert sum(seen.emotions.values) == pytest.approx(1)
    assert len(set(seen.emotions.values)) > 1
    assert seen.emotions.plausible
