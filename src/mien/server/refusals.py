"""What the service answers when it cannot do what it is asked: every refusal is a sentence in the same form."""

import logging
import sqlite3
from http import HTTPMethod, HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from mien.errors import MediaError, MediaTooLargeError, ServiceBusyError, ServiceError

__all__ = ["answer_refusals"]

LOG = logging.getLogger("mien.server")


def answer_refusals(app: FastAPI) -> None:
    """Give an application its answers to what goes wrong: `{"error": one sentence}` with the status that fits."""

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        headers = {name.lower(): value for name, value in (error.headers or {}).items()}
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["allow"] = _allowed_methods(request)
        return JSONResponse({"error": str(error.detail)}, error.status_code, headers=headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        return JSONResponse({"error": f"{'.'.join(map(str, first['loc']))}: {first['msg']}"}, 422)

    @app.exception_handler(MediaError)
    async def unreadable(_: Request, error: MediaError) -> Response:
        return JSONResponse({"error": str(error)}, 413 if isinstance(error, MediaTooLargeError) else 422)

    @app.exception_handler(ServiceError)
    async def busy(_: Request, error: ServiceError) -> Response:
        wait_s = error.retry_after_s if isinstance(error, ServiceBusyError) else 5.0
        return JSONResponse({"error": str(error)}, 503, headers={"retry-after": str(max(1, round(wait_s)))})

    @app.exception_handler(OSError)
    @app.exception_handler(sqlite3.Error)
    async def no_room(_: Request, error: Exception) -> Response:
        LOG.error("a request could not be answered: %s", getattr(error, "strerror", None) or type(error).__name__)
        sentence = "the service cannot write to its disk just now: try again later"
        return JSONResponse({"error": sentence}, 503, headers={"retry-after": "30"})

    @app.exception_handler(Exception)
    async def failed(_: Request, __: Exception) -> Response:
        return JSONResponse({"error": "the service failed at this request, and has logged why: tell its operator"}, 500)


def _allowed_methods(request: Request) -> str:
    """Every method that the path of a request takes; Starlette names those of one route only."""
    routes = request.app.router.routes
    allowed = [
        method
        for method in HTTPMethod
        if any(route.matches({**request.scope, "method": method.value})[0] is Match.FULL for route in routes)
    ]
    return ", ".join(allowed or ("GET", "HEAD"))  # of a page
