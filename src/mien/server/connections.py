"""What a connection may take outside its requests: a place, time for a head, patience with a slow reader.

uvicorn alone waits for ever for the rest of a request's head, and for a client that takes no answer: some hundreds of
such connections would leave no room for anybody else.
"""

import asyncio
import json

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from mien.server.places import Places
from mien.server.security import client_of
from mien.server.settings import Settings

__all__ = ["guarded_protocols"]

_PROXIES = "proxies"
_BUSY = json.dumps({"error": "too many connections at a time: try again"}).encode()
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\ncontent-type: application/json\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(_BUSY), _BUSY)
)


def guarded_protocols(settings: Settings) -> tuple[type[asyncio.Protocol], type[asyncio.Protocol]]:
    """The protocols of uvicorn for HTTP, and for the WebSocket that a connection may become, with these guards.

    Args:
        settings: `connections` says how many there may be, `upload_timeout_s` how long is waited.
    """
    places = Places(settings.connections, exempt=(_PROXIES,))
    patience_s = settings.upload_timeout_s

    def holder_of(client: tuple[str, int] | None) -> str:
        """Who holds the place: a client, or the proxies together, behind which are many."""
        return _PROXIES if settings.trusted_proxies else client_of({"client": client})

    class StallGuard(asyncio.Protocol):
        """Gives up a client that takes nothing for too long."""

        loop: asyncio.AbstractEventLoop
        transport: asyncio.Transport
        _stall: asyncio.TimerHandle | None = None

        def pause_writing(self) -> None:
            self._stall = self.loop.call_later(patience_s, self.transport.abort)
            super().pause_writing()

        def resume_writing(self) -> None:
            _cancel(self._stall)
            super().resume_writing()

        def connection_lost(self, exc: Exception | None) -> None:
            _cancel(self._stall)
            super().connection_lost(exc)

    class Http(StallGuard, H11Protocol):
        _has_place = False
        _impatience: asyncio.TimerHandle | None = None  # while the head of a request is awaited

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._has_place = places.enter(holder_of(self.client))
            if self._has_place:
                self._await_head()
            else:
                transport.write(_FULL)
                transport.close()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.conn.their_state is not h11.IDLE:
                _cancel(self._impatience)
                self._impatience = None
            elif self._impatience is None:
                self._await_head()

        def connection_lost(self, exc: Exception | None) -> None:
            _cancel(self._impatience)
            if self._has_place:
                places.leave(holder_of(self.client))
            super().connection_lost(exc)

        def _await_head(self) -> None:
            self._impatience = self.loop.call_later(patience_s, self.transport.abort)

    class Socket(StallGuard, WebSocketsSansIOProtocol):
        """Takes over the connection, and the place, of an `Http`."""

        def connection_lost(self, exc: Exception | None) -> None:
            places.leave(holder_of(self.client))
            super().connection_lost(exc)

    return Http, Socket


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
