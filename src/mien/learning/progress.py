"""How far a run is, on a terminal as a bar with the time left, elsewhere as one line per epoch."""

import logging
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

__all__ = ["EpochBar", "quiet_lightning"]

_SHOWN = ("train_loss", "val_loss", "val_accuracy", "learning_rate", "seconds")


def quiet_lightning() -> None:
    """Let Lightning's own notes stand back, in this process; its warnings stay."""
    for name in ("lightning.fabric", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.WARNING)


class EpochBar:
    """A bar over all steps of a run, written to standard error; use it as a context.

    Args:
        epochs: Epochs of the run.
        steps: Steps per epoch.
        done: Steps done before.
        visible: Write at all.
    """

    def __init__(self, *, epochs: int, steps: int, done: int, visible: bool) -> None:
        self.epochs, self.steps = epochs, steps
        self._console = Console(stderr=True, quiet=not visible)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._task = self._progress.add_task(self._title(done), total=epochs * steps, completed=done)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._progress.stop()

    def step(self, done: int) -> None:
        """Show that so many steps of the run are done."""
        self._progress.update(self._task, completed=done, description=self._title(done))

    def epoch(self, number: int, figures: Mapping[str, float]) -> None:
        """Write a line with an epoch's figures."""
        words = "  ".join(f"{name} {figures[name]:.4g}" for name in _SHOWN)
        self._console.print(f"epoch {number}/{self.epochs}  {words}", highlight=False, soft_wrap=True)

    def _title(self, done: int) -> str:
        return f"epoch {min(done // self.steps + 1, self.epochs)}/{self.epochs}"
