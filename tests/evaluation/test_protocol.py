"""What is right under each protocol, and which rows count."""

import numpy as np
import pytest

from mien.datasets.faceset import FaceSet
from mien.errors import DataError
from mien.evaluation.protocol import true_labels, vote_shares
from mien.taxonomy import AFFWILD2, FER2013, FERPLUS, Taxonomy

VOTES = [
    [0, 9, 1, 0, 0, 0, 0, 0, 0, 0],  # happy
    [5, 0, 0, 5, 0, 0, 0, 0, 0, 0],  # undecided
    [1, 0, 0, 2, 0, 0, 0, 0, 7, 0],  # unknown wins
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 10],  # no face
]


def faces(labels: list[int], taxonomy: Taxonomy = FER2013, votes: list[list[int]] | None = None) -> FaceSet:
    n = len(labels)
    return FaceSet(
        pixels=np.zeros((n, 48, 48), np.uint8),
        labels=np.array(labels, np.int64),
        votes=None if votes is None else np.array(votes, np.uint8),
        split=np.array(["PublicTest"] * n),
        taxonomy=taxonomy,
        source="here.csv",
    )


def test_ferplus_takes_the_majority_and_leaves_out_what_the_authors_leave_out() -> None:
    truth = true_labels(faces([3, 4, 4, 0], votes=VOTES), FERPLUS)
    assert truth.labels.tolist() == [FERPLUS.index("happy"), -1, -1, -1]
    assert truth.title.startswith("FER+")


def test_fer2013_takes_every_label_as_it_is_votes_or_not() -> None:
    for votes in (None, VOTES):
        truth = true_labels(faces([3, 4, 4, 0], votes=votes), FER2013)
        assert truth.labels.tolist() == [3, 4, 4, 0]
        assert truth.title.startswith("FER-2013")


def test_ferplus_without_votes_says_how_to_give_them() -> None:
    with pytest.raises(DataError, match=r"here\.csv has no FER\+ votes: give --votes"):
        true_labels(faces([3]), FERPLUS)


def test_another_data_set_is_matched_by_word_and_says_so() -> None:
    source = Taxonomy("mine", ("happy", "bored", "angry"))
    truth = true_labels(faces([0, 1, 2, -1], taxonomy=source), FER2013)
    assert truth.labels.tolist() == [FER2013.index("happy"), -1, FER2013.index("angry"), -1]
    assert "no publication scores so" in truth.rule
    assert truth.title == "mine labels, 7-way (fer2013)"


def test_nothing_to_score_is_an_error() -> None:
    with pytest.raises(DataError, match="none of 2 rows can be scored"):
        true_labels(faces([7, 7], taxonomy=AFFWILD2), FER2013)  # "other" has no FER-2013 word
    with pytest.raises(DataError, match="none of 3 rows"):
        true_labels(faces([3, 4, 4], votes=VOTES[1:]), FERPLUS)


def test_vote_shares_are_over_the_emotions_alone() -> None:
    shares = vote_shares(np.array([[1, 0, 0, 2, 0, 0, 0, 0, 7, 0]], np.uint8))
    np.testing.assert_allclose(shares, [[1 / 3, 0, 0, 2 / 3, 0, 0, 0, 0]])
    with pytest.raises(ValueError, match="1 rows have no vote"):
        vote_shares(np.array([VOTES[3]], np.uint8))
