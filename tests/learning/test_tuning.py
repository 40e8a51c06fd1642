"""The search: judged on Training, gone on with, shared, and its best recipe written back."""

import csv
import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest

from mien.datasets.faceset import FaceSet
from mien.errors import RecipeError, RunError
from mien.learning import tuning
from mien.learning.loop import TrainingLoop
from mien.learning.recipe import Optimisation, Recipe, SearchRange
from mien.learning.recipe_files import load_recipe
from mien.learning.tuning import Study, tune
from training_samples import faces_to_learn

RECIPE = Recipe(
    "study_cnn",
    epochs=2,
    batch=32,
    validation=0.2,
    precision="32-true",
    view_px=16,
    optimisation=Optimisation("adam", learning_rate=0.01),
    search={
        "learning_rate": SearchRange(1e-4, 1e-2, log=True),
        "batch": (16, 32),
        "step_epochs": SearchRange(1, 4),
        "optimiser": ("adam", "sgd"),
        "options.activation": ("relu", "elu"),
        "options.dropout": SearchRange(0.0, 0.5),
    },
)


def study_in(folder: Path) -> Study:
    return Study(folder, "tiny", accelerator="cpu")


def test_the_best_recipe_is_written_back_and_a_study_goes_on(tmp_path: Path) -> None:
    faces = faces_to_learn()
    first = tune(faces, RECIPE, study_in(tmp_path), trials=3)
    assert (first.trials, first.stopped) == (3, None)
    second = tune(faces, RECIPE, study_in(tmp_path), trials=6)
    assert second.trials == 6
    assert second.accuracy >= first.accuracy
    assert tune(faces, RECIPE, study_in(tmp_path), trials=6) == second
    best = load_recipe(str(tmp_path / "best.toml"))
    assert best == second.best
    assert isinstance(best, Recipe)
    assert 1e-4 <= best.optimisation.learning_rate <= 1e-2
    assert best.batch in (16, 32)
    assert best.optimisation.step_epochs in (1, 2, 3, 4)
    assert best.options["activation"] in ("relu", "elu")
    assert best.network == "study_cnn"
    with (tmp_path / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    assert max(float(row["val_accuracy"]) for row in rows if row["val_accuracy"]) == pytest.approx(
        second.accuracy, abs=1e-5
    )
    assert {"history.png", "importance.png", "study.journal"} <= {path.name for path in tmp_path.iterdir()}


def test_no_row_outside_training_is_ever_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faces = faces_to_learn(56, test_rows=28)
    seen: set[str] = set()
    build = TrainingLoop.__init__

    def watched(loop: TrainingLoop, recipe: Recipe, learn: FaceSet, choose: FaceSet, **rest: object) -> None:
        seen.update(learn.split.tolist(), choose.split.tolist())
        build(loop, recipe, learn, choose, **rest)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(TrainingLoop, "__init__", watched)
    tune(faces, replace(RECIPE, epochs=1), study_in(tmp_path), trials=1)
    assert seen == {"Training"}


def test_a_stopped_search_keeps_its_trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = 2
    end_epoch = TrainingLoop.end_epoch

    def counted(loop: TrainingLoop) -> dict[str, float]:
        nonlocal left
        left -= 1
        if left == 0:  # at the end of the first trial
            os.kill(os.getpid(), signal.SIGTERM)
        return end_epoch(loop)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingLoop, "end_epoch", counted)
        stopped = tune(faces_to_learn(), RECIPE, study_in(tmp_path), trials=3)
    assert (stopped.stopped, stopped.trials) == ("SIGTERM", 1)
    assert stopped.best is not None
    assert tune(faces_to_learn(), RECIPE, study_in(tmp_path), trials=3).trials == 3


def test_hopeless_trials_end_early_and_runaway_ones_do_not_stop_the_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optuna.Trial, "should_prune", lambda trial: trial.number % 2 == 1)
    outcome = tune(faces_to_learn(), RECIPE, study_in(tmp_path / "pruned"), trials=2)
    assert outcome.trials == 2
    states = [row.split(",")[1] for row in (tmp_path / "pruned" / "trials.csv").read_text().splitlines()[1:]]
    assert states == ["complete", "pruned"]
    runaway = replace(RECIPE, optimisation=Optimisation("sgd"), search={"learning_rate": (1e30, 1e31)})
    lost = tune(faces_to_learn(), runaway, study_in(tmp_path / "lost"), trials=2)
    assert (lost.trials, lost.best, lost.stopped) == (2, None, None)


