"""FER-2013 as Kaggle distributes it: a CSV of `emotion,pixels,Usage`.

Source: Goodfellow et al. 2013, "Challenges in Representation Learning".
"""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from mien.datasets.badrows import BadRows
from mien.datasets.csvblocks import PIXELS, Block, read_blocks
from mien.datasets.faceset import TRAINING, FaceSet
from mien.datasets.ferplus import VOTES_FILE, attach_votes, read_votes
from mien.datasets.pictures import resize_faces
from mien.datasets.words import split_of
from mien.errors import DataError
from mien.taxonomy import FER2013

__all__ = ["PRIVATE_TEST", "PUBLIC_TEST", "SIDE_PX", "TRAINING", "is_fer2013_csv", "read_csv"]

SIDE_PX = 48
PUBLIC_TEST, PRIVATE_TEST = "PublicTest", "PrivateTest"

_COLUMNS = [b"emotion", b"pixels", b"usage"]
_SMALLEST_ROW = len("0,,T\n") + 2 * PIXELS - 1  # bytes


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
        self.pixels = np.empty((capacity, PIXELS), np.uint8)
        self.labels: list[int] = []
        self.split: list[str] = []
        self.numbers: list[int] = []
        self.rows = 0  # of the file, the bad ones too

    def append(self, block: Block, numbers: list[int]) -> None:
        self.pixels[len(self.labels) : len(self.labels) + len(numbers)] = block.pixels
        self.labels += block.labels
        self.split += [_split(usage) for usage in block.usages]
        self.numbers += numbers


@lru_cache
def _split(usage: bytes) -> str:
    return split_of(usage.decode("utf-8", "replace"))


def _read_table(path: Path, bad: BadRows) -> _Table:
    with path.open("rb") as file:
        header = file.readline(1000)
    columns = _columns(header)
    if sorted(columns) != _COLUMNS:
        raise DataError(f"{path}: expected the header emotion,pixels,Usage, got {header[:80]!r}")
    table = _Table(path.stat().st_size // _SMALLEST_ROW + 1)
    line = 2
    for piece in read_blocks(path, start=len(header), well_formed=columns == _COLUMNS):
        if isinstance(piece, Block):
            table.append(piece, list(range(table.rows, table.rows + len(piece.labels))))
            table.rows += len(piece.labels)
            line += len(piece.labels)
        else:
            _append_lines(table, piece, columns, path=path, first_line=line, bad=bad)
            line += len(piece)
    if not table.labels:
        raise DataError(f"{path}: expected rows after the header, got none that can be used")
    table.pixels.resize((len(table.labels), PIXELS), refcheck=False)  # in place: never two copies of the pixels
    return table


def _columns(header: bytes) -> list[bytes]:
    return [column.strip(b' "\r\n').lower() for column in header.removeprefix(b"\xef\xbb\xbf").split(b",")]


def _append_lines(
    table: _Table, lines: list[bytes], columns: list[bytes], *, path: Path, first_line: int, bad: BadRows
) -> None:
    """Read rows one by one: slower than a block at once, but knows which one is bad, and why."""
    for line, text in enumerate(lines, start=first_line):
        if not text.strip():
            continue
        try:
            table.append(_read_row(text, columns), [table.rows])
        except ValueError as error:
            bad.add(f"{path}, line {line}: {error}")
        table.rows += 1


def _read_row(text: bytes, columns: list[bytes]) -> Block:
    """The row of one line; a ValueError says what was expected and what came."""
    fields = [field.strip(b' "') for field in text.split(b",")]
    if len(fields) != len(columns):
        raise ValueError(f"expected emotion,pixels,Usage, got {len(fields)} columns")
    row = dict(zip(columns, fields, strict=True))
    if not (row[b"emotion"].isdigit() and int(row[b"emotion"]) < len(FER2013)):
        raise ValueError(f"expected an emotion of 0 to {len(FER2013) - 1}, got {_shown(row[b'emotion'])}")
    if not row[b"usage"]:
        raise ValueError("expected a Usage such as Training, got none")
    numbers = row[b"pixels"].split()
    if len(numbers) != PIXELS:
        raise ValueError(f"expected {PIXELS} pixels, got {len(numbers)}")
    wrong = next((number for number in numbers if not number.isdigit() or int(number) > 255), None)
    if wrong is not None:
        raise ValueError(f"expected pixels in 0..255, got {_shown(wrong)}")
    pixels = np.array([[int(number) for number in numbers]], np.uint8)
    return Block(pixels, [int(row[b"emotion"])], [row[b"usage"]])


def _shown(field: bytes) -> str:
    return repr(field[:20].decode("utf-8", "replace"))
