"""Search for better values of a recipe's fields, by Optuna, judged by a validation part of Training alone.

A study lives in a storage: by default a journal file in the search's folder, or any database that Optuna can reach, so
that several machines work on one study. Whoever opens a study goes on with it, and every trial reports after each
epoch, so that hopeless ones end early.
"""

import inspect
import multiprocessing
import os
import signal
import socket
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import optuna
import torch
from optuna.trial import TrialState
from rich.console import Console

from mien.datasets.faceset import FaceSet
from mien.errors import RecipeError, RunError
from mien.interruption import StopRequest
from mien.learning.devices import native_precision, open_devices
from mien.learning.loop import DivergedError, TrainingLoop
from mien.learning.memory import keep_freed_memory
from mien.learning.networks.registry import NETWORKS
from mien.learning.progress import quiet_lightning
from mien.learning.recipe import Recipe, SearchRange
from mien.learning.recipe_files import recipe_from_values, to_toml
from mien.learning.runs import fingerprint
from mien.learning.study_storage import open_storage
from mien.learning.training import split_training
from mien.learning.trials import WORKER, importances, plot_history, plot_importance, write_trials
from mien.writing import replacing

__all__ = ["Study", "TuningOutcome", "tune"]

_FIXED = ("validation", "seed")
_DONE = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True)
class Study:
    """Which study to work on, and with how much.

    Args:
        folder: For the journal and the results; made if absent.
        name: Name of the study in its storage.
        storage: URL of a database that several machines share; None for a journal file in `folder`.
        workers: Processes on this machine; they share its cores.
        accelerator: Lightning's name: "auto", "cpu", "cuda", "mps".
        max_time_s: Stop at the first step after so many seconds; None for no limit.
        show_progress: Write a line per trial to standard error.
    """

    folder: Path
    name: str
    storage: str | None = None
    workers: int = 1
    accelerator: str = "auto"
    max_time_s: float | None = None
    show_progress: bool = False


@dataclass(frozen=True)
class TuningOutcome:
    """What a search has found.

    Args:
        best: The recipe with the values of the best trial; None before the first has finished.
        accuracy: Its validation accuracy; 0 before.
        trials: Trials that were finished or ended early, in all.
        stopped: Why the search stopped before its end, in a word or two; None if it did not.
    """

    best: Recipe | None
    accuracy: float
    trials: int
    stopped: str | None


