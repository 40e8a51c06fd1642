"""`mien serve`: the service that apps call, and its pages."""

import inspect
import logging
import socket
import sys
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_type_hints

import typer

from mien.errors import MissingExtraError
from mien.server.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from mien.server.watching import OpenCamera

__all__ = ["run_app", "run_service", "serve"]


def run_service(
    settings: Settings,
    *,
    open_camera: "OpenCamera | None" = None,
    profile: str | None = None,
    listener: socket.socket | None = None,
) -> None:
    """Run the service until it is told to stop.

    Args:
        settings: What the operator chose.
        open_camera: Opens the camera that the live page shows; None takes the browser's.
        profile: Whose profile the live page reads with at first, as JSON; None reads anyone.
        listener: An open socket to listen on; None opens one as the settings say.

    Raises:
        MissingExtraError: the server's packages are not installed.
    """
    try:
        from mien.server.app import create_app
    except ImportError as error:
        raise MissingExtraError("the service", extra="server") from error
    app = create_app(settings, open_camera=open_camera, profile=profile)
    run_app(app, settings, listener=listener, on_stop=app.state.video_jobs.begin_stop)


def run_app(
    app: "FastAPI",
    settings: Settings,
    *,
    listener: socket.socket | None = None,
    on_stop: "Callable[[], None] | None" = None,
) -> None:
    """Run an application until it is told to stop; arguments as for `run_service` and `Service`."""
    from mien.server.running import Service

    service = Service(app, settings, on_stop=on_stop)
    with suppress(KeyboardInterrupt):  # it has stopped by then
        service.run(sockets=None if listener is None else [listener])
    if not service.started:
        sys.exit(3)  # why has been logged


def serve(config: Path | None = None, **flags: Any) -> None:
    """Serve photos, videos and live pictures to apps, and pages to people.

    Every setting is a flag here, a variable (MIEN_PORT) and a line of the TOML file that --config names; in this order.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    run_service(Settings.load(flags, file=config))


def _signature() -> inspect.Signature:
    """The parameters of `serve`: the file, then one for each setting."""
    types = get_type_hints(Settings)
    option = typer.Option(help="A TOML file with settings.", dir_okay=False)
    parameters = [_parameter("config", Path, option)]
    for entry in fields(Settings):
        kind = next((part for part in get_args(types[entry.name]) if part is not NoneType), types[entry.name])
        repeated = entry.default == ()
        parameters.append(
            _parameter(entry.name, list[str] if repeated else kind, typer.Option(help=entry.metadata["meaning"]))
        )
    return inspect.Signature(parameters)


def _parameter(name: str, kind: Any, option: Any) -> inspect.Parameter:
    annotation = Annotated[kind | None, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


# Typer reads a command's options from its signature: made from the settings, no flag can be forgotten.
serve.__signature__ = _signature()  # type: ignore[attr-defined]
serve.__annotations__ = {name: parameter.annotation for name, parameter in _signature().parameters.items()}
