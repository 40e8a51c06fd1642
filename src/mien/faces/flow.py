"""Where a face went from one frame to the next: optical flow on a grid of points inside it.

Lucas-Kanade (Bouguet's pyramid, as in OpenCV) on 6x6 points, and the similarity that most of them agree on: a move, a
turn and a change of size. It works on a grey patch about the face that is first brought to one size, more or less, so
that it costs the same for a small face and for a large one.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.results import BoxXyxy, Face, Landmarks

__all__ = ["Patch", "Similarity", "follow", "moved", "patch_about", "same_place"]

_FACE_PX = 64  # the longer side of the face's box in the patch, at least, where the picture has as many
_MARGIN = 0.4  # of the box's longer side, about it: how far a face may go from one frame to the next
_GRID = np.stack(np.meshgrid(np.linspace(0.15, 0.85, 6), np.linspace(0.15, 0.85, 6)), axis=-1).reshape(-1, 2)
_MIN_SIDE_PX = 16
_MIN_POINTS = 12
_MIN_AGREEING = 0.5
_AGREE_PX = 1.5
_MAX_ERROR = 45.0  # mean difference of the grey levels about a point
_MAX_RESIZE = 1.25
_MAX_TURN_DEG = 15.0


@dataclass(frozen=True)
class Patch:
    """A face and what is about it, in grey, shrunk by a power of two.

    Args:
        grey: `(height, width)` uint8.
        left: Column of the picture where it begins.
        top: Row likewise.
        shrink: How many pixels of the picture one of its pixels is wide and high.
    """

    grey: NDArray[np.uint8]
    left: int
    top: int
    shrink: int


@dataclass(frozen=True)
class Similarity:
    """A move in the plane: (x, y) goes to (a x - b y + x0, b x + a y + y0)."""

    a: float
    b: float
    x0: float
    y0: float

    @property
    def scale(self) -> float:
        """How much larger things become."""
        return math.hypot(self.a, self.b)

    @property
    def turn_deg(self) -> float:
        """How far things turn, clockwise as the viewer sees them."""
        return math.degrees(math.atan2(self.b, self.a))

    def point(self, xy: tuple[float, float]) -> tuple[float, float]:
        """Where a point goes."""
        x, y = xy
        return (self.a * x - self.b * y + self.x0, self.b * x + self.a * y + self.y0)


def patch_about(frame_rgb: NDArray[np.uint8], box_xyxy: BoxXyxy) -> Patch | None:
    """The patch about a box; None where the picture holds too little of it.

    Args:
        frame_rgb: `(height, width, 3)` uint8.
        box_xyxy: Of the face; may reach beyond the picture.
    """
    height, width = frame_rgb.shape[:2]
    side = max(box_xyxy[2] - box_xyxy[0], box_xyxy[3] - box_xyxy[1])
    shrink = 2 ** max(int(math.log2(max(side, 1) / _FACE_PX)), 0)
    left, top = (max(math.floor(start - _MARGIN * side), 0) for start in box_xyxy[:2])
    columns = (min(math.ceil(box_xyxy[2] + _MARGIN * side), width) - left) // shrink
    rows = (min(math.ceil(box_xyxy[3] + _MARGIN * side), height) - top) // shrink
    if min(columns, rows) < _MIN_SIDE_PX:
        return None
    return _cut(frame_rgb, (left, top), (columns, rows), shrink)


def same_place(frame_rgb: NDArray[np.uint8], patch: Patch) -> Patch:
    """What is where the patch was, in another frame of the same size."""
    rows, columns = patch.grey.shape
    return _cut(frame_rgb, (patch.left, patch.top), (columns, rows), patch.shrink)


def _cut(frame_rgb: NDArray[np.uint8], corner: tuple[int, int], size_wh: tuple[int, int], shrink: int) -> Patch:
    """Green for grey, and of a large face not every pixel: flow does not mind, and it costs a fifth."""
    (left, top), (columns, rows) = corner, size_wh
    stride = max(shrink // 2, 1)
    grey = frame_rgb[top : top + rows * shrink : stride, left : left + columns * shrink : stride, 1]
    grey = np.ascontiguousarray(grey)
    if shrink > stride:
        grey = np.asarray(cv2.resize(grey, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
    return Patch(grey, left, top, shrink)


def follow(before: Patch, after: Patch, box_xyxy: BoxXyxy) -> Similarity | None:
    """How the face in a box moved from one patch to the next of the same place; None if the pictures do not agree.

    Args:
        before: The patch in which the box was right.
        after: The same place now.
        box_xyxy: Of the face, in pixels of the picture.
    """
    corner = np.array([before.left, before.top])
    box = (np.array(box_xyxy).reshape(2, 2) - corner) / before.shrink
    points = (box[0] + _GRID * (box[1] - box[0])).astype(np.float32)
    points = points[((points >= 1) & (points < np.array(before.grey.shape[::-1]) - 1)).all(axis=1)]
    if len(points) < _MIN_POINTS:
        return None
    found, status, error = cv2.calcOpticalFlowPyrLK(
        before.grey,
        after.grey,
        points[:, None],
        np.empty_like(points[:, None]),
        winSize=(13, 13),
        maxLevel=2,
        criteria=(cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 8, 0.03),
    )
    good = (status[:, 0] == 1) & (error[:, 0] < _MAX_ERROR)
    if good.sum() < _MIN_AGREEING * len(points):
        return None
    here = corner + before.shrink * points[good]
    there = corner + before.shrink * found[good, 0]
    matrix, agreeing = cv2.estimateAffinePartial2D(
        here, there, method=cv2.RANSAC, ransacReprojThreshold=_AGREE_PX * before.shrink, maxIters=50, confidence=0.99
    )
    if matrix is None or agreeing.sum() < _MIN_AGREEING * len(points):
        return None
    step = Similarity(*(float(matrix[at]) for at in ((0, 0), (1, 0), (0, 2), (1, 2))))
    if not 1 / _MAX_RESIZE < step.scale < _MAX_RESIZE or abs(step.turn_deg) > _MAX_TURN_DEG:
        return None
    return step


def moved(face: Face, step: Similarity) -> Face:
    """A face that went that way: its centre, size and points; the box stays upright."""
    left, top, right, bottom = face.box_xyxy
    x, y = step.point(((left + right) / 2, (top + bottom) / 2))
    half_width, half_height = step.scale * (right - left) / 2, step.scale * (bottom - top) / 2
    points = face.landmarks and Landmarks(*(step.point(point) for point in face.landmarks.points))
    return Face((x - half_width, y - half_height, x + half_width, y + half_height), face.score, points)
