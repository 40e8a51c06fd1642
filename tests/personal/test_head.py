"""The head: it starts from the general answer, decides among the labels shown, and ends where the loss is least."""

import numpy as np
import pytest

from mien.personal.answers import Answers
from mien.personal.head import fit_head, softmax
from mien.taxonomy import FERPLUS

HAPPY, SAD = FERPLUS.index("happy"), FERPLUS.index("sad")


def wrong_about_one_person(seed: int = 0, count: int = 20) -> tuple[Answers, np.ndarray]:
    """The embedding tells happy from sad by its first number; the model calls everything neutral."""
    rng = np.random.default_rng(seed)
    truth = np.tile([HAPPY, SAD], count // 2)
    embeddings = rng.normal(0, 0.3, (count, 16))
    embeddings[:, 0] += np.where(truth == HAPPY, 1.0, -1.0)
    logits = np.zeros((count, 8))
    return Answers({"ferplus": logits}, embeddings), truth


def test_it_learns_what_the_embedding_shows() -> None:
    answers, truth = wrong_about_one_person()
    head = fit_head(answers, truth, offset=None, labels="ferplus")
    asked, expected = wrong_about_one_person(seed=1)
    assert head.labels == ("happy", "sad")
    assert asked.embeddings is not None
    decided = np.array([HAPPY, SAD])[head.added(asked.embeddings).argmax(axis=1)]
    assert (decided == expected).all()


def test_labels_that_were_shown_gain_nothing_over_the_others_on_the_whole() -> None:
    answers, truth = wrong_about_one_person()
    head = fit_head(answers, truth, offset=None, labels="ferplus")
    assert answers.embeddings is not None
    np.testing.assert_allclose(head.added(answers.embeddings).sum(axis=1), 0, atol=1e-9)


def test_a_general_answer_that_is_sure_and_right_is_left_alone() -> None:
    answers, truth = wrong_about_one_person()
    sure = 20.0 * (truth[:, None] == np.arange(8))
    head = fit_head(Answers({"ferplus": sure}, answers.embeddings), truth, offset=None, labels="ferplus")
    assert answers.embeddings is not None
    assert np.abs(head.added(answers.embeddings)).max() < 1e-6


def test_it_ends_where_the_loss_is_least() -> None:
    answers, truth = wrong_about_one_person()
    offset = np.linspace(-1, 1, 8)
    head = fit_head(answers, truth, offset=offset.tolist(), labels="ferplus")
    assert answers.embeddings is not None
    features = (answers.embeddings - np.array(head.centre)) / head.scale
    weights, shown = np.array(head.weights), [HAPPY, SAD]
    target = (truth[:, None] == np.array(shown)).astype(float)
    left = softmax(offset[shown] + features @ weights.T + np.array(head.bias)) - target
    np.testing.assert_allclose(left.T @ features + 0.6 * weights, 0, atol=1e-4)
    np.testing.assert_allclose(left.sum(axis=0) + 0.06 * np.array(head.bias), 0, atol=1e-4)


@pytest.mark.parametrize("size", [1e-3, 1e3])
def test_the_size_of_the_embedding_does_not_matter(size: float) -> None:
    answers, truth = wrong_about_one_person()
    assert answers.embeddings is not None
    other = Answers(answers.logits, answers.embeddings * size)
    assert other.embeddings is not None
    added = [fit_head(each, truth, offset=None, labels="ferplus") for each in (answers, other)]
    np.testing.assert_allclose(added[0].added(answers.embeddings), added[1].added(other.embeddings), rtol=1e-6)
