"""The bar says nothing where nobody asked, and one line per epoch where nobody watches."""

import re

import pytest

from mien.learning.progress import EpochBar

FIGURES = {
    "train_loss": 1.25,
    "train_accuracy": 0.5,
    "val_loss": 1.5,
    "val_accuracy": 0.4321,
    "learning_rate": 0.01,
    "seconds": 3.0,
}


def test_an_epoch_is_one_line_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with EpochBar(epochs=10, steps=4, done=0, visible=True) as bar:
        for step in range(1, 5):
            bar.step(step)
        bar.epoch(1, FIGURES)
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors == "epoch 1/10  train_loss 1.25  val_loss 1.5  val_accuracy 0.4321  learning_rate 0.01  seconds 3\n"


def test_nothing_is_written_unasked(capsys: pytest.CaptureFixture[str]) -> None:
    with EpochBar(epochs=10, steps=4, done=0, visible=False) as bar:
        bar.step(1)
        bar.epoch(1, FIGURES)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_sees_epoch_share_and_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with EpochBar(epochs=10, steps=4, done=20, visible=True) as bar:
        bar.step(22)
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", capsys.readouterr().err)
    assert re.search(r"epoch 6/10 .*55%.*left [-\d]:[-\d]{2}:[-\d]{2}", plain)
