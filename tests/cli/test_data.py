"""`mien data`, from files to files."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from mien.cli.app import app
from mien.datasets.droplist import read_drop_list
from mien.datasets.reading import read
from mien.errors import DataError


def run(*arguments: object) -> Result:
    """Run the command; raise what it raised."""
    result = CliRunner().invoke(app, ["data", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Six pictures in folders; test/happy/0 is a copy of train/happy/0."""
    coarse = np.random.default_rng(0).integers(30, 200, (6, 8, 8), np.uint8)
    pixels = np.kron(coarse, np.ones((6, 6), np.uint8))
    pixels[4] = pixels[0]
    root = tmp_path / "faces"
    for index, place in enumerate(("train/happy", "train/happy", "train/sad", "train/sad", "test/happy", "test/sad")):
        (root / place).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels[index]).save(root / place / f"{index}.png")
    return root


def test_convert_there_and_back(folders: Path, tmp_path: Path) -> None:
    result = run("convert", folders, tmp_path / "f.h5")
    assert "6 faces (Training 4, test 2) written to" in result.stdout
    run("convert", tmp_path / "f.h5", tmp_path / "arrays", "--as", "npy")
    run("convert", tmp_path / "arrays", tmp_path / "again")
    there, back = read(folders), read(tmp_path / "again")
    assert (there.pixels == back.pixels).all()
    assert there.names.tolist() == back.names.tolist()


def test_convert_scales(folders: Path, tmp_path: Path) -> None:
    run("convert", folders, tmp_path / "f.npz", "--side", "32")
    with np.load(tmp_path / "f.npz") as arrays:
        assert arrays["images"].shape == (6, 32, 32)


def test_bad_rows_stop_or_are_named_and_counted(folders: Path, tmp_path: Path) -> None:
    (folders / "train" / "happy" / "broken.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"broken\.png"):
        run("convert", folders, tmp_path / "f.h5")
    assert not (tmp_path / "f.h5").exists()
    result = run("convert", folders, tmp_path / "f.h5", "--skip-bad")
    assert "broken.png" in result.stderr
    assert "1 rows are left out because they cannot be used" in result.stderr
    assert "6 faces" in result.stdout


def test_nothing_is_replaced_unless_wished(folders: Path, tmp_path: Path) -> None:
    (tmp_path / "f.h5").write_text("precious", "utf-8")
    with pytest.raises(DataError, match="is there already"):
        run("convert", folders, tmp_path / "f.h5")
    assert (tmp_path / "f.h5").read_text("utf-8") == "precious"
    run("convert", folders, tmp_path / "f.h5", "--overwrite")
    assert len(read(tmp_path / "f.h5")) == 6


def test_an_unknown_layout_is_wrong_usage(folders: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["data", "convert", str(folders), str(tmp_path / "f"), "--as", "xml"])
    assert result.exit_code == 2
    assert "got 'xml'" in result.stderr


def test_what_a_layout_does_not_keep_is_said(folders: Path, tmp_path: Path) -> None:
    assert "the names of the rows" in run("convert", folders, tmp_path / "f.csv").stderr


def test_explore_writes_a_page(folders: Path, tmp_path: Path) -> None:
    result = run("explore", folders, "--out", tmp_path / "out")
    assert str(tmp_path / "out" / "explore.html") in result.stdout
    assert (tmp_path / "out" / "samples.png").is_file()


def test_leaks_writes_groups_summary_and_drop_lists(folders: Path, tmp_path: Path) -> None:
    result = run("leaks", folders, "--out", tmp_path / "out", "--drop", tmp_path / "mine.csv")
    assert "test                  1 rows have an exact copy in Training" in result.stdout
    assert read_drop_list(tmp_path / "mine.csv").rows == {("test", "test/happy/4.png")}
    assert read_drop_list(tmp_path / "out" / "drop.csv").rows == {("test", "test/happy/4.png")}
    summary = json.loads((tmp_path / "out" / "summary.json").read_text("utf-8"))
    assert summary["outside_training_with_copy_in_training"] == 1


def test_leaks_alone_only_says(folders: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert "1 rows have an exact copy" in run("leaks", folders, "--threshold", "1").stdout
    assert sorted(tmp_path.rglob("*")) == before


def test_ctrl_c_leaves_no_half_written_file(tmp_path: Path) -> None:
    arrays = tmp_path / "faces.npz"
    many = np.random.default_rng(0).integers(0, 256, (6000, 48, 48), np.uint8)
    np.savez(arrays, allow_pickle=False, images=many, labels=np.zeros(6000, np.int64))
    out = tmp_path / "out"
    out.mkdir()
    command = [sys.executable, "-m", "mien", "data", "convert", str(arrays), str(out / "faces")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while not any(out.rglob("*.png")) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert any(out.rglob("*.png"))  # it is writing
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode != 0
    assert b"Traceback" not in said
    assert list(out.iterdir()) == []
