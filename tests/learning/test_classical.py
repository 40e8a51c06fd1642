"""Classical models: the search goes over folds, survives being stopped, and its model comes back whole."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.neighbors import KNeighborsClassifier

from mien.datasets.leaks import near_copy_groups
from mien.errors import DataError, RecipeError, RunError
from mien.learning import classical
from mien.learning.classical import GRID, ClassicalModel, features_of, load_classical, train_classical
from mien.learning.recipe import ClassicalRecipe
from mien.learning.recipe_files import load_recipe, shipped_recipes
from mien.learning.runs import read_record, read_validation
from mien.learning.training import split_training
from training_samples import faces_to_learn

KNN = ClassicalRecipe("knn", grid={"n_neighbors": (1, 3), "p": (1, 2)}, folds=2, validation=0.25)


@pytest.fixture(autouse=True)
def one_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes take longer to start than these searches last."""
    monkeypatch.setattr(classical, "_jobs", lambda: 1)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classical, "_jobs", lambda: 1)
        run = tmp_path_factory.mktemp("runs") / "knn"
        train_classical(faces_to_learn(), KNN, run)
    return run


def test_the_search_finds_what_scikit_learns_finds(finished: Path) -> None:
    learn, _ = split_training(faces_to_learn(), KNN)
    folds = StratifiedGroupKFold(2, shuffle=True, random_state=0)
    grid = {name: list(values) for name, values in KNN.grid.items()}
    search = GridSearchCV(KNeighborsClassifier(), grid, cv=folds)
    search.fit(features_of(learn.pixels, "pixels"), learn.labels, groups=near_copy_groups(learn.pixels))
    result = read_record(finished)["result"]
    assert result["folds_accuracy"] == pytest.approx(search.best_score_)
    assert result["parameters"] == {f"classifier__{name}": value for name, value in search.best_params_.items()}
    with (finished / GRID).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 * 2
    means = [np.mean([float(row["accuracy"]) for row in rows if row["point"] == str(point)]) for point in range(4)]
    np.testing.assert_allclose(means, search.cv_results_["mean_test_score"])


def test_the_model_comes_back_and_scores_as_recorded(finished: Path) -> None:
    model = load_classical(finished)
    kept = read_validation(finished)
    probabilities = model.probabilities(kept["pixels"])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    accuracy = (probabilities.argmax(axis=1) == kept["labels"]).mean()
    assert accuracy == pytest.approx(read_record(finished)["result"]["val_accuracy"])
    assert (model.taxonomy, len(model.labels)) == ("fer2013", 7)


def test_support_vectors_answer_with_probabilities(tmp_path: Path) -> None:
    recipe = ClassicalRecipe("svm", grid={"kernel": ("rbf",), "C": (1.0,)}, folds=2, validation=0.25, features="hog")
    result = train_classical(faces_to_learn(), replace(recipe, pca_components=10), tmp_path / "run")
    assert result["val_accuracy"] > 0.5
    unseen = faces_to_learn(70, seed=1)
    probabilities = load_classical(tmp_path / "run").probabilities(unseen.pixels)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert (probabilities.argmax(axis=1) == unseen.labels).mean() > 0.5  # by chance 0.14


def test_a_search_that_was_stopped_goes_on(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fits: list[tuple[int, int]] = []
    score = classical._score

    def counted(place: tuple[int, int], *rest: object) -> tuple[tuple[int, int], float]:
        if len(fits) == 3:
            raise KeyboardInterrupt
        fits.append(place)
        return score(place, *rest)  # type: ignore[arg-type]  # passed on as they came

    def remembered(place: tuple[int, int], *rest: object) -> tuple[tuple[int, int], float]:
        fits.append(place)
        return score(place, *rest)  # type: ignore[arg-type]  # passed on as they came

    run = tmp_path / "run"
    monkeypatch.setattr(classical, "_score", counted)
    with pytest.raises(KeyboardInterrupt):
        train_classical(faces_to_learn(), KNN, run)
    before = list(fits)
    fits.clear()
    monkeypatch.setattr(classical, "_score", remembered)
    result = train_classical(faces_to_learn(), KNN, run, resume=True)
    assert len(before) == 3
    assert set(fits).isdisjoint(before[:2])  # the third may not have been written yet
    assert len(fits) <= 6
    assert (run / GRID).read_text() == (finished / GRID).read_text()
    assert result["parameters"] == read_record(finished)["result"]["parameters"]
    fits.clear()
    assert train_classical(faces_to_learn(), KNN, run, resume=True) == result
    assert fits == []
    with pytest.raises(RunError, match="already holds a run"):
        train_classical(faces_to_learn(), KNN, run)


def test_only_a_part_may_be_searched(tmp_path: Path) -> None:
    result = train_classical(faces_to_learn(), replace(KNN, grid_rows=40), tmp_path / "run")
    assert set(result) == {"parameters", "folds_accuracy", "val_accuracy", "minutes"}
    assert load_classical(tmp_path / "run").estimator["classifier"].n_samples_fit_ > 40


def test_a_parameter_that_is_none_is_named(tmp_path: Path) -> None:
    recipe = replace(KNN, grid={"C": (1,)})
    with pytest.raises(RecipeError, match=r"grid\.C is no parameter of KNeighborsClassifier: it has algorithm"):
        train_classical(faces_to_learn(), recipe, tmp_path / "run")


def test_fewer_faces_than_components_are_refused_in_a_sentence(tmp_path: Path) -> None:
    recipe = replace(KNN, pca_components=1000)
    with pytest.raises(DataError, match=r"expected at least 1000 faces in a fold, .* got [0-9]+: give more faces"):
        train_classical(faces_to_learn(), recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_label_without_rows_has_probability_zero() -> None:
    faces = faces_to_learn(42)
    faces = faces.select(faces.labels != 2)
    estimator = KNeighborsClassifier(1).fit(features_of(faces.pixels, "pixels"), faces.labels)
    probabilities = ClassicalModel(estimator, "pixels", "fer2013", faces.taxonomy.labels).probabilities(faces.pixels)
    assert probabilities.shape == (36, 7)
    assert probabilities[:, 2].sum() == 0
    assert (probabilities.argmax(axis=1) == faces.labels).all()


def test_what_is_no_classical_run_is_said(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no run"):
        load_classical(tmp_path)


@pytest.mark.parametrize("name", [name for name in shipped_recipes() if "svm" in name or "knn" in name])
def test_every_shipped_recipe_trains(name: str, tmp_path: Path) -> None:
    recipe = load_recipe(name)
    assert isinstance(recipe, ClassicalRecipe)
    first = {key: values[:1] for key, values in recipe.grid.items()}
    small = replace(recipe, grid=first, folds=2, validation=0.25, pca_components=min(recipe.pca_components, 8))
    result = train_classical(faces_to_learn(), small, tmp_path / "run")
    assert 0 <= result["val_accuracy"] <= 1
    assert load_classical(tmp_path / "run").probabilities(faces_to_learn(3).pixels).shape == (3, 7)
