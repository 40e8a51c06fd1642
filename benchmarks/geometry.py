"""What the geometry of faces says of labelled photos, and what it costs beside reading them.

    python benchmarks/geometry.py --media FOLDER

The folder holds photos and a MANIFEST.csv with the columns file, emotion and faces; photos of one face are measured.
"""

import argparse
import csv
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from mien import Analyzer, load_photo
from mien.faces.mesh import FaceMesh
from mien.media.photos import PHOTO_SUFFIXES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--media", type=Path, required=True)
    arguments = parser.parse_args()
    analyzer, mesh = Analyzer(), FaceMesh()
    with (arguments.media / "MANIFEST.csv").open(newline="", encoding="utf-8") as file:
        lines = [line for line in csv.DictReader(file) if line["emotion"] and line["faces"] == "1"]
    lines = [line for line in lines if Path(line["file"]).suffix in PHOTO_SUFFIXES]
    measured: dict[str, list[dict[str, float]]] = defaultdict(list)
    spent_s: dict[str, list[float]] = defaultdict(list)
    unseen = 0
    for line in lines:
        frame_rgb = load_photo(arguments.media / line["file"])
        faces = analyzer.detector.detect(frame_rgb)
        if len(faces) != 1:
            continue
        began_s = time.perf_counter()
        geometry = mesh.measure(frame_rgb, faces[0])
        then_s = time.perf_counter()
        analyzer.read_faces(frame_rgb, faces)
        spent_s["geometry"].append(then_s - began_s)
        spent_s["emotions"].append(time.perf_counter() - then_s)
        if geometry is None:
            unseen += 1
        else:
            measured[line["emotion"]].append(geometry.to_dict())
    print(f"{sum(map(len, measured.values()))} photos of one face measured, {unseen} without a mesh; medians:\n")
    names = list(next(iter(measured.values()))[0])
    print(f"| emotion | photos | {' | '.join(names)} |\n|{'---|' * (len(names) + 2)}")
    for emotion, each in sorted(measured.items()):
        medians = " | ".join(f"{np.median([geometry[name] for geometry in each]):.2f}" for name in names)
        print(f"| {emotion} | {len(each)} | {medians} |")
    ratio = np.median(spent_s["geometry"]) / np.median(spent_s["emotions"])
    print(f"\nMeasuring takes {ratio:.1f} times as long as reading the same face (medians, detection in neither).")


if __name__ == "__main__":
    main()
