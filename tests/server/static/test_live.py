"""The live page in Chromium, before a camera that shows a film."""

import base64
import io
import itertools
import json
import struct
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import expect

import mien
from mien.analyzer import Analyzer
from mien.tables.files import read_table
from mien.taxonomy import COLOURS_RGB
from server.static.conftest import DESKTOP, PHONE, Chromium, Film, Opened, Service

FAR_PX = 10

# What is shown at some moments, not long after a reading: the picture, and the boxes over it in pixels of that picture.
LOOK = """async (moments) => {
    const { stage } = await import("/live.js");
    const canvas = document.createElement("canvas");
    const seen = [];
    const passOn = stage.onPicture;
    const read = stage.boxes.read.bind(stage.boxes);
    let pictures = 0;
    let read_ms = -Infinity;
    stage.boxes.read = (reading, captured_ms) => {
        read_ms = captured_ms;
        read(reading, captured_ms);
    };
    await new Promise((resolve) => {
        stage.onPicture = (now_ms) => {
            const is_fresh = now_ms - read_ms < 250 && stage.drawn.length > 0;
            if (is_fresh && pictures++ % 5 === 0 && seen.length < moments) {
                const [width, height] = stage.size_wh;
                Object.assign(canvas, { width, height });
                canvas.getContext("2d").drawImage(stage.source, 0, 0);
                const scale = width / stage.boxes.size_wh[0];
                const boxes = stage.drawn.map(({ box_xyxy }) => box_xyxy.map((side) => side * scale));
                seen.push({ boxes, picture: canvas.toDataURL("image/png") });
            }
            passOn(now_ms);
            if (seen.length === moments) resolve();
        };
    });
    stage.onPicture = passOn;
    return seen;
}"""
# Readings come late to the page; `waited` says how many pictures it had shown by each of them.
LATE_READINGS = """
    window.waited = [];
    const { set } = Object.getOwnPropertyDescriptor(WebSocket.prototype, "onmessage");
    Object.defineProperty(WebSocket.prototype, "onmessage", {
        set(take) {
            set.call(this, (event) => setTimeout(async () => {
                const { stage } = await import("/live.js");
                if (!window.pictures) {
                    window.pictures = 1;
                    const passOn = stage.onPicture;
                    stage.onPicture = (now_ms) => { window.pictures += 1; passOn(now_ms); };
                }
                window.waited.push(window.pictures);
                take(event);
            }, 700));
        },
    });
"""

# Where a row of the overlay, through the middle of the first box, is painted: the first and the last column.
PAINTED = """async () => {
    const { stage } = await import("/live.js");
    const [, top, , bottom] = stage.drawn[0].box_xyxy;
    const { width, height } = stage.overlay;
    const row = Math.round((height * (top + bottom)) / 2 / stage.boxes.size_wh[1]);
    const { data } = stage.overlay.getContext("2d").getImageData(0, row, width, 1);
    const painted = [...Array(width).keys()].filter((column) => data[4 * column + 3] > 0);
    return [painted[0], painted[painted.length - 1], width];
}"""


def start(chromium: Chromium, service: Service, camera: Path, **context: Any) -> Opened:
    """The page, once it has read somebody."""
    opened = chromium.open(service.address, camera=camera, **context)
    opened.button("Start the camera").click()
    opened.page.locator(".person").first.wait_for()
    return opened


def pixels(picture: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))


# -- reading ----------------------------------------------------------------------------------------------------------


def test_a_face_is_read_named_and_said(chromium: Chromium, running: Service, film: Film) -> None:
    opened = start(chromium, running, film())
    page = opened.page
    person = page.locator(".person")
    expect(person).to_have_count(1)
    expect(person.get_by_label("Name of this person")).to_have_value("Person 1")
    expect(person.locator(".person-word")).to_have_text("happy")
    expect(person.locator(".person-detail")).to_have_text("over 99 % certain")
    expect(person.locator(".bars li")).to_have_count(8)
    expect(person.locator(".bars .is-top .bar-label")).to_have_text("happy")
    expect(page.locator("#speech")).to_have_text("Person 1: happy")
    minute = "The last minute: happy 100 %; unsure 0 % of the time"
    expect(person.locator(".timeline")).to_have_attribute("aria-label", minute)
    for figure in ("#display-rate", "#reading-rate", "#latency"):
        opened.wait_for(f"Number(document.querySelector('{figure}').textContent) > 0")
    assert opened.complaints == []
    assert [url for url in opened.requests if not url.startswith(running.address)] == []


