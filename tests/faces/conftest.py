"""Photos as detectors get them, the check against hand-checked boxes, and a cache that holds YuNet."""

import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mien.faces.detector import Detector
from mien.results import BoxXyxy, Face

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Tally:
    """How a detector did on the hand-checked photos."""

    faces: int
    found: int
    false: list[str]  # photos with a box on nothing, one entry a box

    @property
    def recall(self) -> float:
        return self.found / self.faces


@pytest.fixture(scope="session")
def photo(shared_media: Any) -> Callable[[str], Picture]:
    """Pixels of a picture of the shared media, RGB."""

    def load(name: str) -> Picture:
        with Image.open(shared_media.path(name)) as image:
            return np.asarray(image.convert("RGB"))

    return load


@pytest.fixture(scope="session")
def tally(shared_media: Any, photo: Callable[[str], Picture]) -> Callable[[Detector], Tally]:
    """Runs a detector over every photo with hand-checked boxes."""

    def run(detector: Detector) -> Tally:
        faces, found, false = 0, 0, []
        for name, truth in shared_media.faces.items():
            boxes = [face.box_xyxy for face in detector.detect(photo(name))]
            hit = matched(boxes, truth["faces"])
            faces += len(truth["faces"])
            found += len(hit)
            rest = [box for box in boxes if box not in hit.values()]
            false += [name] * (len(rest) - len(matched(rest, truth["ignore"])))
        return Tally(faces, found, false)

    return run


@pytest.fixture
def pulled_yunet(shared_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of its own that holds YuNet."""
    for path in shared_models.glob("face_detection_yunet*.onnx"):
        shutil.copyfile(path, tmp_path / path.name)
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path))
    return tmp_path


def iou(one: Iterable[float], other: Iterable[float]) -> float:
    """Intersection over union of two boxes."""
    a, b = np.array([*one]), np.array([*other])
    shared = np.prod(np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None))
    return float(shared / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared))


def matched(boxes: list[BoxXyxy], truth: list[list[float]]) -> dict[int, BoxXyxy]:
    """Row of the true box -> the box that covers it with an IoU of at least 0.35, each used once, best pair first."""
    pairs = sorted(((iou(box, true), row, box) for box in boxes for row, true in enumerate(truth)), reverse=True)
    hit: dict[int, BoxXyxy] = {}
    for overlap, row, box in pairs:
        if overlap >= 0.35 and row not in hit and box not in hit.values():
            hit[row] = box
    return hit


DEGENERATE: dict[str, Picture] = {
    "1x1": np.zeros((1, 1, 3), np.uint8),
    "2x3000": np.zeros((3000, 2, 3), np.uint8),
    "20000x8": np.full((8, 20_000, 3), 90, np.uint8),
    "40000x50": np.full((50, 40_000, 3), 90, np.uint8),
    "black": np.zeros((480, 640, 3), np.uint8),
    "white": np.full((480, 640, 3), 255, np.uint8),
    "noise": np.random.default_rng(3).integers(0, 256, (700, 900, 3), np.uint8),
    "a band in the dark": np.pad(np.full((20, 300, 3), 40, np.uint8), ((300, 300), (300, 300), (0, 0))),
}


@pytest.fixture(params=list(DEGENERATE))
def degenerate(request: pytest.FixtureRequest) -> Picture:
    """A picture without a face that has broken detectors."""
    return DEGENERATE[request.param]


@pytest.fixture
def same_from_eight_threads() -> Callable[[Detector, list[Picture]], bool]:
    """Whether eight threads that share a detector find what one finds."""

    def check(detector: Detector, pictures: list[Picture]) -> bool:
        alone: list[tuple[Face, ...]] = [detector.detect(picture) for picture in pictures]
        assert any(alone)
        with ThreadPoolExecutor(8) as pool:
            together = list(pool.map(detector.detect, pictures * 4))
        return together == alone * 4

    return check
