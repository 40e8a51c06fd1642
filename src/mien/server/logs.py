"""One line a request, without pictures, names of files, addresses of clients or tokens."""

import asyncio
import logging
import time
from typing import Protocol

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Observer", "RequestLog"]

LOG = logging.getLogger("mien.server")

_SWITCHED, _FORBIDDEN = 101, 403  # what a socket's request was answered with


class Observer(Protocol):
    """Who is told of each request that was answered."""

    def observe(self, *, method: str, route: str, status: int, spent_s: float) -> None:
        """Take note of one answer."""
        ...


class RequestLog:
    """ASGI middleware that logs each answer under the pattern of its route, never under the path itself.

    A request that is cancelled, because the service stops and its grace is over, is answered with 503 here: further in
    nothing can be sent any more.
    """

    def __init__(self, app: ASGIApp, *, observer: Observer) -> None:
        self._app, self._observer = app, observer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        began_s = time.perf_counter()
        status: int | None = None

        async def send_noting(message: Message) -> None:
            nonlocal status
            match message["type"]:
                case "http.response.start":
                    status = message["status"]
                case "websocket.accept":
                    status = _SWITCHED
                case "websocket.close":
                    status = status or _FORBIDDEN
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        except asyncio.CancelledError:
            if status is not None or scope["type"] != "http":
                raise
            stopping = {"error": "the service is stopping: try again when it is back"}
            await JSONResponse(stopping, 503, headers={"retry-after": "5"})(scope, receive, send_noting)
        finally:
            spent_s = time.perf_counter() - began_s
            route = getattr(scope.get("route"), "path", "-")
            method, status = scope.get("method", "WS"), status or 500
            if scope["type"] == "http":
                self._observer.observe(method=method, route=route, status=status, spent_s=spent_s)
            LOG.info("%s %s %d %.0f ms", method, route, status, spent_s * 1000)
