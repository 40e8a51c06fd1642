"""How much of the accuracy on cut-out faces is left when the faces have to be found first?

    python benchmarks/endtoend.py --data fer2013.csv --votes fer2013new.csv --out endtoend/ [--rows 400]

Every face of FER+ PublicTest is pasted into a picture, enlarged to 96 to 240 px, at a place of its own; behind it lies
the same face, enlarged to fill the picture and blurred beyond recognition. FER-2013 cuts hair, ears and neck away, so
these faces are harder to find than a photo's. The whole path then reads the picture: detector, frame, classifier. A
face that is not found, or not as one, is a wrong answer. The gap is the accuracy of the same classifier on the same
rows as they are stored, less that.

Answers are kept in `--out`, one file per model and detector: a run that was stopped goes on, and one with more rows
reads only those that are new.
"""

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from page_blocks import markdown, put_into

import mien
from media import iou
from mien.classifier import DEFAULT_MODEL
from mien.datasets.reading import read
from mien.evaluation.judge import Exam, set_exam
from mien.evaluation.metrics import compare_on_same_rows, percent_interval, wilson_interval
from mien.results import BoxXyxy, FrameReading
from mien.taxonomy import TAXONOMIES
from mien.writing import replacing

SIZE_WH = (640, 480)
SIDES_PX = (96, 240)
MIN_IOU = 0.1
COLUMNS = ("name", "true", "read", "iou", "boxes")


class Answer(NamedTuple):
    """What was read of a picture; `read` is empty where the face was not found."""

    name: str
    true: str
    read: str
    iou: float
    boxes: int


def paste(face: NDArray[np.uint8], *, seed: int) -> tuple[NDArray[np.uint8], BoxXyxy]:
    """A picture with the face in it, `(480, 640, 3)` RGB, and where it is."""
    random = np.random.default_rng(seed)
    side = int(random.integers(*SIDES_PX, endpoint=True))
    left, top = (int(random.integers(length - side)) for length in SIZE_WH)
    picture = cv2.GaussianBlur(cv2.resize(face, SIZE_WH), (0, 0), SIZE_WH[0] / 16)
    picture[top : top + side, left : left + side] = cv2.resize(face, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.repeat(picture[:, :, None], 3, axis=2), (left, top, left + side, top + side)


def answer_of(reading: FrameReading, box: BoxXyxy) -> tuple[str, float]:
    """The reading of the face that was pasted, and how well its box fits what was pasted; nothing if no box does.

    What was pasted is at times twice as wide as the face in it and at times cuts its edge off, so that a right box may
    overlap with it little; but its centre lies within.
    """
    fits = [
        (fit, face.emotions.top)
        for face in reading.faces
        if _holds_centre(box, face.box_xyxy) and (fit := iou(face.box_xyxy, box)) >= MIN_IOU
    ]
    fit, emotion = max(fits, default=(0.0, ""))
    return emotion, fit


def _holds_centre(place: BoxXyxy, box: BoxXyxy) -> bool:
    return all(place[at] <= (box[at] + box[at + 2]) / 2 <= place[at + 2] for at in (0, 1))


def earlier_answers(path: Path) -> dict[str, Answer]:
    """What an earlier run left; a line that it did not finish is read again."""
    if not path.is_file():
        return {}
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if None not in row.values() and row["boxes"]]
    return {
        row["name"]: Answer(row["name"], row["true"], row["read"], float(row["iou"]), int(row["boxes"])) for row in rows
    }


