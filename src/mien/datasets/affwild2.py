"""Aff-Wild2: cropped frames of videos, one folder each, with one expression per frame in a text file.

Source: Kollias & Zafeiriou 2019, the ABAW expression challenges. `EXPR_Set/Train_Set/video.txt` has a header of eight
expressions and then a number per frame, -1 where the frame is not annotated; the picture of frame 1 is
`video/00001.jpg`. Frames in which no face was found have no picture.
"""

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.datasets.badrows import BadRows
from mien.datasets.faceset import FaceSet
from mien.datasets.pictures import Progress, read_faces
from mien.datasets.words import split_of
from mien.errors import DataError
from mien.media.photos import PHOTO_SUFFIXES
from mien.taxonomy import AFFWILD2

__all__ = ["FRAMES_PER_VIDEO", "is_affwild2", "read_affwild2"]

FRAMES_PER_VIDEO = 50
_HEADER = ["neutral", "anger", "disgust", "fear", "happiness", "sadness", "surprise", "other"]


def is_affwild2(root: Path) -> bool:
    """Whether a folder holds expression annotations."""
    return root.is_dir() and any(_is_annotation(path) for path in root.rglob("*.txt"))


def read_affwild2(
    root: str | Path,
    *,
    frames_per_video: int = FRAMES_PER_VIDEO,
    seed: int = 0,
    side_px: int = 48,
    skip_bad: bool = False,
    progress: Progress | None = None,
) -> FaceSet:
    """Read some frames of every video: neighbouring frames are nearly the same picture.

    Args:
        root: A folder that holds both the annotations and the folders of frames, at any depth.
        frames_per_video: How many frames to draw at random from those of a video that have an expression and a
            picture; all of them if there are fewer.
        seed: Seed of the draw. A video's frames do not depend on the other videos.
        side_px: Side of the faces in the result.
        skip_bad: Leave out frames that cannot be used and name them in `skipped`.
        progress: Told after each picture.

    Returns:
        Rows by split, video and frame, named `video/00001.jpg`; labels in `AFFWILD2`; splits as the folders of the
        annotations spell them without "_Set"; attributes `video` and `frame` (from 1). `notes` counts the frames
        without an expression or a picture.

    Raises:
        DataError: an annotation out of range, a video without a folder of frames, or a picture that cannot be read.
    """
    if frames_per_video < 1:
        raise ValueError(f"frames_per_video must be at least 1, got {frames_per_video}")
    root = Path(root)
    bad = BadRows(skip=skip_bad)
    folders = {path.name: path for path in sorted(root.rglob("*")) if path.is_dir()}
    frames: list[_Frame] = []
    notes: list[str] = []
    for annotation in sorted(path for path in root.rglob("*.txt") if _is_annotation(path)):
        if annotation.stem not in folders:
            bad.add(f"{annotation}: expected a folder {annotation.stem} with this video's frames, got none")
            continue
        found, note = _frames_of(annotation, folders[annotation.stem], bad)
        # a seed of the video's own, so that another video more or less changes nothing
        random = np.random.default_rng((seed, zlib.crc32(annotation.stem.encode())))
        drawn = np.sort(random.permutation(len(found))[:frames_per_video])
        frames += [found[index] for index in drawn]
        notes.append(f"{note}, of which {len(drawn)} are drawn")
    pixels, kept = read_faces([frame.path for frame in frames], side_px=side_px, bad=bad, progress=progress)
    if not len(kept):
        raise DataError(f"{root}: expected frames with an expression, got none that can be used")
    frames = [frames[index] for index in kept]
    return FaceSet(
        pixels=pixels,
        labels=np.array([frame.label for frame in frames], np.int64),
        votes=None,
        split=np.array([frame.split for frame in frames], np.str_),
        taxonomy=AFFWILD2,
        source=str(root),
        names=np.array([f"{frame.video}/{frame.path.name}" for frame in frames], np.str_),
        attributes={
            "video": np.array([frame.video for frame in frames], np.str_),
            "frame": np.array([frame.number for frame in frames], np.int64),
        },
        skipped=bad.sentences,
        notes=tuple(notes),
    )


@dataclass(frozen=True)
class _Frame:
    path: Path
    video: str
    number: int
    label: int
    split: str


def _frames_of(annotation: Path, folder: Path, bad: BadRows) -> tuple[list[_Frame], str]:
    """A video's frames that have an expression and a picture, and a sentence that counts them."""
    pictures = {
        int(path.stem): path
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in PHOTO_SUFFIXES and path.stem.isdecimal()
    }
    split = split_of(annotation.parent.name.removesuffix("_Set"))
    frames: list[_Frame] = []
    without_expression = without_picture = 0
    lines = annotation.read_text("utf-8-sig").splitlines()[1:]
    for number, text in enumerate(lines, start=1):
        label = _label(text)
        if label is None:
            bad.add(
                f"{annotation}, line {number + 1}: expected an expression of -1 to {len(AFFWILD2) - 1}, got {text!r}"
            )
        elif label < 0:
            without_expression += 1
        elif number not in pictures:
            without_picture += 1
        else:
            frames.append(_Frame(pictures[number], annotation.stem, number, label, split))
    note = (
        f"{annotation.stem}: {len(lines)} frames, {without_expression} without an expression, {without_picture} "
        f"without a picture, {len(frames)} with both"
    )
    return frames, note


def _label(text: str) -> int | None:
    try:
        label = int(text)
    except ValueError:
        return None
    return label if -1 <= label < len(AFFWILD2) else None


def _is_annotation(path: Path) -> bool:
    with path.open("rb") as file:
        header = file.readline(200).decode("utf-8-sig", "replace")
    return [word.strip().lower() for word in header.split(",")] == _HEADER
