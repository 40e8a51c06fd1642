"""One person's own face on the live socket: watched, learnt, read with, switched off."""

import json
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketTestSession

from mien.profiles import Baseline, Profile
from mien.server.app import create_app
from mien.server.settings import Settings

ADDRESS = "http://127.0.0.1:8646"
SOCKET = "ws://127.0.0.1:8646/v1/live"
SUMMARY = "live (baseline of 4 faces, the camera)"


@pytest.fixture(scope="module")
def service() -> Iterator[TestClient]:
    with TestClient(create_app(Settings(readers=1, detector="mtcnn")), base_url=ADDRESS) as client:
        yield client


class Page:
    """What a page does on its socket."""

    def __init__(self, socket: WebSocketTestSession, photo: bytes) -> None:
        self._socket, self._photo, self._sent = socket, photo, 0

    def heard(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._socket.receive_text())
        return message

    def ask(self, **wish: Any) -> dict[str, Any]:
        self._socket.send_text(json.dumps(wish))
        return self.heard()

    def face(self) -> dict[str, Any]:
        """The reading of the next picture's face."""
        self._sent += 1
        self._socket.send_bytes(struct.pack(">d", 50.0 * self._sent) + self._photo)
        face: dict[str, Any] = self.heard()["reading"]["faces"][0]
        return face

    def watch(self, on: bool) -> None:
        self._socket.send_text(json.dumps({"type": "neutral", "watch": on}))


def happy(face: dict[str, Any]) -> float:
    return float(face["emotions"]["probabilities"]["happy"])


def test_a_neutral_face_is_watched_read_with_and_switched_off(service: TestClient, photo: bytes) -> None:
    with service.websocket_connect(SOCKET) as socket:
        page = Page(socket, photo)
        assert page.heard()["type"] == "hello"
        before = [page.face() for _ in range(20)][-1]
        page.watch(on=True)
        for _ in range(4):
            page.face()
        learnt = page.ask(type="neutral", watch=False)
        assert (learnt["type"], learnt["summary"], learnt["error"]) == ("profile", SUMMARY, None)
        assert Profile.from_json(json.dumps(learnt["profile"]), source="the page").baseline is not None
        own = page.face()
        assert own["track_id"] == before["track_id"] == 0
        assert happy(own) < 0.9 * happy(before)
        assert page.ask(type="profile", profile=None)["profile"] is None
        assert happy(page.face()) == pytest.approx(happy(before))
        assert page.ask(type="profile", profile=learnt["profile"])["summary"] == SUMMARY
        assert happy(page.face()) == pytest.approx(happy(own))
    with service.websocket_connect(SOCKET) as socket:  # nothing of it is left for others
        page = Page(socket, photo)
        page.heard()
        assert happy(page.face()) == pytest.approx(happy(before))


def test_what_cannot_be_is_said_and_changes_nothing(service: TestClient, photo: bytes) -> None:
    other = Profile("anna", "another", "0" * 64, Baseline({"ferplus": (0.0,) * 8}, 3, "photos"))
    with service.websocket_connect(SOCKET) as socket:
        page = Page(socket, photo)
        page.heard()
        before = page.face()
        for wish, sentence in (
            ({"type": "neutral", "watch": False}, "a profile needs faces, got none"),
            ({"type": "profile", "profile": json.loads(other.to_json())}, "the profile anna was made with the model"),
            ({"type": "profile", "profile": {"name": "anna"}}, "expected a profile"),
            ({"type": "profile", "profile": 3}, "got text that asks for nothing known"),
        ):
            answer = page.ask(**wish)
            assert sentence in answer["error"]
        page.watch(on=True)
        page.face()
        assert "needs 3 neutral faces" in page.ask(type="neutral", watch=False)["error"]
        assert happy(page.face()) == pytest.approx(happy(before))


def test_a_page_may_begin_with_a_profile(photo: bytes, service: TestClient) -> None:
    sha256 = service.app.state.readers.about["sha256"]  # type: ignore[attr-defined]  # FastAPI's own state
    baseline = Baseline({"ferplus": (0.0, -20.0, *([0.0] * 6))}, 5, "photos")
    profile = Profile("anna", "mien-m", sha256, baseline)
    app = create_app(Settings(readers=1, detector="mtcnn"), profile=profile.to_json())
    with TestClient(app, base_url=ADDRESS) as client, client.websocket_connect(SOCKET) as socket:
        page = Page(socket, photo)
        assert page.heard()["type"] == "hello"
        assert page.heard()["summary"] == "anna (baseline of 5 faces, photos)"
        assert happy(page.face()) < 0.5
        page.ask(type="profile", profile=None)
        assert happy(page.face()) > 0.5
