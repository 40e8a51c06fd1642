from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from mien.datasets.faceset import FaceSet
from mien.datasets.reading import read
from mien.datasets.store import write_store
from mien.errors import DataError
from mien.taxonomy import FER2013, FERPLUS
from realrows import RealRows, same


@pytest.mark.parametrize(
    ("layout", "name"),
    [("csv", "fer2013.csv"), ("csv", ""), ("folders", ""), ("npz", "fer2013.npz"), ("ferplus", "")],
)
def test_real_rows_in_every_layout(real_rows: RealRows, tmp_path: Path, layout: str, name: str) -> None:
    faces = read(real_rows.write(layout, tmp_path) / name)
    drawn = [row for row, entry in enumerate(real_rows.rows) if entry["image_name"] or layout != "ferplus"]
    assert len(faces) == len(drawn)
    assert faces.taxonomy == (FERPLUS if layout == "ferplus" else FER2013)
    assert sorted(face.tobytes() for face in faces.pixels) == sorted(real_rows.faces[row].tobytes() for row in drawn)


@pytest.mark.parametrize("layout", ["npz", "h5"])
def test_votes_are_aligned_by_row_in_arrays_and_stores(real_rows: RealRows, tmp_path: Path, layout: str) -> None:
    votes = real_rows.write("ferplus", tmp_path / "ferplus") / "fer2013new.csv"
    path = real_rows.write("npz", tmp_path) / "fer2013.npz"
    if layout == "h5":
        write_store(read(real_rows.write("csv", tmp_path) / "fer2013.csv"), tmp_path / "f.h5")
        path = tmp_path / "f.h5"
    faces = read(path, votes=votes)
    assert faces.votes is not None
    assert (faces.votes == real_rows.votes).all()


def test_a_store_is_read_whole_and_in_the_size_asked_for(invented: FaceSet, tmp_path: Path) -> None:
    write_store(invented, tmp_path / "f.h5")
    assert same(read(tmp_path / "f.h5"), invented)
    assert read(tmp_path / "f.h5", side_px=24).pixels.shape == (12, 24, 24)


def test_other_hdf5_files_are_arrays(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["train_images"], file["train_labels"] = np.zeros((2, 48, 48), np.uint8), [0, 1]
    assert read(tmp_path / "f.h5").splits == ("Training",)


def test_frames_and_seed_reach_aff_wild2(tmp_path: Path) -> None:
    folder = tmp_path / "frames" / "v"
    folder.mkdir(parents=True)
    (tmp_path / "v.txt").write_text(
        "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other\n" + "1\n" * 9, "utf-8"
    )
    for number in range(1, 10):
        Image.new("L", (48, 48)).save(folder / f"{number:05d}.jpg")
    drawn = [read(tmp_path, frames_per_video=3, seed=seed).names.tolist() for seed in (0, 0, 1)]
    assert len(drawn[0]) == 3
    assert drawn[0] == drawn[1] != drawn[2]


def nothing(folder: Path) -> Path:
    (folder / "notes.txt").write_text("no faces here", "utf-8")
    return folder


def strange_csv(folder: Path) -> Path:
    (folder / "table.csv").write_text("a,b\n1,2\n", "utf-8")
    return folder / "table.csv"


@pytest.mark.parametrize("make", [nothing, strange_csv])
def test_what_was_looked_for_is_said(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    with pytest.raises(DataError, match=r"found none of: a FER-2013 CSV .*; RAF-DB .*; folders named after emotions"):
        read(make(tmp_path))


def test_an_absent_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="got no such path"):
        read(tmp_path / "absent")


def test_votes_for_data_that_fer_plus_does_not_know_are_refused(tmp_path: Path) -> None:
    (tmp_path / "list_patition_label.txt").write_text("", "utf-8")
    with pytest.raises(DataError, match="has no FER"):
        read(tmp_path, votes=tmp_path / "fer2013new.csv")
