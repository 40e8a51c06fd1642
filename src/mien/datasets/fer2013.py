"""FER-2013 as Kaggle distributes it, and FER+'s votes on the same rows.

Sources: Goodfellow et al. 2013, "Challenges in Representation Learning" (the CSV of `emotion,pixels,Usage`);
Barsoum et al. 2016, arXiv 1608.01041 (`fer2013new.csv`, aligned with the former by row order).
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from mien.datasets.faceset import FaceSet
from mien.errors import DataError
from mien.taxonomy import FER2013

__all__ = ["PRIVATE_TEST", "PUBLIC_TEST", "SIDE_PX", "TRAINING", "read_csv", "read_votes"]

SIDE_PX = 48
TRAINING, PUBLIC_TEST, PRIVATE_TEST = "Training", "PublicTest", "PrivateTest"

_PIXELS = SIDE_PX * SIDE_PX
_VOTE_COLUMNS = 10
_CHUNK_BYTES = 4 << 20
_SPACE, _ZERO = ord(" "), ord("0")


def read_csv(path: str | Path, *, votes: str | Path | None = None) -> FaceSet:
    """Read `fer2013.csv` and, if given, FER+'s votes for its rows.

    Args:
        path: A file with the columns `emotion,pixels,Usage`; pixels are 2,304 integers in 0..255.
        votes: `fer2013new.csv` with one line per row of `path`.

    Returns:
        Rows in file order, labels in `FER2013`, splits as `Usage` spells them.

    Raises:
        DataError: a row that cannot be read, named with its file and line.
    """
    path = Path(path)
    pixels: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    split: list[str] = []
    with path.open("rb") as file:
        header = file.readline().strip().lower().split(b",")
        if header != [b"emotion", b"pixels", b"usage"]:
            raise DataError(f"{path}: expected the header emotion,pixels,Usage, got {b','.join(header)[:80]!r}")
        for first_line, rows in _row_blocks(file):
            fields = [row.split(b",") for row in rows]
            for offset, row in enumerate(fields):
                _check_row(row, where=f"{path}, line {first_line + offset}")
            labels += [int(row[0]) for row in fields]
            split += [row[2].decode("ascii", "replace").strip() for row in fields]
            pixels.append(_parse_pixels([row[1] for row in fields], where=f"{path}, lines from {first_line}"))
    if not labels:
        raise DataError(f"{path}: no rows after the header")
    return FaceSet(
        pixels=np.concatenate(pixels),
        labels=np.array(labels, np.int64),
        votes=None if votes is None else read_votes(votes, rows=len(labels)),
        split=np.array(split),
        taxonomy=FER2013,
        source=str(path),
    )


def read_votes(path: str | Path, *, rows: int) -> NDArray[np.uint8]:
    """Read FER+'s `fer2013new.csv`: `(rows, 10)` uint8 in the order of `FERPLUS_VOTES`.

    FER+ is aligned with FER-2013 by row order alone: the number in its image names is not a row index.

    Raises:
        DataError: a line that is not ten counts, or another number of lines than `rows`.
    """
    path = Path(path)
    table: list[list[int]] = []
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        next(reader, None)
        for row in reader:
            try:
                counts = [int(value) for value in row[2:]]
            except ValueError:
                counts = []
            if len(counts) != _VOTE_COLUMNS or min(counts) < 0 or max(counts) > 255:
                raise DataError(
                    f"{path}, line {reader.line_num}: expected Usage, image name and ten vote counts, "
                    f"got {','.join(row)[:80]!r}"
                )
            table.append(counts)
    if len(table) != rows:
        raise DataError(
            f"{path} has votes for {len(table)} rows but the faces have {rows}: "
            "the two files must hold the same rows in the same order"
        )
    return np.array(table, np.uint8)


def _row_blocks(file: BinaryIO) -> Iterator[tuple[int, list[bytes]]]:
    """Non-empty lines in blocks of a few megabytes, each with the line number of its first."""
    line, rest = 2, b""
    while chunk := file.read(_CHUNK_BYTES):
        *rows, rest = (rest + chunk).split(b"\n")
        if rows:
            yield line, rows
            line += len(rows)
    if rest.strip():
        yield line, [rest]


def _check_row(row: list[bytes], *, where: str) -> None:
    if len(row) != 3:
        raise DataError(f"{where}: expected emotion,pixels,Usage, got {len(row)} columns")
    if not (row[0].isdigit() and int(row[0]) < len(FER2013)):
        raise DataError(f"{where}: expected an emotion of 0 to {len(FER2013) - 1}, got {row[0][:20]!r}")
    count = row[1].count(b" ") + 1
    if count != _PIXELS:
        raise DataError(f"{where}: expected {_PIXELS} pixels, got {count}")


def _parse_pixels(fields: list[bytes], *, where: str) -> NDArray[np.uint8]:
    """Decimal numbers of one to three digits, parsed for a whole block at once.

    Every number ends at a space, so its digits are the one to three bytes before it. This is an order of
    magnitude faster than a text parser per row.
    """
    text = np.frombuffer(b"  " + b" ".join(fields) + b" ", np.uint8)
    digits = text - _ZERO
    is_space = text == _SPACE
    ends = np.flatnonzero(is_space[2:]) + 2
    if len(ends) != len(fields) * _PIXELS or ((digits > 9) & ~is_space).any() or is_space[ends - 1].any():
        raise DataError(f"{where}: pixels must be integers with one space between them")
    has_tens = ~is_space[ends - 2]
    has_hundreds = has_tens & ~is_space[ends - 3]
    values = digits[ends - 1].astype(np.uint16)
    values += np.uint16(10) * digits[ends - 2] * has_tens
    values += np.uint16(100) * digits[ends - 3] * has_hundreds
    if values.max() > 255 or (has_hundreds & ~is_space[ends - 4]).any():
        raise DataError(f"{where}: pixels must lie in 0..255")
    return values.astype(np.uint8).reshape(-1, SIDE_PX, SIDE_PX)
