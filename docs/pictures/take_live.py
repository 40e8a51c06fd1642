"""Takes the pictures of docs/live.md: `python docs/pictures/take_live.py`; needs Chromium."""

import io
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from PIL import Image
from playwright.sync_api import Page, Playwright, ViewportSize, sync_playwright

import mien

HERE = Path(__file__).parent
FILM = HERE.parents[1] / "examples" / "portrait_film.py"
ADDRESS = "http://localhost:8657/"
DESKTOP, PHONE = ViewportSize(width=1240, height=830), ViewportSize(width=390, height=800)
AWAY_MS = 24_000  # for a timeline with something in it


def main() -> None:
    """Take all three."""
    with tempfile.TemporaryDirectory() as folder, service(), sync_playwright() as playwright:
        dusk = film(Path(folder, "dusk.mjpeg"), "--dusk", "--seconds", "12")
        pair = film(Path(folder, "pair.mjpeg"), "--people", "2")
        with live_page(playwright, dusk, "light", DESKTOP) as page:
            page.click("#record")
            page.wait_for_timeout(AWAY_MS)
            page.wait_for_selector(".person.is-unsure")
            page.wait_for_selector(".person:not(.is-unsure)")
            page.wait_for_timeout(2500)
            shoot(page, "live-desktop-light")
        with live_page(playwright, pair, "dark", DESKTOP) as page:
            page.wait_for_timeout(AWAY_MS)
            shoot(page, "live-desktop-dark")
        with live_page(playwright, dusk, "dark", PHONE, device_scale_factor=2) as page:
            page.wait_for_timeout(AWAY_MS)
            page.wait_for_selector(".person.is-unsure")
            page.wait_for_timeout(700)
            shoot(page, "live-phone-dark")


@contextmanager
def service() -> Iterator[None]:
    """`mien live`, once it answers."""
    words = [sys.executable, "-m", "mien", "live", "--no-browser", "--port", "8657"]
    process = subprocess.Popen(words)
    try:
        wait(process)
        yield
    finally:
        process.terminate()
        process.wait()


def wait(process: "subprocess.Popen[bytes]") -> None:
    """Until the service answers, or is no more."""
    while process.poll() is None:
        try:
            mien.Client(ADDRESS).models()
        except mien.ServiceError:
            time.sleep(0.1)
        else:
            return


def film(path: Path, *words: str) -> Path:
    """A film that the camera shows."""
    subprocess.run([sys.executable, FILM, path, "--size", "1280x720", *words], check=True)
    return path


@contextmanager
def live_page(
    playwright: Playwright, camera: Path, scheme: Literal["light", "dark"], size: ViewportSize, **context: Any
) -> Iterator[Page]:
    """The page, once it has read somebody."""
    arguments = ["--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream"]
    arguments.append(f"--use-file-for-fake-video-capture={camera}")
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
    page = browser.new_context(viewport=size, permissions=["camera"], color_scheme=scheme, **context).new_page()
    page.goto(ADDRESS)
    page.click("#start")
    page.wait_for_selector(".person")
    yield page
    browser.close()


def shoot(page: Page, name: str) -> None:
    """Keep what is in the window."""
    page.evaluate("document.activeElement.blur()")
    page.mouse.move(5, 5)
    Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(HERE / f"{name}.webp", quality=82, method=6)


if __name__ == "__main__":
    main()
