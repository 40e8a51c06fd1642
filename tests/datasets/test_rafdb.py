from pathlib import Path

import pytest
from PIL import Image

from mien.datasets.rafdb import is_rafdb, read_rafdb
from mien.errors import DataError
from mien.taxonomy import FER2013

LINES = [f"train_{number:05d}.jpg {number}" for number in range(1, 8)] + ["test_0001.jpg 4"]


def rafdb(root: Path, lines: list[str], *, name: str = "list_patition_label.txt") -> Path:
    (root / "EmoLabel").mkdir(parents=True)
    (root / "EmoLabel" / name).write_text("\n".join([*lines, ""]), "utf-8")
    folder = root / "Image" / "aligned"
    folder.mkdir(parents=True)
    for index, line in enumerate(lines):
        stem = line.split(".")[0]
        Image.new("RGB", (100, 100), (10 * index,) * 3).save(folder / f"{stem}_aligned.jpg")
    return root


@pytest.mark.parametrize("name", ["list_patition_label.txt", "list_partition_label.txt"])
def test_the_seven_numbers(tmp_path: Path, name: str) -> None:
    root = rafdb(tmp_path / "basic", LINES, name=name)
    assert is_rafdb(root)
    faces = read_rafdb(root)
    words = [FER2013.labels[label] for label in faces.labels]
    assert words == ["surprise", "fear", "disgust", "happy", "sad", "angry", "neutral", "happy"]
    assert faces.split.tolist() == ["Training"] * 7 + ["test"]
    assert faces.names[0] == "train_00001_aligned.jpg"
    assert faces.pixels[:, 0, 0].tolist() == [0, 10, 20, 30, 40, 50, 60, 70]


def test_lines_and_pictures_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    root = rafdb(tmp_path, [*LINES, "train_00009.jpg 8", "train_00010.jpg"])
    (root / "Image" / "aligned" / "train_00002_aligned.jpg").unlink()
    with pytest.raises(DataError, match="line 9: expected an image name and a label of 1 to 7"):
        read_rafdb(root)
    faces = read_rafdb(root, skip_bad=True)
    assert len(faces) == 7
    assert len(faces.skipped) == 3
    assert "line 10" in faces.skipped[1]
    assert "train_00002" in faces.skipped[2]
    assert len(faces.labels) == len(faces.names)
    assert FER2013.labels[faces.labels[1]] == "disgust"  # the third line's


def test_half_a_data_set_is_refused(tmp_path: Path) -> None:
    (tmp_path / "aligned").mkdir()
    assert not is_rafdb(tmp_path)
    with pytest.raises(DataError, match=r"expected RAF-DB's list_patition_label.txt and a folder aligned"):
        read_rafdb(tmp_path)
