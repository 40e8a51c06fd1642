"""Support vector machines and nearest neighbours, chosen by a grid search over folds that near copies do not cross.

The search is a list of fits, spread over the processor's cores; each score is written to `grid.csv` in the run as it
comes, so that a search that was stopped goes on where it was. The chosen model is `model.skops`: scikit-learn's
objects in a file that, unlike a pickle, runs nothing when it is read.
"""

import csv
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED

import joblib
import numpy as np
import skops.io
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.model_selection import ParameterGrid, StratifiedGroupKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline

from mien.datasets.faceset import UNLABELLED, FaceSet
from mien.datasets.joining import add_rows, rows_to_add
from mien.datasets.leaks import near_copy_groups
from mien.errors import DataError, RecipeError, RunError
from mien.learning.hog import Hog
from mien.learning.recipe import ClassicalRecipe
from mien.learning.runs import begin_run, claimed, read_recipe, read_record, update_record
from mien.learning.svm import KernelSVM
from mien.learning.training import split_training
from mien.writing import replacing

__all__ = ["CLASSICAL_MODEL", "GRID", "ClassicalModel", "features_of", "load_classical", "train_classical"]

CLASSICAL_MODEL = "model.skops"
GRID = "grid.csv"

_TRUSTED = [
    "mien.learning.svm.KernelSVM",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
]
_BLOCK = 2048

Split = tuple[NDArray[np.intp], NDArray[np.intp]]


@dataclass(frozen=True, eq=False)
class ClassicalModel:
    """A trained classical model.

    Args:
        estimator: scikit-learn's; from features to probabilities.
        features: How the recipe makes features of faces.
        taxonomy: Name of the label set that it answers in.
        labels: The labels of its columns.
    """

    estimator: Any
    features: str
    taxonomy: str
    labels: tuple[str, ...]

    def probabilities(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """`(n, side, side)` uint8 faces, of the side that it was trained on, to `(n, len(labels))`."""
        blocks = [pixels[start : start + _BLOCK] for start in range(0, len(pixels), _BLOCK)]
        answers = [self.estimator.predict_proba(features_of(block, self.features)) for block in blocks]
        probabilities = np.zeros((len(pixels), len(self.labels)))
        if answers:  # a label without a training row has no column in scikit-learn's answer
            probabilities[:, self.estimator.classes_] = np.concatenate(answers)
        return probabilities


def features_of(pixels: NDArray[np.uint8], features: str) -> NDArray[np.float32]:
    """Faces as rows of numbers: pixels in 0..1, or histograms of oriented gradients.

    Args:
        pixels: `(n, side, side)`.
        features: "pixels" or "hog".
    """
    if features == "pixels":
        return pixels.reshape(len(pixels), -1).astype(np.float32) / np.float32(255)
    hog = Hog()
    blocks = [torch.from_numpy(pixels[start : start + _BLOCK]) for start in range(0, len(pixels), _BLOCK)]
    with torch.no_grad():
        return np.concatenate([hog(block).numpy() for block in blocks])


def train_classical(
    faces: FaceSet,
    recipe: ClassicalRecipe,
    run: Path,
    *,
    extra: FaceSet | None = None,
    resume: bool = False,
    max_time_s: float | None = None,
    show_progress: bool = False,
) -> dict[str, Any]:
    """Search the grid, fit the best on all rows to learn from, and score it on the rows kept aside.

    Args:
        faces: At least the Training split, with labels.
        recipe: What to do.
        run: Folder of the run; made if absent.
        extra: Further rows to learn from, behind those of `faces`; none of them is chosen by.
        resume: Go on with a search that was stopped.
        max_time_s: Stop the search after the fit in which so many seconds are over; None for no limit. The last fit,
            once the search has ended, is not stopped.
        show_progress: Write to standard error how far the search is.

    Returns:
        The chosen parameters, the score of the folds and of the rows kept aside, and the minutes of this call.

    Raises:
        DataError: the data are divided, and none of it is for training, or fewer faces than principal components.
        RecipeError: the classifier has no such parameter.
        RunError: the folder holds a run and `resume` is False, or one of another recipe or other data, or another
            process is training in it.
        TimeoutError: the time is up; the scores so far are in the run, and `resume` goes on.
    """
    template = _estimator(recipe)
    started = time.perf_counter()
    learn, choose = split_training(faces.select(faces.labels != UNLABELLED), recipe)
    if extra is not None:
        extra = rows_to_add(extra, choose)
        learn = add_rows(learn, extra)
        learn = learn.select(learn.labels != UNLABELLED)
    _check_enough(len(learn), recipe)
    entries = {
        "heads": [{"name": "labels", "taxonomy": faces.taxonomy.name, "columns": list(faces.taxonomy.labels)}],
        "rows": {"training": len(learn), "validation": len(choose), "skipped": len(faces.skipped)},
        "finished": False,
    }
    with claimed(run):
        begin_run(run, recipe, faces, validation=choose, extra=extra, entries=entries, resume=resume)
        record = read_record(run)
        if record["finished"]:
            return dict(record["result"])
        x, y, groups = features_of(learn.pixels, recipe.features), learn.labels, near_copy_groups(learn.pixels)
        until_s = None if max_time_s is None else started + max_time_s
        best, score = _search(template, recipe, run, (x, y, groups), until_s=until_s, show_progress=show_progress)
        model = clone(template).set_params(**best)
        if recipe.classifier == "svm":  # distances to the boundaries become probabilities, by rows that no fit saw
            model = CalibratedClassifierCV(model, cv=_folds(y, groups, recipe), ensemble=False, n_jobs=_jobs())
        model.fit(x, y)
        answers = ClassicalModel(model, recipe.features, faces.taxonomy.name, faces.taxonomy.labels)
        accuracy = float((answers.probabilities(choose.pixels).argmax(axis=1) == choose.labels).mean())
        with replacing(run / CLASSICAL_MODEL) as unfinished:
            skops.io.dump(model, unfinished, compression=ZIP_DEFLATED)
        minutes = round((time.perf_counter() - started) / 60, 2)
        result = {"parameters": best, "folds_accuracy": score, "val_accuracy": accuracy, "minutes": minutes}
        update_record(run, finished=True, result=result)
        return result


def load_classical(run: Path) -> ClassicalModel:
    """The model of a run.

    Raises:
        RunError: the folder holds no finished run of a classical recipe.
    """
    recipe = read_recipe(run)
    path = run / CLASSICAL_MODEL
    if not isinstance(recipe, ClassicalRecipe) or not path.exists():
        raise RunError(f"{run} holds no finished run of a classical recipe: expected {CLASSICAL_MODEL} in it")
    (head,) = read_record(run)["heads"]
    return ClassicalModel(
        skops.io.load(path, trusted=_TRUSTED), recipe.features, head["taxonomy"], tuple(head["columns"])
    )


def _check_enough(rows: int, recipe: ClassicalRecipe) -> None:
    """Raise `DataError` if a fold has fewer faces to learn from than principal components are asked for."""
    searched = min(rows, recipe.grid_rows) if recipe.grid_rows else rows
    fitted = searched * (recipe.folds - 1) // recipe.folds
    if recipe.pca_components > fitted:
        raise DataError(
            f"expected at least {recipe.pca_components} faces in a fold, as many as pca_components asks for, got"
            f" {fitted}: give more faces, or --set pca_components={fitted // 2}"
        )


def _estimator(recipe: ClassicalRecipe) -> Pipeline:
    """The classifier behind its features, with the parameters of the first point of the grid."""
    # A tree of rows gains nothing in so many dimensions, and could not be read back by the rule above.
    classifier = KernelSVM() if recipe.classifier == "svm" else KNeighborsClassifier(algorithm="brute")
    unknown = sorted(set(recipe.grid) - set(classifier.get_params()))
    if unknown:
        raise RecipeError(
            f"grid.{unknown[0]} is no parameter of {type(classifier).__name__}: it has "
            f"{', '.join(sorted(classifier.get_params()))}"
        )
    steps: list[tuple[str, Any]] = []
    if recipe.pca_components:
        steps.append(("pca", PCA(recipe.pca_components, whiten=True, svd_solver="covariance_eigh")))
    return Pipeline([*steps, ("classifier", classifier)])


def _search(
    template: Pipeline,
    recipe: ClassicalRecipe,
    run: Path,
    rows: tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.intp]],
    *,
    until_s: float | None,
    show_progress: bool,
) -> tuple[dict[str, Any], float]:
    """The parameters with the highest mean accuracy over the folds, and that accuracy."""
    x, y, groups = rows
    if 0 < recipe.grid_rows < len(x):
        some = np.sort(np.random.default_rng(recipe.seed).choice(len(x), recipe.grid_rows, replace=False))
        x, y, groups = x[some], y[some], groups[some]
    points = [
        {f"classifier__{key}": value for key, value in point.items()} for point in ParameterGrid(dict(recipe.grid))
    ]
    folds = _folds(y, groups, recipe)
    scores = _read_scores(run / GRID)
    left = [(point, fold) for point in range(len(points)) for fold in range(len(folds)) if (point, fold) not in scores]
    fits = joblib.Parallel(n_jobs=_jobs(), return_as="generator_unordered")(
        joblib.delayed(_score)((point, fold), clone(template).set_params(**points[point]), (x, y), folds[fold])
        for point, fold in left
    )
    for place, accuracy in _shown(fits, total=len(left), visible=show_progress):
        scores[place] = accuracy
        _write_scores(run / GRID, points, scores)
        if until_s is not None and time.perf_counter() >= until_s:
            raise TimeoutError("the time is up: the scores so far are in the run, and resuming goes on")
    means = [float(np.mean([scores[point, fold] for fold in range(len(folds))])) for point in range(len(points))]
    best = int(np.argmax(means))
    return points[best], means[best]


