from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.datasets.faceset import FaceSet
from mien.datasets.reading import read
from mien.datasets.writing import LAYOUTS, layout_of, write
from mien.errors import DataError
from mien.taxonomy import FERPLUS
from realrows import RealRows, same

NAMES = {"h5": "f.h5", "csv": "f.csv", "npz": "f.npz", "npy": "arrays", "parquet": "f.parquet", "folders": "faces"}


@pytest.fixture
def real(real_rows: RealRows, tmp_path: Path) -> FaceSet:
    """Real rows with votes."""
    votes = real_rows.write("ferplus", tmp_path / "source") / "fer2013new.csv"
    return read(real_rows.write("csv", tmp_path / "csv") / "fer2013.csv", votes=votes)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_there_and_back(real: FaceSet, tmp_path: Path, layout: str) -> None:
    dest = tmp_path / "out" / NAMES[layout]
    lost = write(real, dest, layout=layout)
    assert lost == ()
    back = read(dest)
    if layout == "folders":  # in another order, named by the path
        rows = [int(Path(name).stem) for name in back.names.tolist()]
        back = replace(back.select(np.argsort(rows)), names=real.names)
    if layout == "npy":  # each split is numbered by itself, unless it has names
        assert back.names.tolist() == real.names.tolist()
    assert same(back, replace(real, source=back.source))


@pytest.mark.parametrize("layout", ["h5", "npz", "npy", "parquet", "folders"])
def test_other_label_sets_and_rows_without_a_label(invented: FaceSet, tmp_path: Path, layout: str) -> None:
    faces = replace(
        invented,
        taxonomy=FERPLUS,
        labels=np.array([0, 1, 2, 3, 4, 5, 6, 7, -1, -1, 3, 4]),
        split=np.array(["all"] * 12),
    )
    lost = write(faces, tmp_path / NAMES[layout], layout=layout)
    back = read(tmp_path / NAMES[layout])
    assert back.taxonomy == FERPLUS
    assert sorted(back.labels.tolist()) == sorted(faces.labels.tolist())
    assert back.splits == ("all",)
    keeps_columns = layout in ("h5", "parquet")
    assert set(back.attributes) == ({"age", "camera"} if keeps_columns else set())
    assert lost == (() if keeps_columns else (f"the columns age, camera of invented are not kept by {layout}",))


def test_folders_keep_each_face_with_its_label_and_votes(invented: FaceSet, tmp_path: Path) -> None:
    faces = replace(invented, names=np.array(["a/x.jpg", "b/x.png", "../c", "größe 1"] * 3))
    write(faces, tmp_path / "faces")
    back = read(tmp_path / "faces")
    rows = [next(row for row in range(12) if (faces.pixels[row] == face).all()) for face in back.pixels]
    assert sorted(rows) == list(range(12))
    assert back.labels.tolist() == faces.labels[rows].tolist()
    assert back.split.tolist() == faces.split[rows].tolist()
    assert back.votes is not None
    assert faces.votes is not None
    assert (back.votes == faces.votes[rows]).all()
    assert not (tmp_path / "c.png").exists()


def test_the_csv_says_what_it_loses_and_what_it_cannot_hold(invented: FaceSet, tmp_path: Path) -> None:
    lost = write(replace(invented, names=np.array(list("abcdefghijkl"))), tmp_path / "a" / "f.csv")
    assert lost == (
        "the columns age, camera of invented are not kept by csv",
        "the names of the rows of invented are not kept by csv",
    )
    with pytest.raises(DataError, match=r"expected labels of FER-2013 .*, got 'contempt' at '2' and in 1 rows"):
        write(replace(invented, taxonomy=FERPLUS, labels=np.array([0, 1, 7] + [1] * 9)), tmp_path / "b" / "f.csv")
    with pytest.raises(DataError, match="expected faces of 48x48 for this layout, got 24x24"):
        write(replace(invented, pixels=invented.pixels[:, ::2, ::2]), tmp_path / "c" / "f.csv")
    with pytest.raises(DataError, match="expected splits without commas"):
        write(replace(invented, split=np.array(["a,b"] * 12)), tmp_path / "d" / "f.csv")


def test_labels_of_another_set_are_translated_for_the_csv(invented: FaceSet, tmp_path: Path) -> None:
    faces = replace(invented, taxonomy=FERPLUS, labels=np.array([0, 1, 2, 3, 4, 5, 6] + [0] * 5))
    write(faces, tmp_path / "f.csv")
    assert read(tmp_path / "f.csv").labels.tolist() == [6, 3, 5, 4, 0, 1, 2] + [6] * 5


def test_nothing_is_replaced_unless_wished(invented: FaceSet, tmp_path: Path) -> None:
    write(invented, tmp_path / "f.csv")
    (tmp_path / "f.csv").unlink()
    with pytest.raises(DataError, match=r"fer2013new\.csv is there already"):
        write(invented, tmp_path / "f.csv")
    assert not (tmp_path / "f.csv").exists()
    write(invented, tmp_path / "f.csv", overwrite=True)
    with pytest.raises(DataError, match=r"f\.csv is there already"):
        write(invented, tmp_path / "f.csv")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_ctrl_c_leaves_nothing_half_written(
    invented: FaceSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    target = {
        "h5": "mien.datasets.store._storable",
        "csv": "mien.datasets.writing._word",
        "npz": "numpy.savez_compressed",
        "npy": "numpy.save",
        "parquet": "mien.datasets.parquet._png",
        "folders": "mien.datasets.writing._word",
    }[layout]
    monkeypatch.setattr(target, interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(replace(invented, votes=None), tmp_path / NAMES[layout], layout=layout)
    assert list(tmp_path.iterdir()) == []


def test_the_suffix_names_the_layout(invented: FaceSet, tmp_path: Path) -> None:
    assert [layout_of(name) for name in ("a.h5", "a.HDF5", "a.csv", "a.npz", "a.parquet", "a")] == [
        "h5", "h5", "csv", "npz", "parquet", "folders",
    ]  # fmt: skip
    with pytest.raises(DataError, match=r"a\.txt: expected a name that ends in \.csv, .*, got \.txt"):
        layout_of("a.txt")
    with pytest.raises(ValueError, match="layout must be one of h5, csv"):
        write(invented, tmp_path / "f", layout="xml")
