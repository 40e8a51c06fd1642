"""What clients send, taken in within limits: of bytes, of time, and of how many send at once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import HTTPException, Request
from starlette.datastructures import UploadFile
from starlette.types import Message, Receive

from mien.errors import ServiceBusyError
from mien.server.settings import Settings

__all__ = ["Uploads"]

_MEGABYTE = 1_000_000
_ENVELOPE_BYTES = 10_000  # of a multipart body, around its one file
_RETRY_AFTER_S = 2.0


class Uploads:
    """The door for bodies of requests.

    A slow client holds a place here and nothing else: no reader waits for it, and no client takes more than half of
    the places.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._by_client: Counter[str] = Counter()

    async def photo(self, request: Request) -> bytes:
        """The one file that a request brings, raw or as multipart.

        Raises:
            HTTPException: too large, too slow, empty, or not one file.
            ServiceBusyError: too many uploads.
        """
        limit = self._settings.max_photo_bytes
        async with self._place(request):
            if not is_multipart(request):
                pieces = [piece async for piece in self.pieces(request, limit)]
                return _not_empty(b"".join(pieces))
            limited = Request(request.scope, self._limited(request.receive, limit + _ENVELOPE_BYTES))
            check_declared(request, limit + _ENVELOPE_BYTES)
            async with limited.form(max_files=1, max_fields=0) as form:
                files = [value for value in form.values() if isinstance(value, UploadFile)]
                if len(files) != 1:
                    raise HTTPException(422, f"expected one file in the form, got {len(files)}")
                photo = await files[0].read()
            if len(photo) > limit:
                raise too_large(limit)
            return _not_empty(photo)

    async def pieces(self, request: Request, limit: int) -> AsyncIterator[bytes]:
        """A raw body, piece by piece."""
        check_declared(request, limit)
        receive = self._limited(request.receive, limit)
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise HTTPException(400, "the upload was broken off")
            yield message.get("body", b"")
            more = message.get("more_body", False)

    @asynccontextmanager
    async def _place(self, request: Request) -> AsyncIterator[None]:
        """A place among the uploads; given back when the body is in."""
        client = request.client.host if request.client else ""
        if self._by_client.total() >= self._settings.uploads or self._by_client[client] >= self._settings.uploads // 2:
            raise ServiceBusyError("too many uploads at a time: try again", retry_after_s=_RETRY_AFTER_S)
        self._by_client[client] += 1
        try:
            yield
        finally:
            self._by_client[client] -= 1
            if not self._by_client[client]:
                del self._by_client[client]

    def _limited(self, receive: Receive, limit: int) -> Receive:
        """`receive`, which refuses a body that grows beyond `limit` or comes too slowly."""
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
            if taken > limit:
                raise too_large(limit)
            return message

        return receive_limited


def is_multipart(request: Request) -> bool:
    """Whether the body is a form with files."""
    return request.headers.get("content-type", "").lower().startswith("multipart/form-data")


def check_declared(request: Request, limit: int) -> None:
    """Refuse a body by the length that it declares, before a byte of it is taken in."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise too_large(limit)


def too_large(limit: int) -> HTTPException:
    """The refusal of a body."""
    return HTTPException(413, f"expected at most {limit:,} bytes, got more: scale it down")


def _not_empty(photo: bytes) -> bytes:
    if not photo:
        raise HTTPException(422, "expected a picture, got an empty body: send a file's bytes, or a form with one file")
    return photo
