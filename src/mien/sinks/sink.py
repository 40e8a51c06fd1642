"""What every place for readings is: a context manager that takes results one by one.

What a sink writes appears under its name when the `with` block ends well; until then, and after an error, what stood
there before is untouched. Names of files that are no valid Unicode are written with backslash escapes.
"""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TextIO

import numpy as np
from numpy.typing import NDArray

from mien.results import SourceResult
from mien.taxonomy import Taxonomy
from mien.writing import replacing

__all__ = ["FileSink", "Sink", "check_taxonomy"]


class Sink(Protocol):
    """Takes results one after the other, inside a `with` block.

    Some sinks take all results of a run, photos and frames of any number of videos mixed, each video's in order;
    others those of one video. A video that broke off is frames and then a result with its error.
    """

    def write(self, result: SourceResult, frame_rgb: NDArray[np.uint8] | None) -> None:
        """Take one result and its picture, `(height, width, 3)` uint8 RGB; None if it could not be read."""

    def __enter__(self) -> Self:
        """Open it."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Complete it, or leave no trace of it after an error."""


class FileSink:
    """A text file that is renamed into place once it is complete."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            unfinished = stack.enter_context(replacing(self.path))
            self._file: TextIO = stack.enter_context(
                unfinished.open("w", encoding="utf-8", errors="backslashreplace", newline="")
            )
            stack.push(self._end_unless_failed)
            self._begin()
            self._open = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def _end_unless_failed(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._end()

    def _begin(self) -> None:
        """Write what stands before the results."""

    def _end(self) -> None:
        """Write what stands after them."""


def check_taxonomy(result: SourceResult, taxonomy: Taxonomy) -> None:
    """Refuse a result whose faces were read in another label set.

    Raises:
        ValueError: one of them was.
    """
    for face in result.reading.faces if result.reading else ():
        if face.emotions.taxonomy != taxonomy.name:
            raise ValueError(
                f"{result.source}: expected a reading in {taxonomy.name}, got one in {face.emotions.taxonomy}"
            )
