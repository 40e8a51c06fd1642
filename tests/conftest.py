"""What several tests share: the real media and data beside the project, where present."""

import csv
import json
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

settings.register_profile("mien", deadline=None)  # a busy machine is no failure
settings.register_profile(  # a mutant has to fail, always or never, and need not be explained
    "mutation", deadline=None, database=None, derandomize=True, max_examples=25, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("mien")

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs start with Ctrl-C ignored

SHARED = Path(__file__).resolve().parents[2] / "shared"


@dataclass(frozen=True)
class SharedMedia:
    """Real photos and videos beside the project, with what is known of each."""

    folder: Path
    manifest: dict[str, dict[str, str]]  # relative path -> its line of MANIFEST.csv
    faces: dict[str, dict[str, Any]]  # relative path -> size, faces (hand-checked boxes), ignore

    def path(self, name: str) -> Path:
        """Absolute path of `images/...`, `bad/...` or `videos/...`."""
        return self.folder / name


@pytest.fixture(scope="session")
def shared_media() -> SharedMedia:
    """The labelled media; skips where they are absent."""
    folder = SHARED / "media"
    if not folder.is_dir():
        pytest.skip("needs the real test media in ../shared/media, which are not here")
    with (folder / "MANIFEST.csv").open(newline="", encoding="utf-8") as file:
        manifest = {row["file"]: row for row in csv.DictReader(file)}
    return SharedMedia(folder, manifest, json.loads((folder / "faces.json").read_text("utf-8")))


@pytest.fixture(scope="session")
def shared_fer2013() -> Path:
    """The folder with FER-2013 packed and `expand.py`; skips where it is absent."""
    folder = SHARED / "data" / "fer2013"
    if not folder.is_dir():
        pytest.skip("needs FER-2013 in ../shared/data/fer2013, which is not here")
    return folder


@pytest.fixture(scope="session")
def shared_models() -> Path:
    """The folder with detector files for download tests; skips where it is absent."""
    folder = SHARED / "models"
    if not folder.is_dir():
        pytest.skip("needs the detector files in ../shared/models, which are not here")
    return folder


@pytest.fixture(scope="module")  # no longer: playwright's loop would be in the way of tests with one of their own
def browser() -> Iterator["Browser"]:
    """A real Chromium; make contexts with `offline=True` for pages that must load nothing."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.fail("needs chromium to open pages: apt-get install chromium")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser
        browser.close()
