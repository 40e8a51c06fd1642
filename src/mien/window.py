"""A camera in a plain window of its own, read as it goes.

The window shows every picture that comes, with the newest reading there is: a thread makes readings as fast as it can,
each of the picture that is newest then, and the picture never waits for it.
"""

import os
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.draw import draw
from mien.errors import WindowError
from mien.media.videos import Frame
from mien.results import FrameReading
from mien.session import Session

__all__ = ["Window", "open_window", "show_live"]

_CLOSING_S = 5.0
_QUIT_KEYS = frozenset({ord("q"), ord("Q"), 27})


class Window(Protocol):
    """Where pictures are shown."""

    def show(self, frame_rgb: NDArray[np.uint8]) -> bool:
        """Show a picture in place of the last one; False once the user has closed it."""
        ...


@contextmanager
def open_window(title: str) -> Iterator[Window]:
    """A window of the desktop, gone at the end.

    Raises:
        WindowError: there is no desktop, or the OpenCV that is installed has no windows.
    """
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise WindowError("expected a desktop for the window, got none: run mien live without --window, for a page")
    try:
        cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
    except cv2.error:
        raise WindowError(
            "expected an OpenCV with windows, got one without: run mien live without --window, for a page, or"
            ' pip install --force-reinstall --no-deps "opencv-python<5"'
        ) from None
    try:
        yield _DesktopWindow(title)
    finally:
        cv2.destroyAllWindows()


class _DesktopWindow:
    def __init__(self, title: str) -> None:
        self._title = title
        self._sized = False

    def show(self, frame_rgb: NDArray[np.uint8]) -> bool:
        if not self._sized:
            cv2.resizeWindow(self._title, frame_rgb.shape[1], frame_rgb.shape[0])
            self._sized = True
        cv2.imshow(self._title, cv2.cvtColor(frame_rgb, cv2.COLOR_RGB2BGR))
        pressed = cv2.waitKey(1) & 0xFF
        return pressed not in _QUIT_KEYS and cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) >= 1


def show_live(frames: Iterable[Frame], session: Session, window: Window) -> None:
    """Show frames as they come, read as fast as it goes, until they end or the window is closed.

    Args:
        frames: The newest of a camera, as `mien.media.cameras.open_camera` gives them.
        session: Reads them; not to be used by anybody else meanwhile.
        window: Where.

    Raises:
        MediaError: the camera broke off.
    """
    reader = _Reader(session)
    try:
        for frame in frames:
            reader.put(frame)
            reading = reader.reading
            fits = reading is not None and reading.size_wh == frame.pixels_rgb.shape[1::-1]
            if not window.show(draw(frame.pixels_rgb, reading) if reading is not None and fits else frame.pixels_rgb):
                break
    finally:
        reader.close()


class _Reader:
    """Reads the newest frame, again and again, in a thread of its own."""

    def __init__(self, session: Session) -> None:
        self.reading: FrameReading | None = None
        self._session = session
        self._changed = threading.Condition()
        self._newest: Frame | None = None
        self._closed = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._read, name="mien-read", daemon=True)
        self._thread.start()

    def put(self, frame: Frame) -> None:
        """What is to be read next, in place of a frame that has not been begun.

        Raises what reading raised, if it did.
        """
        if self._error is not None:
            raise self._error
        with self._changed:
            self._newest = frame
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(_CLOSING_S)

    def _read(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._newest is not None)
                frame, self._newest = self._newest, None
            if self._closed or frame is None:
                return
            try:
                self.reading = self._session.read(frame.pixels_rgb, time_s=frame.time_s, index=frame.index)
            except Exception as error:  # noqa: BLE001  raised again where frames are put
                self._error = error
                return
