"""The loss of one head, for every kind of target and every answer to imbalance."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from mien.learning.networks.two_heads import TwoHeads
from mien.learning.recipe import Recipe
from mien.learning.targets import HeadTargets

__all__ = ["HeadLoss", "head_logits"]


def head_logits(answer: Tensor | TwoHeads) -> Mapping[str, Tensor]:
    """A two-headed answer by the heads' names; a single head stands under ""."""
    if isinstance(answer, TwoHeads):
        return {"votes": answer.votes, "labels": answer.labels}
    return {"": answer}


class HeadLoss:
    """Cross-entropy between what one head says and what it should say, averaged over faces.

    Args:
        head: What the head learns; the frequencies of its columns set weights and adjustments.
        recipe: Target, imbalance and label smoothing.
        device: Where the logits will be.
    """

    def __init__(self, head: HeadTargets, recipe: Recipe, *, device: torch.device) -> None:
        self.draws = recipe.target == "probability"
        self.has_several_right = recipe.target == "multi-target"
        self.smoothing = recipe.label_smoothing if head.name == "labels" else 0.0
        counts = torch.from_numpy(head.values).sum(dim=0).double() + 1  # one more each: none may be impossible
        frequency = (counts / counts.sum()).float().to(device)
        self.weight = 1 / (len(counts) * frequency) if recipe.imbalance == "class-weights" else None
        self.adjustment = torch.log(frequency) if recipe.imbalance == "logit-adjustment" else None

    def training(self, logits: Tensor, targets: Tensor, generator: torch.Generator) -> Tensor:
        """The loss to minimise; arguments `(n, columns)`, result a scalar."""
        if self.adjustment is not None:
            logits = logits + self.adjustment
        if self.has_several_right:
            return best_of_right(logits, targets)
        if self.draws:
            drawn = torch.multinomial(targets, 1, generator=generator)[:, 0]
            targets = F.one_hot(drawn, targets.shape[1]).to(targets.dtype)
        return F.cross_entropy(logits, targets, weight=self.weight, label_smoothing=self.smoothing)

    def validation(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The plain loss: no weights, no adjustment, no smoothing, no draw."""
        return best_of_right(logits, targets) if self.has_several_right else F.cross_entropy(logits, targets)


def best_of_right(logits: Tensor, right: Tensor) -> Tensor:
    """Cross-entropy to the likeliest of the right columns (Barsoum et al. 2016, "multi-label learning").

    Args:
        logits: `(n, columns)`.
        right: `(n, columns)`, 1 where an answer is right, at least one per row.
    """
    log_probabilities = F.log_softmax(logits, dim=1).masked_fill(right == 0, float("-inf"))
    return -log_probabilities.max(dim=1).values.mean()
