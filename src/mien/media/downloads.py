"""Videos and photos from the web: a file behind an address as it is, a page's video by yt-dlp.

A transfer that broke off goes on where it was, in this run or in the next; what is there already is not fetched again.
"""

import http.client
import json
import os
import shutil
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from mien.errors import MediaError, MissingExtraError
from mien.writing import replacing, with_room

__all__ = ["Told", "download"]

Told = Callable[[int, int | None], None]
"""Called with the bytes that have arrived and those expected, if that is known; what it raises ends the transfer."""

_TIMEOUT_S = 30.0
_BLOCK_BYTES = 1 << 18
_TRIES = 4  # in a row that bring nothing new
_FIRST_WAIT_S = 0.5
_TRY_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_BROKEN_OFF = (http.client.HTTPException, urllib.error.URLError, ssl.SSLError, TimeoutError, ConnectionError)
_HEADERS = {"User-Agent": "mien", "Accept-Encoding": "identity"}
# What names a video and is none.
_PAGES = frozenset(
    {
        *("text/html", "application/xhtml+xml", "application/vnd.apple.mpegurl", "application/x-mpegurl"),
        *("audio/mpegurl", "audio/x-mpegurl", "application/dash+xml"),
    }
)


def download(address: str, folder: Path, *, told: Told | None = None) -> Path:
    """Fetch what is behind an address.

    Args:
        address: http or https: of a file, or of a page that yt-dlp knows how to read, such as YouTube's.
        folder: Where it is put, for this address alone; it is made.
        told: Called while bytes arrive.

    Returns:
        The file, in `folder`.

    Raises:
        MediaError: it cannot be fetched, or `MIEN_OFFLINE=1` forbids it; what had arrived is kept.
        MissingExtraError: it is a page, and yt-dlp is not installed.
        DiskFullError: there is no room for it.
    """
    if os.environ.get("MIEN_OFFLINE", "0") not in {"", "0"}:
        raise MediaError(f"{address}: expected a file, since MIEN_OFFLINE is set, got an address: fetch it by hand")
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / f"whole{Path(unquote(urlsplit(address).path)).suffix[:8]}"
    if done.exists():
        return done
    with with_room(folder):
        part = _Part(folder / "part", address)
        if not part.fetch(told):
            return _of_page(address, folder, told)
        part.path.replace(done)
    return done


class _Part:
    """What has arrived of a file, and what the server said of it, so that the rest can be asked for."""

    def __init__(self, path: Path, address: str) -> None:
        self.path, self._address = path, address
        self._notes = path.with_name("part.json")

    def fetch(self, told: Told | None) -> bool:
        """Complete the file; False if the address is a page's."""
        failures = 0
        while True:
            before_bytes = self._size
            try:
                return self._go_on(told)
            except urllib.error.HTTPError as error:
                error.close()
                if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and before_bytes:
                    self.path.unlink()  # the file has become shorter: from the start
                    continue
                reason: object = f"{error.code} {error.reason}"
                can_wait = error.code >= HTTPStatus.INTERNAL_SERVER_ERROR or error.code in _TRY_LATER
            except _BROKEN_OFF as error:
                cause = getattr(error, "reason", None) or error
                reason, can_wait = getattr(cause, "strerror", None) or cause, True
            failures = failures + 1 if self._size <= before_bytes else 1
            if not can_wait or failures == _TRIES:
                raise MediaError(f"{self._address}: expected a video, got {reason}: check the address, or try again")
            time.sleep(_FIRST_WAIT_S * 2 ** (failures - 1))

    def _go_on(self, told: Told | None) -> bool:
        """One request for what is missing."""
        start, notes = self._size, self._read_notes()
        request = urllib.request.Request(self._address, headers=_HEADERS)  # noqa: S310  the scheme was checked
        if start:
            request.add_header("Range", f"bytes={start}-")
            if notes.get("validator"):
                request.add_header("If-Range", notes["validator"])
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:  # noqa: S310  as above
            headers: Message = response.headers
            if headers.get_content_type() in _PAGES:
                return False
            if start and not headers.get("Content-Range", "").startswith(f"bytes {start}-"):
                start = 0  # the whole file, since the server has no parts, or another file by now
            length = headers.get("Content-Length")
            total = start + int(length) if length is not None and length.isdecimal() else None
            self._note({"validator": _validator(headers)})
            with self.path.open("r+b" if start else "wb") as file:
                file.seek(start)
                arrived = start
                while block := response.read(_BLOCK_BYTES):
                    file.write(block)
                    arrived += len(block)
                    if told is not None:
                        told(arrived, total)
            if total is not None and arrived < total:
                raise ConnectionError(f"{arrived:,} of {total:,} bytes")
        return True

    @property
    def _size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def _read_notes(self) -> dict[str, Any]:
        try:
            notes = json.loads(self._notes.read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return notes if isinstance(notes, dict) else {}

    def _note(self, notes: dict[str, Any]) -> None:
        with replacing(self._notes) as unfinished:
            unfinished.write_text(json.dumps(notes), "utf-8")


def _validator(headers: Message) -> str | None:
    """By which the server can tell that the file is still the same."""
    tag = headers.get("ETag")
    return tag if tag is not None and not tag.startswith("W/") else headers.get("Last-Modified")


def _of_page(address: str, folder: Path, told: Told | None) -> Path:
    """The video of a page, in the best quality up to 1080 lines."""
    try:
        import yt_dlp
    except ImportError as error:
        raise MissingExtraError(f"{address} is a page and no video: taking the video from it", extra="url") from error

    def hook(status: dict[str, Any]) -> None:
        if told is not None and status.get("status") == "downloading":
            told(status.get("downloaded_bytes") or 0, status.get("total_bytes") or status.get("total_bytes_estimate"))

    options = {
        "paths": {"home": str(folder)},
        "outtmpl": {"default": "page.%(ext)s"},
        # picture and sound come as two files from some, which ffmpeg joins
        "format": "bv*+ba/b" if shutil.which("ffmpeg") else "b/bv*",
        "format_sort": ["res:1080"],
        "noplaylist": True,
        "playlist_items": "1",
        "cachedir": False,
        "quiet": True,
        "no_warnings": True,
        "noprogress": True,
        "logger": _Silence(),
        "progress_hooks": [hook],
        "retries": _TRIES,
        "socket_timeout": _TIMEOUT_S,
    }
    try:
        with yt_dlp.YoutubeDL(options) as youtube:
            found = youtube.extract_info(address)
    except yt_dlp.utils.DownloadError as error:
        reason = str(error).removeprefix("ERROR: ").splitlines()[0].rstrip(".")
        raise MediaError(f"{address}: expected a video or a page with one, got neither ({reason})") from error
    entries = found.get("entries") or [found]
    fetched = entries[0].get("requested_downloads") or [{}]
    path = Path(fetched[0].get("filepath") or "")
    if not path.is_file():
        raise MediaError(f"{address}: expected a page with a video, got one without: give the video's own address")
    return path


class _Silence:
    """Takes what yt-dlp would print."""

    def debug(self, message: str) -> None:
        """Drop it."""

    info = warning = error = debug
