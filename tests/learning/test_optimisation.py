"""Learning rates by hand, and optimisers by name."""

import math

import pytest
import torch
from torch import nn

from mien.learning.optimisation import best_epoch, build_optimiser, epochs_since_best, learning_rate_at, plateau_drops
from mien.learning.recipe import Optimisation, Optimiser


def rate(options: Optimisation, epoch: int, step: int = 0, accuracies: tuple[float, ...] = ()) -> float:
    return learning_rate_at(options, epochs=10, epoch=epoch, step=step, steps=4, accuracies=accuracies)


def test_constant() -> None:
    assert {rate(Optimisation(learning_rate=0.3), epoch) for epoch in range(10)} == {0.3}


def test_step_multiplies_after_every_so_many_epochs() -> None:
    options = Optimisation(learning_rate=1, schedule="step", step_epochs=3, gamma=0.5)
    assert [rate(options, epoch, step=3) for epoch in range(7)] == [1, 1, 1, 0.5, 0.5, 0.5, 0.25]


def test_cosine_falls_from_the_peak_to_nothing() -> None:
    options = Optimisation(learning_rate=2, schedule="cosine")
    assert rate(options, 0) == 2
    assert rate(options, 5) == pytest.approx(1)
    assert rate(options, 2, step=2) == pytest.approx(1 + math.cos(math.pi / 4))
    assert 0 < rate(options, 9, step=3) < 0.01


def test_warm_up_rises_evenly_to_the_peak() -> None:
    options = Optimisation(learning_rate=1, schedule="cosine", warmup_epochs=2)
    risen = [rate(options, epoch, step) for epoch in range(2) for step in range(4)]
    assert risen == pytest.approx([(step + 1) / 9 for step in range(8)])
    assert rate(options, 2) == 1


def test_plateau_waits_for_an_accuracy_that_does_not_rise() -> None:
    options = Optimisation(learning_rate=1, schedule="plateau", plateau_epochs=2, gamma=0.1)
    assert rate(options, 3, accuracies=(0.1, 0.3, 0.2)) == 1
    assert rate(options, 4, accuracies=(0.1, 0.3, 0.2, 0.3)) == pytest.approx(0.1)
    assert plateau_drops((0.3, 0.2, 0.2, 0.2, 0.2, 0.4, 0.1), patience=2) == 2
    assert plateau_drops((), patience=2) == 0


def test_the_best_epoch_is_the_first_of_equals() -> None:
    assert best_epoch((0.1, 0.5, 0.5, 0.2)) == 1
    assert epochs_since_best((0.1, 0.5, 0.5, 0.2)) == 2
    assert epochs_since_best(()) == 0


@pytest.mark.parametrize("name", ["sgd", "nesterov", "adam", "adamw", "nadam", "rmsprop"])
def test_each_optimiser_goes_downhill_and_spares_biases_from_decay(name: Optimiser) -> None:
    torch.manual_seed(0)
    layer = nn.Linear(3, 1)
    optimiser = build_optimiser(layer, Optimisation(name, learning_rate=0.01, weight_decay=0.1))
    decay = {id(p): group["weight_decay"] for group in optimiser.param_groups for p in group["params"]}
    assert (decay[id(layer.weight)], decay[id(layer.bias)]) == (0.1, 0.0)
    x = torch.randn(16, 3)

    def loss() -> torch.Tensor:
        answer: torch.Tensor = layer(x)
        return answer.square().mean()

    before = loss().item()
    for _ in range(20):
        optimiser.zero_grad()
        for parameter, gradient in zip(
            layer.parameters(), torch.autograd.grad(loss(), list(layer.parameters())), strict=True
        ):
            parameter.grad = gradient
        optimiser.step()
    assert loss().item() < before


def test_nesterov_is_not_plain_momentum() -> None:
    options = build_optimiser(nn.Linear(1, 1), Optimisation("nesterov", momentum=0.8)).param_groups[0]
    assert (options["nesterov"], options["momentum"]) == (True, 0.8)
