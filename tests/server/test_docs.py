"""What `docs/server.md` says is run; what the image is built from is checked as far as that goes without an engine."""

import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mien.server.app import create_app
from mien.server.running import Service
from mien.server.settings import Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "server.md").read_text("utf-8")
ADDRESS = "127.0.0.1:8646"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where a service listens, as host and port."""
    settings = Settings(port=0, readers=1)
    service = Service(create_app(settings), settings)
    thread = threading.Thread(target=service.run)
    thread.start()
    while not service.started:
        assert thread.is_alive()
        time.sleep(0.05)
    yield f"127.0.0.1:{service.servers[0].sockets[0].getsockname()[1]}"
    service.should_exit = True
    thread.join()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def test_python_blocks_run(address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    assert len(blocks("python")) == 3
    for block in blocks("python"):
        assert ADDRESS in block
        exec(compile(block.replace(ADDRESS, address), "docs/server.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "happy"
    assert lines[1].endswith("frames")
    assert lines[2].startswith("done ")
    assert lines[3] == "0 happy"


def test_lines_for_a_shell_are_answered(address: str) -> None:
    lines = [line for block in blocks("bash") for line in block.splitlines() if line.startswith("curl")]
    assert len(lines) == 3
    for line in lines:
        if shutil.which("curl") is None:  # then at least the routes are there
            assert re.search(r"/v1/(read|videos)\b", line)
            continue
        command = ["bash", "-c", line.replace(ADDRESS, address)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert '"faces"' in done.stdout or '"queued"' in done.stdout or '"running"' in done.stdout


def test_every_route_is_in_the_table() -> None:
    for path in create_app(Settings()).openapi()["paths"]:
        assert path.replace("{job_id}", "{id}") in PAGE
    for page in (ROOT / "src" / "mien" / "server" / "static").glob("*.html"):
        if page.name not in {"index.html", "label.html", "personalize.html"}:  # the latter belong to other commands
            assert f"/{page.name}" in PAGE


def test_the_image_is_built_from_what_is_there_and_runs_without_rights() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", text, flags=re.MULTILINE)
    names = [name for line in copied for name in line.split()]
    assert names
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    for name in names:
        assert (ROOT / name).exists()
        assert name in kept
    assert kept == set(names), "what is sent to the engine and not used"
    last_user = re.findall(r"^USER (.*)$", text, flags=re.MULTILINE)[-1]
    assert last_user == "10001"
    assert f"EXPOSE {Settings().port}" in text
    assert "curl" not in re.sub(r"^#.*$", "", text, flags=re.MULTILINE)


def test_the_check_of_the_image_says_when_it_cannot_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    command = [sys.executable, str(ROOT / "benchmarks" / "container.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no container engine answers here" in done.stdout
