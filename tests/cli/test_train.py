"""`mien train`, from data on disk to a run's folder, stopped and resumed as people do it."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from mien.classifier import DEFAULT_MODEL, EmotionClassifier
from mien.cli.app import app
from mien.datasets.droplist import write_drop_list
from mien.datasets.reading import read
from mien.datasets.writing import write
from mien.errors import DataError, RecipeError, RunError
from mien.learning import classical
from mien.learning.recipe import Recipe
from mien.learning.recipe_files import load_recipe, parse_setting, shipped_recipes
from mien.learning.runs import read_record, read_validation
from mien.learning.training import Execution, train
from training_samples import faces_to_learn

TINY = """
summary = "a tiny network"
network = "mien_m"
epochs = 2
batch = 16
validation = 0.2
precision = "32-true"

[options]
stem = 8
stages = [[8, 1], [16, 1]]

[optimisation]
optimiser = "adam"
learning_rate = 0.01
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recipe and some faces as a FER-2013 CSV."""
    folder = tmp_path_factory.mktemp("train")
    (folder / "tiny.toml").write_text(TINY)
    faces = faces_to_learn(84, test_rows=7)
    with (folder / "fer2013.csv").open("w") as file:
        file.write("emotion,pixels,Usage\n")
        for pixels, label, split in zip(faces.pixels, faces.labels, faces.split, strict=True):
            file.write(f"{label},{' '.join(map(str, pixels.ravel()))},{split}\n")
    return folder


def arguments(folder: Path, run: Path, *more: object) -> list[str]:
    data = ["--data", str(folder / "fer2013.csv"), "--out", str(run), "--accelerator", "cpu"]
    return ["train", str(folder / "tiny.toml"), *data, *map(str, more)]


def trained(folder: Path, run: Path, *more: object) -> str:
    """Run the command; return what it printed, raise what it raised."""
    result = CliRunner().invoke(app, arguments(folder, run, *more), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_the_list_names_every_recipe() -> None:
    output = CliRunner().invoke(app, ["train", "--list"], catch_exceptions=False).stdout
    assert [line.split()[0] for line in output.splitlines()[1:]] == list(shipped_recipes())
    assert "7.83 M parameters" in output


def test_from_a_csv_to_a_run(folder: Path, tmp_path: Path) -> None:
    output = trained(folder, tmp_path / "run", "--set", "epochs=3", "--set", "optimiser=nadam", "--tensorboard")
    assert re.search(r"run: finished after 3 epochs; best validation accuracy \d\.\d{4}, in epoch [123]$", output)
    recipe = (tmp_path / "run" / "recipe.toml").read_text()
    assert 'optimiser = "nadam"' in recipe
    assert "epochs = 3" in recipe
    assert list((tmp_path / "run" / "tensorboard").iterdir())
    with pytest.raises(RunError, match="already holds a run: add --resume"):
        trained(folder, tmp_path / "run")


def test_a_limit_stops_and_resume_goes_on(folder: Path, tmp_path: Path) -> None:
    output = trained(folder, tmp_path / "run", "--max-time", "0s")
    assert "stopped (time is up) after 0 epochs and 0 steps" in output
    assert "the same command with --resume goes on" in output
    assert "finished after 2 epochs" in trained(folder, tmp_path / "run", "--resume")


def test_a_drop_list_leaves_rows_out(folder: Path, tmp_path: Path) -> None:
    write_drop_list(tmp_path / "drop.csv", [("Training", str(row), "a copy") for row in range(14)])
    trained(folder, tmp_path / "run", "--drop", tmp_path / "drop.csv")
    rows = read_record(tmp_path / "run")["rows"]
    assert rows["training"] + rows["validation"] == 84 - 14


def test_a_classical_recipe_runs_by_the_same_verb(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classical, "_jobs", lambda: 1)  # processes take longer to start than this search lasts
    settings = ["--set", "grid.n_neighbors=[1]", "--set", "grid.leaf_size=[30]", "--set", "grid.p=[2]"]
    command = ["train", "miele-knn", *arguments(folder, tmp_path / "run", *settings, "--set", "folds=2")[2:]]
    with monkeypatch.context() as patch:
        patch.setattr(classical, "_score", interrupted)
        stopped = CliRunner().invoke(app, command, catch_exceptions=False)
    assert stopped.exit_code == 130
    assert "run: stopped (Ctrl-C). The scores of the search are in it" in stopped.stdout
    stopped = CliRunner().invoke(app, [*command, "--resume", "--max-time", "0s"], catch_exceptions=False)
    assert stopped.exit_code == 0
    assert "run: stopped (time is up). The scores of the search are in it" in stopped.stdout
    assert not (tmp_path / "run" / "model.skops").exists()
    result = CliRunner().invoke(app, [*command, "--resume"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert re.search(r"run: validation accuracy \d\.\d{4} after \d", result.stdout)
    assert (tmp_path / "run" / "model.skops").exists()


def test_what_only_networks_know_is_refused_of_a_classical_recipe(folder: Path, tmp_path: Path) -> None:
    command = ["train", "miele-knn", *arguments(folder, tmp_path / "run", "--compile", "--tensorboard")[2:]]
    result = CliRunner().invoke(app, command, env={"COLUMNS": "400"})
    assert result.exit_code == 2
    assert "miele-knn trains no network, so --tensorboard and --compile would change nothing" in result.stderr
    assert not (tmp_path / "run").exists()


def test_what_cannot_be_is_said_before_anything_is_made(folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(RecipeError, match="whoever chooses by a test split cannot test on it any more"):
        trained(folder, run, "--set", "validation=PrivateTest")
    with pytest.raises(RecipeError, match="unknown field 'lr'"):
        trained(folder, run, "--set", "lr=1")
    with pytest.raises(RecipeError, match="mien_m has no option 'width'"):
        trained(folder, run, "--set", "options.width=1")
    with pytest.raises(DataError, match=r"has no FER\+ votes"):
        trained(folder, run, "--set", "target=votes")
    assert not run.exists()
    for wrong in (["train"], ["train", "mien-m"], arguments(folder, run, "--max-time", "soon")):
        assert CliRunner().invoke(app, wrong).exit_code == 2


def test_ctrl_c_keeps_the_model_and_says_where(folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    more = ["--set", "epochs=10000"]
    command = [sys.executable, "-c", "from mien.cli.app import main; main()", *arguments(folder, run, *more)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline_s = time.monotonic() + 600
    while not (run / "metrics.csv").exists() and time.monotonic() < deadline_s:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 130
    assert re.search(r"stopped \(Ctrl-C\) after [1-9]\d* epochs and \d+ steps", output)
    assert str(run) in output
    assert errors.startswith("epoch 1/10000  train_loss")
    assert np.isfinite(read_record(run)["minutes"])
    assert (run / "model.ckpt").exists()


def test_extra_rows_are_learnt_and_never_chosen_by(folder: Path, tmp_path: Path) -> None:
    write(faces_to_learn(21, seed=7), tmp_path / "mine.npz")
    trained(folder, tmp_path / "plain")
    trained(folder, tmp_path / "more", "--extra", tmp_path / "mine.npz")
    plain, more = read_record(tmp_path / "plain"), read_record(tmp_path / "more")
    assert more["rows"]["training"] == plain["rows"]["training"] + 21
    assert more["rows"]["validation"] == plain["rows"]["validation"]
    aside, same = (read_validation(tmp_path / run)["pixels"] for run in ("plain", "more"))
    assert np.array_equal(aside, same)
    assert more["data"]["extra"]["rows"] == 21
    with pytest.raises(RunError, match="begun with other extra rows"):
        trained(folder, tmp_path / "more", "--resume")


def test_a_finished_model_is_taught_more_rows(tmp_path: Path) -> None:
    general = faces_to_learn(120)
    write(replace(general, votes=None, labels=np.zeros(120, np.int64)), tmp_path / "general.npz")
    write(replace(faces_to_learn(60, seed=1), votes=None), tmp_path / "mine.npz")
    data = ["--data", str(tmp_path / "general.npz"), "--extra", str(tmp_path / "mine.npz"), "--out", str(tmp_path)]
    result = CliRunner().invoke(app, ["train", "--finetune", *data], catch_exceptions=False)
    assert f"{tmp_path / 'model.onnx'}: {DEFAULT_MODEL}-finetuned" in result.stdout
    assert re.search(r"general set, fer2013: accuracy 0\.\d+ before, 0\.\d+ after", result.stdout)
    assert EmotionClassifier(tmp_path / "model.onnx").card.training["finetuned"]["rows"]["extra"] == 60
    for more in (["tiny.toml"], []):
        result = CliRunner().invoke(app, ["train", "--finetune", *more, *(data if more else data[:2])])
        assert result.exit_code == 2
        assert "--finetune takes --data SOURCE and --extra FILE" in " ".join(result.stderr.replace("│", " ").split())


# Without augmentation and dropout, whose draws are each process's own; a batch of 15 makes unequal parts.
SAME = ("batch=15", "options.dropout=0.0", "optimiser=sgd", "learning_rate=0.05")


@pytest.fixture(scope="module")
def alone(folder: Path) -> Path:
    """A run of SAME by one process."""
    trained(folder, folder / "alone", *(word for change in SAME for word in ("--set", change)))
    return folder / "alone"


def begun(folder: Path, run: Path, *more: object, **variables: str) -> "subprocess.Popen[str]":
    """A process that trains as SAME says."""
    settings = [word for change in SAME for word in ("--set", change)]
    command = [sys.executable, "-m", "mien", *arguments(folder, run, *settings, *more)]
    environment = {**os.environ, **variables}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def assert_learnt_the_same(run: Path, other: Path) -> None:
    """Rounding differs with the order of sums, and grows from step to step."""
    ours, theirs = (torch.load(each / "model.ckpt", weights_only=True)["state_dict"] for each in (run, other))
    assert ours.keys() == theirs.keys()
    for name, values in ours.items():
        np.testing.assert_allclose(theirs[name].numpy(), values.numpy(), atol=1e-3, rtol=1e-3, err_msg=name)
    figures = [(each / "metrics.csv").read_text().splitlines() for each in (run, other)]
    assert len(figures[0]) == len(figures[1]) == 3
    losses = [[float(line.split(",")[1]) for line in lines[1:]] for lines in figures]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)


def test_two_processes_learn_what_one_learns(folder: Path, tmp_path: Path, alone: Path) -> None:
    process = begun(folder, tmp_path / "two", "--devices", "2")
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert output.count("finished after 2 epochs") == 1
    assert_learnt_the_same(tmp_path / "two", alone)


def test_two_machines_go_on_with_what_one_began(folder: Path, tmp_path: Path, alone: Path) -> None:
    """The second machine does not see the folder of the run."""

    def stop(epoch: int, figures: Mapping[str, float]) -> None:
        raise KeyboardInterrupt

    recipe = load_recipe(str(folder / "tiny.toml"), overrides=dict(map(parse_setting, SAME)))
    assert isinstance(recipe, Recipe)
    with pytest.raises(KeyboardInterrupt):
        train(
            read(folder / "fer2013.csv"), recipe, tmp_path / "0", on_epoch=stop, execution=Execution(accelerator="cpu")
        )
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        port = str(any_port.getsockname()[1])
    machines = [
        begun(folder, tmp_path / rank, "--resume", "--nodes", "2",
              MASTER_ADDR="127.0.0.1", MASTER_PORT=port, NODE_RANK=rank)
        for rank in ("0", "1")
    ]  # fmt: skip
    outputs = [machine.communicate(timeout=300) for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], outputs
    assert "finished after 2 epochs" in outputs[0][0]
    assert not (tmp_path / "1").exists()
    assert_learnt_the_same(tmp_path / "0", alone)
