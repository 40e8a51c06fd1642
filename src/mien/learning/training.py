"""Training of networks: interruptible, resumable to the same result, one folder per run (`runs` says what is in it)."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric import Fabric

from mien.datasets.faceset import TRAINING, UNSPLIT, FaceSet
from mien.datasets.joining import add_rows, rows_to_add
from mien.datasets.splits import validation_rows
from mien.errors import DataError, RunError
from mien.interruption import StopRequest
from mien.learning.devices import native_precision, open_devices
from mien.learning.distillation import Teachers
from mien.learning.history import TensorBoard, plot_curves, write_metrics
from mien.learning.loop import TrainingLoop
from mien.learning.memory import keep_freed_memory
from mien.learning.networks.registry import count_parameters
from mien.learning.optimisation import best_epoch
from mien.learning.progress import EpochBar
from mien.learning.recipe import ClassicalRecipe, Recipe
from mien.learning.runs import (
    CHECKPOINT,
    CURVES,
    METRICS,
    MODEL,
    RECIPE,
    begin_run,
    claimed,
    describe_heads,
    load_network,
    read_validation,
    save_checkpoint,
    update_record,
)

__all__ = ["Execution", "Outcome", "split_training", "train"]

Figures = Mapping[str, float]


@dataclass(frozen=True)
class Execution:
    """How and where a run is carried out; none of it belongs to the recipe.

    Args:
        accelerator: Lightning's name: "auto", "cpu", "cuda", "mps".
        devices: How many, or which, as Lightning takes it: "1", "2", "0,3", "auto".
        nodes: Machines that take part.
        strategy: Lightning's name of a data-parallel strategy: "auto", "ddp".
        compiled: Compile the networks for the device; worth its minute on a GPU.
        max_time_s: Stop at the first step after so many seconds; None for no limit.
        tensorboard: Also write the figures for TensorBoard, under `tensorboard/` in the run.
        show_progress: Write to standard error how far the run is.
        keep_memory: Let the process keep freed memory, from now on, which makes steps on a CPU faster (`memory`).
    """

    accelerator: str = "auto"
    devices: str = "1"
    nodes: int = 1
    strategy: str = "auto"
    compiled: bool = False
    max_time_s: float | None = None
    tensorboard: bool = False
    show_progress: bool = False
    keep_memory: bool = True


@dataclass(frozen=True)
class Outcome:
    """Where a run is after `train`.

    Args:
        run: Its folder.
        stopped: Why it stopped before its end, in a word or two; None if it is finished.
        signal_number: The signal that stopped it, if one did.
        epochs_done: Whole epochs.
        steps_done: Steps of the epoch begun.
        epochs: Figures of each epoch done.
        is_first_process: False in all but one of the processes that train together.
    """

    run: Path
    stopped: str | None
    signal_number: int | None
    epochs_done: int
    steps_done: int
    epochs: tuple[Figures, ...]
    is_first_process: bool = True

    @property
    def best(self) -> int | None:
        """Number of the epoch with the highest validation accuracy, from 1; None before the first."""
        return best_epoch([figures["val_accuracy"] for figures in self.epochs]) + 1 if self.epochs else None


def split_training(faces: FaceSet, recipe: Recipe | ClassicalRecipe) -> tuple[FaceSet, FaceSet]:
    """The rows to learn from and the rows to choose by; both from Training, other splits are not touched.

    Data that are not divided count as Training in full.

    Raises:
        DataError: the data are divided, and none of it is for training; too few rows; faces that are not square.
    """
    _, height, width = faces.pixels.shape
    if height != width:
        raise DataError(f"training needs square faces, got {width}x{height} px from {faces.source}")
    wanted = UNSPLIT if faces.splits == (UNSPLIT,) else TRAINING
    if wanted not in faces.splits:
        raise DataError(f"{faces.source} has no split to train on: it has {', '.join(faces.splits)}")
    training = faces.of_split(wanted)
    aside = validation_rows(training.pixels, training.labels, fraction=recipe.validation, seed=recipe.split_seed)
    if not aside.any():
        raise DataError(
            f"{faces.source} has {len(training)} rows to train on: {recipe.validation:g} of them, with whole groups of "
            "near copies, leave none to choose by; raise validation or give more rows"
        )
    return training.select(~aside), training.select(aside)


def train(
    faces: FaceSet,
    recipe: Recipe,
    run: Path,
    *,
    extra: FaceSet | None = None,
    resume: bool = False,
    start: Path | None = None,
    teachers: Sequence[Path] = (),
    execution: Execution | None = None,
    on_epoch: Callable[[int, Figures], None] | None = None,
) -> Outcome:
    """Train until the recipe's end, Ctrl-C, SIGTERM or the time limit; what is learnt is kept in any case.

    Args:
        faces: At least the Training split, with what the recipe's target needs.
        recipe: What to do.
        run: Folder of the run; made if absent.
        extra: Further rows to learn from, behind those of `faces`; none of them is chosen by.
        resume: Go on where the run stopped, or begin where there is none.
        start: Folder of an earlier run of the same network, whose weights this one starts from.
        teachers: Folders of earlier runs whose answers it learns from, as `recipe.distillation` says.
        execution: Devices, limits and displays.
        on_epoch: Called with the number of each epoch done, from 1, and its figures; may raise to stop.

    Raises:
        DataError: the faces do not have what the recipe needs.
        RecipeError: the network cannot be built so.
        RunError: the folder holds a run and `resume` is False, or one of another recipe or other data;
            another process is training in it; this machine has no such devices; `start` is a run of another network,
            or it or a teacher learnt rows that this run would choose by.
        DivergedError: the loss is no longer a number.
    """
    execution = execution or Execution()
    precision = native_precision(recipe.precision, accelerator=execution.accelerator)
    fabric = open_devices(
        precision,
        accelerator=execution.accelerator,
        devices=execution.devices,
        nodes=execution.nodes,
        strategy=execution.strategy,
    )
    fabric.launch()
    if execution.keep_memory and fabric.device.type == "cpu":
        keep_freed_memory()
    torch.backends.cudnn.benchmark = True  # every step has the same shapes: it pays to try which kernels are fastest
    learn, choose = split_training(faces, recipe)
    if extra is not None:
        extra = rows_to_add(extra, choose)
        learn = add_rows(learn, extra)
    weights = None if start is None else _start_weights(start, recipe, choose)
    taught_by = Teachers(teachers, recipe, choose) if teachers else None
    loop = TrainingLoop(
        recipe, learn, choose, fabric=fabric, weights=weights, teachers=taught_by, compiled=execution.compiled
    )
    with ExitStack() as held:
        if fabric.is_global_zero:
            held.enter_context(claimed(run))
            device = fabric.device
            entries = {
                "start": None if start is None else {"run": start.name, "recipe": (start / RECIPE).read_text("utf-8")},
                "teachers": taught_by.record if taught_by else [],
                "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
                "precision": precision,
                "heads": describe_heads(loop.heads),
                "parameters": count_parameters(loop.net)._asdict(),
                "rows": {"training": len(loop.learn), "validation": len(choose), "skipped": len(faces.skipped)},
            }
            begin_run(run, recipe, faces, validation=choose, extra=extra, entries=entries, resume=resume)
        if (checkpoint := _last_checkpoint(fabric, run, resume=resume)) is not None:
            loop.restore(checkpoint)
        writer = _Writer(run, loop, execution) if fabric.is_global_zero else None
        with StopRequest(max_time_s=execution.max_time_s) as stop:
            stopped = _run(loop, stop, writer, on_epoch)
    return Outcome(run, stopped, stop.signal_number, loop.epoch, loop.step, tuple(loop.history), fabric.is_global_zero)


def _last_checkpoint(fabric: Fabric, run: Path, *, resume: bool) -> Mapping[str, Any] | None:
    """Where an earlier call stopped, as the first process sees it: the run's folder may be on its machine alone."""
    checkpoint = None
    if fabric.is_global_zero and resume and (run / CHECKPOINT).exists():
        checkpoint = torch.load(run / CHECKPOINT, map_location="cpu", weights_only=True)
    told: Mapping[str, Any] | None = fabric.broadcast(checkpoint)
    return told


