"""YuNet (Wu, Peng, Yu 2023, doi 10.1007/s11633-023-1423-y): fast and good; `mien models pull yunet` fetches it once.

An anchor-free network: at every cell of three grids (8, 16 and 32 px wide) it says whether there is an object, whether
that is a face, how far the face's centre is from the cell, its size and five points.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.faces.candidates import Candidates, drop_overlapping
from mien.faces.mtcnn import second_opinions
from mien.faces.picture import Picture, require_rgb, shrunk
from mien.faces.session import THREADS, open_session
from mien.faces.turning import best_way_up, look_tilted
from mien.results import Face
from mien.weights import content_of, mtcnn_nets

__all__ = ["Yunet"]

_SIDE_PX = 640  # largest tile; what the net was published for
_GRID_PX = 32  # sides of the input are multiples of the coarsest grid
_SECOND_LONGER_SIDE_PX = 1280
_TILE_OVERLAP_PX = 64  # what is larger was found at 640
_MIN_SCORE = 0.4
_WEAK_SCORE, _CONFIRMED_FROM = 0.6, 0.8
_DOUBTFUL_SCORE, _REFUTED_BELOW = 0.75, 0.1
_SURE_SCORE = 0.91
_TURNED_SCORE = 0.9
_MAX_IOU = 0.3
_STRIDES_PX = (8, 16, 32)
_OUTPUTS = [f"{kind}_{stride}" for stride in _STRIDES_PX for kind in ("cls", "obj", "bbox", "kps")]


class Yunet:
    """Finds faces in a picture whose longer side is first brought down to 640.

    On the 32 hand-checked test photos (100 faces, IoU 0.35): 98 found, no box that is no face. At OpenCV's default
    threshold of 0.9 it would lose a quarter of the faces. Its landmarks understate roll: 12 degrees are reported for
    15, 18 for 30, 20 for 45.

    It takes some animals and things for faces, with scores up to 0.70, and gives real faces that are cut tight, turned
    or half hidden as little as 0.4. So boxes below 0.75 are shown to MTCNN's last network: from 0.6 on, those stay that
    it gives at least 0.1 (a claw on a log gets 0.04, the eight doubtful boxes on people in the test photos 0.15 and
    more); below, only those that it gives 0.8.

    When nothing is found and the picture is larger, it looks again at 1280, in overlapping tiles: a 32-px face in
    1920x1080 is found in 34 of 36 photos, without the second look in 2. Then it looks at the picture tilted (see
    `look_tilted`). Of 900 faces of FER-2013's Training, which cuts off hair and chin, 22 were missed without tilts and
    weak boxes and 6 with them; on eight pictures without a face nothing was added, on 34 photos whose faces were
    painted over two boxes. When nothing scores 0.91, as it does in 35 of 36 upright photos, it also looks at the
    picture turned (see `best_way_up`). A picture without a face thus takes six looks, a large one more. Darkness is no
    problem (34 of 36 photos at 8 % brightness): no retry for it.

    Args:
        retries: Look again when nothing is found, or nothing sure; turn it off for video, where the next frame is the
            second look.
        longer_side_px: Bring the picture down to this instead; at most 640.
        threads: Threads that one look may use.

    Raises:
        WeightsMissingError: the file has not been pulled.
        ChecksumError: what is in its place is something else.
    """

    name = "yunet"

    def __init__(self, *, retries: bool = True, longer_side_px: int = _SIDE_PX, threads: int = THREADS) -> None:
        self._session = open_session(_of_any_size(content_of("yunet")), threads=threads)
        self._onet = open_session(mtcnn_nets()[2], threads=threads)
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
        if not len(found) and max(frame_rgb.shape) > self._longer_side_px:
            large = shrunk(frame_rgb, longer_side_px=_SECOND_LONGER_SIDE_PX)
            found = self._look(large).scaled(small.shape[1] / large.shape[1], small.shape[0] / large.shape[0])
        if not len(found):
            found = look_tilted(small, self._look, min_score=_WEAK_SCORE)
        return best_way_up(found, small, self._look, sure_score=_SURE_SCORE, min_score=_TURNED_SCORE)

    def _look(self, picture: Picture) -> Candidates:
        """One pass over a picture at the size it has, in overlapping tiles where it is larger than the network."""
        height, width = picture.shape[:2]
        tiles = [self._look_at_tile(picture, left, top) for top in _tile_starts(height) for left in _tile_starts(width)]
        found = Candidates(
            np.vstack([tile.boxes_xyxy for tile in tiles]),
            np.hstack([tile.scores for tile in tiles]),
            np.vstack([tile.points_xy for tile in tiles]),
        )
        return self._credible(found.only(drop_overlapping(found.boxes_xyxy, found.scores, iou=_MAX_IOU)), picture)

    def _credible(self, found: Candidates, picture: Picture) -> Candidates:
        """Without the weak boxes that another network does not confirm and the doubtful ones that it refutes."""
        doubtful = np.flatnonzero(found.scores < _DOUBTFUL_SCORE)
        if len(doubtful) == 0:
            return found
        opinions = second_opinions(self._onet, picture, found.boxes_xyxy[doubtful])
        asked = np.where(found.scores[doubtful] < _WEAK_SCORE, _CONFIRMED_FROM, _REFUTED_BELOW)
        return found.only(np.setdiff1d(np.arange(len(found)), doubtful[opinions < asked]))

    def _look_at_tile(self, picture: Picture, left: int, top: int) -> Candidates:
        """Candidates in one tile of the picture, in the picture's pixels; black where the grid leaves it."""
        part = picture[top : top + _SIDE_PX, left : left + _SIDE_PX]
        height, width = (-(-side // _GRID_PX) * _GRID_PX for side in part.shape[:2])
        tile = np.zeros((1, 3, height, width), np.float32)  # BGR in 0..255
        for plane, channel in zip(tile[0, ::-1], cv2.split(part), strict=True):
            plane[: part.shape[0], : part.shape[1]] = channel
        outputs = dict(zip(_OUTPUTS, self._session.run(_OUTPUTS, {"input": tile}), strict=True))
        grids = [_decoded(outputs, stride, columns=width // stride) for stride in _STRIDES_PX]
        corner = np.array([left, top], np.float32)
        return Candidates(
            np.vstack([grid.boxes_xyxy for grid in grids]) + np.tile(corner, 2),
            np.hstack([grid.scores for grid in grids]),
            np.vstack([grid.points_xy for grid in grids]) + corner,
        )


def _of_any_size(model: bytes) -> bytes:
    """The 2023mar file with its input's sides freed: it states 640x640, but no layer depends on that.

    A side of 640 is stated in the bytes 08 80 05 (`dim_value`), a free one in 12 01 and a letter (`dim_param`); in the
    file with the pinned SHA-256 the former stand twice, for height and width. A picture of 640x480 then costs three
    quarters of a square.
    """
    fixed, height, width = b"\x08\x80\x05", b"\x12\x01h", b"\x12\x01w"
    return model.replace(fixed, height, 1).replace(fixed, width, 1)


def _tile_starts(length_px: int) -> list[int]:
    """Where tiles begin that cover a length, evenly spread."""
    if length_px <= _SIDE_PX:
        return [0]
    count = -(-(length_px - _TILE_OVERLAP_PX) // (_SIDE_PX - _TILE_OVERLAP_PX))
    return [round(index * (length_px - _SIDE_PX) / (count - 1)) for index in range(count)]


def _decoded(outputs: dict[str, NDArray[np.float32]], stride_px: int, *, columns: int) -> Candidates:
    """One grid's cells that score high enough."""
    is_face, is_object, sizes, points = (outputs[f"{kind}_{stride_px}"][0] for kind in ("cls", "obj", "bbox", "kps"))
    scores = np.sqrt(np.clip(is_face[:, 0], 0, 1) * np.clip(is_object[:, 0], 0, 1))
    cells = np.flatnonzero(scores >= _MIN_SCORE)
    row, column = np.divmod(cells, columns)
    corners = np.stack([column, row], axis=1).astype(np.float32)
    centres = (corners + sizes[cells, :2]) * stride_px
    halves = np.exp(sizes[cells, 2:]) * (stride_px / 2)
    points_xy = (corners[:, None] + points[cells].reshape(-1, 5, 2)) * stride_px
    return Candidates(np.hstack([centres - halves, centres + halves]), scores[cells], points_xy)
