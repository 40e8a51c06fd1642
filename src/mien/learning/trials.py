"""What the trials of a search say: as a table, as a history and as the importance of each field."""

import csv
from collections.abc import Mapping
from pathlib import Path

import optuna
from matplotlib.figure import Figure
from optuna.trial import FrozenTrial, TrialState

from mien.writing import replacing

__all__ = ["WORKER", "importances", "plot_history", "plot_importance", "write_trials"]

WORKER = "worker"
"""A trial's attribute that says who runs it: host and process."""


def write_trials(path: Path, trials: list[FrozenTrial]) -> None:
    """Write one line per trial: number, state, accuracy, epochs, seconds, who ran it and the values drawn."""
    fields = sorted({key for trial in trials for key in trial.params})
    with replacing(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["trial", "state", "val_accuracy", "epochs", "seconds", WORKER, *fields])
        for trial in trials:
            value = "" if trial.value is None else f"{trial.value:.6g}"
            seconds = "" if trial.duration is None else f"{trial.duration.total_seconds():.1f}"
            values = [trial.params.get(key, "") for key in fields]
            worker = trial.user_attrs.get(WORKER, "")
            state = trial.state.name.lower()
            writer.writerow([trial.number, state, value, trial.last_step or 0, seconds, worker, *values])


def plot_history(path: Path, trials: list[FrozenTrial]) -> None:
    """Draw every finished trial's accuracy, the best so far, and where trials were ended early."""
    finished = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    numbers, values = [trial.number for trial in finished], [float(trial.value or 0) for trial in finished]
    axes.scatter(numbers, values, label="finished")
    ended = [trial for trial in trials if trial.state == TrialState.PRUNED and trial.intermediate_values]
    last = [list(trial.intermediate_values.values())[-1] for trial in ended]
    axes.scatter([trial.number for trial in ended], last, marker="x", label="ended early")
    axes.step(numbers, [max(values[: index + 1]) for index in range(len(values))], where="post", label="best so far")
    axes.set(xlabel="trial", ylabel="validation accuracy")
    axes.grid(alpha=0.3)
    axes.legend()
    with replacing(path) as unfinished:
        figure.savefig(unfinished, dpi=110)


def importances(study: optuna.Study) -> Mapping[str, float]:
    """Share of each field in the differences between trials, largest first; none where there are too few to tell."""
    finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(finished) < 4 or len({trial.value for trial in finished}) < 2:
        return {}
    return optuna.importance.get_param_importances(study)


def plot_importance(path: Path, shares: Mapping[str, float]) -> None:
    """Draw `importances`."""
    figure = Figure(figsize=(8, 0.6 + 0.45 * len(shares)), layout="constrained")
    axes = figure.subplots()
    names = list(shares)[::-1]
    axes.barh(names, [shares[name] for name in names])
    axes.set(xlabel="importance for validation accuracy")
    with replacing(path) as unfinished:
        figure.savefig(unfinished, dpi=110)