def _start_weights(start: Path, recipe: Recipe, choose: FaceSet) -> Mapping[str, torch.Tensor]:
    """The weights of an earlier run, if it was of the same network and kept the same rows aside."""
    earlier = load_network(start)
    if (earlier.recipe.network, earlier.recipe.target) != (recipe.network, recipe.target):
        raise RunError(
            f"{start} holds a {earlier.recipe.network} that learnt {earlier.recipe.target}; "
            f"expected a {recipe.network} for {recipe.target}: start from a run of the same kind"
        )
    if not np.array_equal(read_validation(start)["pixels"], choose.pixels):
        raise RunError(
            f"{start} kept other rows aside than this run would, so it has learnt rows that this one chooses by: "
            "use the same data, validation share and seed"
        )
    return earlier.network.state_dict()


def _run(
    loop: TrainingLoop, stop: StopRequest, writer: "_Writer | None", on_epoch: Callable[[int, Figures], None] | None
) -> str | None:
    """Take steps until the end or a request; returns why it stopped before the end."""
    done = loop.epoch * loop.steps + loop.step
    visible = writer is not None and writer.execution.show_progress
    with EpochBar(epochs=loop.recipe.epochs, steps=loop.steps, done=done, visible=visible) as bar:
        while not loop.is_finished:
            if (reason := _agreed_reason(loop.fabric, stop)) is not None:
                if writer is not None:
                    writer.end()
                return reason
            loop.take_step()
            bar.step(loop.epoch * loop.steps + loop.step)
            if loop.is_epoch_over:
                figures = loop.end_epoch()
                bar.epoch(loop.epoch, figures)
                if writer is not None:
                    writer.epoch(figures)
                if on_epoch is not None:
                    on_epoch(loop.epoch, figures)
    if writer is not None:
        writer.end()
    return None


