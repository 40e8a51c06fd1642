"""Viola-Jones with the Haar cascades that come with OpenCV (Viola, Jones 2001; Lienhart, Maydt 2002).

Slower and worse than the networks; kept because it is what FER-2013 was made with, and what many know.
"""

import math
import threading

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.faces.picture import Picture, require_rgb, shrunk
from mien.results import Face
from mien.weights import haar_cascades

__all__ = ["Haar"]

_LONGER_SIDE_PX = 640
_MIN_FACE_PX = 24
_WITNESS_SIDE_PX = 44
_EYES_SIDE_PX = 96
_MIN_SCORE = 0.6


class Haar:
    """Finds upright frontal faces from 24 px in a picture whose longer side is first brought down to 640.

    OpenCV's usual call (scale 1.1, 5 neighbours) takes much for a face that is none. Here the first cascade proposes
    generously, a second one must agree on the same place, and eyes are looked for in the upper half; the three
    together make a score. On the 32 hand-checked test photos (100 faces, IoU 0.35): 70 found and 1 false box, against
    59 and 12 with the usual call; on 57 pictures without a face (half of them photos with the faces painted over),
    each also mirrored and shrunk, 4 false boxes against 41. It takes five times as long as MTCNN.

    Scores are the logistic of `0.4 a + 1.5 (b - 55) + 1.7 e - 4.1`, `a` and `b` being the two cascades' level weights
    and `e` the number of eyes, at most 2: a fit to 100 faces and 115 false boxes of the test media. Boxes from 0.6 on
    are faces. There are no landmarks.

    Raises:
        WeightsError: the cascades are absent or altered.
    """

    name = "haar"

    def __init__(self) -> None:
        self._files = haar_cascades()
        self._local = threading.local()  # a CascadeClassifier must not be used by two threads at once

    def detect(self, frame_rgb: NDArray[np.uint8]) -> tuple[Face, ...]:
        require_rgb(frame_rgb)
        small = shrunk(frame_rgb, longer_side_px=_LONGER_SIDE_PX)
        grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)
        factors_xyxy = np.tile(np.divide(frame_rgb.shape[1::-1], grey.shape[1::-1]), 2)
        frontal, witness, eye = self._cascades()
        boxes_xywh, _, weights = frontal.detectMultiScale3(
            grey, scaleFactor=1.1, minNeighbors=2, minSize=(_MIN_FACE_PX, _MIN_FACE_PX), outputRejectLevels=True
        )
        faces = []
        for (x, y, width, height), weight in zip(np.reshape(boxes_xywh, (-1, 4)).tolist(), weights, strict=True):
            witness_weight = _witness_weight(witness, grey, x, y, width)
            if witness_weight is None:
                continue
            eyes = _count_eyes(eye, grey[y : y + height, x : x + width])
            score = _score(float(weight), witness_weight, eyes)
            if score >= _MIN_SCORE:
                left, top, right, bottom = (np.array([x, y, x + width, y + height]) * factors_xyxy).tolist()
                faces.append(Face((left, top, right, bottom), score, None))
        return tuple(sorted(faces, key=lambda face: -face.score))

    def _cascades(self) -> list[cv2.CascadeClassifier]:
        """This thread's own."""
        if not hasattr(self._local, "cascades"):
            self._local.cascades = [_cascade(file) for file in self._files]
        cascades: list[cv2.CascadeClassifier] = self._local.cascades
        return cascades


def _cascade(file: bytes) -> cv2.CascadeClassifier:
    """A cascade from the bytes of its file."""
    storage = cv2.FileStorage(file.decode("utf-8"), cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
    cascade = cv2.CascadeClassifier()
    cascade.read(storage.getFirstTopLevelNode())
    return cascade


def _witness_weight(witness: cv2.CascadeClassifier, grey: Picture, x: int, y: int, side: int) -> float | None:
    """Level weight of the second cascade about a box; None where it sees no face of about that size."""
    margin = side // 4
    around = grey[max(y - margin, 0) : y + side + margin, max(x - margin, 0) : x + side + margin]
    _, _, weights = witness.detectMultiScale3(
        _resized(around, _WITNESS_SIDE_PX / side),
        scaleFactor=1.05,
        minNeighbors=1,
        minSize=(round(0.75 * _WITNESS_SIDE_PX),) * 2,
        maxSize=(round(1.25 * _WITNESS_SIDE_PX),) * 2,
        outputRejectLevels=True,
    )
    return max(map(float, weights), default=None)


def _count_eyes(eye: cv2.CascadeClassifier, face: Picture) -> int:
    """Eyes in the upper half of a face, at most 2."""
    upper = _resized(face, _EYES_SIDE_PX / face.shape[0])[: round(0.62 * _EYES_SIDE_PX)]
    found = eye.detectMultiScale(
        upper,
        scaleFactor=1.1,
        minNeighbors=2,
        minSize=(_EYES_SIDE_PX // 6,) * 2,
        maxSize=(_EYES_SIDE_PX // 2,) * 2,
    )
    return min(len(found), 2)


def _score(weight: float, witness_weight: float, eyes: int) -> float:
    """How sure the three are together, in [0, 1]."""
    return 1 / (1 + math.exp(4.1 - 0.4 * weight - 1.5 * (witness_weight - 55) - 1.7 * eyes))


def _resized(grey: Picture, factor: float) -> Picture:
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, None, fx=factor, fy=factor, interpolation=interpolation), np.uint8)
