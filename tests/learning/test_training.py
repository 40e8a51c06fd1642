"""Training on synthetic faces: it learns, it can be stopped anywhere, and it goes on to the same weights."""

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mien.datasets.leaks import near_copy_of_any
from mien.errors import DataError, RunError
from mien.learning.loop import DivergedError, TrainingLoop
from mien.learning.recipe import Optimisation, Precision, Recipe, Target
from mien.learning.recipe_files import load_recipe, shipped_recipes
from mien.learning.runs import claimed, load_network, read_record, read_validation
from mien.learning.training import Execution, Outcome, split_training, train
from mien.taxonomy import FERPLUS
from training_samples import faces_to_learn

CPU = Execution(accelerator="cpu")

TINY = Recipe(
    "mien_m",
    epochs=3,
    batch=16,
    validation=0.2,
    precision="32-true",
    options={"stem": 8, "stages": [[8, 1], [16, 1]]},
    optimisation=Optimisation("adam", learning_rate=0.01, ema_decay=0.9, schedule="plateau", plateau_epochs=1),
)


def weights_of(run: Path) -> dict[str, torch.Tensor]:
    checkpoint: dict[str, Any] = torch.load(run / "last.ckpt", weights_only=True)
    return {**checkpoint["network"], **{f"average.{key}": value for key, value in checkpoint["average"].items()}}


def assert_same_weights(first: Path, second: Path) -> None:
    ours, theirs = weights_of(first), weights_of(second)
    assert set(ours) == set(theirs)
    assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == []


