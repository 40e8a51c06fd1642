from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.datasets.affectnet import is_affectnet, is_affectnet_csv, read_affectnet
from mien.errors import DataError
from mien.taxonomy import FERPLUS

WORDS = ["neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt"]


def numbered(root: Path, codes: Mapping[int, object]) -> Path:
    """The layout of numbered pictures: picture n is grey n."""
    (root / "images").mkdir(parents=True)
    (root / "annotations").mkdir()
    for number, code in codes.items():
        Image.new("RGB", (64, 64), (number,) * 3).save(root / "images" / f"{number}.jpg", quality=100)
        np.save(root / "annotations" / f"{number}_exp.npy", np.array(code))
        np.save(root / "annotations" / f"{number}_val.npy", np.array(f"0.{number}"))
    return root


def test_numbered_pictures(tmp_path: Path) -> None:
    numbered(tmp_path / "train_set", {number: str(number) for number in range(8)} | {10: "8"})
    numbered(tmp_path / "val_set", {3: 2})
    assert is_affectnet(tmp_path)
    faces = read_affectnet(tmp_path)
    assert [FERPLUS.labels[label] for label in faces.labels] == [*WORDS, "sad"]
    assert faces.split.tolist() == ["Training"] * 8 + ["val"]
    assert faces.pixels[:, 0, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 3]
    assert faces.attributes["valence"][2] == 0.2
    assert np.isnan(faces.attributes["arousal"]).all()
    assert faces.notes == ("1 pictures are annotated as none, uncertain or no face, and left out",)


def test_annotations_and_pictures_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    root = numbered(tmp_path, {1: "1", 2: "11", 3: "x", 4: "4"})
    (root / "images" / "4.jpg").unlink()
    with pytest.raises(DataError, match=r"2_exp\.npy: expected an expression of 0 to 10"):
        read_affectnet(root)
    faces = read_affectnet(root, skip_bad=True)
    assert faces.names.tolist() == ["1"]
    assert faces.splits == ("all",)
    assert len(faces.skipped) == 3
    assert "4.jpg" in faces.skipped[2]


def test_the_csv(tmp_path: Path) -> None:
    for place in ("1/a.jpg", "Manually_Annotated_Images/2/b.jpg"):
        (tmp_path / place).parent.mkdir(parents=True)
        Image.new("RGB", (50, 50), (80,) * 3).save(tmp_path / place)
    header = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"
    lines = [
        "1/a.jpg,0,0,9,9,,1,0.5,-0.25",
        "2/b.jpg,0,0,9,9,,7,-2,-2",
        "2/c.jpg,0,0,9,9,,9,0,0",
        "2/d.jpg,0,0,9,9,,12,0,0",
    ]
    path = tmp_path / "training.csv"
    path.write_text("\n".join([header, *lines, ""]), "utf-8")
    assert is_affectnet_csv(path)
    with pytest.raises(DataError, match=r"training\.csv, line 5: expected a picture and an expression"):
        read_affectnet(path)
    faces = read_affectnet(path, skip_bad=True)
    assert [FERPLUS.labels[label] for label in faces.labels] == ["happy", "contempt"]
    assert faces.splits == ("Training",)
    assert faces.attributes["arousal"].tolist() == [-0.25, -2]
    assert len(faces.notes) == len(faces.skipped) == 1
