"""What a detecting network proposes: boxes, scores and points as arrays, thinned out and turned into faces."""

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.results import Face, Landmarks

__all__ = ["Candidates", "drop_overlapping"]

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Candidates:
    """Proposed faces in the pixels of one picture, one row each.

    Args:
        boxes_xyxy: `(n, 4)`.
        scores: `(n,)` in [0, 1].
        points_xy: `(n, 5, 2)`: left eye, right eye, nose, left and right corner of the mouth, as the viewer sees them.
    """

    boxes_xyxy: Floats
    scores: Floats
    points_xy: Floats

    @classmethod
    def none(cls) -> Self:
        """No face."""
        return cls(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty((0, 5, 2), np.float32))

    def __len__(self) -> int:
        return len(self.scores)

    def only(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Self:
        """These rows."""
        return type(self)(self.boxes_xyxy[rows], self.scores[rows], self.points_xy[rows])

    def scaled(self, x: float, y: float) -> Self:
        """The same faces in a picture `x` times as wide and `y` times as high."""
        factors = np.array([x, y], np.float32)
        return type(self)(self.boxes_xyxy * np.tile(factors, 2), self.scores, self.points_xy * factors)

    def mirrored(self, width: float) -> Self:
        """The same faces in the mirror image of a picture that is so wide."""
        x0, y0, x1, y1 = self.boxes_xyxy.T
        points = self.points_xy[:, [1, 0, 2, 4, 3]]  # the left eye is the mirror image's right one
        x, y = np.moveaxis(points, -1, 0)
        return type(self)(
            np.stack([width - x1, y0, width - x0, y1], axis=1), self.scores, np.stack([width - x, y], axis=-1)
        )

    def to_faces(self) -> tuple[Face, ...]:
        """Faces, best score first; a box that a network's regression turned inside out is no face."""
        x0, y0, x1, y1 = self.boxes_xyxy.T
        sound = np.isfinite(self.boxes_xyxy).all(axis=1) & np.isfinite(self.points_xy).all(axis=(1, 2))
        rows = np.argsort(-self.scores, kind="stable")
        rows = rows[(sound & (x0 < x1) & (y0 < y1))[rows]]
        return tuple(
            Face(tuple(box), min(score, 1.0), Landmarks(*map(tuple, points)))
            for box, score, points in zip(
                self.boxes_xyxy[rows].tolist(), self.scores[rows].tolist(), self.points_xy[rows].tolist(), strict=True
            )
        )


def drop_overlapping(boxes_xyxy: Floats, scores: Floats, *, iou: float) -> NDArray[np.intp]:
    """Rows left, best first, when of two boxes that overlap by more than `iou` only the better stays."""
    if not len(boxes_xyxy):
        return np.empty(0, np.intp)
    boxes_xywh = np.hstack([boxes_xyxy[:, :2], boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]])
    kept = cv2.dnn.NMSBoxes(boxes_xywh.tolist(), scores.tolist(), score_threshold=0.0, nms_threshold=iou)
    return np.asarray(kept, np.intp).reshape(-1)
