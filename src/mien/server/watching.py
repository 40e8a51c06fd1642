"""A camera of this machine, or one on the network, shown and read live to every page that looks.

Three things go at their own pace: a thread takes pictures at the camera's rate; each page gets the newest one as soon
as it has shown one of those before; and the newest one is read as soon as the reading before is done, once for all
pages. The camera is open only while somebody looks.

    server -> page   binary: when it was taken (8 bytes, big-endian float64, milliseconds), then a JPEG
                     {"type": "reading", ...} and {"type": "error", ...} as in `live.py`
                     {"type": "ended"}: the video that was watched is over
    page -> server   any message, once it has shown a picture
"""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from typing import NoReturn

import cv2
import numpy as np
from numpy.typing import NDArray
from starlette.websockets import WebSocket

from mien.errors import MienError
from mien.server.sockets import FRAME_HEADER, Newest, StreamReader, next_message, reading_text, tell

__all__ = ["OpenCamera", "WatchedCamera"]

OpenCamera = Callable[[], AbstractContextManager[Iterator[NDArray[np.uint8]]]]
"""Opens what is watched: `(height, width, 3)` uint8 RGB pictures, as they are taken; they end where a video does."""

_UNDER_WAY = 2  # pictures sent to a page and not shown yet: one travels while the other is drawn
_RETRY_S = 2.0  # a camera that was pulled out may be back
_CLOSING_S = 5.0
_LONGEST_SIDE_PX = 1280
_JPEG_QUALITY = 88


class _Viewer:
    """One page that looks: what it has not got yet."""

    def __init__(self) -> None:
        self.picture: Newest[bytes] = Newest()
        self.reading: Newest[str] = Newest()
        self.notice: Newest[str] = Newest()
        self.free = asyncio.Semaphore(_UNDER_WAY)


class WatchedCamera:
    """What the pages of one service look at together.

    Args:
        open_camera: Called when the first page comes, and again after a failure.
        open_stream: Makes the state of the stream: who is who, what is steady.
    """

    def __init__(self, open_camera: OpenCamera, open_stream: Callable[[], StreamReader]) -> None:
        self._open_camera, self._open_stream = open_camera, open_stream
        self._viewers: set[_Viewer] = set()
        self._watch: asyncio.Task[None] | None = None

    async def show(self, socket: WebSocket) -> NoReturn:
        """Show it to one page until that leaves; the last one to leave closes the camera."""
        viewer = _Viewer()
        self._viewers.add(viewer)
        if len(self._viewers) == 1 or self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._watch_after(self._watch))
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_send_pictures(socket, viewer))
                tasks.create_task(_send_texts(socket, viewer.reading))
                tasks.create_task(_send_texts(socket, viewer.notice))
                while True:
                    await next_message(socket)
                    viewer.free.release()
        finally:
            self._viewers.discard(viewer)
            if not self._viewers:
                self._watch.cancel()

    async def aclose(self) -> None:
        """Close the camera, for the end of the service."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])

    async def _watch_after(self, last: "asyncio.Task[None] | None") -> None:
        """Take and read pictures until the video is over; a camera that fails is tried again."""
        if last is not None:
            await asyncio.wait([last])  # a camera can be opened once
        stream = self._open_stream()
        taken: Newest[tuple[float, bytes]] = Newest()
        reading = asyncio.create_task(self._read(stream, taken))
        try:
            while True:
                try:
                    await self._take_pictures(taken)
                except (MienError, OSError) as error:
                    self._notify({"type": "error", "captured_ms": None, "error": str(error)})
                    await asyncio.sleep(_RETRY_S)
                else:
                    self._notify({"type": "ended"})
                    return
        finally:
            reading.cancel()
            await stream.aclose()

    async def _take_pictures(self, taken: Newest[tuple[float, bytes]]) -> None:
        """Hand out the camera's pictures, taken in a thread of their own, until they end."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        leave = threading.Event()

        def hand_out(captured_ms: float, jpeg: bytes) -> None:
            taken.put((captured_ms, jpeg))
            for viewer in self._viewers:
                viewer.picture.put(FRAME_HEADER.pack(captured_ms) + jpeg)

        def settle(error: BaseException | None) -> None:
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

        def tell_loop(call: Callable[..., None], *values: object) -> None:
            with suppress(RuntimeError):  # it is closed: nobody looks any more
                loop.call_soon_threadsafe(call, *values)

        def take() -> None:
            failure: BaseException | None = None
            try:
                with self._open_camera() as pictures:
                    for frame_rgb in pictures:
                        if leave.is_set():
                            break
                        tell_loop(hand_out, 1000 * time.monotonic(), _jpeg(frame_rgb))
            except BaseException as error:  # noqa: BLE001  raised again where the thread is waited for
                failure = error
            tell_loop(settle, failure)

        # A daemon: a camera that answers no more must not keep the process from ending.
        threading.Thread(target=take, name="mien-camera", daemon=True).start()
        try:
            await asyncio.shield(done)
        finally:
            leave.set()
            await asyncio.wait([done], timeout=_CLOSING_S)

    async def _read(self, stream: StreamReader, taken: Newest[tuple[float, bytes]]) -> NoReturn:
        """Read the newest picture, tell everybody, and so on."""
        while True:
            captured_ms, jpeg = await taken.take()
            began_s = time.monotonic()
            try:
                reading = await stream.read(jpeg, time_s=captured_ms / 1000)
            except MienError as error:
                self._notify({"type": "error", "captured_ms": captured_ms, "error": str(error)})
                continue
            text = reading_text(reading, captured_ms, spent_s=time.monotonic() - began_s)
            for viewer in self._viewers:
                viewer.reading.put(text)

    def _notify(self, message: dict[str, object]) -> None:
        for viewer in self._viewers:
            viewer.notice.put(json.dumps(message))


async def _send_pictures(socket: WebSocket, viewer: _Viewer) -> NoReturn:
    """The newest picture, as soon as the page has shown one of those before."""
    while True:
        await viewer.free.acquire()
        await tell(socket, await viewer.picture.take())


async def _send_texts(socket: WebSocket, texts: Newest[str]) -> NoReturn:
    while True:
        await tell(socket, await texts.take())


def _jpeg(frame_rgb: NDArray[np.uint8]) -> bytes:
    """A picture as it travels: no larger than a page shows it."""
    height, width = frame_rgb.shape[:2]
    scale = min(1.0, _LONGEST_SIDE_PX / max(width, height))
    if scale < 1:
        size_wh = (round(width * scale), round(height * scale))
        frame_rgb = np.asarray(cv2.resize(frame_rgb, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
    quality = (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY)
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(frame_rgb, cv2.COLOR_RGB2BGR), quality)
    return encoded.tobytes()
