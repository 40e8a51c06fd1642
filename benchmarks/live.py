"""The live page in Chromium, on this machine: `python benchmarks/live.py [--into docs/live.md]`.

The service, the browser (without a GPU) and a camera of 30 pictures a second that shows `examples/portrait_film.py`
share the cores. Measured from within the page, after it has run for a quarter of a minute: how many pictures it shows a
second, how long after a picture its reading is there, and how memory changes. Limits on two cores: at least 25 pictures
a second, 95 of 100 readings within 150 ms, nothing that grows.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from local_service import serving
from page_blocks import markdown, put_into
from playwright.sync_api import CDPSession, Page, sync_playwright

ROOT = Path(__file__).parents[1]
SETTLE_S = 15
LEAST_PICTURES_PER_S, LONGEST_DELAY_MS = 25, 150
MOST_GROWTH_MB = 10  # of the page's heap, and of the service, from after settling to the end

WATCH = """
    window.delays = [];
    const { set } = Object.getOwnPropertyDescriptor(WebSocket.prototype, "onmessage");
    Object.defineProperty(WebSocket.prototype, "onmessage", {
        set(take) {
            set.call(this, (event) => {
                const found = /^{"type": "reading", "captured_ms": ([0-9.]+)/.exec(event.data);
                if (found) window.delays.push(performance.now() - Number(found[1]));
                take(event);
            });
        },
    });
"""
COUNT = """async () => {
    const { stage } = await import("/live.js");
    const passOn = stage.onPicture;
    window.pictures = [];
    stage.onPicture = (now_ms) => { window.pictures.push(now_ms); passOn(now_ms); };
}"""
TAKE = (
    "() => { const taken = [window.pictures, window.delays]; window.pictures = []; window.delays = []; return taken; }"
)


@contextmanager
def live_page(address: str, film: Path) -> Iterator[Page]:
    """The page in Chromium, whose camera shows a film."""
    arguments = ["--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream"]
    arguments.append(f"--use-file-for-fake-video-capture={film}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        page = browser.new_context(viewport={"width": 1280, "height": 860}, permissions=["camera"]).new_page()
        page.add_init_script(WATCH)
        page.goto(address)
        page.evaluate(COUNT)
        page.click("#start")
        page.wait_for_selector(".person")
        yield page
        browser.close()


def heap_mb(cdp: CDPSession) -> float:
    """What the page holds after tidying up."""
    cdp.send("HeapProfiler.collectGarbage")
    metrics = {metric["name"]: metric["value"] for metric in cdp.send("Performance.getMetrics")["metrics"]}
    return float(metrics["JSHeapUsedSize"]) / 1e6


def measure(minutes: float, size: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mjpeg"
        subprocess.run([sys.executable, ROOT / "examples/portrait_film.py", film, "--size", size], check=True)
        with serving() as service, live_page(f"{service.url}/", film) as page:
            cdp = page.context.new_cdp_session(page)
            cdp.send("Performance.enable")
            page.wait_for_timeout(1000 * SETTLE_S)
            memory = [(heap_mb(cdp), service.memory_mb() or 0.0)]
            page.evaluate(TAKE)
            began_s = time.monotonic()
            page.wait_for_timeout(60_000 * minutes)
            pictures, delays = page.evaluate(TAKE)
            busy, elapsed_s = os.getloadavg()[0], time.monotonic() - began_s
            memory.append((heap_mb(cdp), service.memory_mb() or 0.0))
    (heap_before, service_before), (heap_after, service_after) = memory
    gaps_ms = np.diff(pictures)
    return {
        "camera": size,
        "minutes": round(elapsed_s / 60, 2),
        "load_average": round(busy, 1),
        "pictures_per_s": round(len(pictures) / elapsed_s, 1),
        "gap_ms_p99": round(float(np.quantile(gaps_ms, 0.99)), 1),
        "readings_per_s": round(len(delays) / elapsed_s, 1),
        "delay_ms_p50": round(float(np.quantile(delays, 0.5)), 1),
        "delay_ms_p95": round(float(np.quantile(delays, 0.95)), 1),
        "heap_mb": [round(heap_before, 1), round(heap_after, 1)],
        "service_mb": [round(service_before, 1), round(service_after, 1)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--size", default="1280x720", help="of the camera's picture")
    parser.add_argument("--into", type=Path, help="the page to put the table into: docs/live.md")
    options = parser.parse_args()
    found = measure(options.minutes, options.size)
    print(json.dumps(found, indent=2))
    kept = {
        "pictures": found["pictures_per_s"] >= LEAST_PICTURES_PER_S,
        "delay": found["delay_ms_p95"] <= LONGEST_DELAY_MS,
        "heap": found["heap_mb"][1] - found["heap_mb"][0] <= MOST_GROWTH_MB,
        "service": found["service_mb"][1] - found["service_mb"][0] <= MOST_GROWTH_MB,
    }
    for limit, is_kept in kept.items():
        print(f"{limit}: {'kept' if is_kept else 'NOT kept'}")
    if options.into:
        put_into(
            options.into, "live", markdown([["", "measured"], *([name, str(value)] for name, value in rows(found))])
        )
    sys.exit(not all(kept.values()))


def rows(found: dict[str, Any]) -> list[tuple[str, Any]]:
    """What was measured, in words."""
    (heap_before, heap_after), (service_before, service_after) = found["heap_mb"], found["service_mb"]
    return [
        ("pictures shown a second, of 30", found["pictures_per_s"]),
        ("readings a second", found["readings_per_s"]),
        ("delay, median (ms)", found["delay_ms_p50"]),
        ("delay, 95 of 100 below (ms)", found["delay_ms_p95"]),
        ("memory of the page's script, before and after (MB)", f"{heap_before}, {heap_after}"),
        ("memory of the service, before and after (MB)", f"{service_before}, {service_after}"),
    ]


if __name__ == "__main__":
    main()
