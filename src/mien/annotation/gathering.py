"""From photos and videos to faces that wait for a label; what was gathered is not gathered again."""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.annotation.store import FoundFace, LabelStore
from mien.errors import MediaError
from mien.faces.align import face_crop
from mien.media.finding import is_video
from mien.media.photos import load_photo
from mien.media.videos import Place, open_video
from mien.preprocess import to_input
from mien.session import FaceReader, Found

__all__ = ["SMALLEST_PX", "gather"]

SMALLEST_PX = 24.0
"""Smaller faces are not asked about: viewers cannot tell either."""

_SHOWN_PX, _SHOWN_SCALE = 320, 1.5  # people judge a face better with some of what is around it
_KEEP_EVERY_S = 10.0  # of video: so much at most is gathered anew after a stop


def gather(
    store: LabelStore,
    reader: FaceReader,
    source: Path | str,
    *,
    every_s: float = 1.0,
    on_time: Callable[[float], None] | None = None,
) -> int:
    """Find the faces of a photo or video and put those that are new into the store.

    Args:
        store: Where they go; it remembers how far each source is, so that a stop costs seconds.
        reader: Finds faces, and knows how the model wants them framed.
        source: The file, or the address of one.
        every_s: Of a video, look at one frame in so many seconds; 0 looks at all.
        on_time: Told the time of each frame of a video.

    Returns:
        How many were added.

    Raises:
        MediaError: the file cannot be read; what was found before stays.
    """
    name = source if isinstance(source, str) else str(source.resolve())
    after, done = store.progress_of(name)
    if done:
        return 0
    if not is_video(source):
        faces = list(_faces(reader, load_photo(source), name, None))
        store.add(name, faces, done=True)
        return len(faces)
    found: list[FoundFace] = []
    added, kept_s = 0, after[1] if after else 0.0
    with open_video(source, every_s=every_s or None, after=Place(*after) if after else None) as frames:
        try:
            for frame in frames:
                found += _faces(reader, frame.pixels_rgb, name, frame.time_s)
                after = (frame.index, frame.time_s)
                if frame.time_s - kept_s >= _KEEP_EVERY_S:
                    store.add(name, found, after=after)
                    added, found, kept_s = added + len(found), [], frame.time_s
                if on_time is not None:
                    on_time(frame.time_s)
        except MediaError:
            store.add(name, found, after=after)
            raise
    store.add(name, found, after=after, done=True)
    return added + len(found)


def _faces(reader: FaceReader, frame_rgb: NDArray[np.uint8], source: str, time_s: float | None) -> Iterator[FoundFace]:
    for face in Found.by(reader, frame_rgb).faces:
        if face.longer_side_px < SMALLEST_PX:
            continue
        crop = face_crop(frame_rgb, face, scale=reader.options.crop_scale)
        (pixels,) = to_input([crop], reader.classifier.card.input)
        shown = _jpeg(face_crop(frame_rgb, face, scale=_SHOWN_SCALE))
        yield FoundFace(source, time_s, face.box_xyxy, pixels, shown)


def _jpeg(crop: NDArray[np.uint8]) -> bytes:
    """A crop as it is shown: large enough to see, and no larger."""
    scale = _SHOWN_PX / max(crop.shape[:2])
    if scale < 1:
        crop = np.asarray(cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(crop, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_JPEG_QUALITY, 92))
    return encoded.tobytes()
