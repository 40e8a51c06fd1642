"""`mien analyze` as a user runs it: files out, exit status, bad files named, others kept."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from conftest import SharedMedia
from mien.cli.app import app
from mien.media.photos import load_photo
from mien.results import NOTICE, FrameReading

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


def run_mien(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, with nothing pulled and nothing of this machine's cache."""
    return subprocess.run(
        [sys.executable, "-m", "mien", *map(str, arguments)],
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", "MIEN_CACHE": str(cwd / "cache"), "PYTHONUTF8": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one good photo, one broken and one without a face."""
    shutil.copy(PHOTO, tmp_path / "a photo.jpg")
    (tmp_path / "broken.jpg").write_bytes(PHOTO.read_bytes()[:3000])
    (tmp_path / "text.jpg").write_text("no photo")
    return tmp_path


def test_one_photo_to_every_output(tmp_path: Path) -> None:
    done = run_mien("analyze", PHOTO, "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "happy" in done.stdout
    assert NOTICE in done.stdout
    assert "mien models pull yunet" in done.stderr
    out = tmp_path / "out"
    (row,) = rows(out / "readings.csv")
    (photo,) = json.loads((out / "readings.json").read_text("utf-8"))["photos"]
    reading = FrameReading.from_dict(photo["reading"])
    assert (row["top"], reading.faces[0].emotions.top) == ("happy", "happy")
    assert float(row["happy"]) == reading.faces[0].emotions.probabilities["happy"]
    assert {line["emotion"]: line["count"] for line in rows(out / "frequency.csv")}["happy"] == "1"
    assert load_photo(out / "astronaut.jpg").shape == load_photo(PHOTO).shape


def test_a_batch_goes_on_and_names_what_failed(folder: Path) -> None:
    done = run_mien("analyze", folder, folder / "absent.png", "--out", "out", "--detector", "mtcnn", cwd=folder)
    assert done.returncode == 1
    assert all(name in done.stderr for name in ("broken.jpg", "text.jpg", "absent.png"))
    assert "Traceback" not in done.stderr
    by_name = {Path(row["source"]).name: row for row in rows(folder / "out" / "readings.csv")}
    assert by_name["a photo.jpg"]["top"] == "happy"
    assert all(by_name[name]["error"] for name in ("broken.jpg", "text.jpg", "absent.png"))


def test_json_on_standard_output_is_json_alone(tmp_path: Path) -> None:
    done = run_mien("analyze", PHOTO, "--json", "--labels", "fer2013", cwd=tmp_path)
    document = json.loads(done.stdout)
    assert document["notice"] == NOTICE
    assert document["photos"][0]["reading"]["faces"][0]["emotions"]["taxonomy"] == "fer2013"


def test_a_dark_face_is_unsure_and_says_why_and_what_is_plausible(tmp_path: Path) -> None:
    dark_photo = tmp_path / "dark.png"
    Image.fromarray((load_photo(PHOTO) * 0.07).astype(np.uint8)).save(dark_photo)
    arguments = ["analyze", str(PHOTO), str(dark_photo), "--out", str(tmp_path / "out"), "--detector", "mtcnn"]
    done = CliRunner().invoke(app, arguments, env={"COLUMNS": "300"}, catch_exceptions=False)
    bright, dark = rows(tmp_path / "out" / "readings.csv")
    assert (bright["unsure"], bright["doubts"], dark["unsure"]) == ("0", "", "1")
    assert "too_dark" in dark["doubts"]
    line = next(line for line in done.stdout.splitlines() if "dark.png" in line)
    assert "unsure" in line
    assert "too dark" in line
    assert all(label in line for label in dark["plausible"].split())


def test_balance_favours_rare_emotions_and_is_told() -> None:
    photos = []
    for balance in ("0", "1"):
        arguments = ["analyze", str(PHOTO), "--json", "--balance", balance, "--detector", "mtcnn"]
        done = CliRunner().invoke(app, arguments, catch_exceptions=False)
        photos.append(json.loads(done.stdout)["photos"][0]["reading"])
    assert [photo["options"]["balance"] for photo in photos] == [0, 1]
    plain, favoured = (photo["faces"][0]["emotions"]["probabilities"]["contempt"] for photo in photos)
    assert favoured > 3 * plain


def test_small_faces_can_be_left_out(tmp_path: Path) -> None:
    done = run_mien("analyze", PHOTO, "--json", "--min-face", "400", cwd=tmp_path)
    assert json.loads(done.stdout)["photos"][0]["reading"]["faces"] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("analyze",),
        ("analyze", PHOTO, "--balance", "2"),
        ("analyze", PHOTO, "--detector", "nobody"),
        ("analyze", PHOTO, "--labels", "nobody"),
        ("nobody",),
    ],
)
def test_wrong_usage_ends_with_status_2(arguments: tuple[str | Path, ...], tmp_path: Path) -> None:
    done = run_mien(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_an_empty_folder_is_one_sentence(tmp_path: Path) -> None:
    done = run_mien("analyze", tmp_path, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("mien: ")
    assert len(done.stderr.strip().splitlines()) == 1


def test_models_and_version(tmp_path: Path) -> None:
    listed = run_mien("models", cwd=tmp_path)
    assert "mien-m" in listed.stdout
    assert "mien models pull yunet" in listed.stdout
    assert len(json.loads(run_mien("models", "--json", cwd=tmp_path).stdout)["models"]) >= 1
    assert run_mien("--version", cwd=tmp_path).stdout.startswith("mien ")


def test_every_bad_file_beside_every_good_one(shared_media: SharedMedia, tmp_path: Path) -> None:
    media = shared_media.folder
    done = run_mien("analyze", media / "bad", media / "images" / "astronaut.png", "--json", cwd=tmp_path)
    results = {Path(photo["source"]).name: photo for photo in json.loads(done.stdout)["photos"]}
    assert results["astronaut.png"]["reading"]["faces"]
    assert results["zero.jpg"]["error"]
    assert results["1x1.png"]["reading"]["faces"] == []
    assert "Traceback" not in done.stderr


def test_the_files_own_median_is_a_baseline_and_said(tmp_path: Path) -> None:
    for number, gain in enumerate((0.9, 1.0, 1.05)):
        Image.fromarray((load_photo(PHOTO) * gain).clip(0, 255).astype(np.uint8)).save(tmp_path / f"{number}.jpg")
    arguments = ["analyze", str(tmp_path), "--detector", "mtcnn", "--json"]
    general = CliRunner().invoke(app, arguments, catch_exceptions=False)
    personal = CliRunner().invoke(app, [*arguments, "--baseline", "auto"], catch_exceptions=False)
    assert "auto (baseline of 3 faces, the median of these files)" in personal.stderr
    before, after = (json.loads(each.stdout)["photos"][1]["reading"] for each in (general, personal))
    assert before["options"]["profile"] is None
    assert after["options"]["profile"] == "auto (baseline of 3 faces, the median of these files)"
    happy = [reading["faces"][0]["emotions"]["probabilities"]["happy"] for reading in (before, after)]
    assert happy[1] < happy[0]
    wrong = CliRunner().invoke(app, [*arguments, "--baseline", "mine"])
    assert wrong.exit_code == 2
    assert "expected auto" in wrong.stderr


def test_geometry_is_columns_where_it_is_asked_for(tmp_path: Path) -> None:
    arguments = ["analyze", str(PHOTO), "--detector", "mtcnn", "--out", str(tmp_path), "--geometry"]
    assert CliRunner().invoke(app, arguments, catch_exceptions=False).exit_code == 0
    (row,) = rows(tmp_path / "readings.csv")
    (photo,) = json.loads((tmp_path / "readings.json").read_text("utf-8"))["photos"]
    geometry = photo["reading"]["faces"][0]["geometry"]
    assert {name: float(row[f"geometry_{name}"]) for name in geometry} == geometry
    assert 0.1 < geometry["mouth_opening"] < 0.4
