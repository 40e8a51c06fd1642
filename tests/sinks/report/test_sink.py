"""The report opened in a real browser, without network."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, ViewportSize

from mien.results import NOTICE, FrameReading
from mien.sinks.report.sink import ReportSink
from mien.summary.conditions import Event
from reading_samples import face_of, frame, results, video

READINGS = video(["happy"] * 30 + [None] * 10 + ["?"] * 10 + ["sad"] * 31)
EVENTS = [Event(0, 3, "baseline"), Event(4, 8, 'a <b> "clip"')]
FRAME = np.full((48, 64, 3), 90, np.uint8)

COUNT_POINTS = r"""([person, label, left, right]) => {
    const chart = document.querySelector(`#person-${person} canvas`);
    const colour = getComputedStyle(document.documentElement).getPropertyValue(`--${label}`);
    const wanted = colour.match(/\d+/g).map(Number);
    const [from, to] = [left, right].map((share) => Math.round(chart.width * share));
    const { data } = chart.getContext("2d").getImageData(from, 0, to - from, Math.round(chart.height * 0.8));
    let count = 0;
    for (let at = 0; at < data.length; at += 4) {
        const off = wanted.reduce((sum, value, channel) => sum + Math.abs(data[at + channel] - value), 0);
        count += data[at + 3] === 255 && off < 12;
    }
    return count;
}"""


def write(
    path: Path,
    readings: Sequence[FrameReading] = READINGS,
    *,
    source: str = "clips/a.mp4",
    frame_rgb: NDArray[np.uint8] | None = None,
    key_frames: bool = False,
    events: Sequence[Event] = (),
) -> Path:
    with ReportSink(path, key_frames=key_frames, events=events) as sink:
        for result in results(source, readings):
            sink.write(result, frame_rgb)
    return path


class Opened:
    """A page, what it asked the network for and what it complained about."""

    def __init__(self, page: Page, path: Path) -> None:
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(path.as_uri())

    def says(self, person: int = 0) -> str:
        """What a screen reader says of the cursor."""
        return self.page.locator(f"#person-{person} .timeline").get_attribute("aria-valuetext") or ""

    def points(self, label: str, *, left: float, right: float, person: int = 0) -> int:
        """How many picture points of a chart, above the ribbon and between two shares of its width, have a colour."""
        return int(self.page.evaluate(COUNT_POINTS, [person, label, left, right]))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("report") / "a.html", events=EVENTS)


@pytest.fixture
def desk(browser: Browser, report: Path) -> Iterator[Opened]:
    context = browser.new_context(offline=True, viewport=ViewportSize(width=1200, height=900), color_scheme="light")
    yield Opened(context.new_page(), report)
    context.close()


def test_it_opens_from_disk_and_asks_for_nothing(desk: Opened, report: Path) -> None:
    assert desk.requests == [report.as_uri()]
    assert desk.complaints == []
    assert desk.page.title() == "a.mp4: how faces look"
    assert desk.page.get_by_text(NOTICE).count() >= 2
    assert desk.page.get_by_role("heading", name="Person 0").is_visible()


def test_the_curves_are_where_the_emotions_were(desk: Opened) -> None:
    assert desk.points("happy", left=0.05, right=0.35) > 50
    assert desk.points("happy", left=0.64, right=0.98) < desk.points("sad", left=0.64, right=0.98) / 2
    assert desk.points("sad", left=0.4, right=0.48) == 0  # out of sight


def test_the_mouse_reads_any_moment(desk: Opened) -> None:
    box = desk.page.locator("#person-0 .timeline").bounding_box()
    assert box is not None
    said = []
    for share in (0.2, 0.46, 0.57, 0.8):
        desk.page.mouse.move(box["x"] + share * box["width"], box["y"] + 80)
        said.append(desk.says())
    assert [text.split(": ")[1].split(" (")[0] for text in said] == ["happy", "out of sight", "unsure", "sad"]
    assert "sad 67 %" in said[-1]
    assert "certainty 67 %" in desk.page.locator("#person-0 .readout p").inner_text()


def test_the_keyboard_reads_any_moment(desk: Opened) -> None:
    desk.page.locator("#person-0 .timeline").focus()
    said = []
    for key in ("End", "Home", "ArrowRight", "Shift+ArrowRight", "PageUp"):
        desk.page.keyboard.press(key)
        said.append(desk.says().split(" (")[0])
    assert said == ["0:08.0: sad", "0:00.0: happy", "0:00.1: happy", "0:01.1: happy", "0:01.9: happy"]


def test_emotions_and_curves_can_be_taken_away(desk: Opened) -> None:
    button = desk.page.get_by_role("button", name="happy", exact=True)
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert desk.points("happy", left=0.05, right=0.35) == 0
    assert not desk.page.locator("#person-0 .values li", has_text="happy").is_visible()
    button.click()
    assert desk.points("happy", left=0.05, right=0.35) > 50
    for name in ("smooth", "each frame"):
        desk.page.get_by_role("button", name=name).click()
    assert desk.points("happy", left=0.05, right=0.35) == 0


def test_zoom_by_key_button_and_drag(desk: Opened) -> None:
    shown = desk.page.locator(".range")
    assert shown.inner_text() == "0:00.0 – 0:08.0"
    desk.page.locator("#person-0 .timeline").focus()
    desk.page.keyboard.press("+")
    assert shown.inner_text() == "0:00.0 – 0:04.0 of 0:08.0"
    desk.page.get_by_role("button", name="whole video").click()
    assert shown.inner_text() == "0:00.0 – 0:08.0"
    box = desk.page.locator("#person-0 .timeline").bounding_box()
    assert box is not None
    desk.page.mouse.move(box["x"] + 34 + (box["width"] - 42) / 2, box["y"] + 60)
    desk.page.mouse.down()
    desk.page.mouse.move(box["x"] + 34 + (box["width"] - 42) * 3 / 4, box["y"] + 60)
    desk.page.mouse.up()
    assert shown.inner_text() == "0:04.0 – 0:06.0 of 0:08.0"
    assert desk.points("happy", left=0.05, right=0.9) == 0


def test_an_episode_leads_to_its_apex(desk: Opened) -> None:
    desk.page.get_by_text("2 episodes").click()
    desk.page.get_by_role("button", name="sad, go to its apex").click()
    assert desk.says().startswith("0:05.0: sad")


def test_conditions_are_told_apart(desk: Opened) -> None:
    rows = desk.page.get_by_role("region", name="Table of conditions").get_by_role("row")
    assert rows.nth(1).inner_text().split()[:2] == ["baseline", "0:03.0"]
    assert rows.nth(2).get_by_role("cell").first.inner_text() == 'a <b> "clip"'


def test_it_is_light_and_dark(browser: Browser, report: Path) -> None:
    colours = []
    for scheme in ("light", "dark"):
        context = browser.new_context(offline=True, color_scheme="dark" if scheme == "dark" else "light")
        opened = Opened(context.new_page(), report)
        colours.append(opened.page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert opened.points("happy", left=0.05, right=0.35) > 50
        context.close()
    brightness = [sum(int(part) for part in colour[4:-1].split(",")) for colour in colours]
    assert brightness[0] > 700
    assert brightness[1] < 100


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_way_of_anyone(
    browser: Browser, report: Path, scheme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(offline=True, color_scheme=scheme)
    opened = Opened(context.new_page(), report)
    opened.page.get_by_text("2 episodes").click()
    answer = Axe().run(opened.page)
    assert answer.violations_count == 0, answer.generate_report()
    context.close()


def test_it_fits_a_phone(browser: Browser, report: Path) -> None:
    context = browser.new_context(offline=True, viewport=ViewportSize(width=360, height=780), has_touch=True)
    opened = Opened(context.new_page(), report)
    assert opened.page.evaluate("document.documentElement.scrollWidth") == 360
    opened.page.locator("#person-0 .timeline").tap(position={"x": 290, "y": 60})
    assert "sad" in opened.says()
    context.close()


def test_without_a_script_everything_but_the_curves_can_be_read(browser: Browser, report: Path) -> None:
    context = browser.new_context(offline=True, java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.get_by_role("img", name="Share of the time: sad 44%, happy 42%, unsure 14%").first.is_visible()
    assert not page.get_by_role("slider").first.is_visible()
    assert not page.get_by_role("toolbar").is_visible()
    context.close()


def test_pictures_of_people_only_if_asked(browser: Browser, tmp_path: Path) -> None:
    assert "data:image" not in write(tmp_path / "without.html", frame_rgb=FRAME).read_text("utf-8")
    path = write(tmp_path / "with.html", frame_rgb=FRAME, key_frames=True)
    context = browser.new_context(offline=True)
    opened = Opened(context.new_page(), path)
    pictures = opened.page.locator(".frames img")
    assert [pictures.nth(place).get_attribute("alt") for place in range(2)] == [
        "Person 0, happy at 0:00.0",
        "Person 0, sad at 0:05.0",
    ]
    assert pictures.first.evaluate("picture => picture.naturalWidth") > 30
    assert opened.complaints == []
    context.close()


def test_any_name_and_no_person(browser: Browser, tmp_path: Path) -> None:
    name = "<script>alert(1) & \udce9.mp4"
    path = write(tmp_path / "a.html", [frame(0.0), frame(1.0)], source=name)
    context = browser.new_context(offline=True)
    opened = Opened(context.new_page(), path)
    assert opened.page.locator("h1").inner_text() == "<script>alert(1) & \\udce9.mp4"
    assert opened.page.get_by_text("No face was seen.").is_visible()
    assert opened.complaints == []
    context.close()


def test_an_hour_is_as_small_as_a_minute(tmp_path: Path) -> None:
    face = face_of("happy")
    readings = [frame(index / 6, face, index=index) for index in range(21_000)]
    assert write(tmp_path / "a.html", readings).stat().st_size < 600_000
