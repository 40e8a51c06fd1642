"""The pictures of an evaluation, each as PNG bytes; matplotlib is imported when one is drawn."""

import io
from typing import TYPE_CHECKING

import numpy as np

from mien.errors import MissingExtraError
from mien.evaluation.judge import Evaluation
from mien.evaluation.robustness import Robustness, faces_read
from mien.evaluation.scores import Scores

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["confusion_png", "mistakes_png", "reliability_png", "risk_coverage_png", "robustness_png", "worst_mistakes"]

_DPI = 110
_BLUE, _ORANGE, _GREEN, _GREY = "#0072B2", "#D55E00", "#009E73", "#777777"
_TILES_WIDE, _TILES_HIGH = 10, 4
_NAME_CHARACTERS = 22  # as many as fit over a tile; the end of a path tells more than its beginning


def confusion_png(scores: Scores) -> bytes:
    """Counts of every pair of true and predicted class, coloured by the share of the true class."""
    counts = np.array(scores.confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = _figure(6.4, 5.4)
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, label="share of the true class")
    places = range(len(scores.labels))
    axes.set_xticks(places, scores.labels, rotation=45, ha="right")
    axes.set_yticks(places, scores.labels)
    axes.set_xlabel("read as")
    axes.set_ylabel("true")
    for row in places:
        for column in places:
            shade = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=shade, fontsize=9)
    axes.set_title(f"{scores.protocol}\naccuracy {scores.accuracy:.1%} of {scores.n:,} rows", fontsize=10)
    return _png(figure)


def reliability_png(scores: Scores) -> bytes:
    """Accuracy against confidence in bins of equally many rows: before and after the temperature, and of certainty."""
    figure = _figure(5.4, 5.0)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=_GREY, linewidth=1, linestyle="--", label="calibrated")
    curves = [
        (scores.before, _ORANGE, f"temperature 1: ECE {scores.before.ece:.3f}"),
        (scores.after, _BLUE, f"temperature {scores.temperature:.3g}: ECE {scores.after.ece:.3f}"),
    ]
    if scores.doubt is not None:
        certainty = scores.doubt.certainty
        curves.append((certainty, _GREEN, f"certainty: ECE {certainty.ece:.3f}"))
    for bins, colour, name in curves:
        axes.plot(bins.confidence, bins.accuracy, "o-", color=colour, markersize=4, label=name)
    axes.set(xlim=(0, 1), ylim=(0, 1.01), xlabel="probability or certainty of the answer", ylabel="share that is right")
    axes.set_title(f"Reliability, 15 bins of equally many rows\n{scores.protocol}", fontsize=10)
    axes.legend(loc="upper left", fontsize=9)
    axes.grid(alpha=0.3)
    return _png(figure)


def risk_coverage_png(full: Scores, clean: Scores | None) -> bytes:
    """Accuracy against the share of rows answered, surest first."""
    figure = _figure(5.8, 4.4)
    axes = figure.add_subplot()
    for scores, colour, name in ((full, _BLUE, "all rows"), (clean, _ORANGE, "without the drop list")):
        if scores is not None:
            curve = scores.risk_coverage
            label = f"{name}: {curve.accuracy_at(0.8):.1%} at 80 %, AURC {curve.aurc:.4f}"
            axes.plot(curve.coverage, curve.accuracy, color=colour, label=label)
    axes.axvline(0.8, color=_GREY, linewidth=1, linestyle="--")
    axes.set(xlim=(0, 1), xlabel="share of the rows answered, surest first", ylabel="accuracy on them")
    axes.set_title(f"Risk and coverage\n{full.protocol}", fontsize=10)
    axes.legend(loc="lower left", fontsize=9)
    axes.grid(alpha=0.3)
    return _png(figure)


def robustness_png(result: Robustness) -> bytes:
    """For each perturbation, accuracy and mean probability of the answer against its level."""
    wide = 4
    high = -(-len(result.curves) // wide)
    figure = _figure(3.1 * wide, 2.5 * high + 0.5)
    for place, curve in enumerate(result.curves):
        axes = figure.add_subplot(high, wide, place + 1)
        levels = [one.level for one in curve.settings]
        axes.axhline(result.unchanged, color=_GREY, linewidth=1, linestyle="--", label="accuracy, unchanged")
        low, top = zip(*(one.accuracy_interval for one in curve.settings), strict=True)
        axes.fill_between(levels, low, top, color=_BLUE, alpha=0.15, linewidth=0)
        axes.plot(levels, [one.accuracy for one in curve.settings], "o-", color=_BLUE, markersize=4, label="accuracy")
        axes.plot(
            levels,
            [one.confidence for one in curve.settings],
            "s:",
            color=_ORANGE,
            markersize=3,
            label="mean certainty",
        )
        axes.set(ylim=(0, 1), title=curve.name)
        axes.set_xlabel(curve.unit, fontsize=8)
        axes.grid(alpha=0.3)
    handles, names = figure.axes[0].get_legend_handles_labels() if figure.axes else ([], [])
    figure.legend(handles, names, loc="outside lower center", ncols=3, fontsize=9)
    figure.suptitle(f"Robustness on {faces_read(result)}: {result.protocol}", fontsize=10)
    return _png(figure)


def worst_mistakes(evaluation: Evaluation, *, count: int) -> list[int]:
    """Positions of the wrong answers that were surest, worst first; at most `count`."""
    probability = evaluation.decision.values.max(axis=1)
    wrong = np.flatnonzero(evaluation.decision.top != evaluation.exam.truth.labels)
    worst = wrong[np.argsort(-probability[wrong], kind="stable")]
    return [int(index) for index in worst[:count]]


def mistakes_png(evaluation: Evaluation) -> bytes:
    """The faces of the worst mistakes, each with its name, its true label, what it was read as and how surely."""
    exam = evaluation.exam
    labels = exam.truth.taxonomy.labels
    worst = worst_mistakes(evaluation, count=_TILES_WIDE * _TILES_HIGH)
    figure = _figure(1.25 * _TILES_WIDE, 1.65 * _TILES_HIGH)
    for place, index in enumerate(worst):
        axes = figure.add_subplot(_TILES_HIGH, _TILES_WIDE, place + 1)
        axes.imshow(exam.faces.pixels[index], cmap="gray", vmin=0, vmax=255)
        axes.set_axis_off()
        answer = evaluation.decision.values[index]
        true, read = labels[exam.truth.labels[index]], labels[answer.argmax()]
        name = str(exam.faces.names[index])[-_NAME_CHARACTERS:]
        axes.set_title(f"{name}\n{true}\nread {read} {answer.max():.2f}", fontsize=7)
    figure.suptitle(
        f"The {len(worst)} surest mistakes: true label, then what it was read as" if worst else "No mistakes",
        fontsize=10,
    )
    return _png(figure)


def _figure(width_in: float, height_in: float) -> "Figure":
    """An empty figure that no global state knows of, so that threads and callers are left alone."""
    try:
        from matplotlib.figure import Figure  # an extra: only who draws needs it
    except ImportError:
        raise MissingExtraError("drawing an evaluation", extra="data") from None
    return Figure(figsize=(width_in, height_in), dpi=_DPI, layout="constrained")


def _png(figure: "Figure") -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
