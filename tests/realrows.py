"""Real rows of FER-2013 in the layouts that people have, written into a temporary folder by ../shared's program."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


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


def load_real_rows(shared_fer2013: Path, *, limit: int) -> RealRows:
    """The first `limit` rows of Training and of PublicTest."""
    spec = importlib.util.spec_from_file_location("expand", shared_fer2013 / "expand.py")
    assert spec is not None
    assert spec.loader is not None
    expand = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(expand)
    rows, faces = expand.load(limit)
    return RealRows(expand, rows, faces)
