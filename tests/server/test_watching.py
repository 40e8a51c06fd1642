"""A camera of the service, with pictures made here and a reader that says which ones it got."""

import asyncio
import json
import struct
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import numpy as np
import pytest
from fastapi import FastAPI, WebSocket
from fastapi.testclient import TestClient
from numpy.typing import NDArray
from starlette.websockets import WebSocketDisconnect

from mien.errors import MediaError
from mien.media.photos import load_photo
from mien.server import watching
from mien.server.watching import OpenCamera, WatchedCamera

Picture = NDArray[np.uint8]


class FakeStream:
    """Answers with the time of the picture; a black one cannot be read."""

    async def read(self, picture: bytes, *, time_s: float) -> bytes:
        await asyncio.sleep(0)
        if load_photo(picture).max() < 10:
            raise MediaError("expected a picture, got the dark")
        return json.dumps({"time_s": time_s}).encode()

    async def aclose(self) -> None:
        return


class FakeCamera:
    """Takes pictures until it is closed, or until `count`; remembers how often it was opened."""

    def __init__(self, *, count: int | None = None, brightness: int = 200, fail_times: int = 0) -> None:
        self.count, self.brightness, self.fail_times = count, brightness, fail_times
        self.opened = self.closed = 0

    @contextmanager
    def __call__(self) -> Iterator[Iterator[Picture]]:
        self.opened += 1
        if self.opened <= self.fail_times:
            raise MediaError("expected camera 0, got none: plug one in")
        try:
            yield self._pictures()
        finally:
            self.closed += 1

    def _pictures(self) -> Iterator[Picture]:
        taken = 0
        while self.count is None or taken < self.count:
            time.sleep(0.005)
            taken += 1
            yield np.full((60, 2000, 3), self.brightness, np.uint8)


def service(open_camera: OpenCamera) -> TestClient:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.camera = WatchedCamera(open_camera, FakeStream)
        yield
        await app.state.camera.aclose()

    app = FastAPI(lifespan=lifespan)

    @app.websocket("/")
    async def look(socket: WebSocket) -> None:
        await socket.accept()
        try:
            await app.state.camera.show(socket)
        except* WebSocketDisconnect:
            pass

    return TestClient(app)


def wait_for(what: Callable[[], bool]) -> None:
    for _ in range(1000):
        if what():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come about within ten seconds")


def test_a_page_gets_pictures_and_their_readings() -> None:
    camera = FakeCamera()
    with service(camera) as client, client.websocket_connect("/") as socket:
        taken: list[float] = []
        read: list[float] = []
        while len(read) < 3 or len(taken) < 3:
            message = socket.receive()
            if message.get("bytes"):
                taken.append(struct.unpack_from(">d", message["bytes"])[0])
                assert load_photo(message["bytes"][8:]).shape == (38, 1280, 3)
                socket.send_text("shown")
            else:
                answer = json.loads(message["text"])
                assert answer["type"] == "reading"
                assert answer["reading"]["time_s"] == answer["captured_ms"] / 1000
                read.append(answer["captured_ms"])
    assert taken == sorted(set(taken))
    assert read == sorted(set(read))


def test_a_page_that_shows_nothing_is_sent_two_pictures_and_no_more() -> None:
    with service(FakeCamera()) as client, client.websocket_connect("/") as socket:
        kinds = ["picture" if socket.receive().get("bytes") else "reading" for _ in range(20)]
    assert kinds.count("picture") == 2


def test_the_camera_is_open_while_somebody_looks() -> None:
    camera = FakeCamera()
    with service(camera) as client:
        with client.websocket_connect("/") as first:
            first.receive()
            with client.websocket_connect("/") as second:
                second.receive()
                assert camera.opened == 1
            first.receive()
            assert camera.closed == 0
        wait_for(lambda: camera.closed == 1)
        with client.websocket_connect("/") as again:
            again.receive()
            assert camera.opened == 2
    assert threading.active_count() < 50


def test_a_video_ends_and_can_be_shown_again() -> None:
    with service(FakeCamera(count=3)) as client:
        for _ in range(2):
            with client.websocket_connect("/") as socket:
                answers: list[dict[str, object]] = []
                while not answers or answers[-1].get("type") != "ended":
                    message = socket.receive()
                    if message.get("bytes"):
                        socket.send_text("shown")
                    else:
                        answers.append(json.loads(message["text"]))
                assert [answer["type"] for answer in answers].count("ended") == 1
                assert len(answers) > 1  # something was read before


def test_a_camera_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_RETRY_S", 0.01)
    with service(FakeCamera(fail_times=2)) as client, client.websocket_connect("/") as socket:
        first = json.loads(socket.receive_text())
        assert first == {"type": "error", "captured_ms": None, "error": "expected camera 0, got none: plug one in"}
        while not socket.receive().get("bytes"):
            pass


def test_a_picture_that_cannot_be_read_is_shown_all_the_same() -> None:
    with service(FakeCamera(brightness=0)) as client, client.websocket_connect("/") as socket:
        seen: set[str] = set()
        while seen != {"picture", "error"}:
            message = socket.receive()
            if message.get("bytes"):
                seen.add("picture")
            else:
                answer = json.loads(message["text"])
                assert answer["error"] == "expected a picture, got the dark"
                seen.add("error")
