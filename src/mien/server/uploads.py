"""What clients send, taken in within limits: of bytes, of time, and of how many send at once."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from fastapi import HTTPException, Request
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from mien.server.places import Places
from mien.server.security import client_of
from mien.server.settings import Settings

__all__ = ["Uploads"]

_MEGABYTE = 1_000_000
_PIECE_BYTES = 1 << 20
_ENVELOPE_BYTES = 10_000  # of a multipart body, around its one file
_RETRY_AFTER_S = 2.0
_BUSY = "too many uploads at a time: try again"


class Uploads:
    """The door for bodies of requests.

    A slow client holds a place here and nothing else: no reader waits for it, and no client takes more than half of
    the places.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._places = Places(settings.uploads)

    async def photo(self, request: Request) -> bytes:
        """The one file that a request brings, raw or as a form.

        Raises:
            HTTPException: too large, too slow, empty, broken off, or not one file.
            ServiceBusyError: too many uploads.
        """
        whole = io.BytesIO()
        await self._take(request, whole, self._settings.max_photo_bytes)
        return whole.getvalue()

    async def video(self, request: Request, path: Path) -> None:
        """Write the one file that a request brings to `path`.

        Raises:
            HTTPException: as `photo`.
            ServiceBusyError: too many uploads.
        """
        with path.open("wb") as file:
            await self._take(request, file, self._settings.max_video_bytes)

    async def _take(self, request: Request, sink: BinaryIO, limit: int) -> None:
        taken = 0
        with self._places.place(client_of(request.scope), busy=_BUSY, retry_after_s=_RETRY_AFTER_S):
            async for piece in self._pieces(request, limit):
                taken += len(piece)
                if taken > limit:
                    raise _too_large(limit)
                await asyncio.to_thread(sink.write, piece) if len(piece) == _PIECE_BYTES else sink.write(piece)
        if not taken:
            raise HTTPException(422, "expected a file, got an empty body: send its bytes, or a form with one file")

    async def _pieces(self, request: Request, limit: int) -> AsyncIterator[bytes]:
        """The file in a request's body."""
        is_form = request.headers.get("content-type", "").lower().startswith("multipart/form-data")
        most = limit + _ENVELOPE_BYTES if is_form else limit
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > most:  # before a byte of it is taken in
            raise _too_large(limit)
        limited = Request(request.scope, self._limited(request.receive, most, limit))
        try:
            if not is_form:
                async for piece in limited.stream():
                    yield piece
                return
            async with limited.form(max_files=1, max_fields=0) as form:
                files = [value for value in form.values() if isinstance(value, UploadFile)]
                if len(files) != 1:
                    raise HTTPException(422, f"expected one file in the form, got {len(files)}")
                while piece := await files[0].read(_PIECE_BYTES):
                    yield piece
        except ClientDisconnect:
            raise HTTPException(400, "the upload was broken off") from None

    def _limited(self, receive: Receive, most: int, limit: int) -> Receive:
        """`receive`, which refuses a body that grows beyond `most` bytes or comes too slowly."""
        taken = 0
        deadline_s = asyncio.get_running_loop().time() + self._settings.upload_timeout_s

        async def receive_limited() -> Message:
            nonlocal taken, deadline_s
            try:
                async with asyncio.timeout_at(deadline_s):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(
                    408, f"expected each megabyte within {self._settings.upload_timeout_s:g} s, got less: try again"
                ) from None
            size = len(message.get("body", b""))
            if (taken + size) // _MEGABYTE > taken // _MEGABYTE:
                deadline_s = asyncio.get_running_loop().time() + self._settings.upload_timeout_s
            taken += size
            if taken > most:
                raise _too_large(limit)
            return message

        return receive_limited


def _too_large(limit: int) -> HTTPException:
    return HTTPException(413, f"expected at most {limit:,} bytes, got more: scale it down or cut it")