def test_what_is_read_is_what_the_library_reads_and_one_picture_at_a_time(
    chromium: Chromium, running: Service, film: Film
) -> None:
    opened = chromium.open(running.address, camera=film())
    messages: list[bytes | str] = []

    def note(message: bytes | str) -> None:
        messages.append(message)

    def listen(socket: Any) -> None:
        socket.on("framesent", note)
        socket.on("framereceived", note)

    opened.page.on("websocket", listen)
    opened.button("Start the camera").click()
    opened.page.locator(".person").wait_for()
    opened.page.close()
    sent = [message for message in messages if isinstance(message, bytes)]
    assert len(sent) > 5
    kinds = [isinstance(message, bytes) for message in messages[1:]]  # after the hello
    assert all(before != after for before, after in itertools.pairwise(kinds)), "two were under way"
    session = Analyzer().session()
    for picture, answer in zip(messages[1:30:2], messages[2:30:2], strict=False):
        assert isinstance(picture, bytes)
        told = json.loads(answer)
        (captured_ms,) = struct.unpack_from(">d", picture)
        assert told["captured_ms"] == captured_ms
        reading = mien.FrameReading.from_dict(told["reading"])
        own = session.read(pixels(picture[8:]), time_s=captured_ms / 1000)
        assert reading.size_wh == own.size_wh
        for face, own_face in zip(reading.faces, own.faces, strict=True):
            np.testing.assert_allclose(face.box_xyxy, own_face.box_xyxy, atol=0.5)
            assert face.emotions.top == own_face.emotions.top


def test_boxes_sit_on_the_face_while_the_picture_moves_on(chromium: Chromium, running: Service, film: Film) -> None:
    opened = start(chromium, running, film())
    opened.wait_for("document.querySelector('.timeline').ariaLabel.includes('happy')")
    analyzer = Analyzer()
    away_px = []
    for seen in opened.page.evaluate(LOOK, 15):
        (box,) = seen["boxes"]
        picture = pixels(base64.b64decode(seen["picture"].partition(",")[2]))
        away_px.append(min(np.abs(np.subtract(box, face.box_xyxy)).max() for face in analyzer.read(picture).faces))
    # Between two readings the box is a guess, and one picture's reading trembles too: what holds is the middle.
    assert np.median(away_px) <= FAR_PX, away_px
    assert max(away_px) <= 4 * FAR_PX, away_px


def test_the_picture_does_not_wait_for_readings(chromium: Chromium, running: Service, film: Film) -> None:
    opened = chromium.open("about:blank", camera=film())
    opened.page.add_init_script(LATE_READINGS)
    opened.page.goto(running.address)
    opened.button("Start the camera").click()
    opened.wait_for("window.waited.length > 4")
    waited = opened.page.evaluate("window.waited")
    assert np.diff(waited[2:]).min() >= 4, waited


def test_two_people_are_told_apart_and_can_be_named(
    chromium: Chromium, running: Service, film: Film, tmp_path: Path
) -> None:
    opened = start(chromium, running, film("--people", "2"))
    people = opened.page.locator(".person")
    expect(people).to_have_count(2)
    names = people.get_by_label("Name of this person")
    assert [names.nth(place).input_value() for place in range(2)] == ["Person 1", "Person 2"]
    names.nth(1).fill("Ada <b>")
    expect(opened.page.locator("#speech")).to_contain_text("Ada <b>: happy")
    opened.button("Record").click()
    opened.wait_for("/[1-9][0-9] readings/.test(document.querySelector('#sitting-state').textContent)")
    report = opened.save(opened.button("Save the report (HTML)"), tmp_path / "report.html")
    table = opened.save(opened.button("Save the table (CSV)"), tmp_path / "table.csv")
    assert {row["track_id"] for row in read_table(table).rows() if row["track_id"] is not None} == {0, 1}
    told = chromium.open(report.as_uri(), offline=True)
    headings = told.page.get_by_role("heading", level=2)
    expect(headings).to_have_text(["Person 1", "Ada <b>"])
    assert told.complaints == []