def test_a_database_can_be_shared(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    for machine in ("a", "b"):
        study = replace(study_in(tmp_path / machine), storage=url)
        outcome = tune(faces_to_learn(), replace(RECIPE, epochs=1), study, trials=1 if machine == "a" else 2)
    assert outcome.trials == 2
    assert len((tmp_path / "b" / "trials.csv").read_text().splitlines()) == 3


MACHINE = """
import sys
from dataclasses import replace
from pathlib import Path
sys.path[:0] = {paths!r}
from test_tuning import RECIPE, faces_to_learn, study_in, tune
if __name__ == "__main__":
    study = replace(study_in(Path({folder!r})), storage={url!r}, name="shared")
    print(tune(faces_to_learn(), replace(RECIPE, epochs=1), study, trials=4).trials)
"""


def test_two_machines_search_together_in_postgresql(tmp_path: Path, postgresql: str) -> None:
    here = Path(__file__).parent
    folders = [tmp_path / name for name in ("a", "b")]
    programs = [
        MACHINE.format(paths=[str(here), str(here.parent)], folder=str(folder), url=postgresql) for folder in folders
    ]
    machines = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for program in programs
    ]
    counts = [int(machine.communicate(timeout=300)[0]) for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0]
    assert max(counts) in (4, 5)  # both may have worked on the fourth at once
    study = replace(study_in(tmp_path / "c"), storage=postgresql, name="shared")
    outcome = tune(faces_to_learn(), replace(RECIPE, epochs=1), study, trials=6)  # a third one goes on
    assert outcome.trials == 6
    assert outcome.best is not None
    with (tmp_path / "c" / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["trial"] for row in rows] == [str(number) for number in range(6)]
    assert all(row["state"] in {"complete", "pruned"} for row in rows)
    host, process = rows[-1]["worker"].rsplit(":", 1)
    assert (host, int(process)) == (socket.gethostname(), os.getpid())
    assert int(rows[0]["worker"].rsplit(":", 1)[1]) in {machine.pid for machine in machines}


def test_workers_share_the_trials(tmp_path: Path) -> None:
    study = replace(study_in(tmp_path), workers=2)
    outcome = tune(faces_to_learn(), replace(RECIPE, epochs=1), study, trials=3)
    assert outcome.trials == 3
    assert outcome.best is not None


def test_a_study_is_of_one_recipe_and_one_data_set(tmp_path: Path) -> None:
    small = replace(RECIPE, epochs=1)
    tune(faces_to_learn(), small, study_in(tmp_path), trials=1)
    with pytest.raises(RunError, match="the study tiny is of another recipe"):
        tune(faces_to_learn(), replace(small, batch=8), study_in(tmp_path), trials=2)
    with pytest.raises(RunError, match="the study tiny is of other data"):
        tune(faces_to_learn(seed=1), small, study_in(tmp_path), trials=2)


def test_what_cannot_be_searched_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"has no \[search\] table"):
        tune(faces_to_learn(), replace(RECIPE, search={}), study_in(tmp_path), trials=1)
    with pytest.raises(RecipeError, match="a search may not change seed"):
        tune(faces_to_learn(), replace(RECIPE, search={"seed": (1, 2)}), study_in(tmp_path), trials=1)


@pytest.mark.parametrize(
    ("key", "whole"),
    [("batch", True), ("epochs", True), ("gamma", False), ("optimisation.step_epochs", True), ("noise", False),
     ("options.dropout", False), ("options.reduction", True)],
)  # fmt: skip
def test_whole_numbers_are_drawn_for_whole_fields(key: str, whole: bool) -> None:
    assert tuning._is_whole(replace(RECIPE, network="resnet18_48"), key) is whole


def test_the_faces_differ_between_seeds() -> None:
    assert not np.array_equal(faces_to_learn().pixels, faces_to_learn(seed=1).pixels)
