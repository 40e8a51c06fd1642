"""The files of an evaluation: complete, consistent with one another, whole or not there."""

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evaluation_samples import VOTE_HEAD, answers_to, every_nth_row, sample_faces
from mien.errors import MissingExtraError
from mien.evaluation import report
from mien.evaluation.judge import Evaluation, judge, set_exam
from mien.evaluation.report import classification_report, write_report
from mien.evaluation.robustness import APPROXIMATION, measure_robustness
from mien.taxonomy import FERPLUS

FILES = {
    "metrics.json",
    "classification_report.txt",
    "predictions.csv",
    "confusion.png",
    "reliability.png",
    "risk_coverage.png",
    "mistakes.png",
    "report.html",
}


def evaluation(*, name: str = "sample") -> Evaluation:
    faces = replace(sample_faces(), source="<faces> & more.csv")
    exam = set_exam(faces, split="PublicTest", taxonomy=FERPLUS, drop=every_nth_row(faces, 4))
    model = {"name": name, "version": "1", "sha256": "f" * 64}
    return judge(exam, answers_to(exam, extra=2, seed=6), head=VOTE_HEAD, model=model)


def test_every_file_is_written_and_a_second_run_replaces_them(tmp_path: Path) -> None:
    page = write_report(evaluation(name="first"), tmp_path / "deep" / "out")
    write_report(evaluation(name="second"), tmp_path / "deep" / "out")
    assert page == tmp_path / "deep" / "out" / "report.html"
    assert {path.name for path in page.parent.iterdir()} == FILES
    assert json.loads((page.parent / "metrics.json").read_text("utf-8"))["model"]["name"] == "second"


def test_predictions_give_the_same_scores_as_the_metrics(tmp_path: Path) -> None:
    write_report(evaluation(), tmp_path)
    metrics = json.loads((tmp_path / "metrics.json").read_text("utf-8"))
    with (tmp_path / "predictions.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == metrics["full"]["n"]
    right = [row["true"] == row["read"] for row in rows]
    assert np.mean(right) == pytest.approx(metrics["full"]["accuracy"])
    kept = [is_right for is_right, row in zip(right, rows, strict=True) if row["on_drop_list"] == "0"]
    assert np.mean(kept) == pytest.approx(metrics["clean"]["accuracy"])
    for row in rows:
        shares = {label: float(row[label]) for label in FERPLUS.labels}
        assert sum(shares.values()) == pytest.approx(1, abs=1e-4)
        assert max(shares, key=lambda label: shares[label]) == row["read"]


def test_the_page_stands_alone_and_escapes_names(tmp_path: Path) -> None:
    text = write_report(evaluation(), tmp_path).read_text("utf-8")
    assert text.count("data:image/png;base64,") == 4
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert "&lt;faces&gt; &amp; more.csv" in text
    assert "<faces>" not in text


def test_robustness_joins_the_files_and_the_page(tmp_path: Path) -> None:
    judged = evaluation()
    result = measure_robustness(judged, lambda pixels: pixels[:, 0, :8].astype(float), faces=7)
    page = write_report(judged, tmp_path, robustness=result)
    assert {path.name for path in tmp_path.iterdir()} == FILES | {
        f"robustness.{kind}" for kind in ("json", "csv", "png")
    }
    values = json.loads((tmp_path / "robustness.json").read_text("utf-8"))
    assert (values["faces"], values["model"]) == (7, judged.model)
    text = page.read_text("utf-8")
    assert text.count("data:image/png;base64,") == 5
    assert APPROXIMATION in text
    for curve in result.curves:
        assert text.count(f"<td>{curve.name}</td>") == len(curve.settings)


def test_the_text_names_protocol_model_and_every_class() -> None:
    judged = evaluation()
    text = classification_report(judged)
    assert judged.exam.truth.title in text
    assert "f" * 64 in text
    for label, scores in judged.full.per_class.items():
        line = next(line for line in text.splitlines() if line.split()[:1] == [label])
        assert line.split()[-1] == str(scores.support)
        assert scores.recall is None or f"{scores.recall:.3f}" in line
    assert f"{judged.full.accuracy:.2%}" in text


def test_without_pictures_the_figures_are_kept_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_matplotlib(*_: object) -> bytes:
        raise MissingExtraError("drawing an evaluation", extra="data")

    monkeypatch.setattr(report, "confusion_png", no_matplotlib)
    with pytest.raises(MissingExtraError):
        write_report(evaluation(), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "metrics.json",
        "classification_report.txt",
        "predictions.csv",
    }


def test_a_full_disk_leaves_the_old_file_and_no_half_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_report(evaluation(name="old"), tmp_path)

    def fails(self: Path, target: Path) -> Path:
        raise OSError("no space left")

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(OSError, match="no space"):
        write_report(evaluation(name="new"), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == FILES
    assert json.loads((tmp_path / "metrics.json").read_text("utf-8"))["model"]["name"] == "old"
