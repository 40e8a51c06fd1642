"""The labelling page: what it asks the service, and by keyboard in a real browser."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, expect

from annotation_samples import PICTURE, filled
from mien.annotation.desk import LabelDesk
from mien.annotation.store import LabelStore
from mien.classifier import EmotionClassifier
from mien.server.labelling import create_labelling_app
from mien.server.settings import Settings
from pages import served

ADDRESS = "http://127.0.0.1:8646"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[LabelDesk]:
    with filled(LabelStore(tmp_path / "labels.sqlite"), 4) as store:
        yield LabelDesk(store, EmotionClassifier.load(), who="anna", by="margin")


@pytest.fixture
def client(desk: LabelDesk) -> Iterator[TestClient]:
    with TestClient(create_labelling_app(Settings(), desk), base_url=ADDRESS) as client:
        yield client


def test_faces_are_shown_and_labels_kept(client: TestClient, desk: LabelDesk) -> None:
    about = client.get("/v1/labelling").json()
    assert about["faces"] == 4
    assert about["labelled"] == 0
    assert about["source"] == "clip.mp4"
    assert client.get(f"/v1/labelling/faces/{about['face']}.jpg").content == PICTURE
    after = client.post("/v1/labelling/labels", json={"face": about["face"], "words": ["fear", "surprise"]}).json()
    assert after["labelled"] == 1
    assert after["face"] != about["face"]
    assert [label.words for label in desk.store.given()] == [("surprise", "fear")]
    assert client.post("/v1/labelling/undo").json()["face"] == about["face"]
    assert desk.store.given() == ()


def test_what_cannot_be_is_one_sentence(client: TestClient) -> None:
    for answer, status, sentence in (
        (client.post("/v1/labelling/undo"), 409, "no label to take back"),
        (client.post("/v1/labelling/labels", json={"face": 1, "words": ["joyous"]}), 422, "expected one or several"),
        (client.post("/v1/labelling/labels", json={"face": 99, "words": ["happy"]}), 422, "has no face 99"),
        (client.post("/v1/labelling/labels", json={"face": "x"}), 422, "face"),
        (client.get("/v1/labelling/faces/99.jpg"), 404, "no face 99"),
    ):
        assert answer.status_code == status
        assert sentence in answer.json()["error"]


def test_only_this_machine_and_its_own_page_may_ask(desk: LabelDesk) -> None:
    token = "a token that nobody knows"
    with TestClient(create_labelling_app(Settings(token=token), desk), base_url=ADDRESS) as client:
        assert client.get("/v1/labelling").status_code == 401
        assert client.get("/v1/labelling", headers={"host": "evil.example"}).status_code == 421
        own = {"authorization": f"Bearer {token}"}
        assert client.post("/v1/labelling/undo", headers=own | {"origin": "http://evil.example"}).status_code == 403
        page = client.get("/", headers=own)
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "How does this face look?" in page.text


def test_faces_are_labelled_by_keyboard(browser: Browser, tmp_path: Path) -> None:
    with filled(LabelStore(tmp_path / "labels.sqlite"), 5) as store:
        desk = LabelDesk(store, EmotionClassifier.load(), who="anna", by="margin")
        with served(create_labelling_app(Settings(rate_burst=1000), desk)) as address:
            page = browser.new_page()
            complaints: list[str] = []
            page.on("console", lambda message: complaints.append(message.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.goto(address)
            count, said = page.locator("#count"), page.locator("#said")
            expect(count).to_have_text("0 of 5 faces labelled by anna")
            assert page.evaluate("document.querySelector('#face').decode().then(() => true)")
            page.keyboard.press("2")
            expect(said).to_have_text("happy.")
            expect(count).to_have_text("1 of 5 faces labelled by anna")
            page.keyboard.press("s")
            page.keyboard.press("3")
            page.keyboard.press("7")
            expect(page.get_by_role("button", name=re.compile("surprise"))).to_have_attribute("aria-pressed", "true")
            page.keyboard.press("Enter")
            expect(said).to_have_text("surprise and fear.")
            page.keyboard.press("u")
            expect(said).to_have_text("unknown.")
            page.keyboard.press("z")
            expect(said).to_have_text("Taken back.")
            expect(count).to_have_text("2 of 5 faces labelled by anna")
            page.keyboard.press("n")
            expect(said).to_have_text("not a face.")
            page.keyboard.press(" ")
            expect(said).to_have_text("Later.")
            assert not Axe().run(page).response["violations"]
            page.get_by_role("button", name=re.compile("angry")).click()
            expect(page.locator("#done")).to_be_visible()
            page.close()
            assert complaints == []
        assert sorted(label.words for label in store.given()) == [
            *(("angry",), ("happy",), ("not_a_face",), ("surprise", "fear"))
        ]
