"""`/login`: a token into a cookie, for people; programs send it as a header."""

import asyncio
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.requests import ClientDisconnect

from mien.server.security import COOKIE, cookie_value, token_fits

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

_FORM_BYTES = 4096
_PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>mien · token</title>
  <link rel="icon" href="mark.svg" type="image/svg+xml">
  <link rel="stylesheet" href="style.css">
</head>
<body class="door">
  <main>
    <h1 class="word">mien</h1>
    <p role="status">{sentence}</p>
    <form method="post" action="login">
      <label>Token <input type="password" name="token" autocomplete="current-password" required autofocus></label>
      <button class="primary">Enter</button>
    </form>
  </main>
</body>
</html>
"""


@router.get("/login")
async def login_page(request: Request, token: Annotated[str | None, Query(max_length=500)] = None) -> Response:
    """The form; with `?token=` in the link, straight in."""
    if token is not None:
        return _enter(request, token)
    return HTMLResponse(_PAGE.format(sentence="This service asks for a token."))


@router.post("/login")
async def login(request: Request) -> Response:
    """Take the form's token."""
    body = b""
    try:
        async with asyncio.timeout(request.app.state.settings.upload_timeout_s):
            async for piece in request.stream():
                body += piece
                if len(body) > _FORM_BYTES:
                    return _refused()
    except (TimeoutError, ClientDisconnect):
        raise HTTPException(408, "the form came too slowly: try again") from None
    return _enter(request, parse_qs(body.decode("latin-1")).get("token", [""])[0])


def _enter(request: Request, shown: str) -> Response:
    token: str | None = request.app.state.settings.token
    if token is not None and not token_fits(shown.strip(), token):
        return _refused()
    answer = RedirectResponse("/", status_code=303)
    if token is not None:
        secure = request.url.scheme == "https"
        answer.set_cookie(COOKIE, cookie_value(token), httponly=True, samesite="strict", secure=secure)
    return answer


def _refused() -> Response:
    return HTMLResponse(_PAGE.format(sentence="That is not the token of this service."), status_code=401)
