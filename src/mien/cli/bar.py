"""How far a run is, where somebody watches."""

from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

from mien.batch.video import Progress as VideoProgress

__all__ = ["RunBar"]


class RunBar:
    """One bar for the sources, and one for the video that is being read: frames per second, time left.

    Args:
        count: How many sources there are.
        notes: Where it shows, if that is a terminal.
        clock: Tells the seconds.
    """

    def __init__(self, count: int, notes: Console, *, clock: Callable[[], float] = monotonic) -> None:
        self._count = count
        self._done = 0
        self._clock = clock
        self._one: TaskID | None = None
        self._stage, self._started_s = "", 0.0
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=notes,
            get_time=clock,
            transient=True,
            disable=not notes.is_terminal,
        )

    def __enter__(self) -> Self:
        self._bar.start()
        self._all: TaskID = self._bar.add_task("reading", total=self._count, rate="", visible=self._count > 1)
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def refresh(self) -> None:
        """Show now what was told; it is shown ten times a second anyway."""
        self._bar.refresh()

    def advance(self) -> None:
        """The next source."""
        self._done += 1
        self._bar.update(self._all, completed=self._done)
        self._forget()

    def tell(self, source: str, progress: VideoProgress) -> None:
        """A frame of a video was read, or a piece of it fetched."""
        if self._one is None or progress.stage != self._stage:
            self._forget()
            name = Path(source).name
            shown = f"fetching {name}" if progress.stage == "fetching" else name
            self._one = self._bar.add_task(shown, total=None, rate="")
            self._stage, self._started_s = progress.stage, self._clock()
        seconds = self._clock() - self._started_s
        rate = f"{progress.frames / seconds:.0f} frames/s" if seconds > 0.5 else ""
        total = None if progress.share is None else 1.0
        self._bar.update(self._one, completed=progress.share or 0.0, total=total, rate=rate)

    def _forget(self) -> None:
        """What was shown of one video."""
        if self._one is not None:
            self._bar.remove_task(self._one)
            self._one = None
