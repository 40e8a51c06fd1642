"""Who stays who, on made scenes whose truth is known: `python benchmarks/tracking.py [--seeds 5]`.

Scenes are drawn: textured heads that differ in hair, skin and collar walk, lean, cross and hide one another before a
busy ground. The detector is made too: it sees a face of which half is in sight 19 times in 20, a few pixels off,
misses some for half a second, and now and then takes the ground for a face for a moment. The whole reader runs on it
(`StreamReader`: flow, association, births, names that are given back to the first frame), but for the classifier.

MOTA counts misses, false boxes and exchanged names against the faces that are there (CLEAR MOT, IoU 0.5); IDF1 is the
share of faces that bear the right name throughout (Ristani et al. 2016). A face of which less than half is in sight is
neither asked for nor held against the tracker.
"""

import argparse
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

import mien
from mien.card import Head, InputSpec, ModelCard
from mien.faces.association import overlaps
from mien.media.videos import Frame
from mien.results import BoxXyxy, Emotions, Face, StreamOptions
from mien.taxonomy import FERPLUS

WIDTH, HEIGHT, SECONDS = 640, 360, 12
MIN_IOU = 0.5
LEAST_IN_SIGHT = 0.5
RATES = ((25, 1), (25, 5), (12, 5), (60, 10))  # frames a second, detect every


class Place(NamedTuple):
    """Where a head is: its face's centre and longer side, in pixels."""

    x: float
    y: float
    side: float


class Seen(NamedTuple):
    """A face of the truth: who, where, and how much of it is in sight."""

    person: int
    box_xyxy: BoxXyxy
    in_sight: float


@dataclass(frozen=True, eq=False)
class Somebody:
    """A head as it is drawn, `(200, 160)`; its face fills the middle."""

    rgb: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    start: float  # where in its walk it begins, radians


SCENES = {
    "one person, still": (1, "still"),
    "three persons, still": (3, "still"),
    "two cross and cross again": (2, "cross"),
    "four mill about": (4, "mill"),
    "three leave and come back": (3, "leave"),
    "two alike cross": (2, "twins"),
    "nobody": (0, "still"),
}