def tune(faces: FaceSet, recipe: Recipe, study: Study, *, trials: int) -> TuningOutcome:
    """Run trials until the study has as many as asked for, Ctrl-C, SIGTERM or the time limit.

    The folder then holds `best.toml`, `trials.csv`, `history.png` and, where there are enough trials to tell,
    `importance.png`.

    Args:
        faces: At least the Training split, with what the recipe's target needs.
        recipe: With fields to search.
        study: Where it is kept.
        trials: How many the study is to have in all; those of earlier calls and other machines count. Where several
            machines work on the last one at the same time, it gets one more for each.

    Raises:
        DataError: the faces do not have what the recipe needs.
        RecipeError: it has nothing to search, or searches how it is judged.
        RunError: the study is of another recipe or other data; this machine has no such accelerator.
    """
    _check_search(recipe)
    open_devices("32-true", accelerator=study.accelerator)  # fails here rather than in every worker
    learn, choose = split_training(faces, recipe)
    study.folder.mkdir(parents=True, exist_ok=True)
    opened = _open(study, seed=recipe.seed)
    _check_same(opened, recipe, fingerprint(faces))
    left = max(0, trials - _count(opened))
    shares = [left // study.workers + (index < left % study.workers) for index in range(study.workers)]
    with StopRequest(max_time_s=study.max_time_s) as stop:
        if study.workers == 1:
            _work(study, recipe, (learn, choose), trials=trials, share=left, index=0, stop=stop)
        else:
            _work_together(study, recipe, (learn, choose), trials=trials, shares=shares, stop=stop)
        reason = stop.reason if _count(opened) < trials else None
    return _report(opened, recipe, study.folder, stopped=reason)


def _check_search(recipe: Recipe) -> None:
    if not recipe.search:
        raise RecipeError("the recipe has no [search] table: it says what a search may change, field by field")
    fixed = [key for key in recipe.search if key in _FIXED]
    if fixed:
        raise RecipeError(f"a search may not change {fixed[0]}: trials could not be compared")


def _open(study: Study, *, seed: int) -> optuna.Study:
    """The study, made if absent; draws differ between processes and calls, since they depend on what is there."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    opened = optuna.create_study(
        storage=open_storage(study.storage, folder=study.folder),
        study_name=study.name,
        direction="maximize",
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=1),
    )
    opened.sampler = optuna.samplers.TPESampler(seed=seed + len(opened.trials))
    return opened


def _check_same(study: optuna.Study, recipe: Recipe, data: str) -> None:
    known, now = study.user_attrs, {"recipe": to_toml(recipe), "data": data}
    for key, value in now.items():
        if known.get(key, value) != value:
            what = "another recipe" if key == "recipe" else "other data"
            raise RunError(f"the study {study.study_name} is of {what}: give the same, or another name or folder")
        study.set_user_attr(key, value)


def _count(study: optuna.Study) -> int:
    return len(study.get_trials(deepcopy=False, states=_DONE))


def _work_together(
    study: Study,
    recipe: Recipe,
    parts: tuple[FaceSet, FaceSet],
    *,
    trials: int,
    shares: list[int],
    stop: StopRequest,
) -> None:
    """The same in several processes; a request to stop is passed on to them."""
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(
            target=_work_alone,
            args=(study, to_toml(recipe), parts),
            kwargs={"trials": trials, "share": share, "index": index},
        )
        for index, share in enumerate(shares)
        if share
    ]
    for process in processes:
        process.start()
    is_passed_on = False
    while any(process.is_alive() for process in processes):
        processes[0].join(timeout=0.5)
        for process in processes[1:]:
            process.join(timeout=0.1)
        if stop.reason is not None and not is_passed_on:
            is_passed_on = True
            for process in processes:
                process.terminate()  # SIGTERM, which a worker takes as a request
    failed = [process.exitcode for process in processes if process.exitcode]
    if failed and not is_passed_on:
        raise RunError(f"{len(failed)} of {len(processes)} workers ended with an error; their messages stand above")


def _work_alone(
    study: Study, recipe: str, parts: tuple[FaceSet, FaceSet], *, trials: int, share: int, index: int
) -> None:
    """What a process of its own does."""
    quiet_lightning()
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // study.workers))
    own = recipe_from_values(tomllib.loads(recipe), source="the study's recipe")
    assert isinstance(own, Recipe)
    with StopRequest(max_time_s=study.max_time_s) as stop:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes: the first one passes it on
        _work(study, own, parts, trials=trials, share=share, index=index, stop=stop)


def _work(
    study: Study,
    recipe: Recipe,
    parts: tuple[FaceSet, FaceSet],
    *,
    trials: int,
    share: int,
    index: int,
    stop: StopRequest,
) -> None:
    """Run a share of the trials one after the other."""
    keep_freed_memory()
    opened = _open(study, seed=recipe.seed + 1000 * index)
    for _ in range(share):
        if stop.reason is not None or _count(opened) >= trials:
            return
        trial = opened.ask()
        trial.set_user_attr(WORKER, f"{socket.gethostname()}:{os.getpid()}")
        candidate = _candidate(recipe, trial)
        try:
            precision = native_precision(candidate.precision, accelerator=study.accelerator)
            fabric = open_devices(precision, accelerator=study.accelerator)
            value = _accuracy(TrainingLoop(candidate, *parts, fabric=fabric), trial, stop)
        except (optuna.TrialPruned, DivergedError):
            opened.tell(trial, state=TrialState.PRUNED)
        except BaseException:
            opened.tell(trial, state=TrialState.FAIL)
            raise
        else:
            opened.tell(trial, value, state=None if value is not None else TrialState.FAIL)
        if study.show_progress:
            _say(opened, trial.number, trials)


def _accuracy(loop: TrainingLoop, trial: optuna.Trial, stop: StopRequest) -> float | None:
    """The best validation accuracy of a trial's epochs; None if it was stopped."""
    while not loop.is_finished:
        if stop.reason is not None:
            return None
        loop.take_step()
        if loop.is_epoch_over:
            loop.end_epoch()
            trial.report(loop.accuracies[-1], loop.epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
    return max(loop.accuracies)


def _candidate(recipe: Recipe, trial: optuna.Trial) -> Recipe:
    """The recipe with the values that a trial draws."""
    drawn: dict[str, Any] = {}
    for key, choices in recipe.search.items():
        if not isinstance(choices, SearchRange):
            drawn[key] = trial.suggest_categorical(key, choices)
        elif _is_whole(recipe, key):
            drawn[key] = trial.suggest_int(key, round(choices.low), round(choices.high), log=choices.log)
        else:
            drawn[key] = trial.suggest_float(key, choices.low, choices.high, log=choices.log)
    return _with(recipe, drawn)


def _with(recipe: Recipe, values: dict[str, Any]) -> Recipe:
    changed = recipe_from_values(tomllib.loads(to_toml(recipe)), source="search", overrides=values)
    assert isinstance(changed, Recipe)
    return changed


def _is_whole(recipe: Recipe, key: str) -> bool:
    """Whether a field holds whole numbers."""
    table, _, name = key.rpartition(".")
    if table == "options":
        parameters = inspect.signature(NETWORKS[recipe.network]).parameters
        value = parameters[name].default if name in parameters else None
    else:
        flat = {**asdict(recipe), **asdict(recipe.augmentation), **asdict(recipe.optimisation)}
        value = flat[name]
    return isinstance(value, int) and not isinstance(value, bool)


def _say(study: optuna.Study, number: int, trials: int) -> None:
    trial = next(each for each in study.get_trials(deepcopy=False) if each.number == number)
    value = "" if trial.value is None else f"  {trial.value:.4f}"
    drawn = "  ".join(
        f"{key} {item:.4g}" if isinstance(item, float) else f"{key} {item}" for key, item in trial.params.items()
    )
    Console(stderr=True, highlight=False).print(
        f"trial {number} {trial.state.name.lower()}{value}  ({_count(study)} of {trials} done)  {drawn}", soft_wrap=True
    )


def _report(study: optuna.Study, recipe: Recipe, folder: Path, *, stopped: str | None) -> TuningOutcome:
    trials = study.get_trials(deepcopy=False)
    write_trials(folder / "trials.csv", trials)
    if not any(trial.state == TrialState.COMPLETE for trial in trials):
        return TuningOutcome(None, 0.0, _count(study), stopped)
    plot_history(folder / "history.png", trials)
    if shares := importances(study):
        plot_importance(folder / "importance.png", shares)
    best = _with(recipe, study.best_params)
    with replacing(folder / "best.toml") as unfinished:
        unfinished.write_text(to_toml(best), "utf-8")
    return TuningOutcome(best, study.best_value, _count(study), stopped)
