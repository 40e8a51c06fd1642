"""The page for one's own face: what it asks the service, and in a real browser before a fake camera."""

import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from fastapi.testclient import TestClient
from PIL import Image
from playwright.sync_api import Browser, expect

from mien import Analyzer
from mien.media.photos import load_photo
from mien.personal.sitting import Sitting
from mien.profiles import Profile
from mien.server.personalizing import EXAMPLE_WORDS, Portrait, create_personalizing_app
from mien.server.settings import Settings
from mien.taxonomy import FERPLUS
from pages import PORTRAIT, served, write_film

PATIENCE_MS = 60_000  # a busy machine is no failure


@pytest.fixture(scope="module")
def analyzer() -> Analyzer:
    return Analyzer(detector="mtcnn")


@pytest.fixture
def portrait(analyzer: Analyzer, tmp_path: Path) -> Portrait:
    return Portrait(Sitting(analyzer), "anna", tmp_path / "anna.profile.json")


@pytest.fixture
def client(portrait: Portrait) -> Iterator[TestClient]:
    app = create_personalizing_app(Settings(max_frame_bytes=200_000), portrait)
    with TestClient(app, base_url="http://127.0.0.1:8646") as client:
        yield client


def jpeg(gain: float) -> bytes:
    picture = io.BytesIO()
    Image.fromarray((load_photo(PORTRAIT) * gain).clip(0, 255).astype(np.uint8)).save(picture, "JPEG")
    return picture.getvalue()


def test_there_are_words_for_every_emotion(client: TestClient) -> None:
    about = client.get("/v1/personalizing").json()
    assert [each["word"] for each in about["emotions"]] == list(FERPLUS.labels)
    assert [each["example"] for each in about["emotions"]] == [EXAMPLE_WORDS[word] for word in FERPLUS.labels]


def test_pictures_are_checked_learnt_from_kept_and_forgotten(client: TestClient, portrait: Portrait) -> None:
    assert client.put("/v1/personalizing/profile").status_code == 409
    for gain in (0.9, 1.0, 1.05):
        answer = client.post("/v1/personalizing/examples?emotion=neutral", content=jpeg(gain)).json()
        assert answer["taken"]
    dark = client.post("/v1/personalizing/examples?emotion=neutral", content=jpeg(0.07)).json()
    assert not dark["taken"]
    assert dark["reason"]
    assert dark["counts"] == {"neutral": 3}
    assert not portrait.out.exists()
    learnt = client.post("/v1/personalizing/profile").json()
    assert learnt["profile"]["summary"] == "anna (baseline of 3 faces, the camera)"
    assert not portrait.out.exists()
    assert client.put("/v1/personalizing/profile").json()["kept"]
    assert Profile.load(portrait.out).baseline is not None
    after = client.delete("/v1/personalizing/profile").json()
    assert (after["counts"], after["profile"], after["kept"]) == ({}, None, False)
    assert list(portrait.out.parent.iterdir()) == []


def test_another_profile_in_the_place_is_not_deleted(client: TestClient, portrait: Portrait) -> None:
    portrait.out.write_text("another person's", "utf-8")
    client.delete("/v1/personalizing/profile")
    assert portrait.out.read_text("utf-8") == "another person's"


def test_what_cannot_be_is_one_sentence(client: TestClient) -> None:
    for answer, status, sentence in (
        (client.post("/v1/personalizing/examples?emotion=joyous", content=b""), 422, "expected one of neutral"),
        (client.post("/v1/personalizing/examples?emotion=happy", content=b"no picture"), 422, "the photo in memory"),
        (client.post("/v1/personalizing/examples?emotion=happy", content=bytes(200_001)), 413, "at most 200,000 bytes"),
        (client.post("/v1/personalizing/profile"), 422, "a profile needs faces"),
    ):
        assert answer.status_code == status
        assert sentence in answer.json()["error"]


def test_a_person_shows_their_face_at_rest_and_keeps_it(browser: Browser, portrait: Portrait, tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mjpeg")
    executable = shutil.which("chromium")
    arguments = ["--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream"]
    camera = f"--use-file-for-fake-video-capture={film}"
    chromium = browser.browser_type.launch(executable_path=executable, args=[*arguments, camera])
    with served(create_personalizing_app(Settings(rate_burst=1000), portrait)) as address:
        page = chromium.new_context(permissions=["camera"]).new_page()
        page.set_default_timeout(PATIENCE_MS)
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        page.get_by_role("button", name="Start the camera").click()
        page.get_by_role("button", name="Watch for 4 seconds").click()
        told, outcome = page.locator("#told"), page.locator("#outcome")
        expect(told).to_have_text(re.compile(r"Taken: \d+ pictures of your face at rest\."), timeout=PATIENCE_MS)
        page.get_by_role("button", name=re.compile("^happy")).click()
        expect(page.locator("#example")).to_have_text(EXAMPLE_WORDS["happy"])
        page.get_by_role("button", name="Take a picture").click()
        expect(told).to_have_text("Taken: happy, 1.", timeout=PATIENCE_MS)
        page.get_by_role("button", name="Learn from these").click()
        expect(outcome).to_have_text(re.compile(r"Learnt: anna \(baseline of \d+ faces, the camera\)\."))
        assert not portrait.out.exists()
        assert not Axe().run(page).response["violations"]
        page.get_by_role("button", name="Keep this profile").click()
        expect(outcome).to_have_text(re.compile(r"Kept in anna\.profile\.json: anna"))
        profile = Profile.load(portrait.out)
        page.get_by_role("button", name="Forget everything").click()
        expect(told).to_have_text("Forgotten: nothing is left of it.")
        page.context.close()
    chromium.close()
    assert complaints == []
    assert profile.baseline is not None
    assert not portrait.out.exists()
