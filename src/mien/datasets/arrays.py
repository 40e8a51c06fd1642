"""Arrays of faces and labels: `.npy` pairs such as `train_images.npy` and `train_labels.npy`, `.npz`, HDF5."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.datasets.badrows import BadRows
from mien.datasets.faceset import TRAINING, UNSPLIT, FaceSet
from mien.datasets.ferplus import attach_votes, read_votes
from mien.datasets.labelling import classes_as_words, label_numbers, label_words, taxonomy_for
from mien.datasets.pictures import resize_faces
from mien.datasets.words import split_of
from mien.errors import DataError, MissingExtraError
from mien.taxonomy import FER2013, FERPLUS_VOTES

__all__ = ["CLASSES", "HDF5_SUFFIXES", "has_arrays", "read_arrays"]

CLASSES = "label_names"
"""The array that says in words what the labels' numbers mean."""

HDF5_SUFFIXES = frozenset({".h5", ".hdf5", ".hdf", ".he5"})

_ROLES: Mapping[str, frozenset[str]] = {
    "images": frozenset({"images", "image", "faces", "pixels", "pixel", "data", "x"}),
    "labels": frozenset({"labels", "label", "emotions", "emotion", "targets", "target", "y"}),
    "votes": frozenset({"votes"}),
    "split": frozenset({"usage", "split", "splits"}),
    "names": frozenset({"names", "name"}),
}
_BLOCK_ROWS = 1024


def has_arrays(source: Path) -> bool:
    """Whether a path is an array file, or a folder with `.npy` files of which one holds images."""
    if source.is_dir():
        return any(_role_and_split(path.stem)[0] == "images" for path in source.glob("*.npy"))
    return source.is_file() and source.suffix.lower() in {".npy", ".npz", *HDF5_SUFFIXES}


def read_arrays(
    source: str | Path, *, votes: str | Path | None = None, side_px: int = 48, skip_bad: bool = False
) -> FaceSet:
    """Read arrays whose names say what they hold: `train_images`, `x_test`, `Training_pixel`, `faces`, `emotion`.

    Images are `(n, height, width)` or flat squares, with or without a channel of 1 or 3, in 0..255 or in 0..1; labels
    are numbers, words, or one column a class. Beside them may stand `votes` `(n, 10)`, `names`, the split of each row
    as `usage`, and `label_names`, without which numbers count in FER-2013's order.

    Args:
        source: A folder of `.npy` files, one of them, a `.npz` file, or an HDF5 file.
        votes: FER+'s `fer2013new.csv`, whose lines are aligned with the rows.
        side_px: Side of the faces in the result.
        skip_bad: Leave out rows that cannot be used and name them in `skipped`.

    Returns:
        Rows in the order of the arrays, Training first, named by their number in their array from 0.

    Raises:
        DataError: a row that cannot be used, named with its array and row; images without labels; arrays that are
            no images.
        MissingExtraError: HDF5, without h5py.
    """
    source = Path(source)
    bad = BadRows(skip=skip_bad)
    with _opened(source) as arrays:
        parts = _parts(arrays, source)
        classes = None
        if CLASSES in arrays:
            classes = classes_as_words(_texts(arrays[CLASSES]), where=f"{source}, {CLASSES}")
        read = [_read_part(part, side_px=side_px, classes=classes, bad=bad) for part in parts]
    words = [word for rows in read for word in rows.words]
    if not words:
        raise DataError(f"{source}: expected rows, got none that can be used")
    are_numbers = classes is None and all(part.arrays["labels"].dtype.kind not in "SUO" for part in parts)
    taxonomy = FER2013 if are_numbers else taxonomy_for(words, classes)
    faces = FaceSet(
        pixels=_joined([rows.pixels for rows in read]),
        labels=label_numbers(words, taxonomy),
        votes=_joined([rows.votes for rows in read]) if all(len(rows.votes) for rows in read) else None,
        split=_joined([rows.split for rows in read]),
        taxonomy=taxonomy,
        source=str(source),
        names=_joined([rows.names for rows in read]),
    )
    if votes is not None:
        starts = np.cumsum([0, *(len(part) for part in parts)])
        numbers = _joined([rows.numbers + start for rows, start in zip(read, starts[:-1], strict=True)])
        faces = attach_votes(faces, read_votes(votes), numbers=numbers, rows=int(starts[-1]), bad=bad)
    return replace(faces, skipped=bad.sentences)


