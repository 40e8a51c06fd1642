"""The folder of a run: begun once, gone on with only by the same recipe and data."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.datasets.faceset import FaceSet
from mien.errors import RunError
from mien.learning.recipe import Recipe
from mien.learning.runs import (
    begin_run,
    fingerprint,
    load_network,
    read_recipe,
    read_record,
    read_validation,
    update_record,
)
from training_samples import faces_to_learn

RECIPE = Recipe("study_cnn", 3)


def begin(run: Path, faces: FaceSet, recipe: Recipe = RECIPE, *, resume: bool = False) -> None:
    begin_run(run, recipe, faces, validation=faces.select(slice(0, 7)), entries={"rows": 14}, resume=resume)


def test_the_same_rows_have_the_same_fingerprint_and_others_another() -> None:
    faces = faces_to_learn(21)
    pixels = faces.pixels.copy()
    pixels[3, 4, 5] ^= 1
    labels = faces.labels.copy()
    labels[0] += 1
    assert fingerprint(faces) == fingerprint(replace(faces_to_learn(21), source="elsewhere"))
    others = [
        replace(faces, pixels=pixels),
        replace(faces, labels=labels),
        replace(faces, votes=None),
        replace(faces, split=np.array(["PublicTest"] * 21)),
        faces.select(np.arange(20)),
    ]
    assert len({fingerprint(faces), *map(fingerprint, others)}) == 6


def test_a_run_records_what_it_was_begun_with(tmp_path: Path) -> None:
    faces = faces_to_learn(21)
    begin(tmp_path / "run", faces)
    assert read_recipe(tmp_path / "run") == RECIPE
    record = read_record(tmp_path / "run")
    assert record["data"] == {"source": "synthetic faces", "rows": 21, "sha256": fingerprint(faces)}
    assert (record["seed"], record["rows"]) == (0, 14)
    assert {"mien", "torch", "lightning", "python"} <= set(record["versions"])
    update_record(tmp_path / "run", epochs_done=2)
    assert read_record(tmp_path / "run") == {**record, "epochs_done": 2}


def test_a_folder_is_not_written_over_and_only_the_same_run_goes_on(tmp_path: Path) -> None:
    faces = faces_to_learn(21)
    begin(tmp_path, faces)
    begin(tmp_path, faces, resume=True)
    with pytest.raises(RunError, match="already holds a run: add --resume"):
        begin(tmp_path, faces)
    with pytest.raises(RunError, match=r"begun with another recipe \(epochs = 3; now epochs = 4\)"):
        begin(tmp_path, faces, replace(RECIPE, epochs=4), resume=True)
    with pytest.raises(RunError, match="begun with other data \\(21 rows of synthetic faces, now 14"):
        begin(tmp_path, faces_to_learn(14), resume=True)


def test_the_rows_kept_aside_come_back(tmp_path: Path) -> None:
    faces = faces_to_learn(21)
    begin(tmp_path / "voted", faces)
    kept = read_validation(tmp_path / "voted")
    assert set(kept) == {"pixels", "labels", "votes"}
    assert np.array_equal(kept["pixels"], faces.pixels[:7])
    begin(tmp_path / "labelled", replace(faces, votes=None))
    assert set(read_validation(tmp_path / "labelled")) == {"pixels", "labels"}


def test_what_is_no_finished_run_is_said(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"holds no run: expected recipe\.toml"):
        load_network(tmp_path)
    begin(tmp_path, faces_to_learn(7))
    with pytest.raises(RunError, match=r"has no model\.ckpt yet"):
        load_network(tmp_path)
