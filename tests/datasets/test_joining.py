"""More rows for training: in the same words, and none that gives away what is kept aside."""

from dataclasses import replace

import numpy as np
import pytest

from mien.datasets.faceset import UNLABELLED, FaceSet
from mien.datasets.joining import add_rows, rows_to_add
from mien.errors import DataError
from mien.taxonomy import FER2013, FERPLUS
from training_samples import faces_to_learn

NONE = UNLABELLED


def test_labels_come_in_the_words_of_the_first_set() -> None:
    faces, extra = faces_to_learn(7), faces_to_learn(3, seed=1)
    extra = replace(extra, taxonomy=FERPLUS, labels=np.array([FERPLUS.index("happy"), FERPLUS.index("contempt"), NONE]))
    both = add_rows(faces, extra)
    assert both.labels.tolist() == [*range(7), FER2013.index("happy"), NONE, NONE]
    assert both.taxonomy == FER2013
    assert np.array_equal(both.pixels, np.concatenate([faces.pixels, extra.pixels]))


def test_votes_are_kept_where_one_set_has_them() -> None:
    faces, extra = faces_to_learn(2), faces_to_learn(2, seed=1)
    without = replace(extra, votes=None)
    for both, votes in ((add_rows(faces, without), faces.votes), (add_rows(without, faces), faces.votes)):
        assert both.votes is not None
        assert votes is not None
        assert both.votes.sum() == votes.sum()
    assert add_rows(replace(faces, votes=None), without).votes is None


def test_copies_of_what_is_kept_aside_and_test_rows_are_not_learnt() -> None:
    kept_aside = faces_to_learn(5)
    extra = faces_to_learn(4, seed=1, test_rows=2)
    pixels = extra.pixels.copy()
    pixels[1] = np.clip(kept_aside.pixels[3] + 1, 0, 255)
    assert rows_to_add(replace(extra, pixels=pixels), kept_aside).names.tolist() == ["0", "2", "3"]
    with pytest.raises(DataError, match="has no row to learn"):
        rows_to_add(kept_aside, kept_aside)


def test_faces_of_another_size_are_refused() -> None:
    faces = faces_to_learn(2)
    small = FaceSet(faces.pixels[:, ::2, ::2], faces.labels, None, faces.split, FER2013, "small faces")
    with pytest.raises(DataError, match="small faces has faces of 24x24 px, expected 48x48"):
        rows_to_add(small, faces)
