"""What both kinds of live socket share: how a picture and a reading travel, and that the newest picture wins."""

import asyncio
import json
import struct
from typing import Generic, Protocol, TypeVar

from starlette.websockets import WebSocket, WebSocketDisconnect

__all__ = ["FRAME_HEADER", "Newest", "StreamReader", "next_message", "reading_text", "tell", "tell_error"]

FRAME_HEADER = struct.Struct(">d")
"""What stands before a picture on the socket: when it was taken, in milliseconds of the sender's clock."""

_ABNORMAL = 1006  # WebSocket close code (RFC 6455)
_SEND_TIMEOUT_S = 10.0  # a client that takes nothing for so long is cut off

T = TypeVar("T")


class StreamReader(Protocol):
    """Reads the pictures of one stream one after the other, and knows its faces again."""

    async def read(self, picture: bytes, *, time_s: float) -> bytes:
        """The reading of the next picture as JSON; `MediaError` if it is none."""
        ...

    async def aclose(self) -> None:
        """Forget the stream."""
        ...


class Newest(Generic[T]):
    """Hands one task the newest of what another puts in; what is overtaken is dropped."""

    def __init__(self) -> None:
        self._items: list[T] = []
        self._filled = asyncio.Event()

    def put(self, item: T) -> None:
        """Replace what was not taken yet."""
        self._items = [item]
        self._filled.set()

    async def take(self) -> T:
        """The newest item, waited for."""
        await self._filled.wait()
        self._filled.clear()
        return self._items.pop()


async def next_message(socket: WebSocket) -> bytes | str:
    """The next message of a client.

    Raises:
        WebSocketDisconnect: there is none any more.
    """
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    content: bytes | str | None = message.get("bytes")
    return message["text"] if content is None else content


def reading_text(reading: bytes, captured_ms: float, *, spent_s: float) -> str:
    """The message that carries a reading, itself JSON already."""
    head = json.dumps({"type": "reading", "captured_ms": captured_ms, "spent_ms": 1000 * spent_s})
    return f'{head[:-1]}, "reading": {reading.decode()}}}'


async def tell(socket: WebSocket, message: str | bytes) -> None:
    """Send a message.

    Raises:
        TimeoutError: the client takes nothing.
        WebSocketDisconnect: it is gone.
    """
    try:
        async with asyncio.timeout(_SEND_TIMEOUT_S):
            await (socket.send_text(message) if isinstance(message, str) else socket.send_bytes(message))
    except RuntimeError:  # how Starlette says that another task has found it closed
        raise WebSocketDisconnect(_ABNORMAL) from None


async def tell_error(socket: WebSocket, sentence: str, captured_ms: float | None = None) -> None:
    """Say in one sentence what was wrong with a picture, or with all of them."""
    await tell(socket, json.dumps({"type": "error", "captured_ms": captured_ms, "error": sentence}))
