"""The live socket: pictures in, readings out, and no client waits for another.

A page sends one picture and waits for its reading before it sends the next, so there is never more than one of its
pictures under way. One that sends more loses the older ones: the newest picture wins. Every socket has its own state
(who is who, what is steady) and its own task; whose picture is read next is the readers' to decide.

    page -> server   binary: when it was taken (8 bytes, big-endian float64, milliseconds), then a JPEG, PNG or WebP
    server -> page   {"type": "hello", ...}     first of all: what a page has to know, as `GET /v1/about` says it
                     {"type": "reading", "captured_ms": ..., "spent_ms": ..., "reading": FrameReading.to_dict()}
                     {"type": "error", "captured_ms": ... or null, "error": one sentence}

What a page may say of one person's own face is in `own_face.py`. Where the service watches a camera of its own,
pictures go the other way: `watching.py`.
"""

import asyncio
import json
import math
import time
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn

from fastapi import APIRouter, Request
from starlette.websockets import WebSocket, WebSocketDisconnect

from mien import __version__
from mien.errors import MediaError, MediaTooLargeError, ServiceError
from mien.results import NOTICE
from mien.server.metrics import Metrics
from mien.server.own_face import obey, tell_profile
from mien.server.places import Places
from mien.server.readers import LiveReader, Readers
from mien.server.schemas import AboutAnswer
from mien.server.security import client_of
from mien.server.settings import Settings
from mien.server.sockets import FRAME_HEADER, Newest, StreamReader, next_message, reading_text, tell, tell_error
from mien.server.watching import OpenCamera, WatchedCamera

__all__ = ["Live", "router"]

router = APIRouter(prefix="/v1")

_TOO_BIG, _SERVICE_RESTART, _TRY_AGAIN_LATER = 1009, 1012, 1013  # WebSocket close codes (RFC 6455, IANA)
_PACE_S = 0.01  # between two messages of a client: it may send no more than anybody can look at
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF")  # JPEG, PNG, WebP


@router.get("/about", response_model=AboutAnswer, tags=["live"], summary="What a page has to know")
async def about(request: Request) -> dict[str, Any]:
    """What reads, in which words and colours, whose camera is shown, and whether to ask for consent first."""
    live: Live = request.app.state.live
    return live.about


@router.websocket("/live")
async def live_socket(socket: WebSocket) -> None:
    """Pictures in, readings out."""
    await socket.app.state.live.serve(socket)


