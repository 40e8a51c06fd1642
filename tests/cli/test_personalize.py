"""`mien personalize` as a user runs it."""

import json
import socket
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image
from typer.testing import CliRunner, Result

from conftest import SharedMedia
from mien.cli import personalize
from mien.cli.app import app
from mien.cli.personalize import read_span
from mien.errors import MienError
from mien.media.photos import load_photo
from mien.profiles import Profile
from mien.server.settings import Settings

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["personalize", *map(str, arguments)], catch_exceptions=False)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Four photos of one face in neutral/, one without a face beside them."""
    folder = tmp_path / "photos" / "Neutral"
    folder.mkdir(parents=True)
    frame_rgb = load_photo(PHOTO)
    for number, gain in enumerate((0.9, 0.95, 1.0, 1.05)):
        Image.fromarray(np.clip(frame_rgb * gain, 0, 255).astype(np.uint8)).save(folder / f"{number}.jpg")
    Image.fromarray(np.full((90, 120, 3), 200, np.uint8)).save(folder / "empty.jpg")
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder.parent


def test_photos_become_a_profile_and_deleting_leaves_nothing(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "profiles" / "anna.profile.json"
    result = run("--photos", photos, "--out", out, "--detector", "mtcnn")
    assert result.exit_code == 0, result.output
    assert "anna (baseline of 4 faces, photos)" in result.stdout
    assert "not what a person feels" in result.stdout
    assert "empty.jpg: no face" in result.stderr
    assert "broken.jpg" in result.stderr
    assert Profile.load(out).name == "anna"
    assert set(json.loads(out.read_text("utf-8"))) == {
        *("format", "version", "name", "model", "model_sha256", "baseline", "heads", "examples", "checks")
    }
    assert run("--delete", "--out", out).exit_code == 0
    assert list(out.parent.iterdir()) == []


def test_a_profile_is_read_with_and_said(photos: Path, tmp_path: Path) -> None:
    run("--photos", photos, "--out", tmp_path / "anna.json", "--detector", "mtcnn")
    arguments = ["analyze", str(PHOTO), "--detector", "mtcnn", "--json", "--profile", str(tmp_path / "anna.json")]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert "read with the profile anna (baseline of 4 faces, photos)" in result.stderr
    reading = json.loads(result.stdout)["photos"][0]["reading"]
    assert reading["options"]["profile"] == "anna (baseline of 4 faces, photos)"


def test_a_page_goes_on_from_photos_and_keeps_what_it_is_told_to(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "anna.profile.json"
    wanted = {"keep": False}

    def use(page: FastAPI, _: Settings, *, listener: socket.socket) -> None:
        listener.close()
        with TestClient(page, base_url="http://127.0.0.1:8646") as client:
            assert client.get("/v1/personalizing").json()["counts"] == {"neutral": 4}
            assert client.post("/v1/personalizing/profile").status_code == 200
            if wanted["keep"]:
                client.put("/v1/personalizing/profile")

    monkeypatch.setattr(personalize, "run_app", use)
    arguments = ("--live", "--photos", photos, "--out", out, "--detector", "mtcnn", "--port", 0, "--no-browser")
    assert "nothing was kept" in run(*arguments).stderr
    assert not out.exists()
    wanted["keep"] = True
    assert "anna (baseline of 4 faces, the camera)" in run(*arguments).stdout
    assert Profile.load(out).name == "anna"


def test_only_a_profile_is_deleted(tmp_path: Path) -> None:
    letter = tmp_path / "letter.json"
    letter.write_text("{}", "utf-8")
    with pytest.raises(MienError, match="expected a profile"):
        run("--delete", "--out", letter)
    assert letter.exists()


def test_wrong_calls_are_said_and_nothing_is_written(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "anna.json"
    for arguments, sentence in (
        ((), "give --live, --photos DIR"),
        (("--video", PHOTO), "go together"),
        (("--video", PHOTO, "--neutral", "5-2"), "the later one last"),
        (("--photos", photos, "--detector", "eyes"), "eyes"),
    ):
        result = run(*arguments, "--out", out)
        assert result.exit_code == 2, result.output
        assert sentence in " ".join(result.stderr.replace("│", " ").split())
    with pytest.raises(MienError, match="expected folders named after emotions"):
        run("--photos", photos / "Neutral", "--out", out)
    assert not out.exists()


def test_spans_are_seconds() -> None:
    assert read_span("2-5") == (2.0, 5.0)
    assert read_span("0.5s-4.25s") == (0.5, 4.25)


def test_an_interval_of_a_video_becomes_a_baseline(shared_media: SharedMedia, tmp_path: Path) -> None:
    pytest.importorskip("av", reason="needs the extra video")
    out = tmp_path / "man.json"
    result = run("--video", shared_media.path("videos/one_face.mp4"), "--neutral", "0-2", "--out", out)
    assert result.exit_code == 0, result.output
    baseline = Profile.load(out).baseline
    assert baseline is not None
    assert baseline.source == "seconds 0-2 of a video"
    assert 3 <= baseline.faces <= 10
