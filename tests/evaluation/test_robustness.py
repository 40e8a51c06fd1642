"""Robustness: costs of a reader whose weaknesses are known, and what is written of them."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from evaluation_samples import sample_faces
from mien.card import Head
from mien.evaluation.judge import Evaluation, judge, set_exam
from mien.evaluation.metrics import wilson_interval
from mien.evaluation.perturbations import JITTER, PERTURBATIONS, Perturbation, brightness, gaussian_blur
from mien.evaluation.robustness import (
    COLUMNS,
    Robustness,
    measure_robustness,
    robustness_csv,
    robustness_rows,
    robustness_text,
)
from mien.taxonomy import FER2013

MODEL = {"name": "light-meter", "version": "1", "sha256": "0" * 64}
LIGHT = np.linspace(30, 210, len(FER2013))
DARKER = Perturbation("brightness", "times", (0.5, 0.9), lambda pixels, level, _: brightness(pixels, level))
BLUR = Perturbation("blur", "px", (1.0, 2.0), lambda pixels, level, _: gaussian_blur(pixels, level))


def reads_the_light(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Logits of a model that takes mean light for emotion."""
    return np.asarray(-np.abs(pixels.mean(axis=(1, 2))[:, None] - LIGHT) / 10, np.float64)


def evaluation() -> Evaluation:
    """Faces that it reads all right but every tenth: the light is that of the label, then of another."""
    faces = sample_faces()
    shown = np.where(np.arange(len(faces)) % 10 == 0, (faces.labels + 1) % len(FER2013), faces.labels)
    pixels = np.clip(faces.pixels // 8 + LIGHT[shown][:, None, None] - 16, 0, 255).astype(np.uint8)
    exam = set_exam(replace(faces, pixels=pixels), split="PublicTest", taxonomy=FER2013)
    return judge(exam, reads_the_light(exam.faces.pixels), head=Head("fer2013", "labels", (), 2.0), model=MODEL)


def measured(*perturbations: Perturbation, faces: int = 1000) -> Robustness:
    return measure_robustness(evaluation(), reads_the_light, faces=faces, perturbations=perturbations)


def test_each_change_costs_what_it_takes_from_this_reader() -> None:
    result = measured(DARKER, BLUR)
    assert (result.faces, result.of_faces, result.unchanged) == (60, 60, 0.9)
    dark, blur = result.curves
    assert [one.cost for one in blur.settings] == [0.0, 0.0]
    assert [one.cost_interval for one in blur.settings] == [(0.0, 0.0)] * 2
    assert dark.settings[0].accuracy < 0.4
    assert dark.settings[0].cost > dark.settings[1].cost
    assert dark.settings[0].confidence < result.unchanged_confidence
    for one in (*dark.settings, *blur.settings):
        assert one.accuracy + one.cost == pytest.approx(result.unchanged)
        assert one.accuracy_interval[0] <= one.accuracy <= one.accuracy_interval[1]
        assert one.cost_interval[0] <= one.cost <= one.cost_interval[1]


def test_the_interval_of_a_cost_is_that_of_the_same_faces() -> None:
    judged = evaluation()
    result = measured(DARKER)
    pixels, truth = judged.exam.faces.pixels, judged.exam.truth.labels
    before = reads_the_light(pixels).argmax(axis=1) == truth
    after = reads_the_light(brightness(pixels, 0.9)).argmax(axis=1) == truth
    lost = before.astype(float) - after
    one = result.curves[0].settings[1]
    assert one.cost == pytest.approx(lost.mean())
    reach = 1.96 * lost.std(ddof=1) / np.sqrt(60)
    assert one.cost_interval == pytest.approx((lost.mean() - reach, lost.mean() + reach), abs=1e-4)
    assert one.accuracy_interval == wilson_interval(int(after.sum()), 60)


def test_draws_are_averaged() -> None:
    pixels, truth = evaluation().exam.faces.pixels, evaluation().exam.truth.labels
    dimmed = [brightness(pixels, 1 - 0.1 * seed) for seed in range(3)]
    accuracies = [float((reads_the_light(faces).argmax(axis=1) == truth).mean()) for faces in dimmed]
    assert len(set(accuracies)) == 3
    drawn = Perturbation("dimmer", "", (0.1,), lambda p, level, seed: brightness(p, 1 - level * seed), draws=3)
    assert measured(drawn).curves[0].settings[0].accuracy == pytest.approx(np.mean(accuracies))


def test_a_part_of_the_faces_is_drawn_at_random_and_said_so() -> None:
    result, again = measured(DARKER, faces=25), measured(DARKER, faces=25)
    assert result == again
    assert (result.faces, result.of_faces) == (25, 60)
    assert "25 of 60 faces, drawn at random" in robustness_text(result)
    assert "all 60 faces" in robustness_text(measured(DARKER, faces=60))
    with pytest.raises(ValueError, match="at least one face"):
        measured(DARKER, faces=0)
    assert measured(DARKER, faces=1).curves[0].settings[0].cost_interval == (-1.0, 1.0)


def test_progress_counts_every_reading() -> None:
    seen: list[tuple[int, int]] = []
    measure_robustness(
        evaluation(),
        reads_the_light,
        faces=5,
        perturbations=(DARKER, JITTER),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(done, 8) for done in range(1, 9)]


def test_detector_jitter_is_stated_by_itself() -> None:
    result = measured(*PERTURBATIONS)
    assert result.jitter is not None
    assert f"costs {100 * result.jitter.cost:.2f} points" in robustness_text(result)
    assert result.to_dict()["detector_jitter"]["level"] == 0.1
    assert measured(BLUR).jitter is None
    assert measured(BLUR).to_dict()["detector_jitter"] is None
    assert "detector" not in robustness_text(measured(BLUR))


def test_the_table_the_csv_and_the_json_say_the_same() -> None:
    result = measured(DARKER, BLUR)
    values = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    rows = list(csv.DictReader(io.StringIO(robustness_csv(result))))
    assert [row["change"] for row in rows] == ["none", "brightness", "brightness", "blur", "blur"]
    flat = [(curve["name"], setting) for curve in values["curves"] for setting in curve["settings"]]
    for row, (name, setting) in zip(rows[1:], flat, strict=True):
        assert row["change"] == name
        assert [float(row[key]) for key in ("level", "accuracy", "cost", "confidence")] == [
            setting[key] for key in ("level", "accuracy", "cost", "confidence")
        ]
        assert [float(row["cost_low"]), float(row["cost_high"])] == setting["cost_interval"]
    assert float(rows[0]["accuracy"]) == values["unchanged"]["accuracy"]
    table = robustness_rows(result)
    assert all(len(row) == len(COLUMNS) for row in table)
    assert [row[3] for row in table] == [f"{float(row['accuracy']):.2%}" for row in rows]