def test_nobody_is_no_error(chromium: Chromium, running: Service, film: Film) -> None:
    opened = chromium.open(running.address, camera=film("--people", "0"))
    opened.button("Start the camera").click()
    expect(opened.page.locator("#speech")).to_have_text("No face in the picture")
    expect(opened.page.get_by_text("Nobody yet.")).to_be_visible()
    expect(opened.page.locator("#badge")).to_be_hidden()
    assert opened.complaints == []


def test_doubt_is_grey_and_says_why(chromium: Chromium, running: Service, film: Film) -> None:
    opened = start(chromium, running, film("--dusk"))
    unsure = opened.page.locator(".person.is-unsure").first
    expect(unsure.locator(".person-word")).to_have_text("unsure")
    expect(unsure.locator(".person-detail")).to_contain_text("too dark")
    colours = unsure.locator(".bar-fill").evaluate_all("fills => fills.map((fill) => fill.style.backgroundColor)")
    assert {colour.rstrip(")").replace(" / 1", "") for colour in colours} == {"rgb(150, 156, 166"}


# -- what can go wrong ------------------------------------------------------------------------------------------------


def test_a_refused_camera_is_explained_and_can_be_allowed(chromium: Chromium, running: Service, film: Film) -> None:
    opened = chromium.open(running.address, camera=film(), allowed=False)
    opened.button("Start the camera").click()
    expect(opened.page.get_by_text("The browser may not use the camera.")).to_be_visible()
    opened.page.context.grant_permissions(["camera"])
    opened.button("Try again").click()
    opened.page.locator(".person").wait_for()


def test_no_camera_is_explained(chromium: Chromium, running: Service) -> None:
    opened = chromium.open(running.address)
    opened.button("Start the camera").click()
    expect(opened.page.get_by_text("No camera was found.")).to_be_visible()
    assert opened.complaints == []


def test_a_camera_that_is_pulled_out_comes_back(chromium: Chromium, running: Service, film: Film) -> None:
    opened = start(chromium, running, film())
    opened.page.context.clear_permissions()
    expect(opened.page.get_by_text("The camera is gone.")).to_be_visible()
    opened.page.context.grant_permissions(["camera"])
    opened.page.evaluate("navigator.mediaDevices.dispatchEvent(new Event('devicechange'))")
    expect(opened.page.locator(".person:not(.is-away) .person-word")).to_have_text("happy")


def test_a_service_that_stops_and_starts_again_is_found_again(chromium: Chromium, running: Service, film: Film) -> None:
    opened = start(chromium, running, film())
    page = opened.page
    running.stop()
    expect(page.locator("#badge")).to_have_text("The service is away. The page tries again…")
    opened.wait_for("Number(document.querySelector('#reading-rate').textContent) === 0")
    opened.wait_for("Number(document.querySelector('#display-rate').textContent) > 0")
    running.start()
    expect(page.locator("#badge")).to_be_hidden()
    expect(page.locator(".person:not(.is-away) .person-word")).to_have_text("happy")
    opened.wait_for("Number(document.querySelector('#reading-rate').textContent) > 0")


def test_a_page_opened_while_the_service_is_away_waits_for_it(chromium: Chromium, running: Service, film: Film) -> None:
    opened = chromium.open(running.address, camera=film())
    opened.page.route("**/v1/about", lambda route: route.abort())
    opened.page.reload()
    expect(opened.page.get_by_text("The service cannot be reached.")).to_be_visible()
    expect(opened.button("Start the camera")).to_be_hidden()  # it could do nothing yet
    opened.page.unroute("**/v1/about")
    expect(opened.page.get_by_text("mien says how the faces before this camera look to viewers.")).to_be_visible()


# -- controls ---------------------------------------------------------------------------------------------------------


