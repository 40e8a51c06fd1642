"""Dense landmarks: MediaPipe's face mesh of 468 points (Kartynnik et al. 2019, arXiv 1907.06724), and its distances.

The network takes a square of 192 px around an upright face, 1.5 times as large as the face's box, RGB in 0..1, and
answers with points in its pixels, depth in the same unit, and how sure it is that there is a face. OpenCV runs it.
Distances are taken in all three dimensions, so that turning the head changes them little.
"""

import threading

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.faces.align import face_crop
from mien.results import Face, Geometry
from mien.weights import face_mesh_net

__all__ = ["FaceMesh"]

_SIDE_PX = 192
_SCALE = 1.5
_POINTS, _PRESENCE = "conv2d_20", "conv2d_30"  # the network's outputs

# Numbers of points in the mesh; left and right as the viewer sees them.
_LEFT_EYE, _RIGHT_EYE = (33, 133), (362, 263)  # corners
_LEFT_LIDS, _RIGHT_LIDS = (159, 145), (386, 374)
_LEFT_BROW, _RIGHT_BROW = (105, 66), (334, 296)  # the middle third of each
_LIPS, _MOUTH_CORNERS = (13, 14), (61, 291)


class FaceMesh:
    """Measures the geometry of faces; safe to share between threads, one face at a time.

    Raises:
        WeightsError: the network is not installed, or altered.
    """

    def __init__(self) -> None:
        self._net = cv2.dnn.readNetFromTFLite(np.frombuffer(face_mesh_net(), np.uint8))
        self._lock = threading.Lock()

    def points(self, frame_rgb: NDArray[np.uint8], face: Face) -> NDArray[np.float32] | None:
        """The 468 points of a face, (x, y, depth) in a space of its own, upright; None where no face is seen.

        Args:
            frame_rgb: `(height, width, 3)` uint8 RGB.
            face: In its pixels.

        Returns:
            `(468, 3)`: pixels of a crop of 192, y down, depth away from the camera.
        """
        crop = face_crop(frame_rgb, face, scale=_SCALE)
        shrinks = max(crop.shape[:2]) > _SIDE_PX
        square = cv2.resize(crop, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        with self._lock:
            self._net.setInput((square.astype(np.float32) / 255).transpose(2, 0, 1)[None])
            points, presence = self._net.forward((_POINTS, _PRESENCE))
        if not presence.item() > 0:  # a logit
            return None
        return np.asarray(points, np.float32).reshape(-1, 3)

    def measure(self, frame_rgb: NDArray[np.uint8], face: Face) -> Geometry | None:
        """The distances in a face; None where no face is seen. Arguments as for `points`."""
        points = self.points(frame_rgb, face)
        return None if points is None else geometry_of(points)


def geometry_of(points: NDArray[np.floating]) -> Geometry:
    """The distances in a mesh of `(468, 3)` points, in units of the distance between the middles of the eyes."""

    def middle(numbers: tuple[int, int]) -> NDArray[np.float64]:
        return np.asarray(points[list(numbers)].mean(axis=0), np.float64)

    left_eye, right_eye = middle(_LEFT_EYE), middle(_RIGHT_EYE)
    unit = float(np.linalg.norm(right_eye - left_eye))
    across = (right_eye - left_eye) / max(unit, 1e-6)

    def between(one: int, other: int) -> float:
        return float(np.linalg.norm(points[one] - points[other])) / max(unit, 1e-6)

    def height(brow: NDArray[np.float64], eye: NDArray[np.float64]) -> float:
        rise = brow - eye
        return float(np.linalg.norm(rise - (rise @ across) * across)) / max(unit, 1e-6)

    return Geometry(
        mouth_opening=between(*_LIPS),
        mouth_width=between(*_MOUTH_CORNERS),
        left_brow_height=height(middle(_LEFT_BROW), left_eye),
        right_brow_height=height(middle(_RIGHT_BROW), right_eye),
        left_eye_opening=between(*_LEFT_LIDS),
        right_eye_opening=between(*_RIGHT_LIDS),
    )