class Live:
    """The live sockets of one service: as many as it may have, each greeted and then left to a conversation.

    Args:
        settings: How many, and how large a picture may be.
        readers: Who reads.
        metrics: Where sockets and readings are counted.
        open_camera: Opens a camera of this machine, which is then what is read; None reads what the pages send.
        profile: Whose profile is read with at first, as JSON; None reads anyone. A page that sends pictures may change
            it for itself.
    """

    def __init__(
        self,
        settings: Settings,
        readers: Readers,
        metrics: Metrics,
        *,
        open_camera: OpenCamera | None = None,
        profile: str | None = None,
    ) -> None:
        self._settings, self._readers, self._metrics, self._profile = settings, readers, metrics, profile
        open_stream = partial(readers.open_live, profile=profile)
        self._camera = WatchedCamera(open_camera, open_stream) if open_camera is not None else None
        self._places = Places(settings.live_clients)

    @property
    def about(self) -> dict[str, Any]:
        """What a page has to know; it is the hello too."""
        reader = self._readers.about
        colours = reader["label_sets"][reader["labels"]]
        return {
            "mien": __version__,
            "notice": NOTICE,
            "model": reader["card"]["name"],
            "detector": reader["detector"],
            "labels": list(colours),
            "colours": colours,
            "camera": "page" if self._camera is None else "service",
            "consent": self._settings.consent,
        }

    async def serve(self, socket: WebSocket) -> None:
        """Answer one socket until either side closes it; who may connect has been checked before."""
        await socket.accept()
        client = client_of(socket.scope)
        if not self._places.enter(client):
            await _part(socket, _TRY_AGAIN_LATER, "too many cameras are being read just now: try again in a minute")
            return
        self._metrics.live_sockets.inc()
        try:
            await tell(socket, json.dumps({"type": "hello", **self.about}))
            if self._camera is not None:
                await self._camera.show(socket)
            else:
                await self._read_for_page(socket)
        except* (WebSocketDisconnect, TimeoutError):
            pass  # it went away, or takes nothing: nothing of it is left
        except* MediaTooLargeError as too_large:
            await _part(socket, _TOO_BIG, str(too_large.exceptions[0]))
        except* ServiceError:  # the service stops: pages come back by themselves
            await _part(socket, _SERVICE_RESTART)
        finally:
            self._places.leave(client)
            self._metrics.live_sockets.dec()

    async def aclose(self) -> None:
        """Close the camera of this machine, if that is what is read."""
        if self._camera is not None:
            await self._camera.aclose()

    async def _read_for_page(self, socket: WebSocket) -> NoReturn:
        """Read the pictures that a page sends, the newest first."""
        pictures: Newest[bytes] = Newest()
        async with self._readers.open_live(profile=self._profile) as stream, asyncio.TaskGroup() as tasks:
            if self._profile is not None:
                await tell_profile(socket, self._profile)
            tasks.create_task(self._answer(socket, stream, pictures))
            await _listen(socket, stream, pictures, max_bytes=self._settings.max_frame_bytes)

    async def _answer(self, socket: WebSocket, stream: StreamReader, pictures: Newest[bytes]) -> NoReturn:
        """Read the newest picture, say how its faces look, and so on."""
        last_ms = -math.inf
        while True:
            message = await pictures.take()
            came_s = time.monotonic()
            captured_ms = None
            try:
                captured_ms = _captured_ms(message, after_ms=last_ms)
                last_ms = captured_ms
                reading = await stream.read(message[FRAME_HEADER.size :], time_s=captured_ms / 1000)
            except MediaError as error:
                await tell_error(socket, str(error), captured_ms)
            else:
                self._metrics.frames.inc()
                await tell(socket, reading_text(reading, captured_ms, spent_s=time.monotonic() - came_s))


async def _part(socket: WebSocket, code: int, sentence: str | None = None) -> None:
    """Close a socket, unless it is closed."""
    with suppress(WebSocketDisconnect, TimeoutError, RuntimeError):  # the last: it is closed already
        if sentence is not None:
            await tell_error(socket, sentence)
        await socket.close(code)


async def _listen(socket: WebSocket, stream: LiveReader, pictures: Newest[bytes], *, max_bytes: int) -> NoReturn:
    """Take pictures and wishes as they come, whatever is being read meanwhile.

    Raises:
        MediaTooLargeError: one has more bytes than it may have.
    """
    while True:
        message = await next_message(socket)
        if not isinstance(message, bytes):
            await obey(socket, stream, message)
        elif len(message) > FRAME_HEADER.size + max_bytes:
            got = f"got {len(message) - FRAME_HEADER.size:,}"
            raise MediaTooLargeError(f"expected a picture of at most {max_bytes:,} bytes, {got}")
        else:
            pictures.put(message)
        await asyncio.sleep(_PACE_S)


def _captured_ms(message: bytes, *, after_ms: float) -> float:
    """When the picture of a message was taken.

    Raises:
        MediaError: there is no time, one not later than the last picture's, or no picture after it.
    """
    if not message[FRAME_HEADER.size :].startswith(_SIGNATURES):
        raise MediaError("expected 8 bytes of time and then a JPEG, PNG or WebP picture, got something else")
    captured_ms: float = FRAME_HEADER.unpack_from(message)[0]
    if not math.isfinite(captured_ms) or captured_ms <= after_ms:
        raise MediaError(f"expected a time in ms later than {after_ms}, the last picture's, got {captured_ms}")
    return captured_ms
