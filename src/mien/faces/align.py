"""The crop that a classifier wants: one function for every place that frames a face.

How FER-2013 is framed decides how a photo must be. In its 48 px (1,500 training images, points by YuNet) the eyes lie
at (15.4, 18.0) and (32.6, 18.0), the mouth's corners at (16.9, 37.0) and (31.1, 37.0); a Haar box is the whole image.
The square about the centre of a detector's box that puts the five points of 466 near-frontal real faces nearest to
those places (RMSE in 48ths of the side) has the side `scale * max(width, height)` of the box:

    =======  ==========  =====  ==============  ==============  ==============
    box      best scale  RMSE   at scale 1.0    at scale 1.2    at scale 1.4
    =======  ==========  =====  ==============  ==============  ==============
    YuNet    0.98        2.7    2.8             3.6             4.5
    MTCNN    0.99        2.9    2.9             3.4             4.3
    Haar     1.02        2.3    2.3             2.9             3.9
    =======  ==========  =====  ==============  ==============  ==============

No vertical shift improves it by more than 0.01 of the side. A FER-2013 classifier with 73.4 % on well framed faces
has 71 to 73 % at scales 0.9 to 1.2 and 59 to 67 % at 0.7, 0.8, 1.3 and 1.4; rolled by 10, 15, 20, 30 and 45 degrees it
has 72, 71, 69, 60 and 45 %. Training faces roll too (standard deviation 9 degrees), so small rolls are left alone:
removing them costs sharpness and gains nothing.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.results import Face

__all__ = ["LARGEST_CROP_PX", "ROLL_FROM_DEG", "crop_place", "face_crop"]

ROLL_FROM_DEG = 12.0
"""Roll is removed from here on; below, training faces roll as much."""

LARGEST_CROP_PX = 192
"""Crops are shrunk to this side: four times what the classifiers see, and a bound on what a large face costs."""

_MIN_EYE_DISTANCE = 0.15
"""In a profile the eyes come closer than this share of the box, and the line between them says little of roll."""


def face_crop(frame_rgb: NDArray[np.uint8], face: Face, *, scale: float) -> NDArray[np.uint8]:
    """The face as a square picture of its own, upright, framed as the training faces are.

    Args:
        frame_rgb: `(height, width, 3)` uint8, at least one pixel.
        face: With its box and landmarks in pixels of `frame_rgb`; the box may reach beyond the picture, whose edge is
            then repeated.
        scale: Side of the crop over the longer side of the box.

    Returns:
        `(side, side, 3)` uint8 of its own memory, `side` in 1..`LARGEST_CROP_PX`; not enlarged.

    Example:
        >>> face = Face((10, 20, 50, 60), score=1.0, landmarks=None)
        >>> face_crop(np.zeros((120, 160, 3), np.uint8), face, scale=1.1).shape
        (44, 44, 3)
    """
    left, top, right, bottom = face.box_xyxy
    centre_xy = ((left + right) / 2, (top + bottom) / 2)
    side = max(scale * face.longer_side_px, 1.0)
    side_px = min(round(side), LARGEST_CROP_PX)
    roll_deg = _roll_to_remove(face)
    if roll_deg == 0.0:
        return _square(frame_rgb, centre_xy, side, side_px)
    # Turn within the smallest upright square that holds the tilted one, already at the crop's resolution.
    roll = math.radians(roll_deg)
    reach = abs(math.cos(roll)) + abs(math.sin(roll))
    around_px = math.ceil(side_px * reach)
    around = _square(frame_rgb, centre_xy, side * around_px / side_px, around_px)
    middle = (around_px - 1) / 2
    turn = np.asarray(cv2.getRotationMatrix2D((middle, middle), roll_deg, 1.0), np.float64)
    turn[:, 2] += (side_px - around_px) / 2
    turned = cv2.warpAffine(around, turn, (side_px, side_px), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(turned, np.uint8)


def crop_place(face: Face, *, scale: float) -> NDArray[np.float64]:
    """Where `face_crop` takes its crop from, to within a pixel of the picture.

    Args:
        face: As `face_crop` takes it.
        scale: Likewise.

    Returns:
        `(2, 3)`: times (x, y, 1), with x and y in shares of the crop's side, it is the place in the picture.

    Example:
        >>> crop_place(Face((10, 20, 50, 60), score=1.0, landmarks=None), scale=1.0) @ (0.5, 0.25, 1)
        array([30., 30.])
    """
    left, top, right, bottom = face.box_xyxy
    side = max(scale * face.longer_side_px, 1.0)
    roll = math.radians(_roll_to_remove(face))
    linear = side * np.array([[math.cos(roll), -math.sin(roll)], [math.sin(roll), math.cos(roll)]])
    centre = np.array([(left + right) / 2, (top + bottom) / 2])
    return np.column_stack([linear, centre - linear @ (0.5, 0.5)])


def _roll_to_remove(face: Face) -> float:
    """Degrees; 0 where there are no landmarks, or the roll is small or cannot be told."""
    if face.landmarks is None:
        return 0.0
    eye_distance = math.dist(face.landmarks.left_eye, face.landmarks.right_eye)
    if eye_distance < _MIN_EYE_DISTANCE * face.longer_side_px or abs(face.landmarks.roll_deg) <= ROLL_FROM_DEG:
        return 0.0
    return face.landmarks.roll_deg


def _square(frame: NDArray[np.uint8], centre_xy: tuple[float, float], side: float, side_px: int) -> NDArray[np.uint8]:
    """An upright square of the picture, shrunk by area to `side_px`, the picture's edge repeated beyond it.

    Shrinks before it repeats, so that a box far larger than the picture costs no memory.
    """
    whole_px = max(round(side), 1)
    (x0, x1), (to_x0, to_x1) = _overlap(centre_xy[0], whole_px, frame.shape[1], side_px)
    (y0, y1), (to_y0, to_y1) = _overlap(centre_xy[1], whole_px, frame.shape[0], side_px)
    part = frame[y0:y1, x0:x1]
    size_wh = (to_x1 - to_x0, to_y1 - to_y0)
    whole = min(part.shape[1] // size_wh[0], part.shape[0] // size_wh[1])
    if whole > 1:  # by a whole number first: that is four times as fast
        part = part[: part.shape[0] // whole * whole, : part.shape[1] // whole * whole]
        part = np.asarray(cv2.resize(part, None, fx=1 / whole, fy=1 / whole, interpolation=cv2.INTER_AREA), np.uint8)
    if size_wh != part.shape[1::-1]:
        part = np.asarray(cv2.resize(part, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
    beyond = (to_y0, side_px - to_y1, to_x0, side_px - to_x1)
    return np.asarray(cv2.copyMakeBorder(part, *beyond, cv2.BORDER_REPLICATE), np.uint8)


def _overlap(centre: float, whole_px: int, length_px: int, side_px: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Along one axis: the part of the picture that the square covers, and where it goes in the crop.

    Both are at least one pixel, so that a square wholly beyond the picture shows the edge next to it.
    """
    start = round(centre - whole_px / 2)
    first = min(max(start, 0), length_px - 1)
    last = min(max(start + whole_px, first + 1), length_px)
    to_first = min(max(round((first - start) * side_px / whole_px), 0), side_px - 1)
    to_last = min(max(round((last - start) * side_px / whole_px), to_first + 1), side_px)
    return (first, last), (to_first, to_last)
