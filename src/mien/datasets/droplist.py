"""Drop lists: rows to leave out of training or scoring, as a CSV that people can read and edit.

The file has the columns `split`, `name` and `reason`; split and name are those of the rows of a `FaceSet`, and
the reason is for people. `mien data leaks` writes one.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mien.errors import DataError
from mien.writing import replacing

__all__ = ["DropList", "read_drop_list", "write_drop_list"]

_HEADER = ["split", "name", "reason"]


@dataclass(frozen=True)
class DropList:
    """Rows to leave out.

    Args:
        rows: (split, name) of each.
        source: Where the list came from, for messages.
    """

    rows: frozenset[tuple[str, str]]
    source: str


def read_drop_list(path: str | Path) -> DropList:
    """Read a drop list.

    Raises:
        DataError: the file is absent, or is no drop list.
    """
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if not {"split", "name"} <= set(reader.fieldnames or ()):
                raise DataError(f"{path}: expected a drop list with the columns split,name, got {reader.fieldnames}")
            rows = set()
            for row in reader:
                if not row["split"] or not row["name"]:
                    raise DataError(f"{path}, line {reader.line_num}: expected a split and a name, got {row}")
                rows.add((row["split"], row["name"]))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected a drop list as mien data leaks writes it: {error}") from error
    return DropList(frozenset(rows), source=str(path))


def write_drop_list(path: str | Path, rows: Iterable[tuple[str, str, str]]) -> None:
    """Write (split, name, reason) rows as a drop list."""
    with replacing(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_HEADER)
        writer.writerows(rows)
