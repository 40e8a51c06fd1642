from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.datasets.folders import has_emotion_folders, read_folders
from mien.errors import DataError
from mien.taxonomy import FER2013, FERPLUS
from realrows import RealRows


def picture(path: Path, grey: int = 99, *, size: tuple[int, int] = (48, 48), mode: str = "L") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, grey if mode == "L" else (grey,) * 3).save(path)
    return path


def test_real_rows_are_read_to_the_pixel(real_rows: RealRows, tmp_path: Path) -> None:
    root = real_rows.write("folders", tmp_path)
    assert has_emotion_folders(root)
    faces = read_folders(root)
    assert len(faces) == 140
    assert faces.taxonomy == FER2013
    row_of = {f"{entry['usage']}_{entry['row']}.png": row for row, entry in enumerate(real_rows.rows)}
    rows = [row_of[Path(name).name] for name in faces.names.tolist()]
    assert (faces.pixels == real_rows.faces[rows]).all()
    assert faces.labels.tolist() == [real_rows.emotions[row] for row in rows]
    assert faces.split.tolist() == ["Training" if row < 70 else "validation" for row in rows]


@pytest.mark.parametrize(
    ("path", "split", "label"),
    [
        ("train/happy/a.png", "Training", "happy"),
        ("archive/Test/Sadness/a.png", "Test", "sad"),
        ("fold1/part2/anger/a.png", "fold1/part2", "angry"),
        ("3_happy/train/a.png", "Training", "happy"),
        ("train/2/a.png", "Training", "fear"),
        ("train/happy/2/a.png", "Training", "happy"),
        ("val/surprise/subject 7/a.png", "val", "surprise"),
    ],
)
def test_split_and_label_come_from_the_folders(tmp_path: Path, path: str, split: str, label: str) -> None:
    picture(tmp_path / path)
    picture(tmp_path / "other split" / "neutral" / "b.png")
    faces = read_folders(tmp_path)
    row = faces.names.tolist().index(path)
    assert faces.split[row] == split
    assert FER2013.labels[faces.labels[row]] == label


def test_a_single_folder_around_everything_is_no_split(tmp_path: Path) -> None:
    picture(tmp_path / "archive" / "happy" / "a.png")
    picture(tmp_path / "archive" / "sad" / "a.png")
    assert read_folders(tmp_path).splits == ("all",)
    assert read_folders(tmp_path / "archive").splits == ("all",)


def test_pictures_of_any_size_and_colour_become_grey_squares(tmp_path: Path) -> None:
    picture(tmp_path / "happy" / "a.jpg", 200, size=(130, 90), mode="RGB")
    picture(tmp_path / "happy" / "b.png", 40, size=(1, 1))
    faces = read_folders(tmp_path, side_px=64)
    assert faces.pixels.shape == (2, 64, 64)
    assert np.abs(faces.pixels.mean(axis=(1, 2)) - [200, 40]).max() < 1


def test_contempt_makes_it_the_larger_label_set(tmp_path: Path) -> None:
    picture(tmp_path / "contempt" / "a.png")
    picture(tmp_path / "unlabelled" / "b.png")
    faces = read_folders(tmp_path)
    assert faces.taxonomy == FERPLUS
    assert faces.labels.tolist() == [7, -1]


def test_pictures_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    picture(tmp_path / "train" / "happy" / "good.png")
    broken = tmp_path / "train" / "happy" / "broken.png"
    broken.write_bytes(picture(tmp_path / "train" / "sad" / "x.png").read_bytes()[:60])
    stray = picture(tmp_path / "train" / "smirking" / "a.png")
    with pytest.raises(DataError, match=r"expected a folder named after an emotion.*got 'smirking'"):
        read_folders(tmp_path)
    faces = read_folders(tmp_path, skip_bad=True)
    assert sorted(faces.names.tolist()) == ["train/happy/good.png", "train/sad/x.png"]
    assert len(faces.skipped) == 2
    assert str(stray) in faces.skipped[0]
    assert str(broken) in faces.skipped[1]


def test_votes_are_found_by_image_name(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        picture(tmp_path / "happy" / f"{name}.png")
    header = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n"
    lines = "all,b.png,0,9,1,0,0,0,0,0,0,0\nall,a.png,2,8,0,0,0,0,0,0,0,0\n"
    (tmp_path / "fer2013new.csv").write_text(header + lines, "utf-8")
    with pytest.raises(DataError, match=r"c\.png: expected votes for an image of this name"):
        read_folders(tmp_path)
    faces = read_folders(tmp_path, skip_bad=True)
    assert faces.votes is not None
    assert faces.votes[:, 1].tolist() == [8, 9]
    assert len(faces.skipped) == 1


def test_progress_is_told_after_each_picture(tmp_path: Path) -> None:
    for name in ("a", "b"):
        picture(tmp_path / "happy" / f"{name}.png")
    told: list[tuple[int, int]] = []
    read_folders(tmp_path, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]
