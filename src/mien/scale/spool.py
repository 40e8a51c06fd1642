"""What a worker has read of its shard so far, in a file on its own machine: a process that is killed loses one item.

A line is a row, a failure or the number of items that are finished; what stands behind the last such number belongs to
an item that was not finished and is cut off.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from mien.scale.reading import Failure
from mien.tables.columns import Row

__all__ = ["Spool"]

_ROW, _FAILURE, _DONE = b"r", b"f", b"d"


class Spool:
    """The file, open for the items that follow.

    Args:
        path: Made if it is not there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.done, size = _finished(path)
        self._file: BinaryIO = path.open("r+b" if path.exists() else "wb")
        self._file.truncate(size)
        self._file.seek(size)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, record: Row | Failure) -> None:
        """A row or failure of the item that is being read."""
        if isinstance(record, Failure):
            self._write(_FAILURE, json.dumps(asdict(record)))
        else:
            self._write(_ROW, json.dumps(record))

    def finish_item(self) -> None:
        """The item is read: a process that is killed from now on does not lose it."""
        self.done += 1
        self._write(_DONE, str(self.done))
        self._file.flush()

    def records(self) -> Iterator[Row | Failure]:
        """All of the items that are finished, in order."""
        self._file.flush()
        with self.path.open("rb") as file:
            for line in file:
                if line[:1] == _ROW:
                    yield json.loads(line[1:])
                elif line[:1] == _FAILURE:
                    yield Failure(**json.loads(line[1:]))

    def _write(self, kind: bytes, text: str) -> None:
        self._file.write(kind + text.encode() + b"\n")


def _finished(path: Path) -> tuple[int, int]:
    """How many items are finished, and how many bytes that is."""
    done, size, at = 0, 0, 0
    if path.exists():
        with path.open("rb") as file:
            for line in file:
                at += len(line)
                if line[:1] == _DONE and line.endswith(b"\n"):
                    done, size = int(line[1:]), at
    return done, size
