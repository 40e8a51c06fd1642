"""Orders, seeds and sizes."""

import numpy as np
import torch

from mien.learning.batches import Rows, epoch_order, step_seed, steps_per_epoch
from mien.learning.targets import head_targets
from training_samples import faces_to_learn


def test_an_epoch_sees_every_row_once_in_an_order_of_its_own() -> None:
    classes = np.zeros(50, np.int64)
    first, again, second = (epoch_order(classes, oversample=False, seed=3, epoch=epoch) for epoch in (0, 0, 1))
    assert sorted(first) == list(range(50))
    assert first.tolist() == again.tolist() != second.tolist()


def test_oversampling_makes_all_classes_as_common_as_the_commonest() -> None:
    classes = np.array([0] * 10 + [1] * 3 + [2])
    order = epoch_order(classes, oversample=True, seed=0, epoch=0)
    assert np.bincount(classes[order]).tolist() == [10, 10, 10]
    assert set(order) == set(range(14))
    repeats = np.bincount(order)
    assert repeats[:10].tolist() == [1] * 10
    assert set(repeats[10:13]) == {3, 4}


def test_steps_are_whole_batches_but_at_least_one() -> None:
    assert [steps_per_epoch(rows, 8) for rows in (3, 8, 23, 24)] == [1, 1, 2, 3]


def test_every_step_and_process_has_its_own_seed() -> None:
    seeds = {step_seed(0, epoch, step, rank=rank) for epoch in range(4) for step in range(4) for rank in range(2)}
    assert len(seeds) == 32
    assert step_seed(5, 1, 2) == step_seed(5, 1, 2)


def test_a_batch_holds_the_rows_asked_for() -> None:
    faces = faces_to_learn(21)
    rows = Rows(faces, head_targets(faces, "votes+labels"))
    batch = rows.batch(np.array([20, 3]), device=torch.device("cpu"))
    assert np.array_equal(batch.pixels.numpy(), faces.pixels[[20, 3]])
    assert batch.truth[1].tolist() == faces.labels[[20, 3]].tolist()
    assert [target.shape for target in batch.targets] == [(2, 10), (2, 7)]
    odd = rows.select(np.arange(21) % 2 == 1)
    assert len(odd) == 10
    assert odd.truth[1].tolist() == faces.labels[1::2].tolist()
