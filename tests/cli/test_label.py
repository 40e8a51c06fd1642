"""`mien label` as a user runs it."""

import socket
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from typer.testing import CliRunner, Result

from mien.cli import label
from mien.cli.app import app
from mien.datasets.reading import read
from mien.errors import DataError
from mien.server.settings import Settings

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["label", *map(str, arguments)], catch_exceptions=False)


@pytest.fixture
def labelling(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Somebody who says "happy" to every face on the page; the faces that they were asked about."""
    asked: list[str] = []

    def label_all(page: FastAPI, _: Settings, *, listener: socket.socket) -> None:
        listener.close()
        with TestClient(page, base_url="http://127.0.0.1:8646") as client:
            state = client.get("/v1/labelling").json()
            while state["face"] is not None:
                asked.append(state["source"])
                answer = {"face": state["face"], "words": ["happy"]}
                state = client.post("/v1/labelling/labels", json=answer).json()

    monkeypatch.setattr(label, "run_app", label_all)
    return asked


def test_photos_are_labelled_gone_on_with_and_exported(labelling: list[str], tmp_path: Path) -> None:
    labels, out = tmp_path / "labels.sqlite", tmp_path / "faces.npz"
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    words = ("--labels", labels, "--who", "anna", "--port", 0, "--no-browser")
    result = run(PHOTO, tmp_path / "broken.jpg", *words, "--detector", "mtcnn")
    assert labelling == ["astronaut.jpg"]
    assert "broken.jpg" in result.stderr
    assert "1 faces, 0 labelled by anna" in result.stderr
    assert "1 of 1 faces labelled by anna" in result.stderr
    assert "1 faces, 1 labelled by anna" in run(*words).stderr
    assert labelling == ["astronaut.jpg"]
    assert "1 labelled faces, 1 with one emotion" in run("--labels", labels, "--export", out).stdout
    assert read(out).labels.tolist() == [3]
    with pytest.raises(DataError, match="is there already"):
        run("--labels", labels, "--export", out)


def test_wrong_calls_are_said_and_make_no_file(tmp_path: Path) -> None:
    labels = tmp_path / "labels.sqlite"
    for arguments, sentence in (((), "name photos or videos"), ((PHOTO, "--by", "luck"), "combined, margin")):
        result = run(*arguments, "--labels", labels)
        assert result.exit_code == 2
        assert sentence in " ".join(result.stderr.replace("│", " ").split())
    assert not labels.exists()
