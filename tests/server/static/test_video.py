"""The video page in Chromium: upload, progress, report."""

import json
import subprocess
import urllib.request
from pathlib import Path
from typing import Any, Literal
from urllib.error import HTTPError

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

import mien
from mien.tables.files import read_table
from server.static.conftest import DESKTOP, PHONE, ROOT, Chromium, Opened, Service

IS_PAINTED = """(() => {
    const overlay = document.querySelector("#overlay");
    const blank = Object.assign(document.createElement("canvas"), { width: overlay.width, height: overlay.height });
    return overlay.toDataURL() !== blank.toDataURL();
})()"""
CLIP = ROOT / "examples" / "astronaut.mp4"


def open_page(chromium: Chromium, service: Service, **context: Any) -> Opened:
    opened = chromium.open(f"{service.address}video.html", **context)
    expect(opened.page.locator("#notice")).to_have_text(mien.NOTICE)
    return opened


def choose(opened: Opened, path: Path) -> None:
    opened.page.get_by_label("Choose a video").set_input_files(path)


def test_a_video_becomes_a_report(chromium: Chromium, running: Service, tmp_path: Path) -> None:
    opened = open_page(chromium, running)
    page = opened.page
    choose(opened, CLIP)
    expect(page.locator("#state")).to_have_text("astronaut.mp4 has been read.")
    expect(page.locator("#summary")).to_contain_text("75 frames in 0:03, one person.")
    person = page.locator(".person")
    expect(person.get_by_role("heading")).to_have_text("Person 1")
    expect(person.locator(".bars .is-top .bar-label")).to_have_text("happy")
    expect(person.get_by_role("img", name="Person 1 over time")).to_be_visible()

    page.evaluate("document.querySelector('#video').currentTime = 1.6")
    opened.wait_for(IS_PAINTED)

    rows = list(read_table(opened.save(opened.button("Save the table (CSV)"), tmp_path / "a.csv")).rows())
    assert sorted({row["timestamp"] for row in rows}) == pytest.approx([index / 25 for index in range(75)], abs=1e-6)
    lines = opened.save(opened.button("Save the readings (JSON lines)"), tmp_path / "a.jsonl").read_text("utf-8")
    readings = [mien.FrameReading.from_dict(json.loads(line)) for line in lines.splitlines()]
    assert len(readings) == 75
    report = opened.save(opened.button("Save the report (HTML)"), tmp_path / "a.html")
    told = chromium.open(report.as_uri(), offline=True)
    expect(told.page.get_by_role("heading", level=1)).to_have_text("astronaut.mp4")
    expect(told.page.get_by_role("row", name="happy")).to_be_visible()
    assert told.complaints == opened.complaints == []

    jobs = {url for url in opened.requests if url.startswith(f"{running.address}v1/videos/") and "results" not in url}
    assert len(jobs) == 1
    with pytest.raises(HTTPError, match="404"):  # nothing of it is left
        urllib.request.urlopen(jobs.pop())
    assert [url for url in opened.requests if not url.startswith((running.address, "blob:"))] == []


def test_what_is_missing_of_a_damaged_video_is_said(chromium: Chromium, running: Service, tmp_path: Path) -> None:
    opened = open_page(chromium, running)
    whole = CLIP.read_bytes()
    middle = len(whole) // 2
    path = tmp_path / "damaged.mp4"
    path.write_bytes(whole[:middle] + bytes(2000) + whole[middle + 2000 :])
    choose(opened, path)
    said = expect(opened.page.locator("#state"))
    said.to_contain_text("damaged.mp4 has been read in part: expected a whole video, got one with parts that cannot be")
    expect(opened.page.locator("#summary")).to_contain_text("one person")


def test_a_video_may_come_before_the_service_has_answered(chromium: Chromium, running: Service) -> None:
    opened = open_page(chromium, running)
    answer = opened.reload_and_hold("**/v1/about")
    choose(opened, CLIP)
    answer.continue_()
    expect(opened.page.locator("#state")).to_have_text("astronaut.mp4 has been read.")


def test_what_is_no_video_is_refused_in_a_sentence(chromium: Chromium, running: Service, tmp_path: Path) -> None:
    opened = open_page(chromium, running)
    path = tmp_path / "notes.mp4"
    path.write_text("This is no video.")
    choose(opened, path)
    expect(opened.page.locator("#state.alarm")).to_contain_text("expected a video")
    expect(opened.page.get_by_label("Choose a video")).to_be_visible()


def test_reading_can_be_cancelled_and_another_video_chosen(
    chromium: Chromium, running: Service, tmp_path: Path
) -> None:
    long = tmp_path / "long.mp4"  # so that it is not read before it can be cancelled
    subprocess.run(["ffmpeg", "-v", "error", "-stream_loop", "49", "-i", CLIP, "-c", "copy", long], check=True)
    opened = open_page(chromium, running)
    choose(opened, long)
    expect(opened.page.locator("#state")).to_contain_text("Reading:")
    opened.button("Cancel").click()
    expect(opened.page.locator("#work")).to_be_hidden()
    choose(opened, CLIP)
    expect(opened.page.locator("#state")).to_have_text("astronaut.mp4 has been read.")


@pytest.mark.parametrize(("scheme", "size"), [("light", DESKTOP), ("dark", PHONE)])
def test_it_fits_and_axe_finds_nothing(
    chromium: Chromium, running: Service, scheme: Literal["light", "dark"], size: Any
) -> None:
    opened = open_page(chromium, running, color_scheme=scheme, size=size)
    choose(opened, CLIP)
    expect(opened.page.locator("#state")).to_have_text("astronaut.mp4 has been read.")
    answer = Axe().run(opened.page)
    assert answer.violations_count == 0, answer.generate_report()
    assert opened.page.evaluate("document.documentElement.scrollWidth") == size["width"]
