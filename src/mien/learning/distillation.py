"""Teachers: earlier runs, whose answers a new run learns from beside the labels.

Source: Hinton et al. 2015 (arXiv 1503.02531) for the loss; Beyer et al. 2022 (arXiv 2106.05237) for the rule that the
teacher answers for the very view that the student sees, not for the stored face.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mien.datasets.faceset import FaceSet
from mien.errors import RunError
from mien.learning.losses import head_logits
from mien.learning.recipe import Recipe
from mien.learning.runs import MODEL, RECIPE, load_network, read_validation

__all__ = ["Teachers", "distillation_loss"]


class Teachers:
    """Networks that have learnt; one of them, drawn at random, answers for each batch.

    Args:
        runs: Their folders, at least one.
        recipe: Of the run that is to learn from them.
        choose: The rows that it chooses by, which no teacher may have learnt.

    Raises:
        RunError: a run has other heads or another view of the face, or kept other rows aside.
    """

    def __init__(self, runs: Sequence[Path], recipe: Recipe, choose: FaceSet) -> None:
        self.networks = [_load(run, recipe, choose) for run in runs]
        self._record = [
            {
                "run": run.name,
                "sha256": hashlib.sha256((run / MODEL).read_bytes()).hexdigest(),
                "recipe": (run / RECIPE).read_text("utf-8"),
            }
            for run in runs
        ]

    @property
    def record(self) -> list[dict[str, Any]]:
        """Who they are, for `run.json`."""
        return self._record

    def prepare(self, device: torch.device, *, compiled: bool) -> None:
        """Move them to where the views will be, and compile them where the student is compiled."""
        for network in self.networks:
            network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
            if compiled:
                network.compile(dynamic=False)

    @torch.no_grad()
    def answer(self, views: Tensor, *, seed: int) -> Mapping[str, Tensor]:
        """Logits of one teacher by head.

        Args:
            views: As the networks take them.
            seed: Draws the teacher, without asking the device for a number.
        """
        drawn = np.random.default_rng(seed).integers(len(self.networks))
        return head_logits(self.networks[drawn](views))


def _load(run: Path, recipe: Recipe, choose: FaceSet) -> nn.Module:
    teacher = load_network(run)
    theirs, ours = ((each.target, each.view_px, round(each.view_share, 4)) for each in (teacher.recipe, recipe))
    if theirs != ours:
        raise RunError(
            f"{run} learnt (target, view_px, view_share) = {theirs}, expected {ours}: "
            "a teacher must answer the same questions about the same views"
        )
    if not np.array_equal(read_validation(run)["pixels"], choose.pixels):
        raise RunError(
            f"{run} kept other rows aside than this run would, so it has learnt rows that this one chooses by: "
            "use the same data, validation share and split_seed"
        )
    return teacher.network


def distillation_loss(logits: Tensor, taught: Tensor, *, temperature: float) -> Tensor:
    """Cross-entropy to a teacher's softened answer, scaled so that its gradient does not shrink with the temperature.

    Args:
        logits: `(n, columns)` of the student.
        taught: `(n, columns)` of the teacher.
        temperature: Both are divided by it.

    Returns:
        A scalar.

    Example:
        >>> logits = torch.tensor([[2.0, 0.0]])
        >>> same, other = (distillation_loss(logits, taught, temperature=1.0) for taught in (logits, -logits))
        >>> bool(same < other)
        True
    """
    targets = F.softmax(taught / temperature, dim=1)
    return F.cross_entropy(logits / temperature, targets) * temperature**2
