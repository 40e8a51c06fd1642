"""Fresh environments and verdicts, for the scripts that prove a release."""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PHOTO = ROOT / "examples" / "astronaut.jpg"
VIDEO = ROOT / "examples" / "astronaut.mp4"


def declared() -> dict[str, list[str]]:
    """What `pyproject.toml` asks for, by extra; the core's is ""."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return {"": project["dependencies"], **project["optional-dependencies"]}


EXTRAS = tuple(extra for extra in declared() if extra not in {"", "dev", "docs"})
"""Those for users."""


def check(name: str, holds: bool, *, but: str = "") -> bool:
    """Print a verdict and return it; where it is a bad one, with what came instead."""
    print(f"{'ok   ' if holds else 'WRONG'}  {name}{'' if holds or not but else ': ' + but.strip()[-600:]}", flush=True)
    return holds


def tree_of_head(folder: Path) -> Path:
    """The files of the last commit, and nothing else, in a new folder."""
    folder.mkdir()
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive, check=True)
    return folder


def build(folder: Path, out: Path) -> tuple[Path, Path]:
    """Build the source archive and the wheel of a tree; the build's own packages as `constraints.txt` says."""
    epoch = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    environment = {
        **os.environ,
        "SOURCE_DATE_EPOCH": epoch.stdout.strip(),
        "PIP_CONSTRAINT": str(ROOT / "constraints.txt"),
    }
    command = [sys.executable, "-m", "build", "--outdir", str(out), str(folder)]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (archive,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return archive, wheel


class Environment:
    """A fresh virtual environment with some packages, and a home folder that is empty.

    Args:
        folder: Where; it must not be there yet.
        requirements: As pip takes them.
        pins: Requirement files and lines that versions must keep to.
        lowest: Take the lowest version that is allowed of what is named, in place of the newest.
    """

    def __init__(
        self, folder: Path, requirements: Sequence[str], *, pins: Sequence[str] = (), lowest: bool = False
    ) -> None:
        self.folder = folder
        self._uv("venv", "--python", sys.executable, str(folder))
        self.install(*requirements, pins=pins, lowest=lowest)

    def install(self, *requirements: str, pins: Sequence[str] = (), lowest: bool = False, alone: bool = False) -> None:
        """Install more; `alone` leaves out what they need."""
        files = [pin for pin in pins if Path(pin).is_file()]
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as lines:
            lines.write("\n".join(pin for pin in pins if pin not in files))
            lines.flush()
            self._uv(
                *("pip", "install", "--quiet", "--python", str(self.python)),
                *(option for file in (*files, lines.name) for option in ("--constraint", file)),
                *(("--resolution", "lowest-direct") if lowest else ()),
                *(("--no-deps",) if alone else ()),
                *requirements,
            )

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def versions(self) -> list[str]:
        """What is in it, `name==version` each."""
        done = self._uv("pip", "freeze", "--python", str(self.python))
        return [line for line in done.splitlines() if "==" in line]

    def run(self, *command: object, cwd: Path | None = None, offline: bool = False) -> subprocess.CompletedProcess[str]:
        """Run one of its programs, by name, with an empty home.

        Args:
            command: The program and its arguments.
            cwd: Where; None takes a folder with nothing in it.
            offline: Without any network, not even one of its own; see `can_cut_network`.
        """
        program, *arguments = map(str, command)
        with tempfile.TemporaryDirectory() as home:
            environment = {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "HOME": home, "LC_ALL": "C.UTF-8"}
            return subprocess.run(
                [*(CUT_OFF if offline else ()), str(self.folder / "bin" / program), *arguments],
                cwd=cwd or home,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )

    def _uv(self, *arguments: str) -> str:
        done = subprocess.run([sys.executable, "-m", "uv", *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"uv {' '.join(arguments)}\n{done.stderr}")
        return done.stdout


CUT_OFF = ("unshare", "--map-root-user", "--net")
"""Runs a command in a network namespace of its own, in which there is nothing (Linux)."""


def can_cut_network() -> bool:
    """Whether this system lets us run something without a network."""
    return (
        shutil.which(CUT_OFF[0]) is not None
        and subprocess.run([*CUT_OFF, "true"], capture_output=True, check=False).returncode == 0
    )


@contextmanager
def working_folder() -> Iterator[Path]:
    """A folder for environments, removed in the end."""
    with tempfile.TemporaryDirectory(prefix="mien-release-") as folder:
        yield Path(folder)
