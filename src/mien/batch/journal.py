"""What was read of a video so far, kept beside the results until they are complete.

A segment is a file of readings in order, and at its end where the reading of the video stood then. It is written aside
and renamed, so that after a crash there is a last whole one, and the reading goes on behind it as if nothing had
happened.
"""

import gzip
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mien.batch import states
from mien.errors import DataError
from mien.results import FrameReading
from mien.streaming import StreamState
from mien.writing import remove_unfinished, replacing

__all__ = ["End", "Journal", "Standing", "forget", "has_segments"]

_SUFFIX = ".jsonl.gz"
_FAST = 1


@dataclass(frozen=True)
class Standing:
    """Where the reading of a video stood at the end of a segment.

    Args:
        stream: Of the readings.
        damaged_at_s: The time of what could not be decoded before, if anything.
    """

    stream: StreamState
    damaged_at_s: float | None


@dataclass(frozen=True)
class End:
    """That a video has been read to its end, and what came of it.

    Args:
        error: What is wrong with it; None if nothing is.
        facts: What its file states.
        files: The names of the files that were written, but for the table.
        missing: Of those that were wanted and for which the video had no frame.
        choice: What they were made by.
    """

    error: str | None
    facts: dict[str, Any]
    files: tuple[str, ...]
    missing: tuple[str, ...]
    choice: str


class Journal:
    """The segments of one video.

    Args:
        folder: Where they lie; it is made with the first.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        remove_unfinished(folder)
        there = sorted(folder.glob(f"*{_SUFFIX}"))
        self._segments = [path for number, path in enumerate(there) if path == self._segment(number)]
        for path in there[len(self._segments) :]:  # behind one that is missing
            path.unlink()
        self.last: Standing | End | None = None
        while self._segments and self.last is None:
            self.last = _last_of(self._segments[-1])
            if self.last is None:  # damaged: the one before will do
                self._segments.pop().unlink()

    def readings(self) -> Iterator[FrameReading]:
        """All readings of all segments, in order.

        Raises:
            DataError: a segment is damaged.
        """
        for segment in self._segments:
            try:
                with gzip.open(segment, "rt", encoding="utf-8") as file:
                    for line in file:
                        values = json.loads(line)
                        if "faces" in values:
                            yield FrameReading.from_dict(values)
            except (EOFError, OSError, ValueError, KeyError, TypeError) as error:
                raise DataError(
                    f"{segment}: expected readings that were saved, got a damaged file: run again with --no-resume"
                ) from error

    def add(self, readings: Sequence[FrameReading], last: Standing | End) -> None:
        """Keep a segment.

        Args:
            readings: Those since the segment before.
            last: Where the reading stands behind them, or that it has ended.
        """
        segment = self._segment(len(self._segments))
        with replacing(segment) as unfinished, gzip.open(unfinished, "wt", _FAST, encoding="utf-8") as file:
            for reading in readings:
                file.write(json.dumps(reading.to_dict()) + "\n")
            if isinstance(last, End):
                file.write(json.dumps({"end": asdict(last)}))
            else:
                file.write(json.dumps({"damaged_at_s": last.damaged_at_s, **states.to_json(last.stream)}))
        self._segments.append(segment)
        self.last = last

    def _segment(self, number: int) -> Path:
        return self.folder / f"{number:06d}{_SUFFIX}"


def forget(folder: Path) -> None:
    """Remove the journals under a folder: all of them, or, if that is cut short, none that would be gone on with."""
    gone = folder.with_name(f"{folder.name}-gone")
    shutil.rmtree(gone, ignore_errors=True)
    if folder.is_dir():
        folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def has_segments(folder: Path) -> bool:
    """Whether there is a journal with something in it under a folder."""
    return any(folder.glob(f"*/*{_SUFFIX}"))


def _last_of(segment: Path) -> Standing | End | None:
    """What stands at the end of a segment; None if it is damaged or of another version."""
    try:
        with gzip.open(segment, "rt", encoding="utf-8") as file:
            line = ""
            for line in file:  # noqa: B007  the last one is wanted
                pass
        values = json.loads(line)
        if "end" in values:
            end = values["end"]
            return End(end["error"], end["facts"], tuple(end["files"]), tuple(end["missing"]), end["choice"])
        return Standing(states.from_json(values), values["damaged_at_s"])
    except (EOFError, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
