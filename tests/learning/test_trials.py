"""The trials of a search as a table and as pictures."""

import csv
from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial
from PIL import Image

from mien.learning.trials import importances, plot_history, plot_importance, write_trials

SPACE = {"learning_rate": FloatDistribution(0, 1), "optimiser": CategoricalDistribution(("adam", "sgd"))}


@pytest.fixture
def study() -> optuna.Study:
    """Trials whose accuracy is the learning rate, and one that ended early."""
    study = optuna.create_study(direction="maximize")
    for number in range(12):
        rate = (7 * number % 12) / 12
        drawn = {"learning_rate": rate, "optimiser": ("adam", "sgd")[number % 2]}
        study.add_trial(create_trial(value=rate, params=drawn, distributions=SPACE, intermediate_values={1: rate}))
    drawn = {"learning_rate": 0.5, "optimiser": "adam"}
    study.add_trial(
        create_trial(state=TrialState.PRUNED, params=drawn, distributions=SPACE, intermediate_values={1: 0.1, 2: 0.2})
    )
    return study


def test_every_trial_has_a_line(study: optuna.Study, tmp_path: Path) -> None:
    write_trials(tmp_path / "trials.csv", study.trials)
    with (tmp_path / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["trial"] for row in rows] == [str(number) for number in range(13)]
    assert (rows[1]["state"], rows[1]["optimiser"]) == ("complete", "sgd")
    assert float(rows[1]["val_accuracy"]) == pytest.approx(7 / 12, abs=1e-5)
    assert (rows[12]["state"], rows[12]["epochs"]) == ("pruned", "2")


def test_the_field_that_decides_is_the_most_important(study: optuna.Study) -> None:
    shares = importances(study)
    assert next(iter(shares)) == "learning_rate"
    assert sum(shares.values()) == pytest.approx(1)


def test_too_few_trials_say_nothing() -> None:
    study = optuna.create_study(direction="maximize")
    assert importances(study) == {}
    for _ in range(5):  # all alike
        study.add_trial(
            create_trial(
                value=0.5, params={"learning_rate": 0.5}, distributions={"learning_rate": SPACE["learning_rate"]}
            )
        )
    assert importances(study) == {}


def test_history_and_importance_are_pictures(study: optuna.Study, tmp_path: Path) -> None:
    plot_history(tmp_path / "history.png", study.trials)
    plot_importance(tmp_path / "importance.png", {"learning_rate": 0.9, "optimiser": 0.1})
    for name in ("history.png", "importance.png"):
        with Image.open(tmp_path / name) as picture:
            assert picture.size[0] > 600
            assert len(picture.convert("L").getcolors(256) or []) > 20
