from pathlib import Path

import pytest
from PIL import Image

from mien.datasets.affwild2 import is_affwild2, read_affwild2
from mien.errors import DataError
from mien.taxonomy import AFFWILD2

HEADER = "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other"


def video(root: Path, name: str, labels: list[str], *, part: str = "Train_Set", without: tuple[int, ...] = ()) -> None:
    """A video whose frame n is grey n."""
    annotation = root / "Annotations" / "EXPR_Set" / part / f"{name}.txt"
    annotation.parent.mkdir(parents=True, exist_ok=True)
    annotation.write_text("\n".join([HEADER, *labels, ""]), "utf-8")
    folder = root / "cropped_aligned" / name
    folder.mkdir(parents=True)
    for number in range(1, len(labels) + 1):
        if number not in without:
            Image.new("RGB", (112, 112), (number,) * 3).save(folder / f"{number:05d}.png")


def test_frames_go_with_their_lines(tmp_path: Path) -> None:
    video(tmp_path, "6-30-1920x1080", ["0", "-1", "7", "4", "2"], without=(4,))
    video(tmp_path, "v_left", ["6"], part="Validation_Set")
    assert is_affwild2(tmp_path)
    faces = read_affwild2(tmp_path)
    first = "6-30-1920x1080"
    assert faces.names.tolist() == [*(f"{first}/0000{frame}.png" for frame in (1, 3, 5)), "v_left/00001.png"]
    assert [AFFWILD2.labels[label] for label in faces.labels] == ["neutral", "other", "disgust", "surprise"]
    assert faces.split.tolist() == ["Training"] * 3 + ["Validation"]
    assert faces.pixels[:, 0, 0].tolist() == [1, 3, 5, 1]
    assert faces.attributes["frame"].tolist() == [1, 3, 5, 1]
    assert faces.notes[0] == (
        "6-30-1920x1080: 5 frames, 1 without an expression, 1 without a picture, 3 with both, of which 3 are drawn"
    )


def test_the_draw_depends_on_the_seed_and_the_video_alone(tmp_path: Path) -> None:
    for name in ("one", "two"):
        video(tmp_path / "both", name, ["1"] * 40)
    video(tmp_path / "single", "two", ["1"] * 40)
    both = read_affwild2(tmp_path / "both", frames_per_video=5, seed=3)
    single = read_affwild2(tmp_path / "single", frames_per_video=5, seed=3)
    other = read_affwild2(tmp_path / "single", frames_per_video=5, seed=4)
    assert both.names[5:].tolist() == single.names.tolist()
    assert len(single) == len(set(single.names.tolist())) == 5
    assert single.names.tolist() != other.names.tolist()
    assert single.attributes["frame"].tolist() == sorted(single.attributes["frame"].tolist())


def test_lines_videos_and_pictures_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    video(tmp_path, "a", ["1", "8", "x", "2"])
    (tmp_path / "cropped_aligned" / "a" / "00004.png").write_bytes(b"no picture")
    video(tmp_path, "lost", ["1"])
    (tmp_path / "cropped_aligned" / "lost" / "00001.png").unlink()
    (tmp_path / "cropped_aligned" / "lost").rmdir()
    with pytest.raises(DataError, match=r"a\.txt, line 3: expected an expression of -1 to 7, got '8'"):
        read_affwild2(tmp_path)
    faces = read_affwild2(tmp_path, skip_bad=True)
    assert faces.names.tolist() == ["a/00001.png"]
    said = "\n".join(faces.skipped)
    assert len(faces.skipped) == 4
    for expected in ("a.txt, line 3", "a.txt, line 4", "lost.txt: expected a folder lost", "00004.png"):
        assert expected in said


def test_no_frames_per_video_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="frames_per_video must be at least 1, got 0"):
        read_affwild2(tmp_path, frames_per_video=0)
