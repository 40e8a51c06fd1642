"""The way back: a `FaceSet` written in a layout that other programs read."""

import csv
import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.datasets.arrays import CLASSES, HDF5_SUFFIXES
from mien.datasets.faceset import TRAINING, UNLABELLED, UNSPLIT, FaceSet
from mien.datasets.fer2013 import SIDE_PX
from mien.datasets.ferplus import VOTE_COLUMNS, VOTES_FILE
from mien.datasets.folders import UNLABELLED_FOLDER
from mien.datasets.parquet import write_parquet
from mien.datasets.pictures import Progress
from mien.datasets.store import write_store
from mien.errors import DataError
from mien.taxonomy import FER2013
from mien.writing import check_absent, replacing

__all__ = ["LAYOUTS", "layout_of", "write"]

_SUFFIXES: Mapping[str, str] = MappingProxyType(
    {".csv": "csv", ".npz": "npz", ".parquet": "parquet", "": "folders"} | dict.fromkeys(HDF5_SUFFIXES, "h5")
)

LAYOUTS = ("h5", "csv", "npz", "npy", "parquet", "folders")
"""What can be written: one file each, but for the folders `npy` (pairs of arrays) and `folders` (pictures)."""


def layout_of(dest: str | Path) -> str:
    """The layout that a name asks for by its suffix; none means folders.

    Raises:
        DataError: an unknown suffix.
    """
    suffix = Path(dest).suffix.lower()
    if suffix not in _SUFFIXES:
        raise DataError(
            f"{dest}: expected a name that ends in {', '.join(filter(None, _SUFFIXES))}, or a folder, got {suffix}"
        )
    return _SUFFIXES[suffix]


