"""One line a request, without pictures, names of files, addresses of clients or tokens."""

import logging
import time
from typing import Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Observer", "RequestLog"]

LOG = logging.getLogger("mien.server")


class Observer(Protocol):
    """Who is told of each request that was answered."""

    def observe(self, *, method: str, route: str, status: int, spent_s: float) -> None:
        """Take note of one answer."""
        ...


class RequestLog:
    """ASGI middleware that logs each answer under the pattern of its route, never under the path itself."""

    def __init__(self, app: ASGIApp, *, observer: Observer) -> None:
        self._app, self._observer = app, observer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s = time.perf_counter()
        status = 500

        async def send_noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        finally:
            spent_s = time.perf_counter() - began_s
            route = getattr(scope.get("route"), "path", "-")
            self._observer.observe(method=scope["method"], route=route, status=status, spent_s=spent_s)
            LOG.info("%s %s %d %.0f ms", scope["method"], route, status, spent_s * 1000)