def test_pause_and_mirror(chromium: Chromium, running: Service, film: Film) -> None:
    opened = start(chromium, running, film())
    opened.button("Pause").click()
    expect(opened.button("Pause")).to_have_attribute("aria-pressed", "true")
    expect(opened.page.locator("#badge")).to_have_text("Paused")
    expect(opened.button("Mirror")).to_have_attribute("aria-pressed", "true")
    left, right, width = opened.page.evaluate(PAINTED)
    still = opened.page.locator("#stage").screenshot()
    opened.page.wait_for_timeout(300)
    assert opened.page.locator("#stage").screenshot() == still
    opened.button("Mirror").click()
    assert opened.page.evaluate(PAINTED) == pytest.approx([width - 1 - right, width - 1 - left, width], abs=1)
    turned = pixels(opened.page.locator("#stage video").screenshot())[150:300, ::-1]
    assert np.abs(turned.astype(int) - pixels(still)[150:300]).mean() < 12, "the picture was not turned"
    opened.button("Pause").click()
    expect(opened.page.locator("#badge")).to_be_hidden()
    opened.button("Stop").click()
    expect(opened.page.get_by_text("Stopped. Nothing is read, and the camera is off.")).to_be_visible()
    assert opened.page.evaluate("document.querySelector('#video').srcObject") is None


def test_a_snapshot_shows_the_face_and_says_what_it_is(
    chromium: Chromium, running: Service, film: Film, tmp_path: Path
) -> None:
    opened = start(chromium, running, film())
    path = opened.save(opened.button("Snapshot"), tmp_path / "a.png")
    picture = np.asarray(Image.open(path).convert("RGB"))
    width, height = opened.page.evaluate("import('/live.js').then(({ stage }) => stage.size_wh)")
    assert picture.shape[1] == width
    assert height + 20 < picture.shape[0] < height + 60, "there is a strip with the notice"
    assert len(Analyzer().read(picture[:height]).faces) == 1
    assert (np.abs(picture.astype(int) - COLOURS_RGB["happy"]).sum(axis=2) < 12).sum() > 200, "no box was drawn"


def test_a_recording_holds_numbers_and_a_video_only_after_a_second_yes(
    chromium: Chromium, running: Service, film: Film, tmp_path: Path
) -> None:
    opened = start(chromium, running, film())
    page = opened.page
    opened.button("Record").click()
    expect(page.locator("#sitting-state")).to_contain_text("Recording readings, no picture")
    opened.button("Record the picture too…").click()
    opened.button("No, only the numbers").click()
    expect(page.locator("#sitting-state")).to_contain_text("Recording readings, no picture")
    opened.wait_for("/[1-9][0-9] readings/.test(document.querySelector('#sitting-state').textContent)")
    opened.button("Record the picture too…").click()
    opened.button("Yes, record the picture").click()
    expect(page.locator("#sitting-state")).to_contain_text("Recording readings and the picture")
    page.wait_for_timeout(1500)
    opened.button("Stop recording").click()
    expect(page.locator("#sitting-state")).to_contain_text("Recorded")

    table = opened.save(opened.button("Save the table (CSV)"), tmp_path / "a.csv")
    rows = list(read_table(table).rows())
    assert len(rows) > 10
    times_s = [row["timestamp"] for row in rows]
    assert times_s == sorted(times_s)
    assert 0 <= times_s[0] < 2
    assert np.median([row["happy"] for row in rows]) > 0.9

    video = opened.save(opened.button("Save the video"), tmp_path / "a.webm")
    with av.open(str(video)) as container:
        frames = [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in container.decode(video=0)]
    assert len(frames) > 5
    assert len(Analyzer().read(frames[-1]).faces) >= 1

    opened.button("Discard").click()
    expect(page.locator("#sitting")).to_be_hidden()
    expect(opened.button("Save the video")).to_be_hidden()


def test_cameras_can_be_chosen_between(chromium: Chromium, running: Service) -> None:
    opened = chromium.open(running.address, camera="two")
    opened.button("Start the camera").click()
    cameras = opened.page.get_by_role("combobox", name="Camera")
    expect(cameras).to_be_enabled()
    options = cameras.locator("option")
    expect(options).to_have_count(2)
    cameras.select_option(index=1)
    wanted = options.nth(1).get_attribute("value")
    opened.wait_for(
        f"document.querySelector('#video').srcObject?.getVideoTracks()[0].getSettings().deviceId === {wanted!r}"
    )
    expect(cameras).to_have_value(str(wanted))


