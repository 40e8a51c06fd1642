"""Rows for tests: real ones of FER-2013, written by ../shared's program, and whether two sets hold the same."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.datasets.faceset import FaceSet


@dataclass(frozen=True)
class RealRows:
    """The first rows of each split, and the program that writes them out."""

    expand: Any  # ../shared/data/fer2013/expand.py as a module
    rows: list[dict[str, str]]
    faces: NDArray[np.uint8]

    def write(self, layout: str, folder: Path) -> Path:
        """Write `csv`, `folders`, `ferplus` or `npz` into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        getattr(self.expand, f"write_{layout}")(self.rows, self.faces, folder)
        return folder

    @property
    def emotions(self) -> list[int]:
        """Labels in FER-2013's order."""
        return [int(row["emotion"]) for row in self.rows]

    @property
    def votes(self) -> NDArray[np.uint8]:
        """`(n, 10)`."""
        return np.array([[row[vote] for vote in self.expand.VOTES] for row in self.rows]).astype(np.uint8)

    @property
    def usage(self) -> list[str]:
        """Split of each row."""
        return [row["usage"] for row in self.rows]


def load_real_rows(shared_fer2013: Path, *, limit: int | None) -> RealRows:
    """The first `limit` rows of Training and of PublicTest; all for None."""
    spec = importlib.util.spec_from_file_location("expand", shared_fer2013 / "expand.py")
    assert spec is not None
    assert spec.loader is not None
    expand = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(expand)
    rows, faces = expand.load(limit)
    return RealRows(expand, rows, faces)


def same(one: FaceSet, other: FaceSet) -> bool:
    """Whether two sets hold the same rows."""
    if one.taxonomy != other.taxonomy:
        return False
    left, right = _columns(one), _columns(other)
    return left.keys() == right.keys() and all(np.array_equal(left[name], right[name]) for name in left)


def _columns(faces: FaceSet) -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = {
        "pixels": faces.pixels,
        "labels": faces.labels,
        "split": faces.split,
        "names": faces.names,
    }
    return {**columns, **({} if faces.votes is None else {"votes": faces.votes}), **faces.attributes}
