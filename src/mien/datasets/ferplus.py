"""FER+: ten viewers' votes for each face of FER-2013, their files, and what they mean.

Source: Barsoum et al. 2016, arXiv 1608.01041 (`fer2013new.csv`, and the folders of pictures that its script writes).
"""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from mien.datasets.badrows import BadRows
from mien.datasets.faceset import TRAINING, UNLABELLED, UNSPLIT, FaceSet
from mien.datasets.pictures import Progress, read_faces
from mien.datasets.words import split_of
from mien.errors import DataError
from mien.taxonomy import FERPLUS, FERPLUS_VOTES

__all__ = [
    "VOTES_FILE",
    "VOTE_COLUMNS",
    "VoteTable",
    "attach_votes",
    "is_ferplus",
    "majority_labels",
    "read_ferplus",
    "read_votes",
]

VOTES_FILE = "fer2013new.csv"

VOTE_COLUMNS = (
    "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF",
)  # fmt: skip
"""How the file spells `FERPLUS_VOTES`."""

_FOLDERS: Mapping[str, str] = MappingProxyType(
    {TRAINING: "FER2013Train", "PublicTest": "FER2013Valid", "PrivateTest": "FER2013Test"}
)


def majority_labels(votes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The label that a clear majority gave, by the authors' own filter.

    Columns with at most one vote are zeroed ("unknown" and "not a face" too); the winner must hold more than
    half of what remains and be an emotion. It keeps 25,060 Training and 3,199 PublicTest rows.

    Args:
        votes: `(n, 10)` in the order of `FERPLUS_VOTES`.

    Returns:
        `(n,)` int64, indices into `FERPLUS.labels`; `UNLABELLED` where the protocol drops the row.

    Example:
        >>> majority_labels(np.array([[6, 3, 1, 0, 0, 0, 0, 0, 0, 0], [4, 4, 2, 0, 0, 0, 0, 0, 0, 0]], np.uint8))
        array([ 0, -1])
    """
    counted = np.where(votes > 1, votes, 0).astype(np.int64)
    winner = counted.argmax(axis=1)
    clear = 2 * counted.max(axis=1) > counted.sum(axis=1)
    return np.where(clear & (winner < len(FERPLUS)), winner, UNLABELLED)


@dataclass(frozen=True, eq=False)
class VoteTable:
    """The rows of a `fer2013new.csv`.

    Args:
        path: The file.
        usage: `(n,)`, the split of each row.
        names: Image name of each row; empty where FER+ has no picture of it.
        counts: `(n, 10)` in the order of `FERPLUS_VOTES`; zeros in a broken row.
        lines: `(n,)`, the line of the file on which each row stands.
        broken: Row -> what is wrong with it, with file and line.
    """

    path: Path
    usage: NDArray[np.str_]
    names: tuple[str, ...]
    counts: NDArray[np.uint8]
    lines: NDArray[np.intp]
    broken: Mapping[int, str]

    def __len__(self) -> int:
        return len(self.names)


def read_votes(path: str | Path) -> VoteTable:
    """Read FER+'s `fer2013new.csv`: `Usage`, `Image name` and ten vote counts a line.

    Raises:
        DataError: no such file, or none of its kind.
    """
    path = Path(path)
    usage: list[str] = []
    names: list[str] = []
    counts: list[list[int]] = []
    lines: list[int] = []
    broken: dict[int, str] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            header = [column.strip().lower() for column in next(reader, [])]
            if header[:2] != ["usage", "image name"] or len(header) != 2 + len(FERPLUS_VOTES):
                raise DataError(
                    f"{path}: expected FER+'s header Usage,Image name,neutral,... with ten vote columns, "
                    f"got {','.join(header)[:80]!r}"
                )
            for row in filter(None, reader):
                votes = _counts(row[2:])
                if votes is None:
                    broken[len(names)] = (
                        f"{path}, line {reader.line_num}: expected Usage, image name and ten vote counts that are not "
                        f"all 0, got {','.join(row)[:80]!r}"
                    )
                usage.append(split_of(row[0].strip()))
                names.append(row[1].strip() if len(row) > 1 else "")
                counts.append(votes or [0] * len(FERPLUS_VOTES))
                lines.append(reader.line_num)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: expected FER+'s votes, a file like {VOTES_FILE}: {error}") from error
    return VoteTable(
        path=path,
        usage=np.array(usage, np.str_),
        names=tuple(names),
        counts=np.array(counts, np.uint8).reshape(-1, len(FERPLUS_VOTES)),
        lines=np.array(lines, np.intp),
        broken=MappingProxyType(broken),
    )


def attach_votes(faces: FaceSet, table: VoteTable, *, numbers: NDArray[np.intp], rows: int, bad: BadRows) -> FaceSet:
    """Give faces the votes of the lines they are aligned with; rows without votes are bad rows.

    FER+ is aligned with FER-2013 by row order alone: the number in its image names is not a row index. Whether two
    files are aligned shows in their splits, which must change at the same rows.

    Args:
        faces: The rows that could be used.
        table: The votes.
        numbers: `(len(faces),)`, where each of them stands in its source, from 0.
        rows: How many rows the source has, the bad ones too.
        bad: Takes the rows without votes.

    Raises:
        DataError: the two cannot be aligned, or a row has no votes and bad rows are not skipped.
    """
    has_line = numbers < len(table)
    usage = table.usage[numbers[has_line]]
    pairs = set(zip(faces.split[has_line].tolist(), usage.tolist(), strict=True))
    agree = len(pairs) == len({split for split, _ in pairs}) == len({word for _, word in pairs})
    more = set(table.usage[rows:].tolist()) & {word for _, word in pairs}
    if more or not (agree or faces.splits == (UNSPLIT,)):
        raise DataError(
            f"{table.path} has {len(table)} rows and {faces.source} has {rows}, and their splits do not change at the "
            "same rows: the two files must hold the same rows in the same order"
        )
    for number in numbers[~has_line].tolist():
        bad.add(f"{faces.source}, row {number}: expected votes, got none in {table.path}, which has {len(table)} rows")
    for number in numbers[has_line].tolist():
        if number in table.broken:
            bad.add(table.broken[number])
    kept = has_line & ~np.isin(numbers, list(table.broken))
    if not kept.all():
        faces, numbers = faces.select(kept), numbers[kept]
    return replace(faces, votes=table.counts[numbers])


def is_ferplus(root: Path) -> bool:
    """Whether a folder holds any of the three folders that the FER+ script writes."""
    return any((root / folder).is_dir() for folder in _FOLDERS.values())


def read_ferplus(
    root: str | Path,
    *,
    votes: str | Path | None = None,
    side_px: int = 48,
    skip_bad: bool = False,
    progress: Progress | None = None,
) -> FaceSet:
    """Read the folders that the FER+ script writes: `FER2013Train/fer0000000.png` and so on, with the votes.

    Args:
        root: The folder of the folders.
        votes: FER+'s `fer2013new.csv`. Left out: the file of that name in `root`.
        side_px: Side of the faces in the result.
        skip_bad: Leave out rows that cannot be used and name them in `skipped`.
        progress: Told after each picture.

    Returns:
        Rows in the order of the votes, named by their image; labels in `FERPLUS`, by clear majority; splits as
        `Usage` spells them. What has votes and, rightly, no picture of its own is in `notes`.

    Raises:
        DataError: a line or a picture that cannot be used, named with its file; or no votes.
    """
    root = Path(root)
    bad = BadRows(skip=skip_bad)
    table = read_votes(votes or root / VOTES_FILE)
    notes, wanted = _rows_with_pictures(table, root)
    for row in wanted:
        if row in table.broken:
            bad.add(table.broken[row])
    rows = np.array([row for row in wanted if row not in table.broken], np.intp)
    paths = [root / _FOLDERS[table.usage[row]] / table.names[row] for row in rows]
    for path in _unvoted(root, table):
        bad.add(f"{path}: expected votes for this image in {table.path}, got none")
    pixels, kept = read_faces(paths, side_px=side_px, bad=bad, progress=progress)
    if not len(kept):
        raise DataError(f"{root}: expected the pictures that {table.path} names, got none that can be used")
    rows = rows[kept]
    return FaceSet(
        pixels=pixels,
        labels=majority_labels(table.counts[rows]),
        votes=table.counts[rows],
        split=table.usage[rows],
        taxonomy=FERPLUS,
        source=str(root),
        names=np.array([table.names[row] for row in rows], np.str_),
        skipped=bad.sentences,
        notes=notes,
    )


def _rows_with_pictures(table: VoteTable, root: Path) -> tuple[tuple[str, ...], list[int]]:
    """Which rows have a picture of their own under `root`, and sentences on those that have not."""
    wanted: list[int] = []
    nameless: list[int] = []
    repeated: list[int] = []
    elsewhere: Counter[str] = Counter()
    seen: dict[tuple[str, str], int] = {}
    for row, name in enumerate(table.names):
        usage = str(table.usage[row])
        if not (root / _FOLDERS.get(usage, usage)).is_dir():
            elsewhere[usage] += 1
        elif not name:
            nameless.append(row)
        elif seen.setdefault((usage, name), row) != row and row not in table.broken:
            repeated.append(row)
        else:
            wanted.append(row)
    notes = [f"{count} rows of {usage} have votes but no folder of pictures here" for usage, count in elsewhere.items()]
    for rows, what in ((nameless, "without an image name, so without a picture"), (repeated, "repeat an image name")):
        if rows:
            notes.append(f"{len(rows)} rows of {table.path} {what}: lines {', '.join(map(str, table.lines[rows]))}")
    return tuple(notes), wanted


def _unvoted(root: Path, table: VoteTable) -> Iterator[Path]:
    """Pictures under `root` that no row names."""
    named = set(zip(table.usage.tolist(), table.names, strict=True))
    for usage, folder in _FOLDERS.items():
        if (root / folder).is_dir():
            yield from (path for path in sorted((root / folder).glob("*.png")) if (usage, path.name) not in named)


def _counts(fields: list[str]) -> list[int] | None:
    """Ten vote counts; None if they are not that."""
    counts = [int(field) for field in fields if field.strip().isdecimal()]
    if len(fields) != len(FERPLUS_VOTES) or len(counts) != len(fields) or not sum(counts) or max(counts) > 255:
        return None
    return counts