def test_everything_can_be_done_from_the_keyboard(
    chromium: Chromium, running: Service, film: Film, tmp_path: Path
) -> None:
    opened = chromium.open(running.address, camera=film())
    page = opened.page

    def go_to(name: str) -> None:
        for _ in range(40):
            words = "({ tagName, innerText, ariaLabel }) => tagName === 'BODY' ? '' : `${innerText} ${ariaLabel}`"
            if name in page.evaluate(f"({words})(document.activeElement)"):
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"no way to {name}")

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the picture")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to the picture")).to_be_in_viewport()
    go_to("Start the camera")
    page.keyboard.press("Enter")
    page.locator(".person").wait_for()
    expect(opened.button("Pause")).to_be_focused()
    for name in ("Pause", "Mirror"):
        before = opened.button(name).get_attribute("aria-pressed")
        go_to(name)
        page.keyboard.press("Space")
        expect(opened.button(name)).not_to_have_attribute("aria-pressed", str(before))
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    expect(opened.button("Pause")).to_have_attribute("aria-pressed", "false")
    go_to("Record")
    page.keyboard.press("Space")
    go_to("Record the picture too…")
    page.keyboard.press("Space")
    page.keyboard.press("Escape")
    expect(page.locator("#sitting-state")).to_contain_text("no picture")
    expect(opened.button("Save the table (CSV)")).to_be_enabled()
    go_to("Save the table")
    with page.expect_download():
        page.keyboard.press("Enter")
    go_to("Name of this person")
    page.keyboard.type("Grace")
    page.keyboard.press("Tab")
    expect(page.locator("#speech")).to_contain_text("Grace: happy")


# -- everyone ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_way_of_anyone(
    chromium: Chromium, running: Service, film: Film, scheme: Literal["light", "dark"]
) -> None:
    opened = chromium.open(running.address, camera=film(), color_scheme=scheme)
    expect(opened.button("Start the camera")).to_be_visible()
    idle = Axe().run(opened.page)
    assert idle.violations_count == 0, idle.generate_report()
    opened.button("Start the camera").click()
    opened.page.locator(".person").wait_for()
    opened.button("Record").click()
    busy = Axe().run(opened.page)
    assert busy.violations_count == 0, busy.generate_report()
    brightness = opened.page.evaluate("getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)")
    assert (sum(brightness) > 600) == (scheme == "light")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_fits(chromium: Chromium, running: Service, film: Film, size: Any) -> None:
    opened = start(chromium, running, film(), size=size)
    opened.button("Record").click()
    assert opened.page.evaluate("document.documentElement.scrollWidth") == size["width"]
    expect(opened.page.locator("#stage")).to_be_in_viewport(ratio=1)
    expect(opened.button("Pause")).to_be_in_viewport(ratio=1)
    heights = opened.page.locator(".tools button").evaluate_all("all => all.map((one) => one.offsetHeight)")
    assert min(heights) >= 40, "too low for a thumb"


# -- a camera of the service ------------------------------------------------------------------------------------------


def test_a_source_of_the_service_is_shown_after_consent(chromium: Chromium, film: Film) -> None:
    with Service("--source", str(film(suffix=".mp4")), MIEN_CONSENT="true") as service:
        opened = chromium.open(service.address)
        page = opened.page
        sockets: list[Any] = []

        def note(socket: Any) -> None:
            sockets.append(socket)

        page.on("websocket", note)
        opened.button("Show the camera").click()
        expect(opened.button("Go on")).to_be_disabled()
        page.keyboard.press("Escape")
        expect(opened.button("Show the camera")).to_be_visible()
        assert sockets == [], "nothing is read before the consent"
        opened.button("Show the camera").click()
        page.get_by_label("Everybody in the picture knows this and agrees.").check()
        opened.button("Go on").click()
        expect(page.locator(".person-word")).to_have_text("happy")
        expect(page.get_by_role("combobox", name="Camera")).to_be_hidden()
        expect(page.get_by_text("The video is over.")).to_be_visible()
        opened.button("Show it again").click()
        expect(page.locator("#remote")).to_be_visible()
        assert opened.complaints == []