def head(rng: np.random.Generator) -> Somebody:
    """Somebody."""
    height, width = 200, 160
    skin = rng.uniform(140, 225) * np.array([1, rng.uniform(0.72, 0.85), rng.uniform(0.55, 0.72)])
    hair, collar = (rng.uniform(*range_) + rng.uniform(-20, 20, 3) for range_ in ((25, 120), (40, 210)))
    rgb = np.empty((height, width, 3), np.float32)
    rgb[:] = skin
    rgb[:45], rgb[170:] = hair.clip(0), collar
    grain = cv2.resize(rng.normal(0, 1, (50, 40)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    rgb += 14 * grain[..., None]
    for x in (52, 108):
        cv2.ellipse(rgb, (x, 85), (13, 7), 0, 0, 360, (235, 235, 235), -1, cv2.LINE_AA)
        cv2.circle(rgb, (x, 85), 6, tuple(float(value) for value in rng.uniform(0, 110, 3)), -1, cv2.LINE_AA)
        cv2.line(rgb, (x - 15, 70), (x + 15, 70), tuple(float(v) for v in hair), int(rng.integers(3, 7)), cv2.LINE_AA)
    cv2.line(rgb, (80, 90), (76, 118), tuple(float(v) for v in 0.7 * skin), 3, cv2.LINE_AA)
    cv2.ellipse(rgb, (80, 142), (24, 7), 0, 0, 180, (150, 60, 60), -1, cv2.LINE_AA)
    mask = np.zeros((height, width), np.uint8)
    cv2.ellipse(mask, (80, 100), (72, 98), 0, 0, 360, 255, -1)
    mask[170:, 10:150] = 255
    return Somebody(np.clip(rgb, 0, 255).astype(np.uint8), mask, rng.uniform(0, 2 * math.pi))


def place(kind: str, person: int, count: int, start: float, time_s: float) -> Place:
    """Where somebody is at a time."""
    sway = 6 * math.sin(1.9 * time_s + start), 4 * math.sin(2.7 * time_s + 2 * start)
    seat = WIDTH * (person + 1) / (count + 1)
    if kind == "still":
        return Place(seat + 2 * sway[0], 180 + sway[1], 90 + 6 * math.sin(0.7 * time_s + start))
    if kind in ("cross", "twins"):
        along = 240 * math.cos(2 * math.pi * time_s / 6 + math.pi * person)
        return Place(320 + along, 175 + 12 * person + sway[1], 84 + 10 * person)
    if kind == "mill":
        along, up = math.sin(0.9 * time_s + start + 1.3 * person), math.sin(0.55 * time_s + 2 * start)
        return Place(320 + 270 * along, 180 + 50 * up, 70 + 12 * person + 8 * math.sin(time_s + start))
    # away beyond an edge for about a second, every four
    turn = (time_s + start) % 4.0
    away = 1 if turn < 0.6 else 0 if turn > 1.0 else (1.0 - turn) / 0.4
    away = max(away, 0 if turn < 3.4 else (turn - 3.4) / 0.6)
    aside = -1 if seat < WIDTH / 2 else 1
    if person == 1:  # the one in the middle goes down
        return Place(seat + sway[0], 180 + 300 * away, 92)
    return Place(seat + sway[0] + aside * 320 * away, 180 + sway[1], 92)


class Scene:
    """The frames of one scene, what is in them, and what the detector says of them."""

    name = "made"

    def __init__(self, kind: str, count: int, *, fps: int, seed: int) -> None:
        self.fps, self.kind, self._seed = fps, kind, seed
        rng = np.random.default_rng(seed)
        self._heads = [head(rng) for _ in range(count)]
        if kind == "twins":
            self._heads = [self._heads[0], *(Somebody(self._heads[0].rgb, self._heads[0].mask, 1.0),) * (count - 1)]
        coarse, fine = (
            (rng.uniform(60, 190, (rows, columns, 1)) + rng.uniform(-25, 25, (rows, columns, 3))).astype(np.float32)
            for rows, columns in ((9, 16), (72, 128))
        )
        layers = (cv2.resize(layer, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC) for layer in (coarse, fine))
        self._ground = np.clip(
            sum(share * layer for share, layer in zip((0.7, 0.3), layers, strict=True)), 0, 255
        ).astype(np.uint8)
        self.truth: list[list[Seen]] = []
        blind = [(person, rng.uniform(0, SECONDS)) for person in range(count) for _ in range(2)]
        self._blind = [(person, start, start + rng.uniform(0.2, 0.5)) for person, start in blind]
        self._ghosts = [self._ghost(rng) for _ in range(SECONDS // 2)]

    @staticmethod
    def _ghost(rng: np.random.Generator) -> tuple[float, float, NDArray[np.float64]]:
        """From when to when the detector takes which place for a face."""
        start, side = rng.uniform(0, SECONDS), rng.uniform(40, 99)
        x, y = rng.uniform(0, WIDTH - side), rng.uniform(0, HEIGHT - side)
        return start, start + rng.uniform(0.04, 0.3), np.array([x, y, x + side, y + side])

    def frames(self) -> Iterator[Frame]:
        for index in range(SECONDS * self.fps):
            picture, seen = self._ground.copy(), []
            owner = np.full((HEIGHT, WIDTH), -1, np.int8)
            for person, somebody in enumerate(self._heads):
                at = place(self.kind, person, len(self._heads), somebody.start, index / self.fps)
                scale = at.side / 110
                left, top = math.floor(at.x - 80 * scale), math.floor(at.y - 108 * scale)
                size_wh = math.ceil(160 * scale) + 1, math.ceil(200 * scale) + 1
                moved = np.array([[scale, 0, at.x - 80 * scale - left], [0, scale, at.y - 108 * scale - top]])
                x, y = (slice(max(-at, 0), max(limit - at, 0)) for at, limit in ((left, WIDTH), (top, HEIGHT)))
                drawn = cv2.warpAffine(somebody.rgb, moved, size_wh, flags=cv2.INTER_LINEAR)[y, x]
                mask = cv2.warpAffine(somebody.mask, moved, size_wh, flags=cv2.INTER_LINEAR)[y, x] > 127
                there = slice(max(top, 0), max(top, 0) + len(mask)), slice(max(left, 0), max(left, 0) + mask.shape[1])
                picture[there][mask] = drawn[mask]
                owner[there][mask] = person
                box = (at.x - 0.43 * at.side, at.y - at.side / 2, at.x + 0.43 * at.side, at.y + at.side / 2)
                seen.append(Seen(person, box, 0.0))
            noise = np.random.default_rng(index).integers(-4, 5, (HEIGHT, WIDTH, 1), np.int16)
            picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
            self.truth.append([face._replace(in_sight=_in_sight(face, owner)) for face in seen])
            picture[0, 0] = (*divmod(index, 256), 0)  # by which the detector knows the frame
            yield Frame(index, index / self.fps, picture)

    def detect(self, frame_rgb: NDArray[np.uint8]) -> tuple[Face, ...]:
        index = 256 * int(frame_rgb[0, 0, 0]) + int(frame_rgb[0, 0, 1])
        time_s, rng = index / self.fps, np.random.default_rng((self._seed, index))
        faces = []
        for face in self.truth[index]:
            blind = any(face.person == who and start <= time_s < end for who, start, end in self._blind)
            if rng.random() < 0.05 or blind or face.in_sight < LEAST_IN_SIGHT:
                continue
            side = face.box_xyxy[3] - face.box_xyxy[1]
            faces.append(_face(np.array(face.box_xyxy) + rng.normal(0, 0.03 * side, 4), 0.6 + 0.4 * face.in_sight))
        faces += [_face(box, 0.75) for start, end, box in self._ghosts if start <= time_s < end]
        rng.shuffle(faces)  # type: ignore[arg-type]
        return tuple(faces)


def _face(box: NDArray[np.float64], score: float) -> Face:
    left, top, right, bottom = box.tolist()
    return Face((left, top, right, bottom), score, None)


def _in_sight(face: Seen, owner: NDArray[np.int8]) -> float:
    left, top, right, bottom = (round(value) for value in face.box_xyxy)
    part = owner[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    # of a box with nobody before it, the head covers about 98 %
    return min(1.0, float((part == face.person).sum()) / (0.98 * (right - left) * (bottom - top)))


class Indifferent:
    """Reads every face as neutral."""

    sha256 = "0" * 64
    card = ModelCard(
        name="indifferent",
        version="1",
        input=InputSpec(side_px=48, crop_scale=1.0),
        heads=(Head("ferplus", "votes", ("unknown", "not_a_face"), 1.0),),
        embedding=None,
        parameters=1,
        licence="Apache-2.0",
    )

    def classify(
        self, crops: Sequence[NDArray[np.uint8]], *, labels: str | None = None, balance: float = 0
    ) -> list[Emotions]:
        return [Emotions("ferplus", (1.0, *([0.0] * (len(FERPLUS) - 1)))) for _ in crops]


@dataclass
class Score:
    """What was counted; scores of several scenes add up."""

    faces: int = 0
    misses: int = 0
    false: int = 0
    exchanges: int = 0
    right_names: int = 0
    named: int = 0
    ghosts: int = 0  # persons who are nobody

    def __add__(self, other: "Score") -> "Score":
        return Score(*(one + two for one, two in zip(vars(self).values(), vars(other).values(), strict=True)))

    @property
    def mota(self) -> float:
        return 1 - (self.misses + self.false + self.exchanges) / self.faces if self.faces else math.nan

    @property
    def idf1(self) -> float:
        return 2 * self.right_names / (self.faces + self.named) if self.faces else math.nan


Named = list[tuple[int, BoxXyxy]]


def score(truth: Sequence[Sequence[Seen]], found: Sequence[Named]) -> Score:
    """Found faces of each frame, by name, against the truth."""
    total, before = Score(), dict[int, int]()
    together: Counter[tuple[int, int]] = Counter()
    persons: Counter[int] = Counter()
    names: Counter[int] = Counter()
    touched: set[int] = set()
    for seen, named in zip(truth, found, strict=True):
        iou = overlaps([face.box_xyxy for face in seen], [box for _, box in named])
        pairs = _pairs(iou, [face.person for face in seen], [name for name, _ in named], before)
        hidden = {row for row, face in enumerate(seen) if face.in_sight < LEAST_IN_SIGHT}
        near_hidden = {column for column in range(len(named)) if any(iou[row, column] > 0.2 for row in hidden)}
        total.faces += len(seen) - len(hidden)
        matched = set()
        for row, column in pairs:
            person, name = seen[row].person, named[column][0]
            matched.add(column)
            touched.add(name)
            if row in hidden:
                continue
            total.exchanges += before.get(person, name) != name
            before[person] = name
            together[person, name] += 1
        total.misses += len(seen) - len(hidden) - sum(row not in hidden for row, _ in pairs)
        counted = [
            c for c in range(len(named)) if c not in near_hidden or any(c == p and r not in hidden for r, p in pairs)
        ]
        total.false += sum(column not in matched for column in counted)
        persons.update(face.person for row, face in enumerate(seen) if row not in hidden)
        names.update(named[column][0] for column in counted)
    total.named = sum(names.values())
    rows, columns = sorted(persons), sorted(names)
    table = np.array([[together[row, column] for column in columns] for row in rows]).reshape(len(rows), len(columns))
    total.right_names = int(table[linear_sum_assignment(-table)].sum())
    total.ghosts = len(set(names) - touched)
    return total


def _pairs(
    iou: NDArray[np.float64], persons: Sequence[int], names: Sequence[int], before: dict[int, int]
) -> list[tuple[int, int]]:
    """Who is found by which box: as in the frame before where that still holds, else so that the overlap is largest."""
    value = np.where(iou >= MIN_IOU, iou, 0.0)
    for row, person in enumerate(persons):
        for column, name in enumerate(names):
            if before.get(person) == name and value[row, column]:
                value[row, column] += 2
    rows, columns = linear_sum_assignment(-value)
    return [(row, column) for row, column in zip(rows.tolist(), columns.tolist(), strict=True) if value[row, column]]


def run(kind: str, count: int, *, fps: int, detect_every: int, seed: int) -> Score:
    """One scene, read as a video is."""
    scene = Scene(kind, count, fps=fps, seed=seed)
    analyzer = mien.Analyzer(model=Indifferent(), detector=scene, min_visible=0.3)
    found: list[Named] = []
    for _, reading in analyzer.read_frames(scene.frames(), StreamOptions(detect_every=detect_every)):
        found.append([(face.track_id, face.box_xyxy) for face in reading.faces if face.track_id is not None])
    return score(scene.truth, found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="so many scenes of each kind")
    parser.add_argument("--only", help="scenes whose name holds this")
    args = parser.parse_args()
    print("| frames/s, detector on every | scene | MOTA | IDF1 | misses | false | names exchanged | names of nobody |")
    print("|---|---|---|---|---|---|---|---|")
    for fps, every in RATES:
        total = Score()
        for name, (count, kind) in SCENES.items():
            if args.only and args.only not in name:
                continue
            sums = Score()
            for seed in range(args.seeds):
                sums += run(kind, count, fps=fps, detect_every=every, seed=seed)
            print_row(f"{fps}, {every}", name, sums)
            total += sums
        print_row(f"{fps}, {every}", "**all**", total)


def print_row(setting: str, name: str, sums: Score) -> None:
    shares = [f"{value:.3f}" if not math.isnan(value) else "" for value in (sums.mota, sums.idf1)]
    counts = [f"{value / sums.faces:.1%}" if sums.faces else str(value) for value in (sums.misses, sums.false)]
    print(f"| {setting} | {name} | {' | '.join([*shares, *counts])} | {sums.exchanges} | {sums.ghosts} |", flush=True)


if __name__ == "__main__":
    main()
