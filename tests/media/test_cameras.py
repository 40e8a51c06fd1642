"""Cameras, streams and files as live sources: the newest frame, closed cleanly, one sentence where there is none."""

import http.server
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import pytest

from mien.errors import MediaError, MissingExtraError
from mien.media import cameras
from mien.media.cameras import open_camera
from video_samples import evenly, grey_frame, index_of, write_video


class FakeCapture:
    """OpenCV's capture with a camera that gives numbered frames as fast as they are allowed to come."""

    opened: ClassVar[list["FakeCapture"]] = []
    frames = 10

    def __init__(self, number: int) -> None:
        self.number, self.given, self.released = number, 0, False
        self.may_go_on = threading.Semaphore(1)
        FakeCapture.opened.append(self)

    def isOpened(self) -> bool:
        return self.number == 0

    def set(self, *_: object) -> bool:
        return True

    def read(self) -> tuple[bool, Any]:
        self.may_go_on.acquire(timeout=10)
        if self.given == self.frames:
            return False, None
        self.given += 1
        return True, np.full((20, 40, 3), (self.given - 1, 100, 200), np.uint8)

    def release(self) -> None:
        self.released = True
        self.may_go_on.release()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[FakeCapture]:
    monkeypatch.setattr(FakeCapture, "opened", [])
    monkeypatch.setattr(cv2, "VideoCapture", FakeCapture)
    return FakeCapture


def wait_until_dropped(camera: cameras.Camera, count: int) -> None:
    until_s = time.monotonic() + 10
    while camera.dropped < count and time.monotonic() < until_s:
        time.sleep(0.002)


def test_the_newest_frame_is_given_and_stale_ones_are_dropped(fake: type[FakeCapture]) -> None:
    with open_camera(0) as camera:
        first = next(camera)
        assert (first.index, first.pixels_rgb[0, 0].tolist()) == (0, [200, 100, 0])
        fake.opened[0].may_go_on.release(5)
        wait_until_dropped(camera, 4)
        newest = next(camera)
        assert (newest.index, newest.pixels_rgb[0, 0].tolist()) == (5, [200, 100, 5])
        assert camera.dropped == 4
        assert newest.time_s >= first.time_s >= 0
        fake.opened[0].may_go_on.release()
    assert fake.opened[0].released
    assert list(camera) == []


def test_a_camera_that_is_unplugged_says_so_after_its_last_frame(fake: type[FakeCapture]) -> None:
    with open_camera("0") as camera:
        fake.opened[0].may_go_on.release(50)
        with pytest.raises(MediaError, match="camera 0: expected frames, got none: it was unplugged"):
            for _ in camera:
                pass
    assert fake.opened[0].released


def test_a_camera_that_gives_nothing_is_released(fake: type[FakeCapture], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fake, "frames", 0)
    with pytest.raises(MediaError, match="camera 0: expected frames"):
        open_camera(0)
    assert fake.opened[0].released


def test_no_camera_is_one_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(MediaError, match=r"camera 97: expected a camera, got none that can be opened: plug it in"):
        open_camera(97)
    assert capfd.readouterr().err == ""


def test_frames_are_scaled_down(fake: type[FakeCapture]) -> None:
    with open_camera(0, max_side_px=10) as camera:
        assert next(camera).pixels_rgb.shape == (5, 10, 3)
        fake.opened[0].may_go_on.release()
    with pytest.raises(ValueError, match="max_side_px must be 1 or more"):
        open_camera(0, max_side_px=0)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    write_video(tmp_path / "clip.mp4", evenly(10))
    return tmp_path / "clip.mp4"


def test_a_file_plays_at_its_own_pace_and_ends(clip: Path) -> None:
    waits: list[float] = []

    class Clock(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0)
            return super().wait(0)

    frames = list(cameras._file_frames(clip, Clock()))
    assert [frame.time_s for frame in frames] == [float(time) for time in evenly(10)]
    assert waits[-1] > waits[1] > 0  # nothing was waited for, so the last is furthest ahead
    with open_camera(clip) as camera:
        seen = [(frame.index, index_of(frame.pixels_rgb)) for frame in camera]
    assert seen[-1] == (9, 9)
    assert all(index == shown for index, shown in seen)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="expected a video, got no such file"):
        open_camera(tmp_path / "absent.mp4")


class CameraServer(http.server.BaseHTTPRequestHandler):
    """An IP camera: JPEGs one after the other, without end."""

    def do_GET(self) -> None:
        if self.path != "/live":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        _, picture = cv2.imencode(".jpg", grey_frame(3))
        part = b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + picture.tobytes() + b"\r\n"
        try:
            for _ in range(3000):
                self.wfile.write(part)
                time.sleep(0.005)
        except OSError:
            pass

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), CameraServer) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://user:secret@127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_network_camera(address: str) -> None:
    with open_camera(f"{address}/live") as camera:
        frames = [next(camera) for _ in range(3)]
    assert [index_of(frame.pixels_rgb) for frame in frames] == [3, 3, 3]
    assert frames[0].index < frames[1].index < frames[2].index
    assert list(camera) == []


@pytest.mark.parametrize("path", ["/nothing", "/live?"])
def test_an_address_without_a_stream_is_one_sentence_without_the_password(address: str, path: str) -> None:
    with pytest.raises(MediaError, match="expected a video stream, got none") as caught:
        open_camera(f"{address}{path}")
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_stream_needs_pyav(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"mien\[video\]"):
        open_camera("rtsp://127.0.0.1:1/x")
