"""Every block of the tutorials and of the guide for newcomers is a file under examples/, and runs as shown there."""

import contextlib
import io
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TUTORIALS = ("app", "researcher", "student", "demo")
GUIDE = "coming-from.md"
BLOCK = re.compile(r"^ *```(\w+)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
ADDRESS = "127.0.0.1:8646"


def steps(page: str) -> list[Path]:
    """The files that a page of docs/ shows, in its order; every block of it has to be one."""
    found = []
    for language, text in BLOCK.findall((ROOT / "docs" / page).read_text("utf-8")):
        included = re.fullmatch(r' *--8<-- "(examples/[\w./-]+)"\n', text)
        assert included, f"{page} has a block of {language} that is no file: {text}"
        found.append(ROOT / included[1])
    return found


class Desk:
    """An empty folder with the examples, where steps are carried out as a reader would."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (folder / "examples").symlink_to(ROOT / "examples")
        (folder / "bin").mkdir()
        for name, called in (("mien", f"{sys.executable} -m mien"), ("python", sys.executable)):
            command = folder / "bin" / name
            command.write_text(f'#!/bin/sh\nexec {called} "$@"\n')
            command.chmod(0o755)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        monkeypatch.chdir(folder)
        monkeypatch.setenv("PATH", str(folder / "bin"), prepend=os.pathsep)
        monkeypatch.setenv("MIEN_CACHE", str(folder / "cache"))  # as newly installed: no detector has been pulled
        monkeypatch.setenv("MIEN_PORT", str(self.port))
        monkeypatch.setenv("MIEN_READERS", "1")
        monkeypatch.setenv("BROWSER", "true")  # a page that opens by itself opens nowhere
        self.folder = folder
        self.printed = ""

    def follow(self, path: list[Path]) -> None:
        """Carry out all steps; what runs until it is stopped, runs until the last one is done."""
        with contextlib.ExitStack() as stack:
            for step in path:
                if step.suffix == ".txt":
                    assert self.printed == step.read_text("utf-8"), step.name
                elif step.suffix == ".py":
                    self.printed = self.run_python(step)
                elif step.suffix == ".sh" and re.match(r"mien (serve|live)\b", step.read_text("utf-8")):
                    stack.enter_context(self.running(step))
                elif step.suffix == ".sh":
                    done = subprocess.run(["bash", "-e", step], capture_output=True, text=True, check=False)
                    assert done.returncode == 0, f"{step.name}: {done.stdout}{done.stderr}"
                else:
                    assert step.read_text("utf-8")  # data that a later step reads

    def run_python(self, step: Path) -> str:
        """What a script prints."""
        text = step.read_text("utf-8").replace(ADDRESS, f"127.0.0.1:{self.port}")
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(text, str(step), "exec"), {"__name__": "__main__"})
        return printed.getvalue()

    @contextlib.contextmanager
    def running(self, step: Path) -> Iterator[None]:
        """A command that answers until it is stopped."""
        log = self.folder / f"{step.stem}.log"
        with (
            log.open("w") as file,
            subprocess.Popen(["bash", step], stdout=file, stderr=file, start_new_session=True) as process,
        ):
            try:
                while not self.answers():
                    assert process.poll() is None, log.read_text()
                    time.sleep(0.1)
                yield
            finally:
                os.killpg(process.pid, signal.SIGTERM)  # the shell, and what it started

    def answers(self) -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz") as answer:
            return bool(answer.status == 200)
        return False


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, monkeypatch)


def test_app(desk: Desk) -> None:
    desk.follow(steps("tutorials/app.md"))


def test_researcher(desk: Desk) -> None:
    desk.follow(steps("tutorials/researcher.md"))
    assert desk.printed.startswith("Expressions were read with mien")
    assert (desk.folder / "results" / "astronaut" / "report.html").is_file()
    assert (desk.folder / "results" / "readings.parquet").is_file()


def test_student(desk: Desk) -> None:
    desk.follow(steps("tutorials/student.md"))
    assert (desk.folder / "explored" / "explore.html").is_file()
    assert (desk.folder / "scores" / "report.html").is_file()
    assert "small" in (desk.folder / "mine" / "card.md").read_text("utf-8")


def test_demo(desk: Desk) -> None:
    desk.follow(steps("tutorials/demo.md"))
    assert (desk.folder / "demo" / "why.png").is_file()
    assert {path.name for path in (desk.folder / "demo-video" / "astronaut").iterdir()} >= {
        "annotated.mp4",
        "animation.gif",
        "report.html",
        "subtitles.vtt",
    }


def test_coming_from_other_tools(desk: Desk) -> None:
    ours = [step for step in steps(GUIDE) if step.name.startswith("mien_")]
    assert len(ours) == 3
    desk.follow(ours)
    assert [line.split()[0] for line in desk.printed.splitlines()] == ["happiness", "neutral", "anger"]
    theirs = set(steps(GUIDE)) - set(ours) - set(steps("tutorials/student.md"))
    assert len(theirs) == 6
    for step in theirs:
        compile(step.read_text("utf-8"), step.name, "exec")


def test_every_example_is_on_a_page() -> None:
    assert {path.stem for path in (ROOT / "docs" / "tutorials").glob("*.md")} == set(TUTORIALS)
    shown = {step for page in (*(f"tutorials/{name}.md" for name in TUTORIALS), GUIDE) for step in steps(page)}
    folders = [ROOT / "examples" / name for name in (*TUTORIALS, "coming_from")]
    run_by_a_step = {ROOT / "examples" / "student" / "make_faces.py"}
    assert {path for folder in folders for path in folder.iterdir() if path.is_file()} == shown | run_by_a_step
