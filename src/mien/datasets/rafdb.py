"""RAF-DB, the basic emotions: aligned pictures and one text file of labels.

Source: Li, Deng & Du 2017, "Reliable Crowdsourcing and Deep Locality-Preserving Learning for Expression Recognition
in the Wild". The list's lines read `train_00001.jpg 5`; its file is spelled `list_patition_label.txt` in the
original, and the aligned picture is `train_00001_aligned.jpg`.
"""

from pathlib import Path

import numpy as np

from mien.datasets.badrows import BadRows
from mien.datasets.faceset import FaceSet
from mien.datasets.pictures import Progress, read_faces
from mien.datasets.words import split_of
from mien.errors import DataError
from mien.taxonomy import FER2013

__all__ = ["is_rafdb", "read_rafdb"]

_LISTS = ("list_patition_label.txt", "list_partition_label.txt")
_LABELS = ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")
"""What the numbers 1 to 7 mean."""


def is_rafdb(root: Path) -> bool:
    """Whether a folder holds RAF-DB's list of labels, at any depth."""
    return root.is_dir() and _list_in(root) is not None


def read_rafdb(
    root: str | Path, *, side_px: int = 48, skip_bad: bool = False, progress: Progress | None = None
) -> FaceSet:
    """Read RAF-DB's basic emotions from its aligned pictures.

    Args:
        root: A folder that holds the list and the folder `aligned`, at any depth.
        side_px: Side of the faces in the result.
        skip_bad: Leave out lines and pictures that cannot be used and name them in `skipped`.
        progress: Told after each picture.

    Returns:
        Rows in the list's order, named by their file; labels in `FER2013`; the split is what stands before the
        name's first underscore, train or test.

    Raises:
        DataError: a line or a picture that cannot be used, named with its file; or no list, or no pictures.
    """
    root = Path(root)
    bad = BadRows(skip=skip_bad)
    listed = _list_in(root)
    folder = next((path for path in sorted(root.rglob("aligned")) if path.is_dir()), None)
    if listed is None or folder is None:
        raise DataError(f"{root}: expected RAF-DB's {_LISTS[0]} and a folder aligned, got only one of them or none")
    paths: list[Path] = []
    labels: list[int] = []
    for line, text in enumerate(listed.read_text("utf-8-sig").splitlines(), start=1):
        name, _, number = text.strip().rpartition(" ")
        if not name and not number:
            continue
        if not (name and number.isdecimal() and 1 <= int(number) <= len(_LABELS)):
            bad.add(f"{listed}, line {line}: expected an image name and a label of 1 to {len(_LABELS)}, got {text!r}")
            continue
        labels.append(FER2013.index(_LABELS[int(number) - 1]))
        aligned = folder / f"{Path(name).stem}_aligned{Path(name).suffix}"
        paths.append(aligned if aligned.is_file() else folder / name)
    pixels, kept = read_faces(paths, side_px=side_px, bad=bad, progress=progress)
    if not len(kept):
        raise DataError(f"{root}: expected the pictures that {listed.name} names, got none that can be used")
    names = [paths[index].name for index in kept]
    return FaceSet(
        pixels=pixels,
        labels=np.array(labels, np.int64)[kept],
        votes=None,
        split=np.array([split_of(name.partition("_")[0]) for name in names], np.str_),
        taxonomy=FER2013,
        source=str(root),
        names=np.array(names, np.str_),
        skipped=bad.sentences,
    )


def _list_in(root: Path) -> Path | None:
    return next((path for name in _LISTS for path in sorted(root.rglob(name))), None)
