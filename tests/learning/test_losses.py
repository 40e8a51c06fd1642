"""Losses against their formulas."""

import math

import numpy as np
import pytest
import torch

from mien.learning.losses import HeadLoss, best_of_right, head_logits
from mien.learning.networks.two_heads import TwoHeads
from mien.learning.recipe import Recipe
from mien.learning.targets import HeadTargets
from mien.taxonomy import FER2013, Taxonomy

CPU = torch.device("cpu")
PAIR = Taxonomy("pair", ("a", "b"))


def pair_head(values: list[list[float]], name: str = "labels") -> HeadTargets:
    rows = np.array(values, np.float32)
    return HeadTargets(name, PAIR, PAIR.labels, rows, rows.argmax(axis=1))


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_the_likeliest_right_answer_counts() -> None:
    logits = torch.log(torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]]))
    right = torch.tensor([[0.0, 1.0, 1.0], [0.0, 1.0, 0.0]])
    assert best_of_right(logits, right).item() == pytest.approx(-(math.log(0.3) + math.log(0.2)) / 2)


def test_soft_targets_are_the_cross_entropy() -> None:
    loss = HeadLoss(pair_head([[1, 0], [0, 1]]), Recipe("mien_m", 1), device=CPU)
    logits = torch.log(torch.tensor([[0.25, 0.75]]))
    targets = torch.tensor([[0.4, 0.6]])
    expected = -(0.4 * math.log(0.25) + 0.6 * math.log(0.75))
    assert loss.training(logits, targets, generator()).item() == pytest.approx(expected)
    assert loss.validation(logits, targets).item() == pytest.approx(expected)


def test_class_weights_are_inverse_to_the_frequency() -> None:
    head = pair_head([[1.0, 0.0]] * 5 + [[0.0, 1.0]])  # counted once more each: 6 and 2 of 8
    loss = HeadLoss(head, Recipe("mien_m", 1, imbalance="class-weights"), device=CPU)
    assert loss.weight is not None
    assert loss.weight.tolist() == pytest.approx([8 / (2 * 6), 8 / (2 * 2)])
    logits = torch.zeros(1, 2)
    rare = torch.tensor([[0.0, 1.0]])
    assert loss.training(logits, rare, generator()).item() == pytest.approx(2 * math.log(2))
    assert loss.validation(logits, rare).item() == pytest.approx(math.log(2))


def test_logit_adjustment_adds_the_log_frequency_while_training() -> None:
    head = pair_head([[1.0, 0.0]] * 5 + [[0.0, 1.0]])
    loss = HeadLoss(head, Recipe("mien_m", 1, imbalance="logit-adjustment"), device=CPU)
    rare = torch.tensor([[0.0, 1.0]])
    assert loss.training(torch.zeros(1, 2), rare, generator()).item() == pytest.approx(-math.log(2 / 8))
    assert loss.validation(torch.zeros(1, 2), rare).item() == pytest.approx(math.log(2))


def test_smoothing_is_for_labels_and_not_for_votes() -> None:
    recipe = Recipe("mien_m", 1, label_smoothing=0.2)
    logits, targets = torch.log(torch.tensor([[0.9, 0.1]])), torch.tensor([[1.0, 0.0]])
    smoothed = HeadLoss(pair_head([[1, 0], [0, 1]]), recipe, device=CPU).training(logits, targets, generator())
    assert smoothed.item() == pytest.approx(-(0.9 * math.log(0.9) + 0.1 * math.log(0.1)))
    plain = HeadLoss(pair_head([[1, 0], [0, 1]], "votes"), recipe, device=CPU).training(logits, targets, generator())
    assert plain.item() == pytest.approx(-math.log(0.9))


def test_probability_draws_one_right_answer_per_face_as_often_as_it_was_voted() -> None:
    loss = HeadLoss(pair_head([[1, 0], [0, 1]], "votes"), Recipe("mien_m", 1, target="probability"), device=CPU)
    logits = torch.log(torch.tensor([[0.5, 0.5]])).repeat(4000, 1)
    logits[:, 0] -= 3  # so that the mean loss tells how often each was drawn
    right, wrong = torch.log_softmax(logits[0], dim=0).neg().tolist()
    drawn = loss.training(logits, torch.tensor([[0.3, 0.7]]).repeat(4000, 1), generator()).item()
    assert (drawn - wrong) / (right - wrong) == pytest.approx(0.3, abs=0.03)


def test_answers_are_named_by_their_heads() -> None:
    votes, labels = torch.zeros(1, 10), torch.zeros(1, len(FER2013))
    assert list(head_logits(TwoHeads(votes, labels, torch.zeros(1, 4)))) == ["votes", "labels"]
    assert list(head_logits(labels)) == [""]