def _agreed_reason(fabric: Fabric, stop: StopRequest) -> str | None:
    """Why to stop, the same for all processes: whoever is asked to stop, stops all at one step."""
    reason = stop.reason
    if fabric.world_size > 1:
        asked = fabric.all_reduce(torch.tensor(float(reason is not None), device=fabric.device), reduce_op="sum")
        if float(asked) > 0:  # type: ignore[arg-type]  # a tensor in, a tensor out
            return reason or "another process was asked to stop"
    return reason


class _Writer:
    """Puts into the run's folder what is learnt and how; only the first of several processes has one."""

    _REDRAW_S = 30.0

    def __init__(self, run: Path, loop: TrainingLoop, execution: Execution) -> None:
        self.run, self.loop, self.execution = run, loop, execution
        self._board = TensorBoard(run / "tensorboard") if execution.tensorboard else None
        self._drawn_s = time.monotonic()

    def epoch(self, figures: Figures) -> None:
        """After each epoch: a crash now costs nothing."""
        is_best = best_epoch(self.loop.accuracies) == self.loop.epoch - 1
        self._save(with_model=is_best or self.loop.recipe.keep == "last")
        if self._board is not None:
            self._board.write(self.loop.epoch, figures)
        if time.monotonic() - self._drawn_s > self._REDRAW_S:
            self._draw()

    def end(self) -> None:
        """At the end, or where the run stops in the middle of an epoch."""
        if self.loop.step > 0 or not (self.run / CHECKPOINT).exists():
            self._save(with_model=self.loop.recipe.keep == "last" or not (self.run / MODEL).exists())
        if self.loop.history:
            self._draw()
        if self._board is not None:
            self._board.close()

    def _save(self, *, with_model: bool) -> None:
        loop = self.loop
        if with_model:
            save_checkpoint(self.run / MODEL, {"state_dict": loop.weights(), "epochs_done": loop.epoch})
        save_checkpoint(self.run / CHECKPOINT, loop.checkpoint())
        seconds = sum(figures["seconds"] for figures in loop.history) + loop.seconds
        update_record(
            self.run,
            finished=loop.is_finished,
            epochs_done=loop.epoch,
            steps_done=loop.step,
            minutes=round(seconds / 60, 2),
            best_epoch=best_epoch(loop.accuracies) + 1 if loop.history else None,
        )
        if loop.history:
            write_metrics(self.run / METRICS, loop.history)

    def _draw(self) -> None:
        plot_curves(self.run / CURVES, self.loop.history, title=f"{self.loop.recipe.network}, {self.run.name}")
        self._drawn_s = time.monotonic()