def figures_of(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open(newline="") as file:
        return [{key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of TINY."""
    run = tmp_path_factory.mktemp("runs") / "unbroken"
    outcome = train(faces_to_learn(), TINY, run, execution=CPU)
    assert outcome.stopped is None
    return run


def test_a_run_leaves_everything_that_it_should(unbroken: Path) -> None:
    names = {"recipe.toml", "run.json", "metrics.csv", "curves.png", "validation.npz", "model.ckpt", "last.ckpt"}
    names.add(".lock")
    assert {path.name for path in unbroken.iterdir()} == names
    record = read_record(unbroken)
    assert record["finished"] is True
    assert record["precision"] == "32-true"
    assert record["epochs_done"] == 3
    assert record["heads"] == [
        {"name": "labels", "taxonomy": "fer2013", "columns": list(faces_to_learn(7).taxonomy.labels)}
    ]
    assert record["rows"]["training"] + record["rows"]["validation"] == 84
    assert len(figures_of(unbroken)) == 3
    assert len(read_validation(unbroken)["labels"]) == record["rows"]["validation"]


def test_the_kept_model_answers_as_well_as_its_epoch_did(unbroken: Path) -> None:
    trained = load_network(unbroken)
    kept = read_validation(unbroken)
    with torch.no_grad():
        decided = trained.network(torch.from_numpy(kept["pixels"])[:, None].float()).argmax(dim=1)
    accuracy = float((decided.numpy() == kept["labels"]).mean())
    best = max(float(row["val_accuracy"]) for row in figures_of(unbroken))
    assert accuracy == pytest.approx(best, abs=1e-5)
    assert trained.epochs_done == read_record(unbroken)["best_epoch"]
    assert trained.heads == {"labels": ("fer2013", faces_to_learn(7).taxonomy.labels)}


def test_it_learns(tmp_path: Path) -> None:
    recipe = replace(TINY, epochs=12, optimisation=Optimisation("adam", learning_rate=0.01))
    outcome = train(faces_to_learn(), recipe, tmp_path / "run", execution=CPU)
    assert max(figures["val_accuracy"] for figures in outcome.epochs) > 0.8


class StopAtStep:
    """Stops a run from within, before the step that is named."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
        self.left = step
        take_step = TrainingLoop.take_step

        def counted(loop: TrainingLoop) -> None:
            take_step(loop)
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGINT)

        monkeypatch.setattr(TrainingLoop, "take_step", counted)


@pytest.mark.parametrize("step", [2, 4, 6])  # four steps per epoch
def test_an_interrupted_run_goes_on_to_the_same_weights(
    step: int, unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        StopAtStep(patch, step)
        stopped = train(faces_to_learn(), TINY, run, execution=CPU)
    assert (stopped.stopped, stopped.signal_number) == ("Ctrl-C", signal.SIGINT)
    assert 4 * stopped.epochs_done + stopped.steps_done == step
    assert load_network(run).epochs_done == (0 if step < 4 else 1)
    assert read_record(run)["finished"] is False
    torch.rand(7)  # what other code draws in between must not matter
    finished = train(faces_to_learn(), TINY, run, resume=True, execution=CPU)
    assert finished.stopped is None
    assert_same_weights(run, unbroken)
    assert figures_of(run) == figures_of(unbroken)


@pytest.mark.parametrize(("has_bf16", "precision"), [(True, "bf16-mixed"), (False, "32-true")])
def test_a_run_computes_in_what_the_processor_has(
    has_bf16: bool, precision: Precision, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": has_bf16})
    runs = {precision: tmp_path / "named", "auto": tmp_path / "auto"}
    for wanted, run in runs.items():
        train(faces_to_learn(), replace(TINY, precision=wanted, epochs=1), run, execution=CPU)
    assert read_record(runs["auto"])["precision"] == precision
    assert_same_weights(runs["auto"], runs[precision])


def test_time_runs_out_and_the_run_goes_on_later(unbroken: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    stopped = train(faces_to_learn(), TINY, run, execution=replace(CPU, max_time_s=0))
    assert (stopped.stopped, stopped.epochs_done, stopped.steps_done) == ("time is up", 0, 0)
    train(faces_to_learn(), TINY, run, resume=True, execution=CPU)
    assert_same_weights(run, unbroken)


def test_a_crash_loses_no_whole_epoch(unbroken: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"

    def crash(epoch: int, figures: Mapping[str, float]) -> None:
        if epoch == 2:
            raise MemoryError

    with pytest.raises(MemoryError):
        train(faces_to_learn(), TINY, run, execution=CPU, on_epoch=crash)
    assert read_record(run)["epochs_done"] == 2
    train(faces_to_learn(), TINY, run, resume=True, execution=CPU)
    assert_same_weights(run, unbroken)


def test_resuming_a_finished_run_changes_nothing(unbroken: Path) -> None:
    before = weights_of(unbroken)
    outcome = train(faces_to_learn(), TINY, unbroken, resume=True, execution=CPU)
    assert outcome.epochs_done == 3
    assert all(torch.equal(before[name], value) for name, value in weights_of(unbroken).items())


def test_a_run_is_not_begun_twice(unbroken: Path) -> None:
    with pytest.raises(RunError, match="already holds a run"):
        train(faces_to_learn(), TINY, unbroken, execution=CPU)


def test_two_processes_do_not_write_into_one_run(unbroken: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with claimed(run), pytest.raises(RunError, match=f"another process is training in {run}: wait until it ends"):
        train(faces_to_learn(), TINY, run, execution=CPU)
    train(faces_to_learn(), TINY, run, execution=CPU)
    assert_same_weights(run, unbroken)


PROGRAM = """
import sys
from pathlib import Path
from dataclasses import replace
sys.path[:0] = {paths!r}
from test_training import CPU, TINY, faces_to_learn, train
outcome = train(faces_to_learn(), replace(TINY, epochs=10_000), Path({run!r}), execution=CPU)
print(outcome.stopped, outcome.epochs_done, outcome.steps_done)
"""


@pytest.mark.parametrize(("number", "reason"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")])
def test_a_signal_to_the_process_keeps_the_model(number: signal.Signals, reason: str, tmp_path: Path) -> None:
    here = Path(__file__).parent
    program = PROGRAM.format(paths=[str(here), str(here.parent)], run=str(tmp_path / "run"))
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    deadline_s = time.monotonic() + 600
    while not (tmp_path / "run" / "metrics.csv").exists() and time.monotonic() < deadline_s:
        time.sleep(0.05)
    process.send_signal(number)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    assert output.startswith(reason)
    done = int(output.split()[-2])
    assert done >= 1
    assert read_record(tmp_path / "run")["epochs_done"] == done
    assert load_network(tmp_path / "run").epochs_done >= 1
    assert torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)["epoch"] == done


def test_kill_9_loses_at_most_one_epoch(tmp_path: Path) -> None:
    here = Path(__file__).parent
    program = PROGRAM.format(paths=[str(here), str(here.parent)], run=str(tmp_path / "run"))
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.DEVNULL)
    deadline_s = time.monotonic() + 600
    while not (tmp_path / "run" / "metrics.csv").exists() and time.monotonic() < deadline_s:
        time.sleep(0.05)
    process.kill()
    process.wait()
    checkpoint = torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)
    assert checkpoint["epoch"] >= 1
    more = replace(TINY, epochs=10_000)
    resumed = train(faces_to_learn(), more, tmp_path / "run", resume=True, execution=replace(CPU, max_time_s=0))
    assert resumed.epochs_done == checkpoint["epoch"]


def small(name: str) -> Recipe | None:
    """A shipped recipe for two steps of four faces; None if it has no network."""
    recipe = load_recipe(name)
    if not isinstance(recipe, Recipe):
        return None
    return replace(recipe, epochs=1, batch=4, validation=0.5, small_share=0.0)


@pytest.mark.parametrize("name", [name for name in shipped_recipes() if small(name) is not None])
def test_every_shipped_recipe_trains(name: str, tmp_path: Path) -> None:
    recipe = small(name)
    assert recipe is not None
    outcome = train(faces_to_learn(21), recipe, tmp_path / "run", execution=CPU)
    assert np.isfinite(list(outcome.epochs[0].values())).all()
    trained = load_network(tmp_path / "run")
    assert set(trained.heads) == set(
        {"labels": ["labels"], "votes+labels": ["votes", "labels"]}.get(recipe.target, ["votes"])
    )


@pytest.mark.parametrize("target", ["votes", "soft", "majority", "probability", "multi-target"])
def test_every_use_of_votes_learns(target: Target, tmp_path: Path) -> None:
    optimisation = Optimisation("adam", learning_rate=0.01)
    recipe = replace(TINY, target=target, epochs=20, optimisation=optimisation)
    outcome = train(faces_to_learn(), recipe, tmp_path / "run", execution=CPU)
    assert max(figures["val_accuracy"] for figures in outcome.epochs) > 0.7
    columns = 10 if target == "votes" else 8
    assert len(load_network(tmp_path / "run").heads["votes"][1]) == columns


@pytest.mark.parametrize("imbalance", ["oversample", "class-weights", "logit-adjustment"])
def test_every_answer_to_imbalance_trains(imbalance: str, tmp_path: Path) -> None:
    faces = faces_to_learn()
    rare = faces.select((faces.labels != 1) | (np.arange(len(faces)) < 30))
    recipe = replace(TINY, imbalance=imbalance, epochs=1)  # type: ignore[arg-type]  # one of its words
    outcome = train(rare, recipe, tmp_path / "run", execution=CPU)
    assert np.isfinite(outcome.epochs[0]["train_loss"])


def test_progressive_views_and_early_stopping(tmp_path: Path) -> None:
    recipe = replace(TINY, epochs=40, small_share=0.5, small_px=24, patience=2, keep="best")
    recipe = replace(recipe, optimisation=Optimisation("sgd", learning_rate=1e-9))  # nothing gets better
    outcome = train(faces_to_learn(), recipe, tmp_path / "run", execution=CPU)
    assert outcome.stopped is None
    assert outcome.epochs_done < 10
    assert outcome.best == outcome.epochs_done - 2
    assert load_network(tmp_path / "run").epochs_done == outcome.best


def test_two_heads_are_scored_apart_and_together(tmp_path: Path) -> None:
    recipe = replace(TINY, network="mien_s", options={}, target="votes+labels", epochs=1, validation=0.5)
    (figures,) = train(faces_to_learn(28), recipe, tmp_path / "run", execution=CPU).epochs
    mean = (figures["val_votes_accuracy"] + figures["val_labels_accuracy"]) / 2
    assert figures["val_accuracy"] == pytest.approx(mean)
    answer = load_network(tmp_path / "run").network(torch.zeros(2, 1, 48, 48))
    assert (answer.votes.shape[1], answer.labels.shape[1]) == (len(FERPLUS) + 2, 7)


def test_only_training_is_split_and_no_near_copy_crosses() -> None:
    faces = faces_to_learn(140, test_rows=28)
    copies = faces.select(np.arange(20))
    together = replace(
        faces,
        pixels=np.concatenate([faces.pixels, copies.pixels]),
        labels=np.concatenate([faces.labels, copies.labels]),
        votes=None,
        split=np.concatenate([faces.split, copies.split]),
        names=np.array([], np.str_),
    )
    learn, choose = split_training(together, replace(TINY, validation=0.25))
    assert set(learn.split) == set(choose.split) == {"Training"}
    assert len(learn) + len(choose) == 160
    assert 30 <= len(choose) <= 45
    assert not near_copy_of_any(choose.pixels, learn.pixels).any()


def test_data_without_a_part_to_train_on_are_refused() -> None:
    faces = faces_to_learn(28)
    with pytest.raises(DataError, match="has no split to train on: it has PublicTest"):
        split_training(replace(faces, split=np.array(["PublicTest"] * 28)), TINY)
    with pytest.raises(DataError, match="square faces, got 24x48 px from synthetic faces"):
        split_training(replace(faces, pixels=faces.pixels[:, :, ::2]), TINY)
    with pytest.raises(DataError, match="leave none to choose by"):
        split_training(faces, replace(TINY, validation=0.01))
    learn, choose = split_training(replace(faces, split=np.array(["all"] * 28)), replace(TINY, validation=0.5))
    assert len(learn) + len(choose) == 28


def test_rows_without_anything_to_learn_are_left_out(tmp_path: Path) -> None:
    faces = faces_to_learn()
    assert faces.votes is not None
    votes = faces.votes.copy()
    votes[:20] = 1  # nothing but slips
    run = tmp_path / "run"
    train(replace(faces, votes=votes), replace(TINY, target="soft", epochs=1), run, execution=CPU)
    record = read_record(run)
    assert record["rows"]["training"] < 84 - record["rows"]["validation"]
    with pytest.raises(DataError, match="no row has anything to learn for the target 'soft'"):
        train(replace(faces, votes=np.ones_like(votes)), replace(TINY, target="soft"), tmp_path / "none", execution=CPU)


def test_a_loss_that_runs_away_is_said(tmp_path: Path) -> None:
    recipe = replace(TINY, optimisation=Optimisation("sgd", learning_rate=1e30))
    with pytest.raises(DivergedError, match=r"the loss is nan in epoch 1: .* lower learning_rate"):
        train(faces_to_learn(), recipe, tmp_path / "run", execution=CPU)


def test_an_outcome_without_an_epoch_has_no_best(tmp_path: Path) -> None:
    assert Outcome(tmp_path, "Ctrl-C", 2, 0, 1, ()).best is None


def test_a_run_can_start_from_an_earlier_run(unbroken: Path, tmp_path: Path) -> None:
    barely = replace(TINY, epochs=1, optimisation=Optimisation("sgd", learning_rate=1e-12))
    train(faces_to_learn(), barely, tmp_path / "second", start=unbroken, execution=CPU)
    first, second = (load_network(run).network for run in (unbroken, tmp_path / "second"))
    for (name, ours), theirs in zip(first.named_parameters(), second.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6), name
    assert read_record(tmp_path / "second")["start"]["run"] == "unbroken"


@pytest.mark.parametrize(
    ("changed", "says"),
    [(replace(TINY, split_seed=1), "kept other rows aside"), (replace(TINY, target="votes"), "that learnt labels")],
)
def test_what_cannot_be_started_from_is_refused(changed: Recipe, says: str, unbroken: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=says):
        train(faces_to_learn(), changed, tmp_path / "second", start=unbroken, execution=CPU)
