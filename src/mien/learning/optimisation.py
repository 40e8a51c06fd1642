"""Optimisers by name, and the learning rate as a function of the place in the run and of what validation said."""

import math
from collections.abc import Sequence

import torch
from torch import nn

from mien.learning.recipe import Optimisation

__all__ = ["best_epoch", "build_optimiser", "epochs_since_best", "learning_rate_at", "plateau_drops"]


def build_optimiser(network: nn.Module, options: Optimisation) -> torch.optim.Optimizer:
    """A new optimiser; weight decay stays off biases and batch normalisation, which have one dimension."""
    groups = [
        {"params": [p for p in network.parameters() if p.ndim > 1], "weight_decay": options.weight_decay},
        {"params": [p for p in network.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    rate = options.learning_rate
    match options.optimiser:
        case "sgd" | "nesterov":
            is_nesterov = options.optimiser == "nesterov"
            return torch.optim.SGD(groups, lr=rate, momentum=options.momentum, nesterov=is_nesterov)
        case "adam":
            return torch.optim.Adam(groups, lr=rate)
        case "adamw":
            return torch.optim.AdamW(groups, lr=rate)
        case "nadam":
            return torch.optim.NAdam(groups, lr=rate)
        case "rmsprop":
            return torch.optim.RMSprop(groups, lr=rate)


def learning_rate_at(
    options: Optimisation, *, epochs: int, epoch: int, step: int, steps: int, accuracies: Sequence[float]
) -> float:
    """The rate of one step.

    Args:
        options: Peak rate and schedule.
        epochs: Epochs of the whole run.
        epoch: Epoch of the step, from 0.
        step: Step in the epoch, from 0.
        steps: Steps per epoch.
        accuracies: Validation accuracy of the epochs before, for "plateau".
    """
    done = epoch + step / steps
    if done < options.warmup_epochs:
        return options.learning_rate * (done + 1 / steps) / (options.warmup_epochs + 1 / steps)
    match options.schedule:
        case "constant":
            factor = 1.0
        case "step":
            factor = options.gamma ** (epoch // options.step_epochs)
        case "cosine":
            share = (done - options.warmup_epochs) / max(1.0, epochs - options.warmup_epochs)
            factor = 0.5 * (1 + math.cos(math.pi * min(1.0, share)))
        case "plateau":
            factor = options.gamma ** plateau_drops(accuracies, patience=options.plateau_epochs)
    return options.learning_rate * factor


def plateau_drops(accuracies: Sequence[float], *, patience: int) -> int:
    """How often accuracy did not rise for `patience` epochs on end; each time the count begins anew."""
    best, waited, drops = -math.inf, 0, 0
    for accuracy in accuracies:
        waited = 0 if accuracy > best else waited + 1
        best = max(best, accuracy)
        if waited == patience:
            drops, waited = drops + 1, 0
    return drops


def best_epoch(accuracies: Sequence[float]) -> int:
    """The first epoch with the highest accuracy."""
    return max(range(len(accuracies)), key=lambda epoch: (accuracies[epoch], -epoch))


def epochs_since_best(accuracies: Sequence[float]) -> int:
    """How many epochs ago that was; 0 where none has been."""
    return len(accuracies) - 1 - best_epoch(accuracies) if accuracies else 0
