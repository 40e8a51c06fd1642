"""The live socket against a running service."""

import io
import json
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image
from starlette.testclient import WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

import mien
from mien.server.app import create_app
from mien.server.settings import Settings

ADDRESS = "http://127.0.0.1:8646"
SOCKET = "ws://127.0.0.1:8646/v1/live"


@pytest.fixture(scope="module")
def live() -> Iterator[TestClient]:
    settings = Settings(readers=1, rate_per_s=10_000, rate_burst=10_000, live_clients=4, max_frame_bytes=100_000)
    with TestClient(create_app(settings), base_url=ADDRESS) as client:
        yield client


def frame(captured_ms: float, picture: bytes) -> bytes:
    return struct.pack(">d", captured_ms) + picture


def ask(socket: WebSocketTestSession, message: bytes) -> dict[str, Any]:
    socket.send_bytes(message)
    answer: dict[str, Any] = json.loads(socket.receive_text())
    return answer


def test_a_page_learns_first_what_it_has_to_know(live: TestClient) -> None:
    about = live.get("/v1/about").json()
    with live.websocket_connect(SOCKET) as socket:
        assert json.loads(socket.receive_text()) == {"type": "hello", **about}
    assert about["notice"] == mien.NOTICE
    assert about["labels"][0] == "neutral"
    assert list(about["colours"]) == about["labels"]
    assert (about["camera"], about["consent"]) == ("page", False)


def test_a_face_keeps_its_number_along_a_socket_and_gets_it_anew_on_another(live: TestClient, photo: bytes) -> None:
    for _ in range(2):
        with live.websocket_connect(SOCKET) as socket:
            socket.receive_text()
            answers = [ask(socket, frame(1000.0 + 50 * step, photo)) for step in range(30)]
        assert [answer["type"] for answer in answers] == ["reading"] * 30
        assert [answer["captured_ms"] for answer in answers] == [1000.0 + 50 * step for step in range(30)]
        readings = [mien.FrameReading.from_dict(answer["reading"]) for answer in answers]
        assert [reading.index for reading in readings] == list(range(30))
        assert readings[-1].time_s == pytest.approx(2.45)
        assert readings[0].faces[0].track_id is None
        assert readings[-1].faces[0].track_id == 0
        assert readings[-1].faces[0].smooth is not None
        assert all(answer["spent_ms"] > 0 for answer in answers)


def test_what_is_no_picture_is_refused_in_a_sentence_and_the_socket_goes_on(live: TestClient, photo: bytes) -> None:
    with live.websocket_connect(SOCKET) as socket:
        socket.receive_text()
        assert ask(socket, frame(1.0, photo))["type"] == "reading"
        for message, sentence in (
            (b"", "expected 8 bytes of time and then a JPEG"),
            (b"1234567", "expected 8 bytes of time and then a JPEG"),
            (frame(2.0, b"GIF89a"), "got something else"),
            (frame(1.0, photo), "expected a time in ms later than 1.0"),
            (frame(float("nan"), photo), "got nan"),
            (frame(3.0, photo[:2000]), "cut off or damaged"),
            (frame(4.0, huge_png()), "expected at most 8,000,000 pixels"),
        ):
            answer = ask(socket, message)
            assert answer["type"] == "error"
            assert sentence in answer["error"]
        socket.send_text("hello")
        assert "got text" in json.loads(socket.receive_text())["error"]
        assert ask(socket, frame(5.0, photo))["type"] == "reading"


def huge_png() -> bytes:
    file = io.BytesIO()
    Image.new("1", (4000, 4000)).save(file, "PNG")
    return file.getvalue()


def test_the_newest_picture_wins(live: TestClient, photo: bytes) -> None:
    with live.websocket_connect(SOCKET) as socket:
        socket.receive_text()
        for captured_ms in range(1, 31):
            socket.send_bytes(frame(captured_ms, photo))
        read: list[float] = []
        while not read or read[-1] != 30:
            read.append(json.loads(socket.receive_text())["captured_ms"])
    assert read == sorted(read)
    assert len(read) < 30, "thirty pictures at once were all read: none was dropped"


def test_a_picture_of_too_many_bytes_ends_the_socket(live: TestClient) -> None:
    with live.websocket_connect(SOCKET) as socket:
        socket.receive_text()
        assert "at most 100,000 bytes" in ask(socket, frame(1.0, bytes(100_001)))["error"]
        with pytest.raises(WebSocketDisconnect) as closing:
            socket.receive_text()
        assert closing.value.code == 1009


def test_more_sockets_than_a_client_may_have_are_told_to_come_later(live: TestClient) -> None:
    with live.websocket_connect(SOCKET) as first, live.websocket_connect(SOCKET) as second:
        assert all(json.loads(socket.receive_text())["type"] == "hello" for socket in (first, second))
        with live.websocket_connect(SOCKET) as third:
            assert "try again in a minute" in json.loads(third.receive_text())["error"]
            with pytest.raises(WebSocketDisconnect) as closing:
                third.receive_text()
            assert closing.value.code == 1013
    with live.websocket_connect(SOCKET) as socket:
        assert json.loads(socket.receive_text())["type"] == "hello"


def test_sockets_and_readings_are_counted(live: TestClient, photo: bytes) -> None:
    with live.websocket_connect(SOCKET) as socket:
        socket.receive_text()
        before = metrics(live)
        ask(socket, frame(1.0, photo))
        after = metrics(live)
    assert after["mien_live_frames_total"] == before["mien_live_frames_total"] + 1
    assert after["mien_live_sockets"] == 1
    assert metrics(live)["mien_live_sockets"] == 0


def metrics(live: TestClient) -> dict[str, float]:
    lines = [line.split() for line in live.get("/metrics").text.splitlines() if line.startswith("mien_live")]
    return {name: float(value) for name, value in lines}
