"""`mien evaluate`, from a CSV and a model file to a folder of figures."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from evaluation_samples import CARD, sample_faces, write_sample_model
from mien.classifier import DEFAULT_MODEL
from mien.cli.app import app
from mien.datasets.droplist import write_drop_list
from mien.datasets.ferplus import majority_labels
from mien.errors import DataError, MienError, WeightsMissingError
from mien.taxonomy import FER2013, FERPLUS


def run(*arguments: object) -> str:
    """Run the command; return what it printed, raise what it raised."""
    result = CliRunner().invoke(app, ["evaluate", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def refusal(*arguments: object) -> str:
    """What the command says on wrong usage."""
    result = CliRunner().invoke(app, ["evaluate", *map(str, arguments)], env={"COLUMNS": "200"})
    assert result.exit_code == 2, result.output
    return result.stderr


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The sample faces as a FER-2013 CSV."""
    faces = sample_faces()
    with (tmp_path / "fer2013.csv").open("w", newline="") as file:
        file.write("emotion,pixels,Usage\n")
        for pixels, label, split in zip(faces.pixels, faces.labels, faces.split, strict=True):
            file.write(f"{label},{' '.join(map(str, pixels.ravel()))},{split}\n")
    return tmp_path / "fer2013.csv"


@pytest.fixture
def votes(tmp_path: Path) -> Path:
    """Their votes as FER+ writes them."""
    faces = sample_faces()
    assert faces.votes is not None
    path = tmp_path / "apart" / "fer2013new.csv"  # beside the CSV it would be found without being named
    path.parent.mkdir()
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Usage", "Image name", *range(10)])
        writer.writerows(
            [split, f"fer{row:07d}.png", *counts]
            for row, (split, counts) in enumerate(zip(faces.split, faces.votes.tolist(), strict=True))
        )
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model file with the sample card."""
    return write_sample_model(tmp_path / "sample.onnx")


def test_ferplus_scores_are_of_the_models_own_answers(data: Path, votes: Path, model: Path, tmp_path: Path) -> None:
    printed = run(model, "--data", data, "--votes", votes, "--out", tmp_path / "out")
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text("utf-8"))
    assert metrics["labels"] == "ferplus"
    assert metrics["data"]["split"] == "PublicTest"
    assert metrics["full"]["n"] == 55
    assert metrics["full"]["temperature"] == CARD.head("ferplus").temperature
    assert len(metrics["model"]["sha256"]) == 64
    faces = sample_faces().of_split("PublicTest")
    assert faces.votes is not None
    weights = np.random.default_rng(8).normal(size=(2304, 10)).astype(np.float32) / 2000
    answers = (faces.pixels.reshape(-1, 2304).astype(np.float32) @ weights)[:, :8].argmax(axis=1)
    truth = majority_labels(faces.votes)
    right = (answers == truth)[truth >= 0]
    assert metrics["full"]["accuracy"] == pytest.approx(right.mean())
    assert f"{right.mean():.2%}" in printed
    assert str(tmp_path / "out" / "report.html") in printed


def test_fer2013_is_the_default_without_votes_and_by_choice_with_them(
    data: Path, votes: Path, model: Path, tmp_path: Path
) -> None:
    run(model, "--data", data, "--out", tmp_path / "a", "--split", "Training")
    run(model, "--data", data, "--out", tmp_path / "b", "--votes", votes, "--labels", "fer2013")
    metrics = [json.loads((tmp_path / name / "metrics.json").read_text("utf-8")) for name in "ab"]
    assert [one["labels"] for one in metrics] == ["fer2013", "fer2013"]
    assert [one["full"]["n"] for one in metrics] == [20, 60]
    assert "clean" not in metrics[0]
    assert "votes" not in metrics[1]["full"]


def test_a_drop_list_gives_clean_scores_beside_the_full_ones(data: Path, model: Path, tmp_path: Path) -> None:
    run(model, "--data", data, "--out", tmp_path / "first")
    with (tmp_path / "first" / "predictions.csv").open(newline="") as file:
        names = [row["name"] for row in csv.DictReader(file)]
    write_drop_list(tmp_path / "drop.csv", [("PublicTest", name, "copy") for name in names[:10]])
    printed = run(model, "--data", data, "--out", tmp_path / "out", "--drop", tmp_path / "drop.csv")
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text("utf-8"))
    assert (metrics["full"]["n"], metrics["clean"]["n"], metrics["data"]["on_drop_list"]) == (60, 50, 10)
    assert "Without the rows on the drop list" in printed


def test_robustness_is_measured_where_asked_for(data: Path, model: Path, tmp_path: Path) -> None:
    arguments = [model, "--data", data, "--out", tmp_path / "out"]
    assert "Robustness" not in run(*arguments)
    assert not (tmp_path / "out" / "robustness.json").exists()
    printed = run(*arguments, "--robustness", "--robustness-faces", 20)
    values = json.loads((tmp_path / "out" / "robustness.json").read_text("utf-8"))
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text("utf-8"))
    assert (values["faces"], values["of_faces"]) == (20, 60)
    assert values["model"] == metrics["model"]
    assert "20 of 60 faces, drawn at random" in printed
    assert {curve["name"] for curve in values["curves"]} >= {"blur", "JPEG", "rotation", "detector jitter"}
    run(*arguments, "--robustness")
    everything = json.loads((tmp_path / "out" / "robustness.json").read_text("utf-8"))
    assert everything["unchanged"]["accuracy"] == metrics["full"]["accuracy"]


def test_bad_rows_stop_the_work_or_are_named_and_counted(data: Path, model: Path, tmp_path: Path) -> None:
    with data.open("a") as file:
        file.write("3,1 2 3,PublicTest\n")
    arguments = [model, "--data", data, "--out", tmp_path / "out"]
    with pytest.raises(DataError, match="--skip-bad"):
        run(*arguments)
    result = CliRunner().invoke(app, ["evaluate", *map(str, arguments), "--skip-bad"], catch_exceptions=False)
    assert result.exit_code == 0
    assert "line 82" in result.stderr
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text("utf-8"))
    assert (metrics["data"]["skipped_as_bad"], metrics["full"]["n"]) == (1, 60)


def test_folders_of_pictures_are_scored_like_the_csv(data: Path, model: Path, tmp_path: Path) -> None:
    faces = sample_faces().of_split("PublicTest")
    for name, pixels, label in zip(faces.names, faces.pixels, faces.labels, strict=True):
        folder = tmp_path / "folders" / "test" / FER2013.labels[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    run(model, "--data", data, "--out", tmp_path / "a")
    with pytest.raises(DataError, match=r"choose one with --split: test"):
        run(model, "--data", tmp_path / "folders", "--out", tmp_path / "b")
    run(model, "--data", tmp_path / "folders", "--split", "test", "--out", tmp_path / "b")
    first, second = (json.loads((tmp_path / name / "metrics.json").read_text("utf-8"))["full"] for name in "ab")
    assert first["confusion"] == second["confusion"]
    assert first["nll"] == pytest.approx(second["nll"])


def test_a_run_is_exported_and_then_takes_the_same_path(
    data: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my-run").mkdir()

    def export_runs(runs: list[Path], destination: Path, *, name: str) -> None:
        assert (runs, name) == ([tmp_path / "my-run"], "my-run")
        shutil.copy(model, destination)

    module = ModuleType("mien.learning.export")
    monkeypatch.setattr(module, "export_runs", export_runs, raising=False)
    monkeypatch.setitem(sys.modules, "mien.learning.export", module)
    scores = []
    for source in (tmp_path / "my-run", model):
        run(source, "--data", data, "--out", tmp_path / "out")
        scores.append(json.loads((tmp_path / "out" / "metrics.json").read_text("utf-8")))
    assert scores[0] == scores[1]


def test_a_balance_is_part_of_what_was_scored(data: Path, model: Path, tmp_path: Path) -> None:
    out = ["--data", data, "--out", tmp_path / "out"]
    assert "how frequent fer2013's labels are" in refusal(model, *out, "--balance", 0.5)
    run("--balance", 1, *out)  # the embedded model's card knows
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text("utf-8"))
    assert metrics["balance"] == 1.0
    assert "balance: 1, towards rare labels" in (tmp_path / "out" / "classification_report.txt").read_text("utf-8")


def test_wrong_words_are_answered_with_the_right_ones(data: Path, model: Path, tmp_path: Path) -> None:
    out = ["--data", data, "--out", tmp_path / "out"]
    assert "sample answers in ferplus, fer2013, not in 'affwild2'" in refusal(model, *out, "--labels", "affwild2")
    with pytest.raises(DataError, match="no split 'Test': it has Training, PublicTest"):
        run(model, *out, "--split", "Test")
    with pytest.raises(DataError, match="give --votes"):
        run(model, *out, "--labels", "ferplus")
    with pytest.raises(WeightsMissingError):
        run(tmp_path / "absent.onnx", *out)
    with pytest.raises(MienError, match=r"absent\.csv"):
        run(model, *out, "--drop", tmp_path / "absent.csv")
    assert not (tmp_path / "out").exists()


def test_the_embedded_model_on_real_faces(shared_fer2013: Path, tmp_path: Path) -> None:
    for layout in ("csv", "ferplus"):
        subprocess.run(
            [sys.executable, str(shared_fer2013 / "expand.py"), layout, str(tmp_path), "--limit", "200"], check=True
        )
    run("--data", tmp_path / "fer2013.csv", "--votes", tmp_path / "fer2013new.csv", "--out", tmp_path / "out")
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text("utf-8"))
    assert metrics["model"]["name"] == DEFAULT_MODEL
    assert metrics["full"]["accuracy"] > 0.75  # a tenth of its known accuracy below, for 200 rows
    assert metrics["full"]["per_class"]["happy"]["recall"] > 0.8
    assert set(metrics["full"]["per_class"]) == set(FERPLUS.labels)
