"""Targets against values worked out by hand from the rules of Barsoum et al. 2016."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.datasets.faceset import UNLABELLED
from mien.errors import DataError
from mien.learning.recipe import Target
from mien.learning.targets import head_targets, label_targets, vote_targets
from mien.taxonomy import FERPLUS, FERPLUS_VOTES, TAXONOMIES
from training_samples import faces_to_learn

# neutral, happy, surprise, sad, angry, disgust, fear, contempt, unknown, not a face
CLEAR = (8, 1, 1, 0, 0, 0, 0, 0, 0, 0)  # single votes are slips: 8 of 8 for neutral
TWO = (0, 0, 5, 0, 0, 0, 4, 0, 1, 0)  # surprise 5 and fear 4 of 9
HALF = (5, 5, 0, 0, 0, 0, 0, 0, 0, 0)  # no majority; both together hold all
FOUR = (3, 3, 2, 2, 0, 0, 0, 0, 0, 0)  # two taken at 3, two more at 2: four are too many
THREE = (4, 3, 3, 0, 0, 0, 0, 0, 0, 0)  # 4 + 3 + 3
UNKNOWN_SECOND = (0, 6, 0, 0, 0, 0, 0, 0, 4, 0)  # happy 6 of 10, and unknown is left out
UNKNOWN_FIRST = (0, 4, 0, 0, 0, 0, 0, 0, 6, 0)
NOT_A_FACE = (0, 0, 0, 0, 0, 0, 0, 0, 0, 10)
SCATTERED = (1, 1, 1, 1, 1, 1, 1, 1, 1, 1)  # nothing but slips

NONE: dict[int, float] = {}


@pytest.mark.parametrize(
    ("target", "votes", "expected"),
    [
        ("majority", CLEAR, {0: 1}),
        ("majority", TWO, {2: 1}),  # 5 of 9
        ("majority", HALF, NONE),
        ("majority", THREE, NONE),
        ("majority", UNKNOWN_SECOND, {1: 1}),
        ("majority", UNKNOWN_FIRST, NONE),
        ("majority", NOT_A_FACE, NONE),
        ("soft", CLEAR, {0: 1}),
        ("soft", TWO, {2: 5 / 9, 6: 4 / 9}),
        ("soft", HALF, {0: 0.5, 1: 0.5}),
        ("soft", THREE, {0: 0.4, 1: 0.3, 2: 0.3}),
        ("soft", FOUR, NONE),
        ("soft", (7, 0, 0, 2, 0, 0, 0, 0, 0, 0), {0: 1}),  # 7 of 9 are three quarters: sad is not looked at
        ("soft", UNKNOWN_SECOND, {1: 1}),
        ("soft", UNKNOWN_FIRST, NONE),
        ("soft", NOT_A_FACE, NONE),
        ("soft", SCATTERED, NONE),
        ("multi-target", CLEAR, {0: 1}),
        ("multi-target", TWO, {2: 1, 6: 1}),
        ("multi-target", HALF, {0: 1, 1: 1}),
        ("multi-target", THREE, {0: 1, 1: 1, 2: 1}),
        ("multi-target", (5, 2, 3, 0, 0, 0, 0, 0, 0, 0), {0: 1, 2: 1}),  # happy has 20 %
        ("multi-target", (3, 3, 2, 2, 0, 0, 0, 0, 0, 0), {0: 1, 1: 1}),  # 6 of 10
        ("multi-target", (3, 2, 2, 2, 0, 0, 0, 0, 0, 0), NONE),  # 3 of 9 is no majority
        ("multi-target", UNKNOWN_FIRST, NONE),
        ("multi-target", SCATTERED, NONE),
        ("votes", TWO, {2: 0.5, 6: 0.4, 8: 0.1}),
        ("votes", NOT_A_FACE, {9: 1}),
        ("votes", (0,) * 10, NONE),
    ],
)
def test_votes_become_what_the_paper_says(target: Target, votes: tuple[int, ...], expected: dict[int, float]) -> None:
    values = vote_targets(np.array([votes], np.uint8), target)
    assert values.shape == (1, 10 if target == "votes" else 8)
    assert values.dtype == np.float32
    wanted = np.zeros(values.shape[1])
    for column, value in expected.items():
        wanted[column] = value
    np.testing.assert_allclose(values[0], wanted, atol=1e-6)


def test_probability_draws_from_the_soft_distribution() -> None:
    votes = np.array([TWO, HALF, FOUR], np.uint8)
    np.testing.assert_array_equal(vote_targets(votes, "probability"), vote_targets(votes, "soft"))


def test_rows_keep_their_order() -> None:
    votes = np.array([TWO, CLEAR, TWO, HALF], np.uint8)
    values = vote_targets(votes, "soft")
    assert values.argmax(axis=1).tolist() == [2, 0, 2, 0]
    np.testing.assert_array_equal(values[0], values[2])


def test_labels_are_one_hot_and_unlabelled_rows_empty() -> None:
    values = label_targets(np.array([2, UNLABELLED, 0]), 3)
    assert values.tolist() == [[0, 0, 1], [0, 0, 0], [1, 0, 0]]


def test_the_real_votes_keep_as_many_rows_as_the_authors_do(shared_fer2013: Path) -> None:
    with (shared_fer2013 / "labels.csv").open(newline="") as file:
        rows = [list(row.values()) for row in csv.DictReader(file)]
    votes = np.array([row[-10:] for row in rows if row[1] == "Training"]).astype(np.uint8)
    kept = {target: int((vote_targets(votes, target).sum(axis=1) > 0).sum()) for target in ("majority", "soft")}
    assert kept == {"majority": 25_060, "soft": 27_956}


def test_heads_say_what_their_columns_mean() -> None:
    faces = faces_to_learn(14)
    votes, labels = head_targets(faces, "votes+labels")
    assert (votes.name, votes.columns, votes.taxonomy) == ("votes", FERPLUS_VOTES, FERPLUS)
    assert (labels.name, labels.columns) == ("labels", faces.taxonomy.labels)
    assert [FERPLUS.labels[i] for i in votes.truth] == [faces.taxonomy.labels[i] for i in labels.truth]
    assert votes.learnable.all()
    (soft,) = head_targets(faces, "soft")
    assert soft.columns == FERPLUS.labels


def test_what_a_target_lacks_is_said() -> None:
    faces = faces_to_learn(14)
    with pytest.raises(DataError, match="has no FER\\+ votes, which the target 'soft' needs: give --votes"):
        head_targets(replace(faces, votes=None), "soft")
    with pytest.raises(DataError, match="needs labels of fer2013, got affwild2"):
        head_targets(replace(faces, taxonomy=TAXONOMIES["affwild2"]), "votes+labels")