def _score(
    place: tuple[int, int], estimator: Pipeline, rows: tuple[NDArray[np.float32], NDArray[np.int64]], split: Split
) -> tuple[tuple[int, int], float]:
    x, y = rows
    learn, judge = split
    return place, float(estimator.fit(x[learn], y[learn]).score(x[judge], y[judge]))


def _folds(labels: NDArray[np.int64], groups: NDArray[np.intp], recipe: ClassicalRecipe) -> list[Split]:
    """Parts with equal shares of every label, near copies on one side."""
    folds = StratifiedGroupKFold(recipe.folds, shuffle=True, random_state=recipe.seed)
    return list(folds.split(np.zeros(len(labels)), labels, groups))


def _jobs() -> int:
    return int(joblib.cpu_count())


def _shown(fits: Iterator[Any], *, total: int, visible: bool) -> Iterator[Any]:
    console = Console(stderr=True, quiet=not visible)
    return iter(track(fits, description="searching", total=total, console=console, transient=True))


def _read_scores(path: Path) -> dict[tuple[int, int], float]:
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {(int(row["point"]), int(row["fold"])): float(row["accuracy"]) for row in csv.DictReader(file)}


def _write_scores(path: Path, points: Sequence[Mapping[str, Any]], scores: Mapping[tuple[int, int], float]) -> None:
    with replacing(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["point", "fold", "accuracy", "parameters"])
        for (point, fold), accuracy in sorted(scores.items()):
            writer.writerow([point, fold, repr(accuracy), json.dumps(points[point])])
