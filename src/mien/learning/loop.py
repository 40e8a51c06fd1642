"""The training loop, one step at a time: it can stop between any two steps and go on as if it had not.

Everything that changes is here and goes into a checkpoint; everything random is drawn from the seed and the place in
the run (`batches`); everything else follows from the recipe. Fabric brings devices, precision and data parallelism.
"""

import math
import time
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from lightning.fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from mien.datasets.faceset import UNLABELLED, FaceSet
from mien.errors import DataError, RunError
from mien.learning.augmentation import centre_view, random_views, spoiled_views
from mien.learning.batches import Batch, Rows, epoch_order, step_seed, steps_per_epoch
from mien.learning.distillation import Teachers, distillation_loss
from mien.learning.losses import HeadLoss, head_logits
from mien.learning.networks.registry import build_network
from mien.learning.optimisation import build_optimiser, epochs_since_best, learning_rate_at
from mien.learning.recipe import Recipe
from mien.learning.shared_norm import share_batch_norm
from mien.learning.targets import head_targets

__all__ = ["DivergedError", "TrainingLoop"]

_VALIDATION_BATCH = 256


class DivergedError(RunError):
    """A run whose loss is no longer a number; its last good epoch is kept."""


class TrainingLoop:
    """A run in progress.

    Args:
        recipe: What to do.
        learn: The rows to learn from.
        choose: The rows that validation scores.
        fabric: Launched.
        weights: What the network starts from; None for random ones.
        teachers: Whose answers it learns from beside the data; None for nobody's.
        compiled: Compile the networks for the device: slow to begin, faster on a GPU.

    Raises:
        DataError: the rows do not have what the target needs.
        RecipeError: the network cannot be built so.
    """

    def __init__(
        self,
        recipe: Recipe,
        learn: FaceSet,
        choose: FaceSet,
        *,
        fabric: Fabric,
        weights: Mapping[str, Tensor] | None = None,
        teachers: Teachers | None = None,
        compiled: bool = False,
    ) -> None:
        self.recipe, self.fabric, self._teachers = recipe, fabric, teachers
        if teachers is not None:
            teachers.prepare(fabric.device, compiled=compiled)
        self.heads = head_targets(learn, recipe.target)
        learnable = np.logical_and.reduce([head.learnable for head in self.heads])
        if not learnable.any():
            raise DataError(f"{learn.source}: no row has anything to learn for the target {recipe.target!r}")
        self.learn = Rows(learn, self.heads).select(learnable)
        self.choose = Rows(choose, head_targets(choose, recipe.target))
        self._classes = self.heads[-1].values[learnable].argmax(axis=1).astype(np.int64)
        self._losses = [HeadLoss(head, recipe, device=fabric.device) for head in self.heads]
        self._weights = [recipe.label_weight if head.name == "labels" else 1.0 for head in self.heads]
        if len(self.heads) == 1:
            self._weights = [1.0]

        torch.manual_seed(recipe.seed)
        outputs = None if len(self.heads) == 2 else len(self.heads[0].columns)
        self.net = build_network(recipe.network, outputs=outputs, side_px=recipe.view_px, options=recipe.options)
        if weights is not None:
            self.net.load_state_dict(dict(weights))
        if fabric.world_size > 1:
            share_batch_norm(self.net)
        self.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it alone
        optimiser = build_optimiser(self.net, recipe.optimisation)
        network = cast(nn.Module, torch.compile(self.net, dynamic=False)) if compiled else self.net
        self._network, self._optimiser = fabric.setup(network, optimiser)
        self._average: AveragedModel | None = None
        if decay := recipe.optimisation.ema_decay:
            average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]  # torch's own
            self._average = AveragedModel(self.net, multi_avg_fn=average, use_buffers=True)
            # Every step reads this counter: on a GPU each would have to wait for it.
            self._average.n_averaged = self._average.n_averaged.cpu()

        self.epoch, self.step = 0, 0
        self.history: list[dict[str, float]] = []
        self.seconds = 0.0  # spent on the epoch so far
        self._sums = torch.zeros(2 + 2 * len(self.heads), dtype=torch.float64, device=fabric.device)
        self._order = self._epoch_order()

    @property
    def steps(self) -> int:
        """Steps per epoch."""
        return steps_per_epoch(len(self._order), self.recipe.batch)

    @property
    def accuracies(self) -> list[float]:
        """Validation accuracy of each epoch done."""
        return [figures["val_accuracy"] for figures in self.history]

    @property
    def is_epoch_over(self) -> bool:
        return self.step >= self.steps

    @property
    def is_finished(self) -> bool:
        """All epochs are done, or validation has not got better for as many as the recipe waits."""
        waited = self.recipe.patience > 0 and epochs_since_best(self.accuracies) >= self.recipe.patience
        return self.epoch >= self.recipe.epochs or waited

    def take_step(self) -> None:
        """Learn from the next batch."""
        started = time.perf_counter()
        recipe, device = self.recipe, self.fabric.device
        start = self.step * recipe.batch
        together = self._order[start : start + recipe.batch]
        rows = together[self.fabric.global_rank :: self.fabric.world_size]
        batch = self.learn.batch(rows, device=device)
        seed = step_seed(recipe.seed, self.epoch, self.step, rank=self.fabric.global_rank)
        torch.manual_seed(seed)  # dropout
        generator = torch.Generator(device).manual_seed(seed)
        views, taught = self._views(batch, generator, seed=seed)
        for group in self._optimiser.param_groups:
            group["lr"] = self._learning_rate()
        answer = self._network(views.contiguous(memory_format=torch.channels_last))
        logits = list(head_logits(answer).values())
        parts = [
            loss.training(out.float(), targets, generator)
            for loss, out, targets in zip(self._losses, logits, batch.targets, strict=True)
        ]
        if taught is not None:
            weight, temperature = recipe.distillation.weight, recipe.distillation.temperature
            parts = [
                (1 - weight) * part + weight * distillation_loss(out.float(), said.float(), temperature=temperature)
                for part, out, said in zip(parts, logits, taught, strict=True)
            ]
        total = torch.stack([weight * part for weight, part in zip(self._weights, parts, strict=True)]).sum()
        self._optimiser.zero_grad()
        # Processes' gradients are averaged as if all had as many rows.
        self.fabric.backward(total * (len(rows) * self.fabric.world_size / len(together)))
        if recipe.optimisation.gradient_clip:
            norm = recipe.optimisation.gradient_clip
            # That the norm is finite is seen at the epoch's end, by the loss: here each step would wait for it.
            self.fabric.clip_gradients(self._network, self._optimiser, max_norm=norm, error_if_nonfinite=False)
        self._optimiser.step()
        if self._average is not None:
            self._average.update_parameters(self.net)
        self._sums += self._scores(total.detach(), logits, batch)
        self.step += 1
        self.seconds += time.perf_counter() - started

    def _views(self, batch: Batch, generator: torch.Generator, *, seed: int) -> tuple[Tensor, list[Tensor] | None]:
        """What the network is to see of a batch, and what a teacher says of it.

        A teacher sees the view at full size, in focus and without noise, also where the student does not: what it
        knows best is what the student is to say.
        """
        recipe = self.recipe
        small = self.epoch < round(recipe.small_share * recipe.epochs)
        side_px = recipe.small_px if small else recipe.view_px
        views = random_views(
            batch.pixels,
            side_px=side_px if self._teachers is None else recipe.view_px,
            share=recipe.view_share,
            options=recipe.augmentation,
            generator=generator,
        )
        taught = None
        if self._teachers is not None:
            with self.fabric.autocast():
                seen = views.contiguous(memory_format=torch.channels_last)
                taught = list(self._teachers.answer(seen, seed=seed).values())
        views = spoiled_views(views, options=recipe.augmentation, generator=generator)
        if self._teachers is not None and side_px != recipe.view_px:
            views = F.interpolate(views, size=(side_px, side_px), mode="bilinear", antialias=True, align_corners=False)
        return views, taught

    def end_epoch(self) -> dict[str, float]:
        """Validate, and go to the next epoch; returns the figures of the one that is done.

        Raises:
            DivergedError: the training loss is not finite.
        """
        started = time.perf_counter()
        rate = self._learning_rate(step=self.step - 1)
        train = self._figures("train", self._sums)
        if not math.isfinite(train["train_loss"]):
            raise DivergedError(
                f"the loss is {train['train_loss']} in epoch {self.epoch + 1}: the weights have run away; lower "
                "learning_rate, or set gradient_clip or warmup_epochs"
            )
        chosen = self._figures("val", self._validate())
        self.seconds += time.perf_counter() - started
        figures = {**train, **chosen, "learning_rate": rate, "seconds": self.seconds}
        self.history.append(figures)
        self.epoch, self.step, self.seconds = self.epoch + 1, 0, 0.0
        self._sums.zero_()
        self._order = self._epoch_order()
        return figures

    def weights(self) -> dict[str, Tensor]:
        """The weights to use: averaged ones, if the recipe averages."""
        return (self._average.module if self._average is not None else self.net).state_dict()

    def checkpoint(self) -> dict[str, Any]:
        """All that is needed to go on."""
        values = {
            "epoch": self.epoch,
            "step": self.step,
            "history": self.history,
            "seconds": self.seconds,
            "sums": self._sums.tolist(),
            "network": self.net.state_dict(),
            "optimiser": self._optimiser.state_dict(),
        }
        return values if self._average is None else {**values, "average": self._average.state_dict()}

    def restore(self, checkpoint: Mapping[str, Any]) -> None:
        """Go to where a checkpoint was taken."""
        self.epoch, self.step = checkpoint["epoch"], checkpoint["step"]
        self.history, self.seconds = list(checkpoint["history"]), checkpoint["seconds"]
        self._sums.copy_(torch.tensor(checkpoint["sums"]))
        self.net.load_state_dict(checkpoint["network"])
        self._optimiser.load_state_dict(checkpoint["optimiser"])
        if self._average is not None:
            self._average.load_state_dict(checkpoint["average"])
        self._order = self._epoch_order()

    def _epoch_order(self) -> NDArray[np.intp]:
        oversample = self.recipe.imbalance == "oversample"
        return epoch_order(self._classes, oversample=oversample, seed=self.recipe.seed, epoch=self.epoch)

    def _learning_rate(self, *, step: int | None = None) -> float:
        return learning_rate_at(
            self.recipe.optimisation,
            epochs=self.recipe.epochs,
            epoch=self.epoch,
            step=self.step if step is None else step,
            steps=self.steps,
            accuracies=self.accuracies,
        )

    @torch.no_grad()
    def _validate(self) -> Tensor:
        net = self._average.module if self._average is not None else self.net
        net.eval()
        sums = torch.zeros_like(self._sums)
        rows = np.arange(len(self.choose))[self.fabric.global_rank :: self.fabric.world_size]
        for start in range(0, len(rows), _VALIDATION_BATCH):
            batch = self.choose.batch(rows[start : start + _VALIDATION_BATCH], device=self.fabric.device)
            views = centre_view(batch.pixels, side_px=self.recipe.view_px, share=self.recipe.view_share)
            with self.fabric.autocast():
                answer = net(views.contiguous(memory_format=torch.channels_last))
            logits = [out.float() for out in head_logits(answer).values()]
            total = torch.zeros((), device=self.fabric.device)
            for loss, weight, out, targets in zip(self._losses, self._weights, logits, batch.targets, strict=True):
                known = targets.sum(dim=1) > 0
                if known.any():
                    total += weight * loss.validation(out[known], targets[known])
            sums += self._scores(total, logits, batch)
        net.train()
        return sums

    def _scores(self, loss: Tensor, logits: list[Tensor], batch: Batch) -> Tensor:
        """Sums over a batch: loss and rows; then per head right decisions and rows with a truth."""
        count = len(batch.pixels)
        values = [loss * count, torch.tensor(count)]
        for head, out, truth in zip(self.heads, logits, batch.truth, strict=True):
            known = truth != UNLABELLED
            decided = out[:, : len(head.taxonomy)].argmax(dim=1)
            values += [((decided == truth) & known).sum(), known.sum()]
        return torch.stack([value.to(self._sums) for value in values])

    def _figures(self, part: str, sums: Tensor) -> dict[str, float]:
        """Mean loss and accuracy of "train" or "val"; with two heads, each one's and their mean."""
        total = self.fabric.all_reduce(sums, reduce_op="sum")
        assert isinstance(total, Tensor)
        loss, rows, *pairs = total.tolist()
        accuracy = {
            head.name: pairs[2 * index] / max(1.0, pairs[2 * index + 1]) for index, head in enumerate(self.heads)
        }
        figures = {f"{part}_loss": loss / rows, f"{part}_accuracy": sum(accuracy.values()) / len(accuracy)}
        if len(accuracy) > 1:
            figures |= {f"{part}_{name}_accuracy": value for name, value in accuracy.items()}
        return figures
