"""FER-2013 as Kaggle distributes it: a CSV of `emotion,pixels,Usage`.

Source: Goodfellow et al. 2013, "Challenges in Representation Learning".
"""

import os
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from mien.datasets.badrows import BadRows
from mien.datasets.faceset import TRAINING, FaceSet
from mien.datasets.ferplus import VOTES_FILE, attach_votes, read_votes
from mien.datasets.pictures import resize_faces
from mien.datasets.words import split_of
from mien.errors import DataError
from mien.taxonomy import FER2013

__all__ = ["PRIVATE_TEST", "PUBLIC_TEST", "SIDE_PX", "TRAINING", "is_fer2013_csv", "read_csv"]

SIDE_PX = 48
PUBLIC_TEST, PRIVATE_TEST = "PublicTest", "PrivateTest"

_PIXELS = SIDE_PX * SIDE_PX
_COLUMNS = [b"emotion", b"pixels", b"usage"]
_SMALLEST_ROW = len("0,,T\n") + 2 * _PIXELS - 1  # bytes
_BLOCK = 1 << 18  # bytes: a block and what is computed from it stay in the processor's cache
_THREADS = min(4, os.cpu_count() or 1)
_SPACE, _COMMA, _NEWLINE, _ZERO = b" ,\n0"

_Parsed = tuple[NDArray[np.uint8], list[int], list[bytes]]


def is_fer2013_csv(path: Path) -> bool:
    """Whether a file begins as a FER-2013 CSV does; the three columns may stand in any order."""
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    with path.open("rb") as file:
        return sorted(_columns(file.readline(1000))) == _COLUMNS


def read_csv(
    path: str | Path, *, votes: str | Path | None = None, side_px: int = SIDE_PX, skip_bad: bool = False
) -> FaceSet:
    """Read `fer2013.csv` and, if given or beside it, FER+'s votes for its rows.

    Args:
        path: A file with the columns `emotion`, `pixels` (2,304 integers in 0..255) and `Usage`.
        votes: `fer2013new.csv`, whose lines are aligned with the rows of `path`. Left out: the file of that name
            in the same folder, if there is one.
        side_px: Side of the faces in the result.
        skip_bad: Leave out rows that cannot be used and name them in `skipped`.

    Returns:
        Rows in file order, named by their number in the file from 0; labels in `FER2013`; splits as `Usage` spells
        them.

    Raises:
        DataError: a row that cannot be used, named with its file and line; or no such table.
    """
    path = Path(path)
    bad = BadRows(skip=skip_bad)
    table = _read_table(path, bad)
    numbers = np.array(table.numbers, np.intp)
    faces = FaceSet(
        pixels=resize_faces(table.pixels.reshape(-1, SIDE_PX, SIDE_PX), side_px),
        labels=np.array(table.labels, np.int64),
        votes=None,
        split=np.array(table.split, np.str_),
        taxonomy=FER2013,
        source=str(path),
        names=numbers.astype(np.str_),
    )
    if votes is None and (path.parent / VOTES_FILE).is_file():
        votes = path.parent / VOTES_FILE
    if votes is not None:
        faces = attach_votes(faces, read_votes(votes), numbers=numbers, rows=table.rows, bad=bad)
    return replace(faces, skipped=bad.sentences)


class _Table:
    """Rows read so far. `pixels` has room for more; memory that is never written to is never taken."""

    def __init__(self, capacity: int) -> None:
        self.pixels = np.empty((capacity, _PIXELS), np.uint8)
        self.labels: list[int] = []
        self.split: list[str] = []
        self.numbers: list[int] = []
        self.rows = 0  # of the file, the bad ones too

    def append(self, pixels: NDArray[np.uint8], labels: list[int], usages: list[bytes], numbers: list[int]) -> None:
        self.pixels[len(self.labels) : len(self.labels) + len(labels)] = pixels
        self.labels += labels
        self.split += [_split(usage) for usage in usages]
        self.numbers += numbers


@lru_cache
def _split(usage: bytes) -> str:
    return split_of(usage.decode("utf-8", "replace"))


