"""The service as a process: a socket that listens, guarded connections, and a stop with grace."""

import logging
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from mien.server.connections import guarded_protocols
from mien.server.settings import Settings
from mien.server.sockets import FRAME_HEADER

__all__ = ["Service"]

LOG = logging.getLogger("mien.server")

_MOST_HEAD_BYTES = 32_768


class Service(uvicorn.Server):
    """Runs an application until it is told to stop; `started` says whether it ever ran.

    Args:
        app: What answers.
        settings: What the operator chose.
        on_stop: Called when the stop begins, while requests still have their grace.
    """

    def __init__(self, app: FastAPI, settings: Settings, *, on_stop: Callable[[], None] | None = None) -> None:
        self._on_stop = on_stop
        http, web_socket = guarded_protocols(settings)
        config = uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            http=http,
            ws=web_socket,
            ws_max_size=settings.max_frame_bytes + FRAME_HEADER.size,
            ws_per_message_deflate=False,  # pictures are compressed already
            h11_max_incomplete_event_size=_MOST_HEAD_BYTES,
            access_log=False,  # it would log paths; the service logs routes
            log_config=None,
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=list(settings.trusted_proxies),
            timeout_graceful_shutdown=max(1, round(settings.stop_grace_s)),
        )
        super().__init__(config)
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)  # it would log sockets' paths and addresses

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say where it listens."""
        await super().startup(sockets=sockets)
        for listener in (listener for server in self.servers for listener in server.sockets):
            host, port = listener.getsockname()[:2]
            LOG.info("listening at http://%s:%d", f"[{host}]" if ":" in host else host, port)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let requests end, and whatever else was told of the stop, within the same grace."""
        LOG.info("stopping")
        if self._on_stop is not None:
            self._on_stop()
        await super().shutdown(sockets=sockets)