@dataclass(frozen=True)
class _Part:
    """Arrays that belong together, by role; `keys` are the names that they have in the source."""

    source: Path
    split: str
    arrays: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.arrays["images"])

    def where(self, role: str) -> str:
        return f"{self.source}, {self.keys[role]}"


@dataclass(frozen=True)
class _Rows:
    """The usable rows of a part; `numbers` says which they are, and `votes` is empty where there are none."""

    pixels: NDArray[np.uint8]
    words: list[str]
    votes: NDArray[np.uint8]
    split: NDArray[np.str_]
    names: NDArray[np.str_]
    numbers: NDArray[np.intp]


@contextmanager
def _opened(source: Path) -> Iterator[Mapping[str, Any]]:
    """The arrays by name, read from the disk only where they are sliced, as far as the format allows."""
    try:
        if source.is_dir() or source.suffix.lower() == ".npy":
            folder = source if source.is_dir() else source.parent
            arrays = {
                path.stem: np.load(path, mmap_mode="r", allow_pickle=False) for path in sorted(folder.glob("*.npy"))
            }
            if not source.is_dir():
                wanted = _role_and_split(source.stem)[1]
                arrays = {key: array for key, array in arrays.items() if _role_and_split(key)[1] in (wanted, None)}
            yield arrays
        elif source.suffix.lower() in HDF5_SUFFIXES:
            with _hdf5(source) as arrays:
                yield arrays
        else:
            with np.load(source, allow_pickle=False) as arrays:
                yield {key: arrays[key] for key in arrays.files}
    except (OSError, ValueError, EOFError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{source}: expected arrays of faces and labels that can be read: {error}") from error


@contextmanager
def _hdf5(source: Path) -> Iterator[dict[str, Any]]:
    try:
        import h5py
    except ImportError as error:
        raise MissingExtraError("reading HDF5", extra="data") from error
    with h5py.File(source, "r") as file:
        arrays: dict[str, Any] = {}
        file.visititems(lambda key, entry: arrays.update({key: entry}) if isinstance(entry, h5py.Dataset) else None)
        yield arrays


def _role_and_split(key: str) -> tuple[str | None, str | None]:
    """What the name of an array says: its role, and the split, "" where it names none; None, None for another."""
    if key == CLASSES:
        return None, None
    tokens = [token for token in re.split(r"[/_\-. ]+", key) if token]
    for index, token in enumerate(tokens):
        for role, names in _ROLES.items():
            if token.lower() in names:
                return role, "_".join(tokens[:index] + tokens[index + 1 :])
    return None, None


def _parts(arrays: Mapping[str, Any], source: Path) -> list[_Part]:
    """The arrays sorted into parts, `TRAINING` first."""
    parts: dict[str, _Part] = {}
    for key, array in arrays.items():
        role, word = _role_and_split(key)
        if role is None or word is None:
            continue
        part = parts.setdefault(word, _Part(source, split_of(word) if word else UNSPLIT))
        if role in part.keys:
            raise DataError(f"{source}: expected one array of {role}, got {part.keys[role]} and {key}")
        part.arrays[role], part.keys[role] = array, key
    for part in parts.values():
        missing = {"images", "labels"} - set(part.keys)
        if missing:
            raise DataError(
                f"{source}: expected arrays named like train_images and train_labels, got "
                f"{', '.join(part.keys.values())} without {' and '.join(sorted(missing))}"
            )
        for role, array in part.arrays.items():
            if len(array) != len(part):
                raise DataError(f"{part.where(role)}: expected {len(part)} rows as in the images, got {len(array)}")
    if not parts:
        raise DataError(f"{source}: expected arrays named like train_images and train_labels, got {sorted(arrays)}")
    return sorted(parts.values(), key=lambda part: part.split != TRAINING)


def _read_part(part: _Part, *, side_px: int, classes: tuple[str, ...] | None, bad: BadRows) -> _Rows:
    words = label_words(np.asarray(part.arrays["labels"]), classes)
    votes = _votes(part)
    pixels = np.empty((len(part), side_px, side_px), np.uint8)
    kept: list[int] = []
    white = _white(part)
    for start in range(0, len(part), _BLOCK_ROWS):
        block = _upright(np.asarray(part.arrays["images"][start : start + _BLOCK_ROWS]), part)
        scaled = block if block.dtype == np.uint8 else np.rint(block * (255 / white))
        flat = scaled.reshape(len(scaled), -1)
        in_range = (flat.min(axis=1) >= 0) & (flat.max(axis=1) <= 255)  # False for NaN too
        usable = []
        for offset, row in enumerate(range(start, start + len(block))):
            if not in_range[offset]:
                bad.add(f"{part.where('images')}, row {row}: expected pixels in 0..{white:g}, got others")
            elif words[row] is None:
                value = np.asarray(part.arrays["labels"][row]).tolist()
                bad.add(f"{part.where('labels')}, row {row}: expected a label of the {_known(classes)}, got {value!r}")
            elif votes is not None and not votes[row].any():
                bad.add(f"{part.where('votes')}, row {row}: expected ten vote counts that are not all 0, got others")
            else:
                usable.append(offset)
        pixels[len(kept) : len(kept) + len(usable)] = resize_faces(scaled[usable].astype(np.uint8), side_px)
        kept += [start + offset for offset in usable]
    pixels.resize((len(kept), side_px, side_px), refcheck=False)  # in place: never two copies of the pixels
    numbers = np.array(kept, np.intp)
    split = _texts(part.arrays["split"]) if "split" in part.arrays else [part.split] * len(part)
    names = _texts(part.arrays["names"]) if "names" in part.arrays else [str(row) for row in range(len(part))]
    return _Rows(
        pixels=pixels,
        words=[word for row in kept if (word := words[row]) is not None],
        votes=np.empty((0, len(FERPLUS_VOTES)), np.uint8) if votes is None else votes[numbers],
        split=np.array([split_of(split[row]) for row in kept], np.str_),
        names=np.array([names[row] for row in kept], np.str_),
        numbers=numbers,
    )


def _votes(part: _Part) -> NDArray[np.uint8] | None:
    """The votes, with zeros in rows that are no vote counts; None if there are none."""
    if "votes" not in part.arrays:
        return None
    votes = np.asarray(part.arrays["votes"])
    if votes.shape != (len(part), len(FERPLUS_VOTES)):
        raise DataError(
            f"{part.where('votes')}: expected the shape ({len(part)}, {len(FERPLUS_VOTES)}), got {votes.shape}"
        )
    are_counts = (votes.min(axis=1) >= 0) & (votes.max(axis=1) <= 255)
    return np.where(are_counts[:, np.newaxis], votes, 0).astype(np.uint8)


def _white(part: _Part) -> float:
    """The value that is white: 1 for floating point that never goes beyond, otherwise 255."""
    images = part.arrays["images"]
    if images.dtype.kind != "f":
        return 255.0
    starts = range(0, len(part), _BLOCK_ROWS)
    largest = max(float(np.max(images[start : start + _BLOCK_ROWS])) for start in starts) if len(part) else 0.0
    return 1.0 if largest <= 1.0 else 255.0


def _upright(images: NDArray[Any], part: _Part) -> NDArray[Any]:
    """Images as `(n, height, width)` or `(n, height, width, 3)`."""
    shape = images.shape
    if images.dtype.kind not in "buif" or 0 in shape[1:]:
        raise DataError(f"{part.where('images')}: expected numbers, got {images.dtype} of shape {shape}")
    if len(shape) == 2 and round(shape[1] ** 0.5) ** 2 == shape[1]:
        side = round(shape[1] ** 0.5)
        return images.reshape(-1, side, side)
    if len(shape) == 4 and 1 in (shape[1], shape[3]):
        return images.reshape(len(images), *[size for size in shape[1:] if size != 1])
    if len(shape) == 4 and shape[1] == 3:
        return np.moveaxis(images, 1, 3)
    if len(shape) == 3 or (len(shape) == 4 and shape[3] == 3):
        return images
    raise DataError(f"{part.where('images')}: expected (n, height, width) with or without channels, got {shape}")


def _known(classes: tuple[str, ...] | None) -> str:
    return f"{len(classes)} classes" if classes is not None else f"{len(FER2013)} of FER-2013"


def _texts(column: Any) -> list[str]:
    """Text as numpy and HDF5 store it."""
    values = np.asarray(column).reshape(-1).tolist()
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values]


def _joined(columns: list[NDArray[Any]]) -> NDArray[Any]:
    """Columns one after the other; a single one without a copy."""
    return columns[0] if len(columns) == 1 else np.concatenate(columns)
