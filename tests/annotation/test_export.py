"""Labels become rows that every recipe can learn from."""

from pathlib import Path

import numpy as np
import pytest

from annotation_samples import MODEL, filled, found
from mien.annotation.export import labelled_faces
from mien.annotation.store import LabelStore
from mien.datasets.faceset import TRAINING, UNLABELLED
from mien.datasets.ferplus import majority_labels
from mien.datasets.reading import read
from mien.datasets.writing import write
from mien.errors import DataError
from mien.taxonomy import FER2013, FERPLUS


def test_labels_become_votes_and_labels_and_survive_a_file(tmp_path: Path) -> None:
    with filled(LabelStore(tmp_path / "labels.sqlite"), 8) as store:
        store.give(2, ["happy"], who="anna", **MODEL)
        store.give(3, ["happy", "surprise", "fear"], who="anna", **MODEL)
        store.give(4, ["unknown"], who="anna", **MODEL)
        store.give(5, ["not_a_face"], who="anna", **MODEL)
        store.give(6, ["contempt"], who="anna", **MODEL)
        for who, word in (("anna", "sad"), ("ben", "sad"), ("cleo", "neutral")):
            store.give(7, [word], who=who, **MODEL)
        faces = labelled_faces(store)
    assert np.array_equal(faces.pixels, np.stack([face.pixels for face in found(8)])[1:7])
    assert faces.votes is not None
    assert faces.votes.tolist() == [
        [0, 10, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 4, 3, 0, 0, 0, 3, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 10, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 10],
        [0, 0, 0, 0, 0, 0, 0, 10, 0, 0],
        [3, 0, 0, 7, 0, 0, 0, 0, 0, 0],
    ]
    none = UNLABELLED  # contempt is no word of FER-2013's; the votes have it
    assert faces.labels.tolist() == [FER2013.index("happy"), none, none, none, none, FER2013.index("sad")]
    assert majority_labels(faces.votes).tolist() == [1, none, none, none, FERPLUS.index("contempt"), 3]
    assert faces.splits == (TRAINING,)
    assert faces.names[0] == "clip.mp4@1.000s"
    assert faces.attributes["labelled_by"].tolist()[-1] == "anna, ben, cleo"
    for name in ("faces.h5", "faces.npz"):
        write(faces, tmp_path / name)
        again = read(tmp_path / name)
        assert again.votes is not None
        assert np.array_equal(again.votes, faces.votes)
        assert np.array_equal(again.labels, faces.labels)


def test_without_labels_there_is_nothing_to_export(tmp_path: Path) -> None:
    with (
        filled(LabelStore(tmp_path / "labels.sqlite"), 2) as store,
        pytest.raises(DataError, match="has no labels yet"),
    ):
        labelled_faces(store)
