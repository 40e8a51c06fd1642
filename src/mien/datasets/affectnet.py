"""AffectNet in its two layouts: numbered pictures with `.npy` annotations, and a CSV that names the pictures.

Source: Mollahosseini, Hasani & Mahoor 2017, arXiv 1708.03985. The numbers 0 to 7 are eight expressions; 8 to 10 mean
none, uncertain and no face.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.datasets.badrows import BadRows
from mien.datasets.faceset import UNLABELLED, UNSPLIT, FaceSet
from mien.datasets.pictures import Progress, read_faces
from mien.datasets.words import split_of
from mien.errors import DataError
from mien.taxonomy import FERPLUS

__all__ = ["is_affectnet", "is_affectnet_csv", "read_affectnet"]

_LABELS = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt")
_CODES = 11
_PATH_COLUMN, _LABEL_COLUMN = "subDirectory_filePath", "expression"


def is_affectnet(root: Path) -> bool:
    """Whether a folder holds `images` beside `annotations` with `N_exp.npy`, at any depth."""
    return root.is_dir() and any(True for _ in _parts(root))


def is_affectnet_csv(path: Path) -> bool:
    """Whether a file begins as AffectNet's CSV does."""
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        return {_PATH_COLUMN, _LABEL_COLUMN} <= set(next(csv.reader(file), []))


def read_affectnet(
    source: str | Path, *, side_px: int = 48, skip_bad: bool = False, progress: Progress | None = None
) -> FaceSet:
    """Read AffectNet.

    Args:
        source: A folder with `train_set/images/N.jpg`, `train_set/annotations/N_exp.npy` and the like, or a CSV with
            the columns `subDirectory_filePath` (relative to the CSV, or to a folder beside it) and `expression`.
        side_px: Side of the faces in the result.
        skip_bad: Leave out rows that cannot be used and name them in `skipped`.
        progress: Told after each picture.

    Returns:
        Labels in `FERPLUS`; attributes `valence` and `arousal`, NaN where not annotated. `notes` counts the pictures
        that are annotated as none, uncertain or no face, which are left out.

    Raises:
        DataError: an annotation or a picture that cannot be used, named with its file.
    """
    source = Path(source)
    bad = BadRows(skip=skip_bad)
    found = list(_rows_of_csv(source, bad) if source.is_file() else _rows_of_folder(source, bad))
    rows = [row for row in found if row.label != UNLABELLED]
    pixels, kept = read_faces([row.path for row in rows], side_px=side_px, bad=bad, progress=progress)
    if not len(kept):
        raise DataError(f"{source}: expected pictures with an expression, got none that can be used")
    rows = [rows[index] for index in kept]
    without = sum(row.label == UNLABELLED for row in found)
    return FaceSet(
        pixels=pixels,
        labels=np.array([row.label for row in rows], np.int64),
        votes=None,
        split=np.array([row.split for row in rows], np.str_),
        taxonomy=FERPLUS,
        source=str(source),
        names=np.array([row.name for row in rows], np.str_),
        attributes={
            "valence": np.array([row.valence for row in rows], np.float64),
            "arousal": np.array([row.arousal for row in rows], np.float64),
        },
        skipped=bad.sentences,
        notes=(f"{without} pictures are annotated as none, uncertain or no face, and left out",) if without else (),
    )


@dataclass(frozen=True)
class _Row:
    path: Path
    name: str
    split: str
    label: int
    valence: float
    arousal: float


def _parts(root: Path) -> Iterator[tuple[Path, str]]:
    """Each folder that has images and annotations, with the name of its split."""
    for annotations in sorted(root.rglob("annotations")):
        part = annotations.parent
        if (part / "images").is_dir() and any(annotations.glob("*_exp.npy")):
            yield part, UNSPLIT if part == root else split_of(part.name.removesuffix("_set"))


def _rows_of_folder(root: Path, bad: BadRows) -> Iterator[_Row]:
    for part, split in _parts(root):
        stored = sorted((part / "annotations").glob("*_exp.npy"), key=lambda path: (len(path.name), path.name))
        for annotation in stored:
            number = annotation.name.removesuffix("_exp.npy")
            label = _label(_stored_value(annotation))
            if label is None:
                bad.add(f"{annotation}: expected an expression of 0 to {_CODES - 1}")
                continue
            yield _Row(
                path=part / "images" / f"{number}.jpg",
                name=number,
                split=split,
                label=label,
                valence=_number(_stored_value(annotation.with_name(f"{number}_val.npy"))),
                arousal=_number(_stored_value(annotation.with_name(f"{number}_aro.npy"))),
            )


def _rows_of_csv(path: Path, bad: BadRows) -> Iterator[_Row]:
    split = split_of(path.stem)
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        reader = csv.DictReader(file)
        for row in reader:
            name, label = row[_PATH_COLUMN], _label(row[_LABEL_COLUMN])
            if not name or label is None:
                bad.add(
                    f"{path}, line {reader.line_num}: expected a picture and an expression of 0 to {_CODES - 1}, "
                    f"got {name!r} and {row[_LABEL_COLUMN]!r}"
                )
                continue
            yield _Row(
                path=_beside(path, name),
                name=name,
                split=split,
                label=label,
                valence=_number(row.get("valence")),
                arousal=_number(row.get("arousal")),
            )


def _beside(table: Path, name: str) -> Path:
    """A picture that a CSV names, which may lie in a folder of its own beside the CSV."""
    direct = table.parent / name
    if direct.is_file():
        return direct
    return next((path for path in sorted(table.parent.glob(f"*/{name}"))), direct)


def _stored_value(path: Path) -> str | None:
    """The one value of a `.npy` file, which AffectNet stores as text; None if there is none."""
    try:
        return str(np.load(path, allow_pickle=False).reshape(-1)[0])
    except (OSError, ValueError, EOFError, IndexError):
        return None


def _number(text: str | None) -> float:
    try:
        return float(text) if text is not None else np.nan
    except ValueError:
        return np.nan


def _label(text: str | None) -> int | None:
    """Our index of one of AffectNet's codes; `UNLABELLED` for those that are no expression; None for no code."""
    code = _number(text)
    if not (0 <= code < _CODES and code == int(code)):
        return None
    return FERPLUS.index(_LABELS[int(code)]) if code < len(_LABELS) else UNLABELLED
