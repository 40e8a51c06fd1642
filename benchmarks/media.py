"""How the shipped path reads real photos: `python benchmarks/media.py MEDIA [--scales 1.0 1.05 1.1]`.

MEDIA is a folder with `MANIFEST.csv` (file, faces, emotion) and `faces.json` (hand-checked boxes per file). For each
detector and crop scale: labelled single faces read as labelled, faces of at least 60 px found (IoU >= 0.35, boxes
marked "ignore" left out), and readings on pictures without a face.
"""

import argparse
import csv
import json
from dataclasses import dataclass
from pathlib import Path

import mien
from mien.classifier import DEFAULT_MODEL
from mien.errors import MediaError, WeightsMissingError
from mien.results import BoxXyxy, FrameReading

MIN_FACE_PX = 60
MIN_IOU = 0.35


@dataclass(frozen=True)
class Picture:
    """What is known of one picture: how many faces as the manifest says, its label if any, hand-checked boxes."""

    faces: str
    label: str
    boxes: tuple[BoxXyxy, ...]


def known_pictures(folder: Path) -> dict[str, Picture]:
    """The pictures under `images/` by name."""
    boxes = json.loads((folder / "faces.json").read_text("utf-8"))
    with (folder / "MANIFEST.csv").open(newline="", encoding="utf-8") as file:
        return {
            row["file"]: Picture(
                row["faces"], row["emotion"], tuple(tuple(b) for b in boxes.get(row["file"], {"faces": []})["faces"])
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


def report(title: str, readings: dict[str, FrameReading], pictures: dict[str, Picture]) -> None:
    """Print what was right and, by name, what was not."""
    tops = {name: next((face.emotions.top for face in reading.faces), "no face") for name, reading in readings.items()}
    labelled = {name: picture.label for name, picture in pictures.items() if picture.label and picture.faces == "1"}
    right = [name for name in labelled if tops[name] == labelled[name]]
    counts = ", ".join(
        f"{sum(labelled[name] == label for name in right)} of {list(labelled.values()).count(label)} {label}"
        for label in sorted(set(labelled.values()))
    )
    print(f"{title}: {len(right)} of {len(labelled)} as labelled ({counts})")
    print("   wrong:", ", ".join(f"{Path(n).name} {tops[n]}" for n in labelled if n not in right) or "none")
    missed, large = [], 0
    for name, reading in readings.items():
        for box in pictures[name].boxes:
            if max(box[2] - box[0], box[3] - box[1]) >= MIN_FACE_PX:
                large += 1
                if not any(iou(box, face.box_xyxy) >= MIN_IOU for face in reading.faces):
                    missed.append(Path(name).name)
    print(f"   faces of {MIN_FACE_PX} px or more: {large - len(missed)} of {large} found; missed: {missed or 'none'}")
    ghosts = {
        Path(name).name: [(face.emotions.top, round(face.score, 3)) for face in reading.faces]
        for name, reading in readings.items()
        if pictures[name].faces == "0" and reading.faces
    }
    print(f"   readings on pictures without a face: {ghosts or 'none'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("media", type=Path)
    parser.add_argument("--scales", type=float, nargs="+", default=[None], help="crop scales; the card's without")
    parser.add_argument("--detectors", nargs="+", default=["yunet", "mtcnn", "haar"])
    parser.add_argument("--model", default=DEFAULT_MODEL)
    args = parser.parse_args()
    pictures = known_pictures(args.media)
    for detector in args.detectors:
        for scale in args.scales:
            try:
                analyzer = mien.Analyzer(model=args.model, detector=detector, crop_scale=scale)
            except WeightsMissingError as error:
                print(f"{detector}: {error}")
                break
            readings = read_all(analyzer, args.media, list(pictures))
            report(f"{detector}, crop {analyzer.options.crop_scale}", readings, pictures)


if __name__ == "__main__":
    main()
