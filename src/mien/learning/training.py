"""Training of the two-headed network, on Lightning: interruptible, resumable, one folder per run.

The folder holds the recipe as resolved (`recipe.json`), the figures per epoch (`metrics.csv`) and the last
checkpoint (`last.ckpt`: weights, averaged weights, optimiser, epoch). Randomness is drawn from the seed and the
epoch alone, so a resumed run repeats what an unbroken one would have done.
"""

import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
import torch.nn.functional as F
from lightning.pytorch.callbacks import Callback, EMAWeightAveraging, ModelCheckpoint
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from mien.datasets.faceset import UNLABELLED, FaceSet
from mien.datasets.fer2013 import TRAINING
from mien.datasets.ferplus import majority_labels
from mien.datasets.splits import validation_rows
from mien.errors import DataError
from mien.learning.augmentation import Augmentation, centre_view, random_views
from mien.learning.networks.mien_m import MienM
from mien.learning.recipe import Recipe
from mien.taxonomy import FERPLUS

__all__ = ["CHECKPOINT", "TwoHeadTask", "split_training", "train"]

CHECKPOINT = "last.ckpt"

Batch = tuple[Tensor, Tensor, Tensor, Tensor]


def split_training(faces: FaceSet, recipe: Recipe) -> tuple[FaceSet, FaceSet]:
    """The rows to learn from and the rows to choose by; both from Training, other splits are not touched.

    Raises:
        DataError: there are no votes.
    """
    if faces.votes is None:
        raise DataError(f"{faces.source} has no FER+ votes: this recipe needs them, give --votes fer2013new.csv")
    training = faces.of_split(TRAINING)
    aside = validation_rows(training.pixels, training.labels, fraction=recipe.validation, seed=recipe.seed)
    return training.select(~aside), training.select(aside)


