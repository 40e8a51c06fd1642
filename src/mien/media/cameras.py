"""Frames as they happen: a camera of this machine, a network stream, or a file played at its own pace.

Whoever reads them gets the newest frame and never waits behind old ones: a thread takes every frame as it comes, and
those that nobody asked for in time are dropped, not converted.
"""

import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast
from urllib.parse import urlsplit

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.errors import MediaError, MissingExtraError
from mien.media.videos import Frame, open_video

if TYPE_CHECKING:
    from av import VideoFrame

__all__ = ["Camera", "open_camera"]

_SCHEMES = frozenset({"rtsp", "rtsps", "rtmp", "http", "https", "udp", "srt"})
_TIMEOUT_S = 10.0


@dataclass(frozen=True, eq=False)
class _Captured:
    """A frame that has come and may not be wanted."""

    index: int
    time_s: float
    pixels_rgb: Callable[[], NDArray[np.uint8]]


def open_camera(source: int | str | Path, *, max_side_px: int | None = None) -> "Camera":
    """Open a camera or stream; its frames come from now on.

    Args:
        source: Number of a camera of this machine from 0, also as text; the address of a stream (rtsp, rtmp, http,
            udp, srt), which needs PyAV; or a video file, which is played at its own pace and ends.
        max_side_px: Scale frames down so that the longer side is at most this.

    Raises:
        MediaError: there is no such camera, stream or file, or it may not be used.
        MissingExtraError: PyAV is needed and not installed.
        ValueError: a number out of range.
    """
    if max_side_px is not None and max_side_px < 1:
        raise ValueError(f"max_side_px must be 1 or more, got {max_side_px}")
    text = str(source).strip()
    stopping = threading.Event()
    if text.isdecimal():
        frames = _camera_frames(int(text))
    elif urlsplit(text).scheme.lower() in _SCHEMES and not isinstance(source, Path):
        frames = _stream_frames(text, stopping)
    else:
        frames = _file_frames(Path(source if isinstance(source, Path) else text), stopping)
    return Camera(text, frames, stopping, max_side_px)


class Camera:
    """The newest frames of a camera or stream; made by `open_camera`, and a context manager that closes it.

    Iterating waits for a frame newer than the last. `index` counts all frames that came, `time_s` the seconds since
    the first; of a file they are its own.
    """

    def __init__(
        self, name: str, frames: Generator[_Captured], stopping: threading.Event, max_side_px: int | None
    ) -> None:
        self._name, self._frames, self._stopping, self._max_side_px = name, frames, stopping, max_side_px
        self._changed = threading.Condition()
        self._newest: _Captured | None = next(frames, None)  # here and now, so that what is wrong is said at once
        if self._newest is None:
            raise MediaError(f"{name}: expected frames, got none: check that it is switched on")
        self._dropped = 0
        self._ended = False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._take_all, name=f"mien camera {name}", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Frame:
        """The newest frame, once.

        Raises:
            MediaError: it broke off.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not None or self._ended)
            captured, self._newest = self._newest, None
            if captured is None:
                if self._error is not None and not self._stopping.is_set():
                    raise self._error
                raise StopIteration
        return Frame(captured.index, captured.time_s, _scaled(captured.pixels_rgb(), self._max_side_px))

    @property
    def dropped(self) -> int:
        """How many frames came and went because a newer one was there first."""
        return self._dropped

    def close(self) -> None:
        """Let go of the camera; there are no more frames."""
        self._stopping.set()
        self._thread.join(2 * _TIMEOUT_S)
        with self._changed:
            self._newest = None
            self._ended = True
            self._changed.notify_all()

    def _take_all(self) -> None:
        """Keep the newest frame until the end; runs in a thread of its own."""
        try:
            for captured in self._frames:
                with self._changed:
                    self._dropped += self._newest is not None
                    self._newest = captured
                    self._changed.notify_all()
                if self._stopping.is_set():
                    break
        except Exception as error:  # noqa: BLE001  raised again where the frames are read
            self._error = error
        finally:
            self._frames.close()
            with self._changed:
                self._ended = True
                self._changed.notify_all()


def _camera_frames(number: int) -> Generator[_Captured]:
    """What a camera of this machine sees."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # the sentence below says it better
    try:
        capture = cv2.VideoCapture(number)
    finally:
        cv2.utils.logging.setLogLevel(level)
    if not capture.isOpened():
        capture.release()
        raise MediaError(
            f"camera {number}: expected a camera, got none that can be opened: plug it in, close other programs that"
            " use it, and allow this one to"
        )
    try:
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        index, start_s = 0, monotonic()
        while True:
            came, pixels_bgr = capture.read()
            if not came:
                raise MediaError(f"camera {number}: expected frames, got none: it was unplugged or another took it")
            yield _Captured(index, monotonic() - start_s, partial(_from_bgr, pixels_bgr))
            index += 1
    finally:
        capture.release()


def _stream_frames(address: str, stopping: threading.Event) -> Generator[_Captured]:
    """What comes over the network."""
    try:
        import av
    except ImportError as error:
        raise MissingExtraError("reading a stream", extra="video") from error

    shown = _without_password(address)
    options = {"rtsp_transport": "tcp", "fflags": "nobuffer", "flags": "low_delay"}
    try:
        with av.open(address, options=options, timeout=_TIMEOUT_S) as container:
            if not container.streams.video:
                raise MediaError(f"{shown}: expected a video stream, got one without pictures: check the address")
            opened_s, is_live = monotonic(), container.duration is None
            for index, picture in enumerate(container.decode(container.streams.video[0])):
                time_s = picture.time if picture.time is not None and not is_live else monotonic() - opened_s
                if not is_live and stopping.wait(max(0.0, opened_s + time_s - monotonic())):
                    return  # a file, which may come faster than it plays
                yield _Captured(index, time_s, partial(_from_picture, picture))
    except (av.error.FFmpegError, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MediaError(
            f"{shown}: expected a video stream, got none ({reason}): check the address, and that it is sending"
        ) from error


def _file_frames(path: Path, stopping: threading.Event) -> Generator[_Captured]:
    """A video at its own pace."""
    with open_video(path) as video:
        start_s = monotonic() - video.info.start_s
        for frame in video:
            if stopping.wait(max(0.0, start_s + frame.time_s - monotonic())):
                return
            yield _Captured(frame.index, frame.time_s, partial(np.asarray, frame.pixels_rgb))


def _from_bgr(pixels_bgr: cv2.typing.MatLike) -> NDArray[np.uint8]:
    return cast(NDArray[np.uint8], cv2.cvtColor(pixels_bgr, cv2.COLOR_BGR2RGB))


def _from_picture(picture: "VideoFrame") -> NDArray[np.uint8]:
    return cast(NDArray[np.uint8], picture.to_ndarray(format="rgb24"))


def _scaled(pixels_rgb: NDArray[np.uint8], max_side_px: int | None) -> NDArray[np.uint8]:
    """Scaled down to a longer side of at most `max_side_px`."""
    height, width = pixels_rgb.shape[:2]
    if max_side_px is None or max(height, width) <= max_side_px:
        return pixels_rgb
    scale = max_side_px / max(height, width)
    size_wh = max(1, round(width * scale)), max(1, round(height * scale))
    return cast(NDArray[np.uint8], cv2.resize(pixels_rgb, size_wh, interpolation=cv2.INTER_AREA))


def _without_password(address: str) -> str:
    """An address as it may be shown and logged."""
    parts = urlsplit(address)
    if parts.password is None:
        return address
    return parts._replace(netloc=f"{parts.username}:***@{parts.netloc.rpartition('@')[2]}").geturl()
