import csv
import json
from pathlib import Path

import numpy as np
import pytest

from mien.datasets.droplist import read_drop_list
from mien.datasets.faceset import FaceSet
from mien.datasets.leakreport import drop_rows, summarise, summary_text, write_leaks
from mien.datasets.leaks import Leaks, find_leaks
from mien.taxonomy import FER2013


@pytest.fixture
def faces() -> FaceSet:
    """Training a b c d, test e f g: a = b = e to the pixel with labels that differ, f is near d, c is constant."""
    coarse = np.random.default_rng(0).integers(30, 200, (7, 8, 8), np.uint8)
    pixels = np.kron(coarse, np.ones((6, 6), np.uint8))
    pixels[1] = pixels[4] = pixels[0]
    pixels[5] = np.clip(pixels[3] * 0.8 + 30, 0, 255).astype(np.uint8)
    pixels[5][0, 0] = 255
    pixels[2] = 0
    return FaceSet(
        pixels=pixels,
        labels=np.array([3, 4, 0, 0, -1, 0, 0]),
        votes=None,
        split=np.array(["Training"] * 4 + ["test"] * 3),
        taxonomy=FER2013,
        source="planted",
        names=np.array(list("abcdefg")),
    )


@pytest.fixture
def found(faces: FaceSet) -> Leaks:
    return find_leaks(faces)


def test_test_rows_with_a_copy_in_training_are_to_be_dropped(faces: FaceSet, found: Leaks) -> None:
    (first, second) = drop_rows(faces, found)
    assert first == ("test", "e", "exact copy of Training a (1.000)")
    assert second[:2] == ("test", "f")
    assert second[2].startswith("near copy of Training d (0.9")


def test_training_copies_are_dropped_by_wish_all_but_one(faces: FaceSet, found: Leaks) -> None:
    rows = drop_rows(faces, found, training_copies=True)
    assert rows[2:] == [("Training", "b", "exact copy of Training a")]


def test_the_summary_counts(faces: FaceSet, found: Leaks) -> None:
    summary = summarise(faces, found)
    assert summary["splits"] == {"Training": 4, "test": 3}
    assert (summary["groups"], summary["largest_group"], summary["different_pictures"]) == (2, 3, 5)
    assert {"of": "test", "in": "Training", "exact": 1, "exact_or_near": 2} in summary["with_copy"]
    assert summary["outside_training_with_copy_in_training"] == 2
    assert summary["conflicting_labels"] == {"rows_in_exact_groups": 3, "rows_in_all_groups": 3}
    assert summary["constant_images"] == {"Training": 1, "test": 0}
    text = summary_text(summary)
    assert "test                  1 rows have an exact copy in Training, 2 an exact or near one (66.7%)" in text
    assert "Training 1, test 0" in text


def test_everything_is_written(faces: FaceSet, found: Leaks, tmp_path: Path) -> None:
    drop = write_leaks(faces, found, tmp_path / "out")
    assert sorted(path.name for path in drop.parent.iterdir()) == [
        "constant.csv", "drop.csv", "groups.csv", "summary.json", "summary.txt",
    ]  # fmt: skip
    assert json.loads((drop.parent / "summary.json").read_text("utf-8")) == summarise(faces, found)
    with (drop.parent / "groups.csv").open(newline="", encoding="utf-8") as file:
        rows = [tuple(row.values()) for row in csv.DictReader(file)]
    assert rows == [
        ("1", "Training", "a", "happy", "a", "yes"),
        ("1", "Training", "b", "sad", "a", "yes"),
        ("1", "test", "e", "", "a", "yes"),
        ("2", "Training", "d", "angry", "", "no"),
        ("2", "test", "f", "angry", "", "no"),
    ]
    assert (drop.parent / "constant.csv").read_text("utf-8") == "split,name,label\nTraining,c,angry\n"


def test_the_drop_list_leaves_a_set_without_leaks(faces: FaceSet, found: Leaks, tmp_path: Path) -> None:
    clean = faces.without(read_drop_list(write_leaks(faces, found, tmp_path, training_copies=True)))
    assert clean.names.tolist() == ["a", "c", "d", "g"]
    again = find_leaks(clean)
    assert not again.leaked.any()
    assert (again.near == np.arange(4)).all()
