"""Your own face on the live page, in Chromium before a film of the portrait."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from mien.profiles import Profile


def test_a_face_at_rest_is_learnt_switched_off_saved_forgotten_and_loaded(
    chromium: Any, running: Any, film: Callable[..., Path], tmp_path: Path
) -> None:
    opened = chromium.open(running.address, camera=film())
    state, use = opened.page.locator("[data-own=state]"), opened.page.locator("[data-own=use]")
    expect(opened.button("Watch my face at rest")).to_be_disabled()
    opened.button("Start the camera").click()
    expect(opened.page.locator(".person-word")).to_have_text("happy")
    opened.button("Watch my face at rest").click()
    expect(state).to_have_text(re.compile(r"Rest your face and look at the camera… \d"))
    expect(state).to_have_text(re.compile(r"Read as live \(baseline of \d+ faces, the camera\)\."))
    expect(use).to_have_attribute("aria-pressed", "true")
    path = opened.save(opened.button("Save the profile"), tmp_path / "me.profile.json")
    assert Profile.load(path).baseline is not None
    use.click()
    expect(state).to_have_text("Read as anyone.")
    expect(use).to_have_attribute("aria-pressed", "false")
    opened.button("Forget it").click()
    expect(use).to_be_hidden()
    opened.page.locator("[data-own=file]").set_input_files(path)
    expect(state).to_have_text(re.compile(r"Read as live"))
    (tmp_path / "letter.json").write_text("Dear Anna", "utf-8")
    opened.page.locator("[data-own=file]").set_input_files(tmp_path / "letter.json")
    expect(state).to_have_text(re.compile(r"letter\.json is no profile"))
    assert opened.complaints == []
