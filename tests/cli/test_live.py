"""`mien live`: one command, and where its pictures come from."""

import socket
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from queue import Queue
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from mien.classifier import EmotionClassifier
from mien.cli import live
from mien.cli.app import app
from mien.errors import MediaError, ProfileError, SettingsError, WindowError
from mien.profiles import Baseline, Profile
from mien.server.settings import Settings
from video_samples import write_video


class Service:
    """Stands for the service: remembers how it was run."""

    def __init__(self) -> None:
        self.settings: Settings | None = None
        self.open_camera: Any = None
        self.profile: str | None = None
        self.port = 0
        self.opened: Queue[str] = Queue()  # by a thread of its own

    def run(self, settings: Settings, *, open_camera: Any, profile: str | None, listener: socket.socket) -> None:
        self.settings, self.open_camera, self.profile = settings, open_camera, profile
        self.port = listener.getsockname()[1]
        listener.close()


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    service = Service()
    monkeypatch.setattr(live, "run_service", service.run)
    monkeypatch.setattr(webbrowser, "open", service.opened.put)
    return service


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["live", *words])


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_the_page_opens_in_the_browser_and_uses_its_camera(service: Service) -> None:
    result = run("--port", "0", "--labels", "fer2013")
    assert result.exit_code == 0
    address = service.opened.get(timeout=10)
    assert address == f"http://localhost:{service.port}/"
    assert address in result.stderr
    assert "how a face looks to viewers" in result.stderr
    assert service.open_camera is None
    assert service.settings is not None
    assert service.settings.labels == "fer2013"


def test_no_browser_only_says_where_the_page_is(service: Service) -> None:
    result = run("--port", "0", "--no-browser")
    assert service.opened.empty()
    assert f"http://localhost:{service.port}/" in result.stderr


def test_a_token_opens_the_page_and_is_not_printed(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_TOKEN", "correct horse/battery")
    result = run("--port", "0")
    entrance = f"http://localhost:{service.port}/login?token=correct%20horse/battery"
    assert service.opened.get(timeout=10) == entrance
    assert "correct" not in result.stderr


def test_a_taken_port_is_replaced_unless_it_was_asked_for(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    with taken_port() as port:
        assert isinstance(run("--port", str(port)).exception, OSError)
        monkeypatch.setenv("MIEN_PORT", str(port))
        assert run().exit_code == 0
        assert service.port not in {0, port}


def test_a_video_file_is_the_camera(service: Service, tmp_path: Path) -> None:
    video = tmp_path / "talk.mp4"
    write_video(video, [Fraction(index, 25) for index in range(5)])
    assert run("--port", "0", "--source", str(video)).exit_code == 0
    with service.open_camera() as pictures:
        shown = list(pictures)
    assert 1 <= len(shown) <= 5
    assert shown[-1].shape == (48, 64, 3)
    assert shown[-1].dtype == np.uint8


def test_a_source_that_is_not_there_is_said_before_any_page_opens(service: Service, tmp_path: Path) -> None:
    result = run("--port", "0", "--source", str(tmp_path / "absent.mp4"))
    assert isinstance(result.exception, MediaError)
    assert service.settings is None
    assert service.opened.empty()


def test_an_impossible_setting_is_one_sentence(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_READERS", "-1")
    assert isinstance(run().exception, SettingsError)


def test_the_window_shows_the_source(service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shown = []

    class Screen:
        def show(self, frame_rgb: Any) -> bool:
            shown.append(frame_rgb.shape)
            return True

    @contextmanager
    def open_window(_: str) -> Iterator[Screen]:
        yield Screen()

    monkeypatch.setattr(live, "open_window", open_window)
    video = tmp_path / "talk.mp4"
    write_video(video, [Fraction(index, 25) for index in range(5)])
    result = run("--window", "--source", str(video), "--detector", "haar")
    assert result.exit_code == 0, result.exception
    assert set(shown) == {(48, 64, 3)}
    assert "how a face looks to viewers" in result.stderr
    assert service.settings is None, "a window needs no service"


def test_a_machine_without_windows_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert isinstance(run("--window").exception, WindowError)


def test_a_profile_goes_to_the_page_if_the_model_can_read_with_it(service: Service, tmp_path: Path) -> None:
    baseline = Baseline({"ferplus": (0.0,) * 8}, 3, "photos")
    own = Profile("anna", "mien-m", EmotionClassifier.load().sha256, baseline)
    own.write(tmp_path / "anna.json")
    run("--port", "0", "--no-browser", "--profile", str(tmp_path / "anna.json"))
    assert service.profile == own.to_json()
    replace(own, model_sha256="0" * 64).write(tmp_path / "other.json")
    result = run("--port", "0", "--no-browser", "--profile", str(tmp_path / "other.json"))
    assert isinstance(result.exception, ProfileError)
