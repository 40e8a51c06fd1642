"""Which faces to label next: each measure says what it means, and the queue asks for nothing twice."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.active import QUEUES, Queue, disagreement, entropy, margin, next_faces, spread, views


def random_answers(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.full(8, 0.3), n), rng.normal(0, 1, (n, 4))


@given(st.integers(0, 1000))
def test_measures_lie_between_0_and_1(seed: int) -> None:
    answers, _ = random_answers(20, seed)
    others, _ = random_answers(20, seed + 1)
    for values in (margin(answers), entropy(answers), disagreement(np.stack([answers, others]))):
        assert values.shape == (20,)
        assert values.min() >= -1e-12
        assert values.max() <= 1 + 1e-12


def test_doubt_between_two_is_margin_and_between_many_is_entropy() -> None:
    answers = np.array([[0.5, 0.5, 0, 0], [0.4, 0.2, 0.2, 0.2]])
    assert margin(answers).argmax() == 0
    assert entropy(answers).argmax() == 1


def test_views_that_agree_do_not_disagree_however_unsure_they_are() -> None:
    unsure = np.full((3, 1, 4), 0.25)
    np.testing.assert_allclose(disagreement(unsure), 0, atol=1e-12)


def test_views_differ_and_keep_the_size_of_a_face() -> None:
    crop = np.random.default_rng(0).integers(0, 256, (48, 48, 3)).astype(np.uint8)
    shown = views(crop)
    assert np.array_equal(shown[0], crop)
    assert np.array_equal(shown[1], crop[:, ::-1])
    assert shown[3].shape == crop.shape
    assert np.array_equal(shown[3][3:, :-3], crop[:-3, 3:])
    assert all(min(view.shape[:2]) >= 42 and view.dtype == np.uint8 for view in shown)


def test_spread_takes_one_of_each_heap() -> None:
    rng = np.random.default_rng(0)
    heaps = np.repeat(np.eye(5) * 100, 20, axis=0) + rng.normal(0, 1, (100, 5))
    assert set(spread(heaps, np.empty((0, 5)), 5) // 20) == {0, 1, 2, 3, 4}
    assert set(spread(heaps, heaps[:40], 3) // 20) == {2, 3, 4}
    assert sorted(spread(heaps, heaps[:1], 1000)) == list(range(100))


@pytest.mark.parametrize("by", QUEUES)
def test_no_face_is_asked_twice_or_again(by: Queue) -> None:
    answers, embeddings = random_answers(60)
    labelled = np.arange(60) % 3 == 0
    asked = next_faces(answers, embeddings, count=30, labelled=labelled, disagreements=np.linspace(0, 1, 60), by=by)
    assert len(asked) == len(set(asked)) == 30
    assert not labelled[asked].any()
    assert len(next_faces(answers, embeddings, count=99, labelled=labelled, disagreements=answers[:, 0], by=by)) == 40


def test_the_queue_does_not_ask_for_frames_that_look_alike() -> None:
    """Ninety frames of one doubtful moment, and ten doubtful moments more: the ten come first, and one frame."""
    rng = np.random.default_rng(0)
    embeddings = np.concatenate([np.zeros((90, 4)), 10 * rng.normal(0, 1, (10, 4))])
    answers = np.full((100, 4), 0.25) + rng.uniform(0, 1e-6, (100, 4))
    asked = next_faces(answers, embeddings, count=25)
    assert (asked[:11] >= 90).sum() == 10
    assert (next_faces(answers, embeddings, count=25, by="margin") >= 90).sum() < 10


def test_an_unknown_queue_is_said() -> None:
    answers, embeddings = random_answers(5)
    with pytest.raises(ValueError, match="by must be one of combined, margin"):
        next_faces(answers, embeddings, count=1, by="luck")  # type: ignore[arg-type]  # what is tested
    with pytest.raises(ValueError, match="needs disagreements"):
        next_faces(answers, embeddings, count=1, by="disagreement")
