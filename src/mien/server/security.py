"""Who may ask, from where, and how often; checked before a request reaches any other code.

- **Host**: only names that this service answers to. A page of another site whose name was made to point at this
  machine (DNS rebinding) calls it by that other name.
- **Origin**: a browser says which site's page asks. Other sites may not, neither by fetch, form nor WebSocket; those
  that were named may, with the token in a header, and their pages may read the answers (CORS).
- **Token**: in a header, or in a cookie that /login sets; compared in constant time.
- **Rate**: a bucket per client address that refills steadily.
- **Answers** carry a policy under which a page loads nothing from elsewhere and runs no inline script.
"""

import hashlib
import hmac
import ipaddress
import json
import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mien.server.settings import Settings, is_loopback

__all__ = [
    "COOKIE",
    "OPEN_PATHS",
    "RateLimiter",
    "Security",
    "client_of",
    "cookie_value",
    "is_allowed_host",
    "token_fits",
]

COOKIE = "mien_session"
OPEN_PATHS = frozenset({"/healthz", "/readyz", "/login", "/style.css", "/mark.svg"})
"""What may be asked without a token: it says nothing about anybody."""

_HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
        "connect-src 'self'; font-src 'self'; worker-src 'self'; manifest-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_PREFLIGHT: Mapping[str, str] = {
    "access-control-allow-methods": "GET, POST, DELETE",
    "access-control-allow-headers": "authorization, content-type",
    "access-control-max-age": "600",
}
_POLICY_VIOLATION, _TRY_AGAIN_LATER = 1008, 1013  # WebSocket close codes (RFC 6455, IANA)
_CLIENTS_REMEMBERED = 10_000


