"""`mien bench` as a user runs it, beside a tool that stands in for `fer`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evaluation_samples import sample_faces
from mien.benchmark import worker
from mien.cli.app import app
from mien.datasets.droplist import write_drop_list
from mien.datasets.writing import write
from mien.errors import DataError, MediaError

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"

FER = """
import numpy as np

class FER:
    def __init__(self, mtcnn=False):
        self.boxes = 1 + mtcnn

    def detect_emotions(self, frame_bgr):
        assert frame_bgr.shape[2] == 3
        return [{"box": [0, 0, 9, 9]}] * self.boxes

    def _get_labels(self):
        return {0: "angry", 1: "happy"}

    def _classify_emotions(self, faces):
        assert faces.shape[1:] == (64, 64) and -1 <= faces.min() < faces.max() <= 1
        return np.tile([0.1, 0.9], (len(faces), 1))
"""


@pytest.fixture
def with_fer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter that has a package `fer`, and no detector that was pulled."""
    package = tmp_path / "packages" / "fer"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "fer.py").write_text(FER)
    monkeypatch.setenv("PYTHONPATH", str(package.parent), prepend=":")
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "cache"))


@pytest.mark.usefixtures("with_fer")
def test_speed_and_accuracy_beside_another_tool(tmp_path: Path) -> None:
    faces = sample_faces()
    write(faces, tmp_path / "faces.npz")
    dropped = [(str(faces.split[row]), str(faces.names[row]), "near copy") for row in range(20, 30)]
    write_drop_list(tmp_path / "drop.csv", dropped)
    options = [
        "--data",
        tmp_path / "faces.npz",
        "--drop",
        tmp_path / "drop.csv",
        "--rounds",
        2,
        "--out",
        tmp_path / "out",
    ]
    done = CliRunner().invoke(app, ["bench", str(PHOTO), *map(str, options)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    results = json.loads((tmp_path / "out" / "bench.json").read_text("utf-8"))
    systems = {one["system"] for one in results["speeds"]}
    alone = {f"{model}, {worker.FACE_ALONE}" for model in ("mien-l", "mien-m")}
    assert systems == alone | {"mien, mtcnn", "fer, haar", "fer, mtcnn"}
    for one in results["speeds"]:
        assert 0 <= one["range_ms"][0] <= one["ms"] <= one["range_ms"][1]
    by_system = {(one["system"], one["labels"]): one for one in results["accuracies"]}
    test = faces.of_split("PublicTest")
    happy = test.taxonomy.index("happy")
    assert by_system["fer", "fer2013"]["accuracy"] == pytest.approx((test.labels == happy).mean())
    assert by_system["mien-l", "fer2013"]["rows"] == 60
    assert by_system["mien-l", "fer2013"]["clean_rows"] == 50
    assert ("mien-l", "ferplus") in by_system
    assert ("fer", "ferplus") not in by_system
    page = (tmp_path / "out" / "bench.md").read_text("utf-8")
    assert "| fer, haar |" in page
    assert "| mien-l |" in page
    assert page.split("\n\n")[2] in done.stdout
    assert (tmp_path / "out" / "bench.png").read_bytes().startswith(b"\x89PNG")


def test_without_a_photo_faces_alone_are_timed() -> None:
    done = CliRunner().invoke(app, ["bench", "--rounds", "1", "--json"], catch_exceptions=False)
    results = json.loads(done.stdout)
    assert {one["system"].split(", ")[1] for one in results["speeds"]} == {worker.FACE_ALONE}
    assert results["accuracies"] == []
    assert results["model_mb"]["mien-l"] > results["model_mb"]["mien-m"] > 1


def test_what_cannot_be_read_is_said_before_anything_is_timed(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no photo")
    for arguments, error in ((["text.jpg"], MediaError), (["--data", "absent.csv"], DataError)):
        with pytest.raises(error):
            CliRunner().invoke(
                app,
                ["bench", *(str(tmp_path / one) if "." in one else one for one in arguments)],
                catch_exceptions=False,
            )
