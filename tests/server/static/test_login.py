"""The form for the token, in Chromium."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from server.static.conftest import PHONE, Chromium, Service

TOKEN = "correct-horse-battery"


def test_a_token_opens_the_pages(chromium: Chromium) -> None:
    with Service(MIEN_TOKEN=TOKEN) as service:
        opened = chromium.open(service.address, size=PHONE)
        page = opened.page
        expect(page.get_by_label("Token")).to_be_focused()
        answer = Axe().run(page)
        assert answer.violations_count == 0, answer.generate_report()
        page.keyboard.type("wrong-horse-battery")
        page.keyboard.press("Enter")
        expect(page.get_by_text("That is not the token of this service.")).to_be_visible()
        page.get_by_label("Token").fill(TOKEN)
        opened.button("Enter").click()
        expect(opened.button("Start the camera")).to_be_visible()
        page.reload()
        expect(opened.button("Start the camera")).to_be_visible()
        assert TOKEN not in str(page.context.cookies())
