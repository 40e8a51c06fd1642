"""Figures per epoch, as a table, as curves and for TensorBoard."""

import csv
from pathlib import Path

import pytest
from PIL import Image

from mien.learning.history import TensorBoard, plot_curves, write_metrics

EPOCHS = [
    {"train_loss": 2.0, "train_accuracy": 0.2, "val_loss": 2.1, "val_accuracy": 0.1, "learning_rate": 0.1},
    {"train_loss": 1.0, "train_accuracy": 0.5, "val_loss": 1.6, "val_accuracy": 0.4, "learning_rate": 0.05},
]


def test_metrics_are_one_line_per_epoch(tmp_path: Path) -> None:
    write_metrics(tmp_path / "metrics.csv", EPOCHS)
    with (tmp_path / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert [{name: float(value) for name, value in row.items() if name != "epoch"} for row in rows] == EPOCHS
    assert list(tmp_path.iterdir()) == [tmp_path / "metrics.csv"]


def test_curves_are_a_picture_with_something_in_it(tmp_path: Path) -> None:
    plot_curves(tmp_path / "curves.png", EPOCHS, title="a run")
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.size[0] > 800
        assert len(picture.convert("L").getcolors(256) or []) > 20


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard_gets_event_files(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs TensorBoard, which is optional")
    board = TensorBoard(tmp_path)
    board.write(1, EPOCHS[0])
    board.close()
    (events,) = tmp_path.glob("events.out.tfevents.*")
    assert b"val_accuracy" in events.read_bytes()
