"""`mien explain` as a user runs it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from evaluation_samples import write_sample_model
from mien.cli.app import app
from mien.errors import MediaError

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(
        app, ["explain", *map(str, arguments), "--detector", "mtcnn"], env={"COLUMNS": "200"}, catch_exceptions=False
    )


def test_a_photo_becomes_a_picture_with_its_legend(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "why.png"
    result = run(PHOTO, "--out", out)
    assert result.exit_code == 0, result.output
    assert 'speaks for "happy"' in result.stdout
    with Image.open(out) as picture:
        assert picture.format == "PNG"
        assert picture.height > 480
    assert [path.name for path in out.parent.iterdir()] == ["why.png"]
    other = run(PHOTO, "--out", tmp_path / "sad.png", "--label", "sad", "--labels", "fer2013")
    assert 'speaks for "sad"' in other.stdout
    assert (tmp_path / "sad.png").read_bytes() != out.read_bytes()


def test_what_cannot_be_explained_is_said_and_nothing_is_written(tmp_path: Path) -> None:
    Image.fromarray(np.full((90, 120, 3), 200, np.uint8)).save(tmp_path / "empty.jpg")
    out, model = tmp_path / "out.png", write_sample_model(tmp_path / "empty.onnx")
    for arguments, status, sentence in (
        ((tmp_path / "empty.jpg", "--out", out), 1, "has no face 0 to explain: 0 found"),
        ((PHOTO, "--out", out, "--face", 1), 1, "has no face 1 to explain: 1 found"),
        ((PHOTO, "--out", tmp_path / "out.jpg"), 2, "ends in .png, got out.jpg"),
        ((PHOTO, "--out", out, "--label", "joy"), 2, "expected one of neutral, happy"),
        ((PHOTO, "--out", out, "--labels", "joy"), 2, "ferplus"),
        ((PHOTO, "--out", out, "--model", model, "--balance", "0.5"), 2, "does not say how frequent its labels are"),
    ):
        result = run(*arguments)
        assert result.exit_code == status, result.output
        assert sentence in result.stderr
    with pytest.raises(MediaError):
        run(tmp_path / "absent.jpg", "--out", out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.jpg", "empty.onnx"]


def test_it_needs_no_torch() -> None:
    code = "import sys, mien.cli.explain; print(sorted({'torch', 'onnx', 'matplotlib', 'sklearn'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
