"""The client against a service that answers as told; against a real one it is tested with `mien serve`."""

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

import mien
from mien.client import Client, VideoJob
from mien.errors import MediaTooLargeError

JOB: dict[str, Any] = {
    "id": "abc",
    "state": "done",
    "progress": 1.0,
    "frames": 1,
    "error": None,
    "results": ["readings.jsonl"],
    "created_s": 1.0,
    "expires_s": 2.0,
    "notice": mien.NOTICE,
}


class Told:
    """What the service is to answer, and what it was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes, dict[str, str]]] = []
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.url = ""

    def answer(self, content: Any, status: int = 200, **headers: str) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.answers.append((status, body, headers))


@pytest.fixture
def told() -> Iterator[Told]:
    state = Told()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            state.asked.append((f"{self.command} {self.path}", dict(self.headers), body))
            status, content, headers = state.answers.pop(0)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = handle_any

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def reading() -> mien.FrameReading:
    photo = mien.load_photo(Path(__file__).parents[1] / "examples" / "astronaut.jpg")
    return mien.Analyzer().read(photo)


def test_readings_are_equal_values(told: Told, reading: mien.FrameReading, tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(b"picture")
    client = Client(told.url, token="secret")
    for photo in (b"picture", io.BytesIO(b"picture"), file, str(file)):
        told.answer(reading.to_dict())
        assert client.read(photo, labels="fer2013", min_face_px=20) == reading
    for request, headers, body in told.asked:
        assert request == "POST /v1/read?labels=fer2013&min_face_px=20"
        assert headers["Authorization"] == "Bearer secret"
        assert body == b"picture"


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (422, {}, mien.MediaError),
        (413, {}, MediaTooLargeError),
        (503, {"retry_after": "7"}, mien.ServiceBusyError),
        (429, {"retry_after": "7"}, mien.ServiceBusyError),
        (401, {}, mien.ServiceError),
        (500, {}, mien.ServiceError),
    ],
)
def test_refusals_are_errors_with_their_sentence(
    told: Told, status: int, headers: dict[str, str], kind: type[Exception]
) -> None:
    told.answer({"error": "expected this, got that"}, status, **headers)
    with pytest.raises(kind, match="expected this, got that") as caught:
        Client(told.url).read(b"x")
    if isinstance(caught.value, mien.ServiceBusyError):
        assert caught.value.retry_after_s == 7


def test_a_stranger_who_answers_is_named(told: Told) -> None:
    told.answer(b"<html>", 404)
    with pytest.raises(mien.ServiceError, match="got status 404"):
        Client(told.url).models()


def test_a_video_is_awaited_taken_and_deleted(told: Told, reading: mien.FrameReading) -> None:
    line = json.dumps(reading.to_dict()).encode() + b"\n"
    for answer in ({**JOB, "state": "running"}, JOB, line + line):
        told.answer(answer)
    told.answer(b"", 204)
    assert Client(told.url).read_video(b"video", every_s=0.5) == (reading, reading)
    assert [request for request, _, _ in told.asked] == [
        "POST /v1/videos?min_face_px=0.0&every_s=0.5",
        "GET /v1/videos/abc",
        "GET /v1/videos/abc/results/readings.jsonl",
        "DELETE /v1/videos/abc",
    ]


@pytest.mark.parametrize(("state", "kind"), [("failed", mien.MediaError), ("cancelled", mien.ServiceError)])
def test_a_video_that_failed_is_deleted_too(told: Told, state: str, kind: type[Exception]) -> None:
    told.answer({**JOB, "state": state, "error": "expected a video"})
    told.answer(b"", 204)
    with pytest.raises(kind):
        Client(told.url).read_video(b"video")
    assert told.asked[-1][0] == "DELETE /v1/videos/abc"


def test_jobs_are_values() -> None:
    job = VideoJob.from_dict(JOB)
    assert (job.id, job.results, job.expires_s) == ("abc", ("readings.jsonl",), 2.0)


@pytest.mark.parametrize("url", ["127.0.0.1:8646", "ftp://x", "http://"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="url must be like"):
        Client(url)


def test_nobody_there_is_said() -> None:
    with pytest.raises(mien.ServiceError, match="cannot be reached"):
        Client("http://127.0.0.1:9").models()


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(mien.MediaError, match="expected a file"):
        Client("http://127.0.0.1:9").read(tmp_path / "absent.jpg")