def _read_table(path: Path, bad: BadRows) -> _Table:
    table = _Table(path.stat().st_size // _SMALLEST_ROW + 1)
    with path.open("rb") as file:
        header = file.readline(1000)
        columns = _columns(header)
        if sorted(columns) != _COLUMNS:
            raise DataError(f"{path}: expected the header emotion,pixels,Usage, got {header[:80]!r}")
        first_line = 2
        blocks = _line_blocks(file)
        for block, parsed in _parsed(blocks) if columns == _COLUMNS else ((block, None) for block in blocks):
            if parsed is not None:
                pixels, labels, usages = parsed
                table.append(pixels, labels, usages, list(range(table.rows, table.rows + len(labels))))
                table.rows += len(labels)
                first_line += len(labels)
            else:
                lines = block.split(b"\n")[:-1]
                _append_lines(table, lines, columns, path=path, first_line=first_line, bad=bad)
                first_line += len(lines)
    if not table.labels:
        raise DataError(f"{path}: expected rows after the header, got none that can be used")
    table.pixels.resize((len(table.labels), _PIXELS), refcheck=False)  # in place: never two copies of the pixels
    return table


def _columns(header: bytes) -> list[bytes]:
    return [column.strip(b' "\r\n').lower() for column in header.removeprefix(b"\xef\xbb\xbf").split(b",")]


def _line_blocks(file: BinaryIO) -> Iterator[bytes]:
    """The rest of a file in blocks of whole lines, each line ended by a newline alone."""
    rest = b""
    while chunk := file.read(_BLOCK):
        end = chunk.rfind(b"\n") + 1
        if end:
            yield b"".join((rest, memoryview(chunk)[:end])).replace(b"\r", b"")
            rest = b""
        rest += chunk[end:]
    if rest:
        yield rest.replace(b"\r", b"") + b"\n"


def _parsed(blocks: Iterator[bytes]) -> Iterator[tuple[bytes, _Parsed | None]]:
    """Blocks in their order with what `_BlockParser` makes of them, some of them worked on side by side."""
    parser = _BlockParser()
    waiting: deque[tuple[bytes, Future[_Parsed | None]]] = deque()
    with ThreadPoolExecutor(_THREADS) as pool:
        for block in blocks:
            waiting.append((block, pool.submit(parser.parse, block)))
            if len(waiting) > 2 * _THREADS:
                done, future = waiting.popleft()
                yield done, future.result()
        for done, future in waiting:
            yield done, future.result()


def _append_lines(
    table: _Table, lines: list[bytes], columns: list[bytes], *, path: Path, first_line: int, bad: BadRows
) -> None:
    """Read rows one by one: slower than a block at once, but knows which one is bad, and why."""
    for line, text in enumerate(lines, start=first_line):
        if not text.strip():
            continue
        try:
            pixels, label, usage = _read_row(text, columns)
            table.append(pixels, [label], [usage], [table.rows])
        except ValueError as error:
            bad.add(f"{path}, line {line}: {error}")
        table.rows += 1


def _read_row(text: bytes, columns: list[bytes]) -> tuple[NDArray[np.uint8], int, bytes]:
    """Pixels, label and usage of one line; a ValueError says what was expected and what came."""
    fields = [field.strip(b' "') for field in text.split(b",")]
    if len(fields) != len(columns):
        raise ValueError(f"expected emotion,pixels,Usage, got {len(fields)} columns")
    row = dict(zip(columns, fields, strict=True))
    if not (row[b"emotion"].isdigit() and int(row[b"emotion"]) < len(FER2013)):
        raise ValueError(f"expected an emotion of 0 to {len(FER2013) - 1}, got {_shown(row[b'emotion'])}")
    if not row[b"usage"]:
        raise ValueError("expected a Usage such as Training, got none")
    numbers = row[b"pixels"].split()
    if len(numbers) != _PIXELS:
        raise ValueError(f"expected {_PIXELS} pixels, got {len(numbers)}")
    wrong = next((number for number in numbers if not number.isdigit() or int(number) > 255), None)
    if wrong is not None:
        raise ValueError(f"expected pixels in 0..255, got {_shown(wrong)}")
    return np.array([int(number) for number in numbers], np.uint8), int(row[b"emotion"]), row[b"usage"]


def _shown(field: bytes) -> str:
    return repr(field[:20].decode("utf-8", "replace"))


class _BlockParser:
    """Reads a block of well-formed lines `emotion,pixels,Usage` at once; about ten times faster than row by row.

    At every byte it works out the number that the one to three digits up to there make; the numbers wanted stand
    before the separators. All steps run over whole arrays that are kept from block to block, since fresh ones
    would cost more than the arithmetic.
    """

    def __init__(self) -> None:
        self._kept = threading.local()  # one scratch a thread

    def parse(self, block: bytes) -> _Parsed | None:
        """Pixels `(rows, 2304)`, labels and usages; None if any line is not exactly as it should be."""
        text = np.frombuffer(block, np.uint8)
        ends = self._separators(text)
        if ends is None:
            return None
        usages = [block[start + 1 : end] for start, end in zip(ends[:, -2].tolist(), ends[:, -1].tolist(), strict=True)]
        written = sum(map(len, usages))
        if any(not word.isalpha() for word in set(usages)):
            return None
        values = self._numbers_ending_at(text, digits=len(text) - ends.size - written)
        if values is None:
            return None
        ends -= 1
        table = values.take(ends)
        labels = table[:, 0]
        if labels.max() >= len(FER2013):
            return None
        return table[:, 1 : 1 + _PIXELS], labels.tolist(), usages

    def _rows(self, size: int) -> NDArray[np.uint8]:
        scratch: NDArray[np.uint8] | None = getattr(self._kept, "scratch", None)
        if scratch is None or scratch.shape[1] < size:
            scratch = self._kept.scratch = np.empty((6, size + size // 4), np.uint8)
        return scratch[:, :size]

    def _separators(self, text: NDArray[np.uint8]) -> NDArray[np.intp] | None:
        """Positions `(rows, 2306)` of each line's comma, spaces, comma and newline; None if they are not these."""
        below, space, *_ = self._rows(len(text)).view(np.bool_)
        np.less(text, _ZERO, out=below)
        found = np.flatnonzero(below)
        rows, beyond = divmod(len(found), _PIXELS + 2)
        if beyond:
            return None
        ends = found.reshape(rows, _PIXELS + 2)
        commas, newlines = text[ends[:, [0, -2]]], text[ends[:, -1]]
        if not ((commas == _COMMA).all() and (newlines == _NEWLINE).all()):
            return None
        spaces = np.count_nonzero(np.equal(text, _SPACE, out=space))
        has_gap = below[0] or np.logical_and(below[1:], below[:-1], out=space[1:]).any()
        return None if has_gap or spaces != rows * (_PIXELS - 1) else ends

    def _numbers_ending_at(self, text: NDArray[np.uint8], *, digits: int) -> NDArray[np.uint8] | None:
        """`(len(text),)`: at each last digit its number; None if one is over 255 or `digits` is not their count."""
        digit, is_digit, pair, hundreds, number, spare = self._rows(len(text))
        np.subtract(text, _ZERO, out=digit)
        np.less(digit, 10, out=is_digit.view(np.bool_))
        if np.count_nonzero(is_digit) != digits:
            return None
        digit *= is_digit
        pair[0] = 0
        np.multiply(is_digit[1:], is_digit[:-1], out=pair[1:])
        hundreds[:2] = 0
        np.multiply(digit[:-2], pair[2:], out=hundreds[2:])  # of a run of three digits, the first
        has_fourth = np.multiply(hundreds[:-1], is_digit[1:], out=spare[1:]).max() > 0
        if has_fourth or hundreds.max() > 2:
            return None
        np.multiply(digit, 10, out=spare)
        number[0] = digit[0]
        np.add(digit[1:], spare[:-1], out=number[1:])
        hundreds *= 100
        hundreds += number
        is_wrapped = np.less(hundreds, number, out=spare.view(np.bool_)).any()  # 256 became 0
        return None if is_wrapped else hundreds
