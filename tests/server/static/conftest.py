"""A service that runs on its own, films in place of cameras, and Chromium to look at its pages."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.error import URLError

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    Playwright,
    Route,
    ViewportSize,
    expect,
    sync_playwright,
)

ROOT = Path(__file__).parents[3]
DESKTOP, PHONE = ViewportSize(width=1280, height=860), ViewportSize(width=360, height=780)
PATIENCE_MS = 60_000  # a busy machine is no failure
HIGHEST_BUSY = 120.0

Film = Callable[..., Path]

expect.set_options(timeout=PATIENCE_MS)


class Service:
    """`mien live` as a process of its own, which can be stopped and started again on the same port."""

    def __init__(self, *words: str, **environment: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        self.address = f"http://localhost:{self.port}/"
        self._words = [sys.executable, "-m", "mien", "live", "--no-browser", "--port", str(self.port), *words]
        self._environment = {**os.environ, "MIEN_READERS": "1", "MIEN_RATE_PER_S": "1000", **environment}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Service":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Return once it answers."""
        self._process = subprocess.Popen(self._words, env=self._environment, cwd=ROOT, stderr=subprocess.PIPE)
        until_s = time.monotonic() + HIGHEST_BUSY
        while time.monotonic() < until_s and self._process.poll() is None:
            with suppress(URLError, ConnectionError, TimeoutError), urllib.request.urlopen(f"{self.address}readyz"):
                return
            time.sleep(0.05)
        self._process.kill()
        raise AssertionError(f"the service does not answer: {self._process.communicate()[1].decode()}")

    def stop(self) -> None:
        """As Ctrl-C does it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.communicate(timeout=HIGHEST_BUSY)
            self._process = None


@dataclass
class Opened:
    """A page, what it asked the network for and what it complained about."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def wait_for(self, expression: str) -> None:
        """Until a JavaScript expression holds; playwright's own waiting needs `eval`, which the page forbids."""
        until_s = time.monotonic() + PATIENCE_MS / 1000
        while not self.page.evaluate(expression):
            assert time.monotonic() < until_s, f"waited in vain for {expression}"
            self.page.wait_for_timeout(50)

    def reload_and_hold(self, pattern: str) -> Route:
        """Load the page again, and keep one request of it waiting until `continue_()`."""
        held: list[Route] = []
        self.page.route(pattern, lambda route: held.append(route))  # noqa: PLW0108  playwright takes no built-in
        self.page.reload()
        until_s = time.monotonic() + PATIENCE_MS / 1000
        while not held:
            assert time.monotonic() < until_s, f"waited in vain for {pattern}"
            self.page.wait_for_timeout(50)
        return held[0]

    def save(self, press: Locator, path: Path) -> Path:
        """Press a button and keep the file it saves."""
        with self.page.expect_download() as download:
            press.click()
        download.value.save_as(path)
        return path


class Chromium:
    """Browsers, one for each camera."""

    def __init__(self, playwright: Playwright) -> None:
        self._playwright = playwright
        self._browsers: dict[str, Browser] = {}

    def open(
        self,
        address: str,
        *,
        camera: Path | Literal["two", "none"] = "none",
        allowed: bool = True,
        size: ViewportSize = DESKTOP,
        **context: Any,
    ) -> Opened:
        """A page in a context of its own.

        Args:
            address: Of the page.
            camera: The film that the camera shows, or how many cameras there are.
            allowed: Whether the page may use it.
            size: Of the window.
            context: More of what playwright's contexts take.
        """
        made = self._browser(camera).new_context(viewport=size, permissions=["camera"] if allowed else [], **context)
        opened = Opened(made.new_page())
        opened.page.goto(address)
        return opened

    def close(self) -> None:
        for browser in self._browsers.values():
            browser.close()

    def close_pages(self) -> None:
        for browser in self._browsers.values():
            for context in browser.contexts:
                _leave(context)

    def _browser(self, camera: Path | str) -> Browser:
        if str(camera) not in self._browsers:
            chromium = shutil.which("chromium")
            if chromium is None:
                pytest.fail("needs chromium to open pages: apt-get install chromium")
            arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
            if camera == "two":
                arguments.append("--use-fake-device-for-media-stream=device-count=2")
            elif camera != "none":
                arguments += ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={camera}"]
            browser = self._playwright.chromium.launch(executable_path=chromium, args=arguments)
            self._browsers[str(camera)] = browser
        return self._browsers[str(camera)]


def _leave(context: BrowserContext) -> None:
    for page in context.pages:
        page.close(run_before_unload=False)
    context.close()


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Film:
    """Makes films with `examples/portrait_film.py`, each once."""
    folder = tmp_path_factory.mktemp("films")

    def make(*words: str, suffix: str = ".mjpeg") -> Path:
        path = folder / f"film{''.join(words)}{suffix}"
        if not path.exists():
            subprocess.run([sys.executable, ROOT / "examples" / "portrait_film.py", path, *words], check=True)
        return path

    return make


@pytest.fixture(scope="session")
def running() -> Iterator[Service]:
    """The service, for every page."""
    with Service() as service:
        yield service


@pytest.fixture(scope="module")  # no longer: playwright's loop would be in the way of tests with one of their own
def browsers() -> Iterator[Chromium]:
    """A real Chromium for each camera."""
    with sync_playwright() as playwright:
        chromium = Chromium(playwright)
        yield chromium
        chromium.close()


@pytest.fixture
def chromium(browsers: Chromium) -> Iterator[Chromium]:
    """Chromium, whose pages are closed after the test: their cameras and sockets must not burden the next."""
    yield browsers
    browsers.close_pages()
