"""Folders named after emotions: `train/happy/0001.png`, with the split at any depth or none at all."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.datasets.badrows import BadRows
from mien.datasets.faceset import UNLABELLED, UNSPLIT, FaceSet
from mien.datasets.ferplus import VOTES_FILE, read_votes
from mien.datasets.pictures import Progress, read_faces
from mien.datasets.words import emotion_of, is_split, split_of, taxonomy_with
from mien.errors import DataError
from mien.media.finding import find_photos

__all__ = ["UNLABELLED_FOLDER", "has_emotion_folders", "read_folders"]

UNLABELLED_FOLDER = "unlabelled"
"""The folder of pictures that have no label."""


def has_emotion_folders(root: Path) -> bool:
    """Whether any folder under `root` is named after an emotion."""
    return root.is_dir() and any(emotion_of(name) for _, folders, _ in os.walk(root) for name in folders)


def read_folders(
    root: str | Path,
    *,
    votes: str | Path | None = None,
    side_px: int = 48,
    skip_bad: bool = False,
    progress: Progress | None = None,
) -> FaceSet:
    """Read pictures that lie in folders named after emotions.

    The innermost folder that names an emotion is the label ("anger" and "angry", "3_happy", or FER-2013's number);
    the first that is a usual word for a split is the split, otherwise whatever stands above the label.

    Args:
        root: The folder of them all.
        votes: FER+'s `fer2013new.csv`, or one like it, which finds votes by image name. Left out: the file of that
            name in `root`, if there is one.
        side_px: Side of the faces in the result; pictures of any size and shape are scaled to it.
        skip_bad: Leave out pictures that cannot be used and name them in `skipped`.
        progress: Told after each picture.

    Returns:
        Rows in natural order of their paths, named by the path below `root`; the smallest label set that has all
        the emotions there are.

    Raises:
        DataError: a picture that cannot be read, lies in no emotion's folder, or has no votes where there are any;
            or there is none at all.
    """
    root = Path(root)
    bad = BadRows(skip=skip_bad)
    if votes is None and (root / VOTES_FILE).is_file():
        votes = root / VOTES_FILE
    table = None if votes is None else read_votes(votes)
    row_of_name = {} if table is None else {name: row for row, name in enumerate(table.names)}
    pictures: list[_Picture] = []
    for path in find_photos(root):
        split, emotion = _place(path.relative_to(root).parts[:-1])
        row = row_of_name.get(path.name, -1)
        if emotion is None:
            bad.add(
                f"{path}: expected a folder named after an emotion, such as angry, happy or neutral, "
                f"got {path.parent.name!r}"
            )
        elif table is not None and row == -1:
            bad.add(f"{path}: expected votes for an image of this name in {table.path}, got none")
        elif table is not None and row in table.broken:
            bad.add(table.broken[row])
        else:
            pictures.append(_Picture(path, split, emotion, row))
    pixels, kept = read_faces([picture.path for picture in pictures], side_px=side_px, bad=bad, progress=progress)
    if not len(kept):
        raise DataError(f"{root}: expected pictures in folders named after emotions, got none that can be used")
    pictures = [pictures[index] for index in kept]
    taxonomy = taxonomy_with(picture.emotion for picture in pictures if picture.emotion != UNLABELLED_FOLDER)
    index_of = {UNLABELLED_FOLDER: UNLABELLED, **{label: index for index, label in enumerate(taxonomy.labels)}}
    return FaceSet(
        pixels=pixels,
        labels=np.array([index_of[picture.emotion] for picture in pictures], np.int64),
        votes=None if table is None else table.counts[[picture.votes_row for picture in pictures]],
        split=_splits([picture.split for picture in pictures]),
        taxonomy=taxonomy,
        source=str(root),
        names=np.array([picture.path.relative_to(root).as_posix() for picture in pictures], np.str_),
        skipped=bad.sentences,
    )


@dataclass(frozen=True)
class _Picture:
    path: Path
    split: str
    emotion: str
    votes_row: int


def _place(folders: tuple[str, ...]) -> tuple[str, str | None]:
    """Split and emotion that the folders above a picture name; "" and None where they name none."""
    is_number = [folder.isdecimal() for folder in folders]
    emotions = [_emotion(folder) for folder in folders]
    named = [index for index, emotion in enumerate(emotions) if emotion is not None]
    spelled = [index for index in named if not is_number[index]]
    place = max(spelled or named, default=None)  # a number is a label only where no word is
    usual = next((split_of(folder) for folder in folders if is_split(folder)), None)
    if place is None:
        return usual or "", None
    return usual or "/".join(folders[:place]), emotions[place]


def _emotion(folder: str) -> str | None:
    return UNLABELLED_FOLDER if folder.casefold() == UNLABELLED_FOLDER else emotion_of(folder)


def _splits(words: list[str]) -> NDArray[np.str_]:
    """The splits; a single folder around everything divides nothing."""
    divides = len(set(words)) > 1 or is_split(words[0])
    return np.array([word if divides and word else UNSPLIT for word in words], np.str_)
