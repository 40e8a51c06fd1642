"""Where a face went from one frame to the next: optical flow on a grid of points inside it.

Lucas-Kanade (Bouguet's pyramid, as in OpenCV) on 6x6 points, and the similarity that most of them agree on: a move, a
turn and a change of size. It works on a patch about the face that is brought to one size first, so that it costs
0.3 ms whatever the picture.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.results import BoxXyxy, Face, Landmarks

__all__ = ["Patch", "Similarity", "follow", "moved", "patch_about"]

_FACE_PX = 64  # the longer side of the face's box in the patch
_MARGIN = 0.5  # of the box's longer side, about it: how far a face may go from one frame to the next
_GRID = np.stack(np.meshgrid(np.linspace(0.15, 0.85, 6), np.linspace(0.15, 0.85, 6)), axis=-1).reshape(-1, 2)
_MIN_AGREEING = 0.5
_MAX_RESIZE = 1.25
_MAX_TURN_DEG = 15.0
_MAX_DIFFERENCE = 0.35


@dataclass(frozen=True)
class Patch:
    """A face and what is about it, in grey and at one size.

    Args:
        grey: `(height, width)` uint8.
        left_top_xy: Where its corner lies in the picture; may lie beyond it.
        scale: Pixels of the patch per pixel of the picture.
    """

    grey: NDArray[np.uint8]
    left_top_xy: tuple[float, float]
    scale: float


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


def patch_about(frame_rgb: NDArray[np.uint8], box_xyxy: BoxXyxy, *, like: Patch | None = None) -> Patch | None:
    """The patch about a box; None where the picture holds too little of it.

    Args:
        frame_rgb: `(height, width, 3)` uint8.
        box_xyxy: Of the face.
        like: Cut the same place at the same size as this one was.
    """
    height, width = frame_rgb.shape[:2]
    if like is not None:
        (left, top), scale = like.left_top_xy, like.scale
        right, bottom = left + like.grey.shape[1] / scale, top + like.grey.shape[0] / scale
    else:
        side = max(box_xyxy[2] - box_xyxy[0], box_xyxy[3] - box_xyxy[1], 1.0)
        scale = min(_FACE_PX / side, 2.0)
        left, top = max(math.floor(box_xyxy[0] - _MARGIN * side), 0), max(math.floor(box_xyxy[1] - _MARGIN * side), 0)
        right = min(math.ceil(box_xyxy[2] + _MARGIN * side), width)
        bottom = min(math.ceil(box_xyxy[3] + _MARGIN * side), height)
    x0, y0, x1, y1 = round(left), round(top), round(right), round(bottom)
    size_wh = like.grey.shape[::-1] if like is not None else (round((x1 - x0) * scale), round((y1 - y0) * scale))
    if min(size_wh) < 16 or x1 - x0 < 4 or y1 - y0 < 4 or x1 > width or y1 > height:
        return None
    small = cv2.resize(
        frame_rgb[y0:y1, x0:x1], size_wh, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    )
    return Patch(np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8), (float(x0), float(y0)), scale)


def follow(before: Patch, after: Patch, box_xyxy: BoxXyxy) -> Similarity | None:
    """How the face in a box moved from one patch to the next of the same place; None if the pictures do not agree.

    Args:
        before: The patch in which the box was right.
        after: The same place now, as `patch_about(..., like=before)` cuts it.
        box_xyxy: Of the face, in pixels of the picture of `before`.
    """
    corner = np.array(before.left_top_xy)
    box = (np.array(box_xyxy).reshape(2, 2) - corner) * before.scale
    points = (box[0] + _GRID * (box[1] - box[0])).astype(np.float32)
    inside = ((points >= 1) & (points < np.array(before.grey.shape[::-1]) - 1)).all(axis=1)
    if inside.sum() < 12:
        return None
    points = points[inside]
    found, status, error = cv2.calcOpticalFlowPyrLK(
        before.grey,
        after.grey,
        points[:, None],
        np.empty_like(points[:, None]),
        winSize=(15, 15),
        maxLevel=2,
        criteria=(cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 10, 0.03),
    )
    good = (status[:, 0] == 1) & (error[:, 0] < 255 * _MAX_DIFFERENCE / 2)
    if good.sum() < max(6, _MIN_AGREEING * len(points)):
        return None
    matrix, agreeing = cv2.estimateAffinePartial2D(
        points[good], found[good, 0], method=cv2.RANSAC, ransacReprojThreshold=1.5, maxIters=100, confidence=0.99
    )
    if matrix is None or agreeing.sum() < _MIN_AGREEING * len(points):
        return None
    a, b, x0, y0 = (float(matrix[at]) for at in ((0, 0), (1, 0), (0, 2), (1, 2)))
    # In the picture: to the patch, the move there, and back.
    cx, cy = before.left_top_xy
    step = Similarity(a, b, x0 / before.scale + cx - a * cx + b * cy, y0 / before.scale + cy - b * cx - a * cy)
    if not 1 / _MAX_RESIZE < step.scale < _MAX_RESIZE or abs(step.turn_deg) > _MAX_TURN_DEG:
        return None
    return step


def moved(face: Face, step: Similarity) -> Face:
    """A face that went that way: its centre, size and points; the box stays upright."""
    left, top, right, bottom = face.box_xyxy
    x, y = step.point(((left + right) / 2, (top + bottom) / 2))
    half_width, half_height = step.scale * (right - left) / 2, step.scale * (bottom - top) / 2
    points = face.landmarks and Landmarks(
        **{name: step.point((x, y)) for name, (x, y) in face.landmarks.to_dict().items()}
    )
    return Face((x - half_width, y - half_height, x + half_width, y + half_height), face.score, points)
