"""Asks a mien service instead of reading here: the same results, and no model in this process."""

import http.client
import io
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO, Literal, Self
from urllib.parse import quote, urlencode, urlsplit

from mien.errors import MediaError, MediaTooLargeError, ServiceBusyError, ServiceError
from mien.results import FrameReading

__all__ = ["Client", "VideoJob"]

_POLL_S = 0.5


@dataclass(frozen=True)
class VideoJob:
    """A video that a service is to read, reads, or has read.

    Args:
        id: Its name there.
        state: Where it is.
        progress: Share of the video that was read, in [0, 1].
        frames: Frames that were read.
        error: Why it failed or, where it is done, what part of the video could not be decoded.
        results: Names of the files that it left; empty before it is done.
        created_s: When it was submitted, in seconds since 1970.
        expires_s: When the service deletes it; None before it has ended.
    """

    id: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    progress: float
    frames: int
    error: str | None
    results: tuple[str, ...]
    created_s: float
    expires_s: float | None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """From the service's answer."""
        known = {field.name: values[field.name] for field in fields(cls)}
        return cls(**{**known, "results": tuple(values["results"])})


class Client:
    """A mien service somewhere; may be shared between threads, each request has its own connection.

    Args:
        url: Where it is, such as "http://127.0.0.1:8646".
        token: What it asks for, if it does.
        timeout_s: A request that gets no answer for this long fails.

    Raises:
        ValueError: the address is none.

    Example:
        `docs/server.md` asks a running service; nothing is sent before the first request:

        >>> Client("http://127.0.0.1:8646/").url
        'http://127.0.0.1:8646'
    """

    def __init__(self, url: str, *, token: str | None = None, timeout_s: float = 60.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"url must be like http://127.0.0.1:8646, got {url!r}")
        self.url = url.rstrip("/")
        self._scheme, self._host, self._port = parts.scheme, parts.hostname, parts.port
        self._path = parts.path.rstrip("/")
        self._token, self._timeout_s = token, timeout_s

    def read(
        self, photo: str | Path | bytes | BinaryIO, *, labels: str | None = None, min_face_px: float = 0.0
    ) -> FrameReading:
        """The faces of a photo, as `Analyzer.read` gives them.

        Args:
            photo: A file, its bytes, or a binary stream.
            labels: Name of the label set; None takes the service's.
            min_face_px: Leave out smaller faces.

        Raises:
            MediaError: the service cannot read it.
            MediaTooLargeError: it has more bytes or pixels than the service takes.
            ServiceBusyError: the service has too much to do; try again after its `retry_after_s`.
            ServiceError: the service cannot be reached, or refuses.
        """
        query = {"labels": labels, "min_face_px": min_face_px}
        with _opened(photo) as body:
            return FrameReading.from_dict(self._json("POST", "/v1/read", query, body.read()))

    def models(self) -> dict[str, Any]:
        """What reads there: the model's card, the detector, the label sets."""
        answer: dict[str, Any] = self._json("GET", "/v1/models")
        return answer

    def submit_video(
        self,
        video: str | Path | bytes | BinaryIO,
        *,
        labels: str | None = None,
        min_face_px: float = 0.0,
        every_s: float | None = None,
    ) -> VideoJob:
        """Send a video; it is read when its turn comes.

        Args:
            video: A file, its bytes, or a binary stream.
            labels: Name of the label set; None takes the service's.
            min_face_px: Leave out smaller faces.
            every_s: Read one frame in so many seconds; None reads every frame.

        Raises:
            MediaTooLargeError: it has more bytes than the service takes.
            ServiceBusyError: too many videos wait.
            ServiceError: the service cannot be reached, or refuses.
        """
        query = {"labels": labels, "min_face_px": min_face_px, "every_s": every_s}
        with _opened(video) as body:
            return VideoJob.from_dict(self._json("POST", "/v1/videos", query, body))

    def video(self, job_id: str) -> VideoJob:
        """How far a video is."""
        return VideoJob.from_dict(self._json("GET", f"/v1/videos/{quote(job_id, safe='')}"))

    def cancel_video(self, job_id: str) -> VideoJob:
        """Stop reading a video; one that has ended stays as it is."""
        return VideoJob.from_dict(self._json("POST", f"/v1/videos/{quote(job_id, safe='')}/cancel"))

    def delete_video(self, job_id: str) -> None:
        """Delete everything of a video."""
        self._bytes("DELETE", f"/v1/videos/{quote(job_id, safe='')}")

    def video_result(self, job_id: str, name: str) -> bytes:
        """One of the files that `VideoJob.results` names."""
        return self._bytes("GET", f"/v1/videos/{quote(job_id, safe='')}/results/{quote(name, safe='')}")

    def read_video(
        self,
        video: str | Path | bytes | BinaryIO,
        *,
        labels: str | None = None,
        min_face_px: float = 0.0,
        every_s: float | None = None,
    ) -> tuple[FrameReading, ...]:
        """Send a video, wait until it is read, take the readings, and delete everything there.

        Of a video that is damaged in part, the readings of the rest; `video` says so where that matters.

        Args:
            video: As in `submit_video`, with the other arguments.
            labels: Likewise.
            min_face_px: Likewise.
            every_s: Likewise.

        Raises:
            MediaError: the service cannot read it.
            ServiceError: as `submit_video`; or somebody cancelled it there.
        """
        job = self.submit_video(video, labels=labels, min_face_px=min_face_px, every_s=every_s)
        try:
            while job.state in {"queued", "running"}:
                time.sleep(_POLL_S)
                job = self.video(job.id)
            if job.state == "failed":
                raise MediaError(job.error or "the video could not be read")
            if job.state == "cancelled":
                raise ServiceError(f"{self.url}: the video was cancelled there: send it again")
            lines = self.video_result(job.id, "readings.jsonl").splitlines()
        finally:
            self.delete_video(job.id)
        return tuple(FrameReading.from_dict(json.loads(line)) for line in lines)

    def _json(
        self, method: str, path: str, query: Mapping[str, Any] | None = None, body: bytes | BinaryIO | None = None
    ) -> Any:
        return json.loads(self._bytes(method, path, query, body))

    def _bytes(
        self, method: str, path: str, query: Mapping[str, Any] | None = None, body: bytes | BinaryIO | None = None
    ) -> bytes:
        """One request and its answer's body.

        Raises:
            MienError: the service refuses; which one, `_refusal` says.
        """
        given = {name: value for name, value in (query or {}).items() if value is not None}
        address = f"{self._path}{path}" + (f"?{urlencode(given)}" if given else "")
        headers = {"Accept": "application/json", "Content-Type": "application/octet-stream"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        with closing(self._connection()) as connection:
            try:
                connection.request(method, address, body, headers)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused before all of it was sent: the answer says why
            except OSError as error:
                raise ServiceError(f"{self.url} cannot be reached ({error}): check that `mien serve` runs") from error
            try:
                answer = connection.getresponse()
                content = answer.read()
            except (OSError, http.client.HTTPException) as error:
                raise ServiceError(f"{self.url} broke off ({error or type(error).__name__}): try again") from error
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            raise _refusal(answer.status, content, answer.headers.get("retry-after"))
        return content

    def _connection(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._scheme == "https" else http.client.HTTPConnection
        return kind(self._host, self._port, timeout=self._timeout_s)


@contextmanager
def _opened(source: str | Path | bytes | BinaryIO) -> Iterator[BinaryIO]:
    """What is to be sent, as a stream; closed afterwards only if it was opened here."""
    if isinstance(source, bytes):
        yield io.BytesIO(source)
    elif isinstance(source, str | Path):
        try:
            file = Path(source).open("rb")  # noqa: SIM115  closed below; only opening it is tried
        except OSError as error:
            raise MediaError(f"{source}: expected a file, got none that can be opened ({error.strerror})") from error
        with file:
            yield file
    else:
        yield source


def _refusal(status: int, content: bytes, retry_after: str | None) -> MediaError | ServiceError:
    """The error that a refusal is."""
    try:
        sentence = str(json.loads(content)["error"])
    except (ValueError, KeyError, TypeError):
        sentence = f"expected an answer of a mien service, got status {status}: check the address"
    if status == http.HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return MediaTooLargeError(sentence)
    if status == http.HTTPStatus.UNPROCESSABLE_ENTITY:
        return MediaError(sentence)
    if status in {http.HTTPStatus.SERVICE_UNAVAILABLE, http.HTTPStatus.TOO_MANY_REQUESTS} and retry_after:
        return ServiceBusyError(sentence, retry_after_s=float(retry_after))
    return ServiceError(sentence)