def read_pictures(analyzer: mien.Analyzer, exam: Exam, rows: NDArray[np.intp], path: Path) -> list[Answer]:
    """Answers to these rows, in order; new ones are added to the file as they come."""
    known = earlier_answers(path)
    with replacing(path) as unfinished, unfinished.open("w", newline="") as file:  # without a half line at its end
        csv.writer(file).writerows([COLUMNS, *known.values()])
    with path.open("a", newline="", buffering=1) as file:
        writer = csv.writer(file)
        for done, row in enumerate(rows):
            name = str(exam.faces.names[row])
            if name not in known:
                picture, box = paste(exam.faces.pixels[row], seed=int(row))
                reading = analyzer.read(picture)
                emotion, fit = answer_of(reading, box)
                true = exam.truth.taxonomy.labels[exam.truth.labels[row]]
                known[name] = Answer(name, true, emotion, round(fit, 4), len(reading.faces))
                writer.writerow(known[name])
            if sys.stderr.isatty():
                print(f"\r{done + 1} of {len(rows)}", end="", file=sys.stderr)
    return [known[str(exam.faces.names[row])] for row in rows]


HEAD = (
    *("detector", "pictures", "cut-out faces, %", "whole path, %", "gap, points", "missed, %"),
    *("found: cut out, %", "found: whole path, %", "other boxes", "IoU, median"),
)


def table_row(detector: str, answers: list[Answer], crop_right: NDArray[np.bool_]) -> tuple[str, ...]:
    n = len(answers)
    right = np.array([answer.read == answer.true for answer in answers])
    found = np.array([answer.read != "" for answer in answers])
    gap = compare_on_same_rows(crop_right, right)
    return (
        detector,
        f"{n:,}",
        share(crop_right),
        share(right),
        f"{100 * gap.difference:.2f} {percent_interval(gap.interval)}",
        share(~found),
        share(crop_right[found]),
        share(right[found]),
        str(sum(max(0, answer.boxes - 1) for answer in answers)),
        f"{np.median([answer.iou for answer in answers if answer.read]):.2f}",
    )


def share(holds: NDArray[np.bool_]) -> str:
    return f"{100 * holds.mean():.2f} {percent_interval(wilson_interval(int(holds.sum()), len(holds)))}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="FER-2013's CSV")
    parser.add_argument("--votes", type=Path, help="FER+'s votes")
    parser.add_argument("--out", type=Path, required=True, help="folder for the answers; made if absent")
    parser.add_argument("--labels", default="ferplus", help="ferplus or fer2013")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--detectors", nargs="+", default=["yunet", "mtcnn"])
    parser.add_argument("--rows", type=int, default=0, help="so many rows, drawn at random; all without")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--into", type=Path, help="the page to put the table into: docs/endtoend.md")
    arguments = parser.parse_args()
    faces = read(arguments.data, votes=arguments.votes)
    exam = set_exam(faces, split="PublicTest", taxonomy=TAXONOMIES[arguments.labels])
    rows = np.random.default_rng(0).permutation(len(exam.faces))[: arguments.rows or None]  # more rows hold the fewer
    true = [exam.truth.taxonomy.labels[exam.truth.labels[row]] for row in rows]
    arguments.out.mkdir(parents=True, exist_ok=True)
    table, figures = [HEAD], {}
    for detector in arguments.detectors:
        analyzer = mien.Analyzer(model=arguments.model, detector=detector, labels=arguments.labels)
        card, sha256 = analyzer.classifier.card, analyzer.classifier.sha256
        crops = analyzer.read_crops([exam.faces.pixels[row] for row in rows])
        crop_right = np.array([crop.top == label for crop, label in zip(crops, true, strict=True)])
        path = arguments.out / f"{card.name}-{sha256[:12]}-{detector}-{arguments.labels}.csv"
        answers = read_pictures(analyzer, exam, rows, path)
        table.append(table_row(detector, answers, crop_right))
        figures[detector] = {"pictures": len(answers), "right": sum(one.read == one.true for one in answers)}
        figures[detector] |= {"cut_out_right": int(crop_right.sum()), "missed": sum(not one.read for one in answers)}
    block = f"{card.name} {card.version}, `{sha256[:12]}`, {exam.truth.title}, {exam.split}.\n\n{markdown(table)}"
    print(block)
    if arguments.into:
        put_into(arguments.into, "end to end", block)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures), "utf-8")


if __name__ == "__main__":
    main()
