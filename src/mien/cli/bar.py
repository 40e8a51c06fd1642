"""How far a run is, where somebody watches."""

import time
from pathlib import Path
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
    """

    def __init__(self, count: int, notes: Console) -> None:
        self._count = count
        self._done = 0
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[rate]}"),
        )
        self._bar = Progress(
            *columns, TimeRemainingColumn(), console=notes, transient=True, disable=not notes.is_terminal
        )

    def __enter__(self) -> Self:
        self._bar.start()
        self._all: TaskID = self._bar.add_task("reading", total=self._count, rate="", visible=self._count > 1)
        self._one: TaskID | None = None
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def advance(self) -> None:
        """The next source."""
        self._done += 1
        self._bar.update(self._all, completed=self._done)
        if self._one is not None:
            self._bar.remove_task(self._one)
            self._one = None

    def tell(self, source: str, progress: VideoProgress) -> None:
        """A frame of a video was read, or a piece of it fetched."""
        name = Path(source).name
        if self._one is None:
            self._one = self._bar.add_task(name, total=None, rate="")
        if progress.stage == "fetching" or progress.frames == 1:
            self._started_s = time.monotonic()
            name = f"fetching {name}" if progress.stage == "fetching" else name
            self._bar.update(self._one, description=name)
        seconds = time.monotonic() - self._started_s
        rate = f"{progress.frames / seconds:.0f} frames/s" if seconds > 0.5 else ""
        total = None if progress.share is None else 1.0
        self._bar.update(self._one, completed=progress.share or 0.0, total=total, rate=rate)