class RateLimiter:
    """A bucket of requests per client, refilled steadily.

    Args:
        rate_per_s: Requests a second on average.
        burst: Requests at once.
        clock: Seconds that never run backwards.

    Example:
        >>> limiter = RateLimiter(rate_per_s=2, burst=1, clock=lambda: 0.0)
        >>> limiter.wait_s("a"), limiter.wait_s("a"), limiter.wait_s("b")
        (0.0, 0.5, 0.0)
    """

    def __init__(self, *, rate_per_s: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate_per_s, self._burst, self._clock = rate_per_s, burst, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # client -> tokens, when counted

    def wait_s(self, client: str) -> float:
        """Take one token of the client's bucket: 0, or the seconds until there is one."""
        now = self._clock()
        tokens, counted_s = self._buckets.pop(client, (float(self._burst), now))
        tokens = min(self._burst, tokens + (now - counted_s) * self._rate_per_s)
        wait_s = 0.0 if tokens >= 1 else (1 - tokens) / self._rate_per_s
        self._buckets[client] = (tokens - 1 if tokens >= 1 else tokens, now)
        if len(self._buckets) > _CLIENTS_REMEMBERED:
            self._buckets.popitem(last=False)  # the one not seen for longest: its bucket is full, or nearly
        return wait_s


class Security:
    """ASGI middleware that answers what must not go on with 401, 403, 421 or 429, and closes such sockets."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._limiter = RateLimiter(rate_per_s=settings.rate_per_s, burst=settings.rate_burst)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return

        asks = Headers(scope=scope)
        origin = asks.get("origin")
        is_named = origin in self._settings.allowed_origins

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if origin is not None and is_named:
                    headers["access-control-allow-origin"] = origin
                    headers["access-control-expose-headers"] = "location, retry-after"
                    headers.add_vary_header("origin")
            await send(message)

        refusal = self._refusal(scope, asks)
        is_preflight = scope.get("method") == "OPTIONS" and "access-control-request-method" in asks
        if is_named and is_preflight and (refusal is None or refusal.status == 401):  # it never carries a token
            await PlainTextResponse(status_code=204, headers=_PREFLIGHT)(scope, receive, send_guarded)
        elif refusal is None:
            await self._app(scope, receive, send_guarded)
        elif scope["type"] == "websocket":
            code = _TRY_AGAIN_LATER if refusal.status == 429 else _POLICY_VIOLATION
            await send({"type": "websocket.close", "code": code, "reason": refusal.sentence})
        else:
            await refusal.answer(send_guarded)

    def _refusal(self, scope: Scope, headers: Headers) -> "_Refusal | None":
        """Why a request must not go on, if it must not."""
        settings = self._settings
        host = headers.get("host", "")
        if not is_allowed_host(host, settings):
            return _Refusal(421, "this service does not answer to that host name: name it in allowed_hosts")
        if not _is_allowed_origin(headers, host, scope, settings):
            return _Refusal(403, "pages of other sites may not call this service: name the site in allowed_origins")
        wait_s = self._limiter.wait_s(client_of(scope))
        if wait_s > 0:
            return _Refusal(429, "too many requests from one client: slow down", retry_after_s=wait_s)
        if settings.token is not None and scope["path"] not in OPEN_PATHS and not _shows_token(headers, settings.token):
            to_login = scope["type"] == "http" and scope["method"] == "GET" and "text/html" in headers.get("accept", "")
            return _Refusal(
                401,
                "expected a token, got none or a wrong one: send `Authorization: Bearer ...`, or visit /login",
                to_login=to_login,
            )
        return None


class _Refusal:
    """An answer that ends a request."""

    def __init__(self, status: int, sentence: str, *, retry_after_s: float = 0, to_login: bool = False) -> None:
        self.status, self.sentence = status, sentence
        self._retry_after_s, self._to_login = retry_after_s, to_login

    async def answer(self, send: Send) -> None:
        body = json.dumps({"error": self.sentence}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        status = self.status
        if self._retry_after_s:
            headers.append((b"retry-after", str(max(1, round(self._retry_after_s + 0.5))).encode()))
        if self.status == 401:
            headers.append((b"www-authenticate", b'Bearer realm="mien"'))
        if self._to_login:
            status, body = 303, b""
            headers = [(b"location", b"/login"), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def is_allowed_host(host: str, settings: Settings) -> bool:
    """Whether a `Host` header names this service; any address does, because only a name can be made to point here.

    Example:
        >>> [is_allowed_host(host, Settings()) for host in ("localhost:80", "127.0.0.1", "[::1]:1", "evil.example")]
        [True, True, True, False]
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name == "localhost" or name in {allowed.lower() for allowed in settings.allowed_hosts}:
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return not is_loopback(settings.host) and name in {settings.host.lower(), socket.gethostname().lower()}
    return address.is_loopback or not is_loopback(settings.host)


def _is_allowed_origin(headers: Headers, host: str, scope: Scope, settings: Settings) -> bool:
    """Whether the page that asks, if it is a page, is one of ours or of a site that was named."""
    origin = headers.get("origin")
    if origin is not None:
        scheme, _, site = origin.partition("://")
        return origin in settings.allowed_origins or (scheme in {"http", "https"} and site.lower() == host.lower())
    if headers.get("sec-fetch-site") in {"cross-site", "same-site"}:  # no origin: a picture, a script, a link
        return headers.get("sec-fetch-mode") == "navigate" and not scope["path"].startswith("/v1/")
    return True


def cookie_value(token: str) -> str:
    """What the cookie holds: proof of the token, not the token."""
    return hmac.new(token.encode(), b"mien cookie", hashlib.sha256).hexdigest()


def token_fits(shown: str, token: str) -> bool:
    """Whether two tokens are the same, in a time that tells nothing about where they differ."""
    return hmac.compare_digest(shown.encode(), token.encode())


def _shows_token(headers: Headers, token: str) -> bool:
    scheme, _, shown = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token_fits(shown.strip(), token):
        return True
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return False
    return cookie is not None and token_fits(cookie.value, cookie_value(token))


def client_of(scope: Mapping[str, Any]) -> str:
    """The client's address; an IPv6 client is its network, because it may use any address in it.

    Example:
        >>> client_of({"client": ("2001:db8::1", 4000)})
        '2001:db8::/64'
    """
    host = (scope.get("client") or ("", 0))[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return str(host)
    return str(address if address.version == 4 else ipaddress.ip_network((int(address), 64), strict=False))
