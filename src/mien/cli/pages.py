"""A page that a command opens: a port, an address that is said, and the browser."""

import logging
import socket
import threading
import webbrowser
from urllib.parse import quote

import typer

from mien.results import NOTICE
from mien.server.settings import Settings

__all__ = ["open_page"]


def open_page(verb: str, settings: Settings, *, any_port: bool, browser: bool) -> socket.socket:
    """Listen, say where, and open the browser there.

    Args:
        verb: Which command it is, such as "mien live".
        settings: Address, port and token.
        any_port: Take a free port if that of the settings is taken.
        browser: Open it; else the address is only said.

    Returns:
        The socket on which the page is to be served.

    Raises:
        OSError: the port is taken.
    """
    listener = _listener(settings, any_port=any_port)
    address = f"http://{_shown_host(settings.host)}:{listener.getsockname()[1]}/"
    typer.echo(f"{verb}: {address} (Ctrl-C ends it)\n{NOTICE}", err=True)
    if browser:
        # The socket listens already: a browser that is quicker than the model waits. In a thread, since a browser
        # for the terminal returns only at its end.
        entrance = f"{address}login?token={quote(settings.token)}" if settings.token else address
        threading.Thread(target=webbrowser.open, args=[entrance], daemon=True).start()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    return listener


def _listener(settings: Settings, *, any_port: bool) -> socket.socket:
    """A socket on the port of the settings, or on a free one if that is taken and none was asked for."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family)
    except OSError:
        if not any_port:
            raise
    return socket.create_server((settings.host, 0), family=family)


def _shown_host(host: str) -> str:
    """A name by which a browser on this machine reaches an address that is listened on."""
    if host in {"0.0.0.0", "::", "127.0.0.1"}:  # noqa: S104  compared with, not bound to
        return "localhost"  # browsers open the camera there, without https
    return f"[{host}]" if ":" in host else host