def train(faces: FaceSet, recipe: Recipe, run: Path, *, resume: bool = False, precision: str = "bf16-mixed") -> Path:
    """Train, and return the path of the checkpoint that holds the averaged weights.

    Args:
        faces: At least the Training split, with labels and votes.
        recipe: What to do.
        run: Folder of the run; made if absent.
        resume: Go on from the run's last checkpoint.
        precision: Lightning's name of the arithmetic; "32-true" is slower and repeatable to the bit.

    Raises:
        DataError: the faces have no votes or no Training split.
        FileExistsError: the run has a checkpoint and `resume` is False.
        FileNotFoundError: `resume` is True and there is none.
    """
    checkpoint = run / CHECKPOINT
    if checkpoint.exists() and not resume:
        raise FileExistsError(f"{run} already holds a run: add --resume to go on, or choose another folder")
    if resume and not checkpoint.exists():
        raise FileNotFoundError(f"{run} holds no {CHECKPOINT} to resume from")
    learn, choose = split_training(faces, recipe)
    run.mkdir(parents=True, exist_ok=True)
    (run / "recipe.json").write_text(json.dumps(recipe.to_dict(), indent=2) + "\n", "utf-8")
    torch.manual_seed(recipe.seed)
    task = TwoHeadTask(recipe, steps_per_epoch=len(learn) // recipe.batch)
    trainer = lightning.Trainer(
        accelerator="auto",
        precision=precision,  # type: ignore[arg-type]  # Lightning lists the words as literals
        max_epochs=recipe.epochs,
        gradient_clip_val=5.0,
        logger=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        callbacks=[
            EMAWeightAveraging(decay=recipe.ema_decay),
            ModelCheckpoint(dirpath=run, filename="last", enable_version_counter=False, save_on_train_epoch_end=True),
            _MetricsTable(run / "metrics.csv"),
        ],
    )
    trainer.fit(
        task,
        _loader(learn, _EpochBatches(len(learn), recipe.batch, seed=recipe.seed)),
        _loader(choose, _EpochBatches(len(choose), 512, seed=None)),
        ckpt_path=checkpoint if resume else None,
        weights_only=False,  # our own checkpoint, with the optimiser's state
    )
    return checkpoint


class TwoHeadTask(lightning.LightningModule):
    """Soft cross-entropy on the votes plus cross-entropy on the labels, SGD along a cosine."""

    def __init__(self, recipe: Recipe, *, steps_per_epoch: int) -> None:
        super().__init__()
        self.save_hyperparameters({"recipe": recipe.to_dict(), "steps_per_epoch": steps_per_epoch})
        self.recipe = recipe
        self.steps_per_epoch = steps_per_epoch
        self.net = MienM(dropout=recipe.dropout).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._views = torch.Generator()

    def on_train_epoch_start(self) -> None:
        epoch_seed = 1_000_003 * (self.recipe.seed + 1) + self.current_epoch
        torch.manual_seed(epoch_seed)  # dropout
        self._views = torch.Generator(self.device).manual_seed(epoch_seed)

    def training_step(self, batch: Batch, _index: int) -> Tensor:
        pixels, labels, votes, _ = batch
        side = self.recipe.small_px if self.current_epoch < self.recipe.small_epochs else self.recipe.view_px
        views = random_views(pixels, side_px=side, options=Augmentation(), generator=self._views)
        answer = self.net(views.contiguous(memory_format=torch.channels_last))
        vote_loss = F.cross_entropy(answer.votes, votes)
        label_loss = F.cross_entropy(answer.labels, labels, label_smoothing=self.recipe.label_smoothing)
        loss: Tensor = vote_loss + self.recipe.label_weight * label_loss
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(pixels))
        return loss

    def validation_step(self, batch: Batch, _index: int) -> None:
        pixels, labels, votes, majority = batch
        answer = self.net(centre_view(pixels).contiguous(memory_format=torch.channels_last))
        kept = majority != UNLABELLED
        ferplus = answer.votes[kept, : len(FERPLUS)].argmax(dim=1) == majority[kept]
        fer2013 = answer.labels.argmax(dim=1) == labels
        self.log("val_ferplus_accuracy", ferplus.float().mean(), batch_size=int(kept.sum()))
        self.log("val_fer2013_accuracy", fer2013.float().mean(), batch_size=len(labels))
        self.log("val_vote_loss", F.cross_entropy(answer.votes, votes), batch_size=len(labels))

    def configure_optimizers(self) -> Any:
        decayed = [p for p in self.parameters() if p.ndim > 1]
        plain = [p for p in self.parameters() if p.ndim <= 1]
        optimizer = torch.optim.SGD(
            [{"params": decayed, "weight_decay": self.recipe.weight_decay}, {"params": plain, "weight_decay": 0.0}],
            lr=self.recipe.learning_rate,
            momentum=0.9,
            nesterov=True,
        )
        warmup = self.recipe.warmup_epochs * self.steps_per_epoch
        total = self.recipe.epochs * self.steps_per_epoch

        def factor(step: int) -> float:
            if step < warmup:
                return (step + 1) / (warmup + 1)
            return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1.0, total - warmup)))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class _Rows(Dataset[Batch]):
    """Whole batches straight from memory: an index list gives one tensor per column."""

    def __init__(self, faces: FaceSet) -> None:
        assert faces.votes is not None
        votes = faces.votes.astype(np.float32)
        self.pixels = torch.from_numpy(np.ascontiguousarray(faces.pixels))
        self.labels = torch.from_numpy(faces.labels)
        self.votes = torch.from_numpy(votes / votes.sum(axis=1, keepdims=True))
        self.majority = torch.from_numpy(majority_labels(faces.votes))

    def __getitem__(self, rows: list[int]) -> Batch:
        return self.pixels[rows], self.labels[rows], self.votes[rows], self.majority[rows]


class _EpochBatches(Sampler[list[int]]):
    """Batches of row indices; shuffled by (seed, epoch) and whole, or in order and complete without a seed."""

    def __init__(self, n: int, batch: int, *, seed: int | None) -> None:
        self.n, self.batch, self.seed, self.epoch = n, batch, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning at the start of each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.n // self.batch if self.seed is not None else math.ceil(self.n / self.batch)

    def __iter__(self) -> Iterator[list[int]]:
        order = np.arange(self.n)
        if self.seed is not None:
            order = np.random.default_rng((self.seed, self.epoch)).permutation(self.n)
        for step in range(len(self)):
            yield order[step * self.batch : (step + 1) * self.batch].tolist()


def _loader(faces: FaceSet, batches: _EpochBatches) -> DataLoader[Batch]:
    return DataLoader(_Rows(faces), batch_size=None, sampler=batches)


class _MetricsTable(Callback):
    """One line per epoch in a CSV file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        row = {"epoch": str(trainer.current_epoch)}
        row |= {name: f"{float(value):.5f}" for name, value in sorted(trainer.callback_metrics.items())}
        is_new = not self.path.exists()
        with self.path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(row))
            if is_new:
                writer.writeheader()
            writer.writerow(row)
