"""One door to every layout: find out what a path holds, and read it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mien.datasets.affectnet import is_affectnet, is_affectnet_csv, read_affectnet
from mien.datasets.affwild2 import FRAMES_PER_VIDEO, is_affwild2, read_affwild2
from mien.datasets.arrays import has_arrays, read_arrays
from mien.datasets.badrows import BadRows
from mien.datasets.faceset import FaceSet
from mien.datasets.fer2013 import is_fer2013_csv, read_csv
from mien.datasets.ferplus import attach_votes, is_ferplus, read_ferplus, read_votes
from mien.datasets.folders import has_emotion_folders, read_folders
from mien.datasets.parquet import has_parquet, read_parquet
from mien.datasets.pictures import Progress, resize_faces
from mien.datasets.rafdb import is_rafdb, read_rafdb
from mien.datasets.store import is_store, open_store
from mien.errors import DataError

__all__ = ["read"]

_CSV_NAME = "fer2013.csv"


def read(
    source: str | Path,
    *,
    votes: str | Path | None = None,
    side_px: int = 48,
    skip_bad: bool = False,
    frames_per_video: int = FRAMES_PER_VIDEO,
    seed: int = 0,
    progress: Progress | None = None,
) -> FaceSet:
    """Read labelled faces in whatever layout they come.

    Args:
        source: A file or folder: FER-2013's CSV or a folder with it, the FER+ script's folders, folders named after
            emotions, `.npy` pairs, `.npz`, HDF5, Parquet, Aff-Wild2, RAF-DB, AffectNet.
        votes: FER+'s `fer2013new.csv` for these faces; found by itself beside a `fer2013.csv` or in the folder of
            pictures.
        side_px: Side of the faces in the result.
        skip_bad: Leave out rows that cannot be used and name them in `skipped`.
        frames_per_video: How many frames to draw from each video of Aff-Wild2.
        seed: Seed of that draw.
        progress: Told how many rows are done and how many there are, where reading takes long.

    Raises:
        DataError: there is no such path, no layout fits, a row cannot be used, or votes were given for data that
            FER+ does not know.
        MissingExtraError: the layout needs a package that is not installed.
    """
    source = Path(source)
    if not source.exists():
        raise DataError(f"{source}: expected a file or folder of labelled faces, got no such path: check the name")
    layout = next((layout for layout in _LAYOUTS if layout.fits(source)), None)
    if layout is None:
        looked_for = "; ".join(layout.what for layout in _LAYOUTS)
        raise DataError(f"{source}: expected labelled faces in a layout that mien knows, found none of: {looked_for}")
    if votes is not None and "votes" not in layout.takes:
        raise DataError(f"{source}: {layout.what} has no FER+ votes: leave --votes out")
    options = {"votes": votes, "frames_per_video": frames_per_video, "seed": seed, "progress": progress}
    taken = {name: value for name, value in options.items() if name in layout.takes}
    return layout.read(source, side_px=side_px, skip_bad=skip_bad, **taken)


@dataclass(frozen=True)
class _Layout:
    """How to know a layout, and how to read it; `takes` names the options beyond those that all readers take."""

    what: str
    fits: Callable[[Path], bool]
    read: Callable[..., FaceSet]
    takes: frozenset[str]


def _has_csv(folder: Path) -> bool:
    return is_fer2013_csv(folder / _CSV_NAME)


def _read_csv_in(folder: Path, **options: Any) -> FaceSet:
    return read_csv(folder / _CSV_NAME, **options)


def _read_store(path: Path, *, votes: str | Path | None, side_px: int, skip_bad: bool) -> FaceSet:
    with open_store(path) as store:
        faces = store[:]
    faces = replace(faces, pixels=resize_faces(faces.pixels, side_px))
    if votes is None:
        return faces
    bad = BadRows(skip=skip_bad)
    faces = attach_votes(faces, read_votes(votes), numbers=np.arange(len(faces)), rows=len(faces), bad=bad)
    return replace(faces, skipped=bad.sentences)


_VOTES, _PICTURES = frozenset({"votes"}), frozenset({"votes", "progress"})

# In the order they are tried: what is known by one certain file comes before what is known by a folder's name.
_LAYOUTS = (
    _Layout("a FER-2013 CSV (emotion,pixels,Usage)", is_fer2013_csv, read_csv, _VOTES),
    _Layout(f"a folder with {_CSV_NAME}", _has_csv, _read_csv_in, _VOTES),
    _Layout("FER+'s folders (FER2013Train, FER2013Valid, FER2013Test)", is_ferplus, read_ferplus, _PICTURES),
    _Layout("AffectNet's CSV", is_affectnet_csv, read_affectnet, frozenset({"progress"})),
    _Layout("an HDF5 store of mien's", is_store, _read_store, _VOTES),
    _Layout("arrays (train_images.npy and train_labels.npy, .npz, .h5)", has_arrays, read_arrays, _VOTES),
    _Layout("Parquet files", has_parquet, read_parquet, _PICTURES),
    _Layout("RAF-DB (list_patition_label.txt and aligned)", is_rafdb, read_rafdb, frozenset({"progress"})),
    _Layout("AffectNet (images and annotations)", is_affectnet, read_affectnet, frozenset({"progress"})),
    _Layout(
        "Aff-Wild2 (expression annotations and folders of frames)",
        is_affwild2,
        read_affwild2,
        frozenset({"frames_per_video", "seed", "progress"}),
    ),
    _Layout("folders named after emotions (train/happy/...)", has_emotion_folders, read_folders, _PICTURES),
)
