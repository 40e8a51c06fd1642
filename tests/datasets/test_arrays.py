from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from mien.datasets.arrays import has_arrays, read_arrays
from mien.errors import DataError
from mien.taxonomy import FER2013, FERPLUS
from realrows import RealRows

IMAGES: NDArray[np.uint8] = np.random.default_rng(1).integers(0, 256, (5, 48, 48), np.uint8)
LABELS = np.array([0, 3, 6, 2, 1])


def test_real_npz(real_rows: RealRows, tmp_path: Path) -> None:
    faces = read_arrays(real_rows.write("npz", tmp_path) / "fer2013.npz")
    assert (faces.pixels == real_rows.faces).all()
    assert faces.labels.tolist() == real_rows.emotions
    assert faces.votes is not None
    assert (faces.votes == real_rows.votes).all()
    assert faces.split.tolist() == real_rows.usage


def test_npy_pairs(tmp_path: Path) -> None:
    for split in ("test", "train"):
        np.save(tmp_path / f"{split}_images.npy", IMAGES if split == "train" else IMAGES[:2])
        np.save(tmp_path / f"{split}_labels.npy", LABELS if split == "train" else LABELS[:2])
    assert has_arrays(tmp_path)
    faces = read_arrays(tmp_path)
    assert faces.split.tolist() == ["Training"] * 5 + ["test"] * 2
    assert (faces.pixels == IMAGES[[0, 1, 2, 3, 4, 0, 1]]).all()
    assert faces.labels.tolist() == [*LABELS, *LABELS[:2]]
    assert faces.names.tolist() == ["0", "1", "2", "3", "4", "0", "1"]
    alone = read_arrays(tmp_path / "test_images.npy")
    assert (alone.splits, len(alone)) == (("test",), 2)


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("channel last", IMAGES[..., None]),
        ("channel first", IMAGES[:, None]),
        ("colour last", np.repeat(IMAGES[..., None], 3, axis=3)),
        ("colour first", np.repeat(IMAGES[:, None], 3, axis=1)),
        ("flat", IMAGES.reshape(5, -1)),
        ("wide", IMAGES.astype(np.int64)),
        ("0 to 255 in floating point", IMAGES.astype(np.float32)),
        ("0 to 1", IMAGES / 255),
    ],
)
def test_images_as_people_store_them(tmp_path: Path, name: str, stored: NDArray[np.generic]) -> None:
    np.savez(tmp_path / "f.npz", allow_pickle=False, x_train=stored, y_train=LABELS)
    faces = read_arrays(tmp_path / "f.npz")
    assert (faces.pixels == IMAGES).all(), name
    assert faces.splits == ("Training",)


def test_hdf5_with_groups(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["Training/pixels"], file["Training/labels"] = IMAGES.reshape(5, -1), LABELS
        file["PublicTest_pixel"], file["PublicTest_label"] = IMAGES[:1], LABELS[:1]
    faces = read_arrays(tmp_path / "f.h5")
    assert faces.split.tolist() == ["Training"] * 5 + ["PublicTest"]
    assert (faces.pixels[:5] == IMAGES).all()


def test_label_names_say_what_numbers_mean(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", IMAGES)
    np.save(tmp_path / "labels.npy", LABELS)
    np.save(tmp_path / "label_names.npy", np.array(FERPLUS.labels))
    faces = read_arrays(tmp_path)
    assert faces.taxonomy == FERPLUS
    assert faces.labels.tolist() == LABELS.tolist()
    assert faces.splits == ("all",)


def test_faces_come_in_the_size_asked_for(tmp_path: Path) -> None:
    np.savez(tmp_path / "f.npz", allow_pickle=False, images=np.full((3, 100, 80, 3), 7, np.uint8), labels=[0, 1, 2])
    faces = read_arrays(tmp_path / "f.npz")
    assert faces.pixels.shape == (3, 48, 48)
    assert (faces.pixels == 7).all()


def test_rows_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    images = IMAGES.astype(np.float64)
    images[0, 3, 3] = np.nan
    images[1, 3, 3] = 256
    votes = np.full((5, 10), 1)
    votes[3] = 0
    np.savez(tmp_path / "f.npz", allow_pickle=False, images=images, labels=[0, 0, 7, 0, 4], votes=votes)
    with pytest.raises(DataError, match=r"f\.npz, images, row 0: expected pixels in 0\.\.255"):
        read_arrays(tmp_path / "f.npz")
    faces = read_arrays(tmp_path / "f.npz", skip_bad=True)
    assert faces.names.tolist() == ["4"]
    assert faces.labels.tolist() == [4]
    assert len(faces.skipped) == 4
    assert "labels, row 2: expected a label of the 7 of FER-2013, got 7" in faces.skipped[2]
    assert "votes, row 3: expected ten vote counts" in faces.skipped[3]
    assert faces.taxonomy == FER2013


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"train_images": IMAGES}, "train_images without labels"),
        ({"labels": LABELS}, "labels without images"),
        ({"images": IMAGES, "faces": IMAGES, "labels": LABELS}, "expected one array of images, got images and faces"),
        ({"images": IMAGES, "labels": LABELS[:3]}, "labels: expected 5 rows as in the images, got 3"),
        ({"images": IMAGES.reshape(5, 2, 1152, 1, 1), "labels": LABELS}, r"images: expected \(n, height, width\)"),
        ({"images": np.array(["a"] * 5), "labels": LABELS}, "images: expected numbers"),
        ({"images": IMAGES, "labels": LABELS, "votes": np.ones((5, 8))}, r"votes: expected the shape \(5, 10\)"),
        ({"weights": IMAGES}, r"expected arrays named like train_images and train_labels, got \['weights'\]"),
        ({"images": IMAGES[:0], "labels": LABELS[:0]}, "expected rows, got none"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, arrays: dict[str, NDArray[np.generic]], said: str) -> None:
    np.savez(tmp_path / "f.npz", allow_pickle=False, **arrays)
    with pytest.raises(DataError, match=said):
        read_arrays(tmp_path / "f.npz")


@pytest.mark.parametrize("name", ["f.npz", "f.h5", "images.npy"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"nothing of the kind")
    with pytest.raises(DataError, match=rf"{name}: expected arrays of faces and labels that can be read"):
        read_arrays(tmp_path / name)
