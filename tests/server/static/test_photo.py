"""The photo page in Chromium: choose, drop, paste; several, good and bad."""

import base64
import csv
import json
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image, ImageOps
from playwright.sync_api import expect

import mien
from mien.media.photos import load_photo
from server.static.conftest import DESKTOP, PHONE, ROOT, Chromium, Opened, Service

PHOTO = ROOT / "examples" / "astronaut.jpg"

# Gives the page files as a user's drop or paste does.
HAND_OVER = """([kind, files]) => {
    const data = new DataTransfer();
    for (const [name, bytes] of files) {
        const content = Uint8Array.from(atob(bytes), (mark) => mark.charCodeAt(0));
        data.items.add(new File([content], name, { type: "image/jpeg" }));
    }
    if (kind === "paste") window.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data }));
    else document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


def open_page(chromium: Chromium, service: Service, **context: Any) -> Opened:
    opened = chromium.open(f"{service.address}photo.html", **context)
    expect(opened.page.locator("#notice")).to_have_text(mien.NOTICE)
    return opened


def choose(opened: Opened, *paths: Path) -> None:
    opened.page.get_by_label("Choose photos").set_input_files(paths)


def hand_over(opened: Opened, kind: str, *paths: Path) -> None:
    files = [[path.name, base64.b64encode(path.read_bytes()).decode()] for path in paths]
    opened.page.evaluate(HAND_OVER, [kind, files])


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One person, two, nobody, and no photo at all."""
    folder = tmp_path_factory.mktemp("photos")
    portrait = Image.open(PHOTO).convert("RGB")
    pair = Image.new("RGB", (2 * portrait.width, portrait.height))
    pair.paste(portrait, (0, 0))
    pair.paste(ImageOps.mirror(portrait), (portrait.width, 0))
    pair.save(folder / "two <b>.jpg")
    Image.new("RGB", (300, 200), "teal").save(folder / "nobody.jpg")
    (folder / "broken.jpg").write_bytes(PHOTO.read_bytes()[:3000])
    names = {"two": "two <b>.jpg", "nobody": "nobody.jpg", "broken": "broken.jpg"}
    return {"one": PHOTO} | {key: folder / name for key, name in names.items()}


def test_several_photos_are_read_each_by_itself(
    chromium: Chromium, running: Service, photos: dict[str, Path], tmp_path: Path
) -> None:
    opened = open_page(chromium, running)
    choose(opened, *photos.values())
    page = opened.page
    expect(page.locator("#state")).to_have_text("3 photos read, 3 faces found, 1 could not be read.")
    cards = {card.get_by_role("heading").inner_text(): card for card in page.get_by_role("article").all()}
    one, two = cards["astronaut.jpg"], cards["two <b>.jpg"]
    expect(one.locator(".face summary")).to_contain_text("happy")
    expect(one.get_by_role("img")).to_have_accessible_name("astronaut.jpg: happy")
    expect(one.locator(".bars .is-top .bar-label")).to_have_text("happy")
    expect(two.locator(".face summary .person-word")).to_have_text(["1: happy", "2: happy"])
    expect(cards["nobody.jpg"].get_by_text("No face was found.")).to_be_visible()
    expect(cards["broken.jpg"].locator(".alarm")).to_contain_text("cut off or damaged")

    told = json.loads(opened.save(opened.button("Save as JSON"), tmp_path / "a.json").read_text("utf-8"))
    assert told["notice"] == mien.NOTICE
    reading = next(photo["reading"] for photo in told["photos"] if photo["source"] == "astronaut.jpg")
    own = mien.Analyzer().read(load_photo(PHOTO))
    assert mien.FrameReading.from_dict(reading).faces[0].box_xyxy == pytest.approx(own.faces[0].box_xyxy, abs=1)
    with opened.save(opened.button("Save as table (CSV)"), tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted((row["input"], row["success"]) for row in rows) == [
        ("astronaut.jpg", "1"),
        ("nobody.jpg", "0"),
        ("two <b>.jpg", "1"),
        ("two <b>.jpg", "1"),
    ]
    assert [url for url in opened.requests if not url.startswith((running.address, "blob:"))] == []


def test_photos_may_come_before_the_service_has_answered(
    chromium: Chromium, running: Service, photos: dict[str, Path]
) -> None:
    opened = open_page(chromium, running)
    answer = opened.reload_and_hold("**/v1/about")
    choose(opened, photos["one"])
    answer.continue_()
    expect(opened.page.locator("#state")).to_have_text("1 photo read, 1 face found.")


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_photos_can_be_dropped_and_pasted(
    chromium: Chromium, running: Service, photos: dict[str, Path], kind: str
) -> None:
    opened = open_page(chromium, running)
    if kind == "drop":
        hand_over(opened, "dragover", photos["one"])
        expect(opened.page.locator("#drop.is-over")).to_be_visible()
    hand_over(opened, kind, photos["one"], photos["nobody"])
    expect(opened.page.locator("#state")).to_have_text("2 photos read, 1 face found.")
    expect(opened.page.locator("#drop.is-over")).to_have_count(0)
    assert opened.complaints == []


def test_a_service_that_is_away_is_said_and_later_photos_are_read(
    chromium: Chromium, running: Service, photos: dict[str, Path]
) -> None:
    opened = open_page(chromium, running)
    opened.page.route("**/v1/read", lambda route: route.abort())
    choose(opened, photos["one"])
    expect(opened.page.locator(".photo .alarm")).to_have_text(
        "The service cannot be reached. Try this photo again later."
    )
    opened.page.unroute("**/v1/read")
    choose(opened, photos["one"])
    expect(opened.page.locator("#state")).to_have_text("1 photo read, 1 face found, 1 could not be read.")


def test_it_can_be_used_from_the_keyboard(chromium: Chromium, running: Service, photos: dict[str, Path]) -> None:
    opened = open_page(chromium, running)
    page = opened.page
    page.on("filechooser", lambda chooser: None)  # from now on no window opens, which takes the browser a moment
    for _ in range(6):  # past the way to the content, the name and three pages
        page.keyboard.press("Tab")
    expect(page.get_by_label("Choose photos")).to_be_focused()
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files([photos["two"]])
    expect(page.locator("#state")).to_contain_text("2 faces found")
    page.locator("summary").first.focus()
    page.keyboard.press("Space")
    expect(page.locator("details").first).not_to_have_attribute("open", "")


@pytest.mark.parametrize(("scheme", "size"), [("light", DESKTOP), ("dark", PHONE)])
def test_it_fits_and_axe_finds_nothing(
    chromium: Chromium, running: Service, photos: dict[str, Path], scheme: Literal["light", "dark"], size: Any
) -> None:
    opened = open_page(chromium, running, color_scheme=scheme, size=size)
    choose(opened, photos["two"], photos["broken"])
    expect(opened.page.locator("#state")).to_have_text("1 photo read, 2 faces found, 1 could not be read.")
    answer = Axe().run(opened.page)
    assert answer.violations_count == 0, answer.generate_report()
    assert opened.page.evaluate("document.documentElement.scrollWidth") == size["width"]