def write(
    faces: FaceSet,
    dest: str | Path,
    *,
    layout: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> tuple[str, ...]:
    """Write labelled faces.

    Votes go into the file in all layouts but `csv` and `folders`, which get a `fer2013new.csv` beside or inside.

    Args:
        faces: What to write.
        dest: File or folder.
        layout: One of `LAYOUTS`; by the suffix of `dest` if left out.
        overwrite: Replace what is there.
        progress: Told after each picture, where there are single ones.

    Returns:
        Sentences on what of `faces` this layout does not keep.

    Raises:
        DataError: something is there already, or the layout cannot hold these faces.
        MissingExtraError: the layout needs a package that is not installed.
    """
    dest = Path(dest)
    layout = layout or layout_of(dest)
    check_absent(dest, overwrite=overwrite)
    lost: list[str] = []
    if faces.attributes and layout not in ("h5", "parquet"):
        lost.append(f"the columns {', '.join(faces.attributes)}")
    if layout == "h5":
        write_store(faces, dest)
    elif layout == "parquet":
        write_parquet(faces, dest)
    elif layout == "csv":
        if faces.names.tolist() != [str(row) for row in range(len(faces))]:
            lost.append("the names of the rows")
        _write_csv(faces, dest, overwrite=overwrite)
    elif layout == "npz":
        with replacing(dest) as unfinished:
            np.savez_compressed(unfinished, allow_pickle=False, **_columns(faces), usage=faces.split)
    elif layout == "npy":
        with replacing(dest) as unfinished:
            unfinished.mkdir()
            _write_npy(faces, unfinished)
    elif layout == "folders":
        with replacing(dest) as unfinished:
            unfinished.mkdir()
            _write_folders(faces, unfinished, progress)
    else:
        raise ValueError(f"layout must be one of {', '.join(LAYOUTS)}, got {layout!r}")
    return tuple(f"{what} of {faces.source} are not kept by {layout}" for what in lost)


def _columns(faces: FaceSet) -> dict[str, NDArray[np.generic]]:
    """The columns by the names that `read_arrays` knows, without the split."""
    columns: dict[str, NDArray[np.generic]] = {
        "images": faces.pixels,
        "labels": faces.labels,
        "names": faces.names,
        CLASSES: np.array(faces.taxonomy.labels),
    }
    return columns if faces.votes is None else {**columns, "votes": faces.votes}


def _write_npy(faces: FaceSet, folder: Path) -> None:
    """Pairs such as `train_images.npy` and `train_labels.npy`."""
    for split in faces.splits:
        word = "train" if split == TRAINING else re.sub(r"[^\w-]+", "_", split)
        for name, column in _columns(faces.of_split(split)).items():
            is_shared = name == CLASSES
            np.save(folder / (name if is_shared or split == UNSPLIT else f"{word}_{name}"), column, allow_pickle=False)


def _write_csv(faces: FaceSet, dest: Path, *, overwrite: bool) -> None:
    """Kaggle's three columns, and FER+'s votes beside them."""
    if faces.pixels.shape[1:] != (SIDE_PX, SIDE_PX):
        size = "x".join(map(str, faces.pixels.shape[1:]))
        raise DataError(f"{dest}: expected faces of {SIDE_PX}x{SIDE_PX} for this layout, got {size}: read them so")
    words = [_word(faces, label) for label in faces.labels.tolist()]
    unknown = [row for row, word in enumerate(words) if word not in FER2013.labels]
    if unknown:
        raise DataError(
            f"{dest}: expected labels of FER-2013 for this layout, got {words[unknown[0]]!r} at "
            f"{str(faces.names[unknown[0]])!r} and in {len(unknown)} rows altogether: choose another layout"
        )
    if any(set(split) & set(',\r\n"') for split in faces.splits):
        raise DataError(f"{dest}: expected splits without commas and quotes for this layout, got {faces.splits}")
    if faces.votes is not None:
        beside = dest.with_name(VOTES_FILE)
        check_absent(beside, overwrite=overwrite)
        with replacing(beside) as unfinished:
            _write_votes(unfinished, faces.split.tolist(), faces.names.tolist(), faces.votes)
    digits = [str(value) for value in range(256)]
    with replacing(dest) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as file:
        file.write("emotion,pixels,Usage\n")
        for face, word, split in zip(faces.pixels, words, faces.split.tolist(), strict=True):
            pixels = " ".join([digits[value] for value in face.ravel().tolist()])
            file.write(f"{FER2013.index(word)},{pixels},{split}\n")


def _write_folders(faces: FaceSet, root: Path, progress: Progress | None) -> None:
    """`train/happy/name.png`, and the votes by image name."""
    names = _file_names(faces)
    for row, name in enumerate(names):
        split = str(faces.split[row])
        above = "" if split == UNSPLIT else "train" if split == TRAINING else re.sub(r"[^\w/-]+", "_", split)
        folder = root / above.strip("/") / (_word(faces, int(faces.labels[row])) or UNLABELLED_FOLDER)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(faces.pixels[row]).save(folder / name)
        if progress is not None:
            progress(row + 1, len(faces))
    if faces.votes is not None:
        _write_votes(root / VOTES_FILE, faces.split.tolist(), names, faces.votes)


def _file_names(faces: FaceSet) -> list[str]:
    """A file name after each row's name; no two are the same, since votes are found by them."""
    names: list[str] = []
    used: set[str] = set()
    for row, name in enumerate(faces.names.tolist()):
        stem = re.sub(r"[^\w.-]+", "_", PurePosixPath(name).stem).lstrip(".") or "face"
        while stem.casefold() in used:
            stem = f"{stem}_{row}"
        used.add(stem.casefold())
        names.append(f"{stem}.png")
    return names


def _write_votes(path: Path, splits: Iterable[str], names: Iterable[str], votes: NDArray[np.uint8]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["Usage", "Image name", *VOTE_COLUMNS])
        for split, name, counts in zip(splits, names, votes.tolist(), strict=True):
            writer.writerow([split, name, *counts])


def _word(faces: FaceSet, label: int) -> str:
    """The label in words; nothing for none."""
    return "" if label == UNLABELLED else faces.taxonomy.labels[label]
