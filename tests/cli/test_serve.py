"""`mien serve` as a process: it starts, answers a client, stops with grace, and goes on where it was."""

import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

import mien
from mien.cli.app import app
from mien.server.jobs import JobStore
from mien.server.settings import Settings

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"
TOKEN = "correct-horse-battery"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def serving(*flags: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A running service and its address; killed in the end if it still runs."""
    port = free_port()
    command = [sys.executable, "-m", "mien", "serve", "--port", str(port), "--readers", "1", *flags]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, "MIEN_TOKEN": TOKEN})
    url = f"http://127.0.0.1:{port}"
    client = mien.Client(url, token=TOKEN)
    try:
        for _ in range(600):
            try:
                client.models()
                break
            except mien.ServiceError:
                assert process.poll() is None
                time.sleep(0.1)
        yield url, process
    finally:
        process.kill()
        process.communicate()


def stopped(process: subprocess.Popen[bytes]) -> str:
    """Ask a service to stop; what it logged."""
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=60)
    assert process.returncode in {0, -signal.SIGTERM}
    return log.decode()


@pytest.fixture(scope="module")
def long_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Long enough that nothing here reads it to its end: a minute of noise, at 1280 x 720."""
    import av

    path = tmp_path_factory.mktemp("videos") / "secret-name.mp4"
    picture = np.random.default_rng(0).integers(0, 255, (720, 1280, 3), np.uint8)
    with av.open(path, "w") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(30))
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for _ in range(900):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")
def test_a_video_survives_a_restart(tmp_path: Path, long_video: Path) -> None:
    flags = ("--data-dir", str(tmp_path / "data"), "--stop-grace-s", "0")
    with serving(*flags) as (url, process):
        job = mien.Client(url, token=TOKEN).submit_video(long_video)
        log = stopped(process)
    assert "secret-name" not in log
    assert "POST /v1/videos 202" in log
    with serving(*flags) as (url, process):
        client = mien.Client(url, token=TOKEN)
        assert client.video(job.id).state in {"queued", "running"}
        assert client.cancel_video(job.id).state == "cancelled"
        client.delete_video(job.id)
        with pytest.raises(mien.ServiceError, match="expected the id of a job"):
            client.video(job.id)
        stopped(process)
    assert list((tmp_path / "data" / "videos").iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")
def test_a_photo_that_is_being_read_is_answered_before_the_stop(tmp_path: Path) -> None:
    with serving() as (url, process):
        address = url.removeprefix("http://").split(":")
        body = PHOTO.read_bytes()
        with socket.create_connection((address[0], int(address[1]))) as connection:
            head = f"POST /v1/read HTTP/1.1\r\nHost: {address[0]}\r\nAuthorization: Bearer {TOKEN}\r\n"
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            time.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            answer = connection.recv(100)
        assert answer.startswith(b"HTTP/1.1 200")
        stopped(process)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")
def test_a_stop_ends_sockets_and_puts_the_running_video_back(tmp_path: Path, long_video: Path) -> None:
    flags = ("--data-dir", str(tmp_path / "data"), "--stop-grace-s", "1")
    with serving(*flags) as (url, process):
        job = mien.Client(url, token=TOKEN).submit_video(long_video)
        live = f"{url.replace('http', 'ws', 1)}/v1/live?secret-name"
        with connect(live, additional_headers={"Authorization": f"Bearer {TOKEN}"}) as live_socket:
            assert "hello" in live_socket.recv()
            live_socket.send(struct.pack(">d", 1.0) + PHOTO.read_bytes())
            process.send_signal(signal.SIGTERM)
            with suppress(ConnectionClosedError):
                for _ in live_socket:
                    pass
            assert live_socket.close_code == 1012  # the service restarts: pages come back by themselves
        log = stopped(process)
    assert f"listening at {url}" in log
    assert "secret-name" not in log
    assert "Traceback" not in log
    store = JobStore(tmp_path / "data")
    found = store.find(job.id)
    store.close()
    assert found is not None
    assert (found.state, found.attempts) == ("queued", 0)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads processes from /proc")
def test_a_service_that_is_killed_leaves_no_process(long_video: Path) -> None:
    with serving() as (url, process):
        mien.Client(url, token=TOKEN).submit_video(long_video)
        while len(children := children_of(process.pid)) < 2:
            time.sleep(0.05)
    deadline_s = time.monotonic() + 60
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_the_client_reads_as_the_library_does() -> None:
    with serving("--rate-burst", "5", "--rate-per-s", "0.2") as (url, _):
        client = mien.Client(url, token=TOKEN)
        reading = client.read(PHOTO, labels="fer2013")
        assert reading.options.labels == "fer2013"
        assert reading.faces[0].emotions.top == "happy"
        with pytest.raises(mien.MediaError, match="expected a photo"):
            client.read(b"hello")
        with pytest.raises(mien.ServiceError, match="expected a token"):
            mien.Client(url).models()
        with pytest.raises(mien.ServiceBusyError, match="too many requests") as caught:
            [client.models() for _ in range(6)]
        assert caught.value.retry_after_s >= 1


def test_every_setting_is_a_flag() -> None:
    text = CliRunner().invoke(app, ["serve", "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output
    for name in Settings.__dataclass_fields__:
        assert f"--{name.replace('_', '-')}" in text


def test_an_open_address_without_a_token_is_refused_at_the_start() -> None:
    result = CliRunner().invoke(app, ["serve", "--host", "0.0.0.0"])
    assert result.exit_code != 0
    assert "set a token" in str(result.exception)
