"""The figures of a run, epoch by epoch: as a table and as curves."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mien.errors import MissingExtraError
from mien.writing import replacing

__all__ = ["TensorBoard", "plot_curves", "write_metrics"]

Figures = Mapping[str, float]


def write_metrics(path: Path, epochs: Sequence[Figures]) -> None:
    """Write one line per epoch; the columns are those of the first."""
    with replacing(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", *epochs[0]])
        for number, figures in enumerate(epochs, start=1):
            writer.writerow([number, *(f"{value:.6g}" for value in figures.values())])


def plot_curves(path: Path, epochs: Sequence[Figures], *, title: str) -> None:
    """Draw loss, accuracy and learning rate against the epoch, as PNG."""
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    figure.suptitle(title)
    numbers = range(1, len(epochs) + 1)
    for axes, word in zip(figure.subplots(1, 3), ("loss", "accuracy", "learning_rate"), strict=True):
        for name in (name for name in epochs[0] if name.endswith(word)):
            axes.plot(numbers, [figures[name] for figures in epochs], marker=".", label=name)
        axes.set(xlabel="epoch", title=word.replace("_", " "))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend()
    with replacing(path) as unfinished:
        figure.savefig(unfinished, dpi=110)


class TensorBoard:
    """The same figures for TensorBoard.

    Args:
        folder: Where its event files go.

    Raises:
        MissingExtraError: TensorBoard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingExtraError("figures for TensorBoard", extra="tensorboard") from error
        self._writer = SummaryWriter(str(folder))

    def write(self, epoch: int, figures: Figures) -> None:
        """Write the figures of an epoch, numbered from 1."""
        for name, value in figures.items():
            self._writer.add_scalar(name, value, epoch)

    def close(self) -> None:
        """Write out what is pending."""
        self._writer.close()
