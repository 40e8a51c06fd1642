"""The documentation site is built strictly and without network; every link in it leads somewhere."""

import html.parser
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[1]

BUILD = """
import socket, sys
def refuse(*_): raise OSError("the site must be built without network")
socket.socket.connect = socket.getaddrinfo = refuse
from zensical.main import cli
cli(["build", "--strict"])
"""


class Page(html.parser.HTMLParser):
    """The links and anchors of a built page, and what it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif tag in {"img", "script", "source", "video", "iframe"} and "src" in found:
            self.loads.append(found["src"])
        elif tag == "link" and found.get("rel") != "canonical":
            self.loads.append(found["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built elsewhere so that nothing is written here."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "docs", folder / "docs")
    shutil.copy(ROOT / "mkdocs.yml", folder)  # a link would be followed, and the site built there
    for name in ("src", "examples", "CHANGELOG.md"):
        (folder / name).symlink_to(ROOT / name)
    subprocess.run([sys.executable, "docs/commands.py", "docs/commands.md"], cwd=folder, check=True)
    command = [sys.executable, "-c", BUILD]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return (folder / "build" / "site").resolve()


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path.resolve(): Page(path) for path in site.rglob("*.html") if path.name != "404.html"}


def test_every_link_leads_somewhere(site: Path, pages: dict[Path, Page]) -> None:
    broken = []
    for path, page in pages.items():
        for link in (*page.links, *page.loads):
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchors = pages[target].anchors if target in pages else {parts.fragment}
            if not target.exists() or (parts.fragment and unquote(parts.fragment) not in anchors):
                broken.append(f"{path.relative_to(site)}: {link}")
    assert broken == []


def test_pages_load_nothing_from_elsewhere(pages: dict[Path, Page]) -> None:
    assert [link for page in pages.values() for link in page.loads if urlsplit(link).netloc] == []


def test_every_page_is_in_the_navigation(site: Path, pages: dict[Path, Page]) -> None:
    home = pages[site / "index.html"]
    reached = {(site / urlsplit(link).path).resolve() for link in home.links if not urlsplit(link).scheme}
    assert sorted(path.name for path in pages if path.resolve() not in reached) == []


def test_every_verb_has_its_options_on_the_page_of_commands(site: Path) -> None:
    text = (site / "commands.html").read_text("utf-8")
    for words in ("mien analyze", "mien data leaks", "mien models pull", "--min-face", "--mirror"):
        assert words in text
