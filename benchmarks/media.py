"""How the shipped path reads real photos: `python benchmarks/media.py MEDIA [--scales 1.0 1.05 1.1]`.

MEDIA is a folder with `MANIFEST.csv` (file, faces, emotion) and `faces.json` (hand-checked boxes per file). For each
detector and crop scale: labelled single faces read as labelled, faces of at least 60 px found (IoU >= 0.35, boxes
marked "ignore" left out), and readings on pictures without a face. Eight of those are few: so the photos with their
faces painted over count too, the mirror images of all, and the quarters of each, enlarged twofold.
"""

import argparse
import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from page_blocks import markdown, put_into

import mien
from mien.classifier import DEFAULT_MODEL, EmotionClassifier
from mien.errors import MediaError, WeightsMissingError
from mien.faces.picture import shrunk
from mien.results import BoxXyxy, FrameReading

MIN_FACE_PX = 60
MIN_IOU = 0.35


@dataclass(frozen=True)
class Picture:
    """What is known of one picture: how many faces as the manifest says, its label if any, hand-checked boxes.

    Boxes in `ignored` hold what may count as a face or not.
    """

    faces: str
    label: str
    boxes: tuple[BoxXyxy, ...]
    ignored: tuple[BoxXyxy, ...]


def known_pictures(folder: Path) -> dict[str, Picture]:
    """The pictures under `images/` by name."""
    boxes = json.loads((folder / "faces.json").read_text("utf-8"))
    with (folder / "MANIFEST.csv").open(newline="", encoding="utf-8") as file:
        return {
            row["file"]: Picture(
                row["faces"],
                row["emotion"],
                *(tuple(map(tuple, boxes.get(row["file"], {}).get(kind, ()))) for kind in ("faces", "ignore")),
            )
            for row in csv.DictReader(file)
            if row["file"].startswith("images/")
        }


def iou(a: BoxXyxy, b: BoxXyxy) -> float:
    """Overlap of two boxes over their union."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return width * height / (sum(areas) - width * height)


def read_all(analyzer: mien.Analyzer, folder: Path, names: list[str]) -> dict[str, FrameReading]:
    """The readings of all pictures that can be read."""
    readings = {}
    for name in names:
        try:
            readings[name] = analyzer.read(mien.load_photo(folder / name))
        except MediaError:
            continue
    return readings


def faceless(folder: Path, pictures: dict[str, Picture]) -> Iterator[NDArray[np.uint8]]:
    """`(height, width, 3)` RGB, 640 px at most: pictures without a face, photos whose faces are painted over."""
    for name, picture in pictures.items():
        if picture.faces != "0" and not picture.boxes:
            continue
        try:
            frame_rgb = mien.load_photo(folder / name).copy()
        except MediaError:
            continue
        height, width = frame_rgb.shape[:2]
        for x0, y0, x1, y1 in (*picture.boxes, *picture.ignored):
            across, down = 0.4 * (x1 - x0), 0.5 * (y1 - y0)  # hair and ears too
            left, right = round(max(x0 - across, 0)), round(min(x1 + across, width))
            top, bottom = round(max(y0 - down, 0)), round(min(y1 + down, height))
            part = frame_rgb[top:bottom, left:right]
            part[:] = np.median(part.reshape(-1, 3), axis=0)
        yield shrunk(frame_rgb, longer_side_px=640)


def quarters(frame_rgb: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """The four quarters of a picture, twice as large."""
    height, width = (side // 2 for side in frame_rgb.shape[:2])
    for top in (0, height):
        for left in (0, width):
            part = frame_rgb[top : top + height, left : left + width]
            yield np.asarray(cv2.resize(part, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), np.uint8)


def share_read(analyzer: mien.Analyzer, frames_rgb: list[NDArray[np.uint8]]) -> str:
    """In how many of these pictures a face is read."""
    return f"{sum(bool(analyzer.read(frame_rgb).faces) for frame_rgb in frames_rgb)} of {len(frames_rgb)}"


HEAD = (
    *("detector, crop", "read as labelled", "by label", "faces of 60 px or more found"),
    *("readings on pictures without a face", "those, painted over ones, mirror images: read"),
    "their quarters, enlarged: read",
)


def table_row(title: str, readings: dict[str, FrameReading], pictures: dict[str, Picture]) -> tuple[str, ...]:
    """What was right; what was not is printed by name."""
    tops = {name: next((face.emotions.top for face in reading.faces), "no face") for name, reading in readings.items()}
    labelled = {name: picture.label for name, picture in pictures.items() if picture.label and picture.faces == "1"}
    right = [name for name in labelled if tops[name] == labelled[name]]
    counts = ", ".join(
        f"{label} {sum(labelled[name] == label for name in right)} of {list(labelled.values()).count(label)}"
        for label in sorted(set(labelled.values()))
    )
    wrong = ", ".join(f"{Path(n).name} {tops[n]}" for n in labelled if n not in right)
    missed, large = [], 0
    for name, reading in readings.items():
        for box in pictures[name].boxes:
            if max(box[2] - box[0], box[3] - box[1]) >= MIN_FACE_PX:
                large += 1
                if not any(iou(box, face.box_xyxy) >= MIN_IOU for face in reading.faces):
                    missed.append(Path(name).name)
    empty = [name for name in readings if pictures[name].faces == "0"]
    ghosts = [
        f"{Path(name).name} {face.emotions.top} {face.score:.3f}" for name in empty for face in readings[name].faces
    ]
    print(f"{title}: wrong: {wrong or 'none'}; missed: {', '.join(missed) or 'none'}; ghosts: {ghosts or 'none'}")
    return (
        title,
        f"{len(right)} of {len(labelled)}",
        counts,
        f"{large - len(missed)} of {large}",
        f"{len(ghosts)} on {len(empty)}",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("media", type=Path)
    parser.add_argument("--scales", type=float, nargs="+", default=[None], help="crop scales; the card's without")
    parser.add_argument("--detectors", nargs="+", default=["yunet", "mtcnn", "haar"])
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--into", type=Path, help="the page to put the table into: docs/endtoend.md")
    args = parser.parse_args()
    pictures = known_pictures(args.media)
    classifier = EmotionClassifier.load(args.model)
    upright = list(faceless(args.media, pictures))
    mirrored = [np.ascontiguousarray(frame_rgb[:, ::-1]) for frame_rgb in upright]
    enlarged = [part for frame_rgb in upright for part in quarters(frame_rgb)]
    table = [HEAD]
    for detector in args.detectors:
        for scale in args.scales:
            try:
                analyzer = mien.Analyzer(model=classifier, detector=detector, crop_scale=scale)
            except WeightsMissingError as error:
                print(f"{detector}: {error}")
                break
            title = f"{detector}, {analyzer.options.crop_scale:g}"
            row = table_row(title, read_all(analyzer, args.media, list(pictures)), pictures)
            table.append((*row, share_read(analyzer, upright + mirrored), share_read(analyzer, enlarged)))
    block = f"{classifier.card.name} {classifier.card.version}, `{classifier.sha256[:12]}`.\n\n{markdown(table)}"
    print(block)
    if args.into:
        put_into(args.into, "real photos", block)


if __name__ == "__main__":
    main()
