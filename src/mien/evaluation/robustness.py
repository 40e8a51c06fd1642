"""What a model loses when faces are darker, smaller, blurred, turned or cut out elsewhere than those it was scored on.

Every change is made to the same faces, and its cost is the difference to their unchanged reading, so that a point of
accuracy is told apart with far fewer faces than two separate scores would take. This is robustness to pictures; it
says nothing about fairness between people.
"""

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.datasets.pictures import Progress
from mien.doubt import Decision
from mien.evaluation.judge import Evaluation, decide_on
from mien.evaluation.metrics import Interval, percent_interval, wilson_interval
from mien.evaluation.perturbations import JITTER, PERTURBATIONS, Perturbation

__all__ = [
    "APPROXIMATION",
    "COLUMNS",
    "QUOTED_JITTER",
    "Curve",
    "Robustness",
    "Setting",
    "faces_read",
    "measure_robustness",
    "robustness_csv",
    "robustness_rows",
    "robustness_text",
]

APPROXIMATION = (
    "The changes are made to the stored faces: what lies outside a crop is made up by repeating its edge, and blur, "
    "JPEG and noise act at the stored size. Not tried: side views, glasses, masks, light from one side, motion blur, "
    "colour casts."
)
"""What the figures leave open, for wherever they are shown."""

QUOTED_JITTER = 0.1
"""The level of detector jitter whose cost is stated by itself."""

COLUMNS = ("change", "unit", "level", "accuracy", "95 %", "cost in points", "95 %", "mean certainty")
"""What `robustness_rows` holds."""

_CSV_COLUMNS = (
    *("change", "unit", "level", "accuracy", "accuracy_low", "accuracy_high"),
    *("cost", "cost_low", "cost_high", "confidence"),
)
_SEED = 0
_Z95 = 1.959963984540054


@dataclass(frozen=True)
class Setting:
    """One perturbation at one level.

    Args:
        level: In the unit of its curve.
        accuracy: Share of right readings, averaged over the draws.
        accuracy_interval: 95 % interval (Wilson) for as many faces as were read, draws not counted.
        cost: Accuracy on the unchanged faces minus `accuracy`; in points, times 100.
        cost_interval: 95 % interval of the cost, from the same faces changed and unchanged.
        confidence: Mean certainty of the answers, or probability from a card without certainty: it should fall with the
            accuracy.
    """

    level: float
    accuracy: float
    accuracy_interval: Interval
    cost: float
    cost_interval: Interval
    confidence: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values, JSON-safe."""
        return {
            "level": self.level,
            "accuracy": self.accuracy,
            "accuracy_interval": list(self.accuracy_interval),
            "cost": self.cost,
            "cost_interval": list(self.cost_interval),
            "confidence": self.confidence,
        }


@dataclass(frozen=True)
class Curve:
    """Accuracy against the level of one perturbation.

    Args:
        name: Of the perturbation.
        unit: What its levels count.
        draws: How many seeds each setting averages over.
        settings: One per level.
    """

    name: str
    unit: str
    draws: int
    settings: tuple[Setting, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, JSON-safe."""
        settings = [setting.to_dict() for setting in self.settings]
        return {"name": self.name, "unit": self.unit, "draws": self.draws, "settings": settings}


@dataclass(frozen=True)
class Robustness:
    """A model's accuracy on changed faces.

    Args:
        protocol: What counts as right.
        model: Name, version and SHA-256 of the model.
        source: Where the faces are from, with the split.
        faces: Rows that were changed and read.
        of_faces: Rows that the protocol scores; those read were drawn from them at random.
        seed: Of that draw.
        unchanged: Accuracy on the rows read, as they are stored.
        unchanged_interval: 95 % interval (Wilson).
        unchanged_confidence: Mean certainty, or probability, of the answers on them.
        curves: One per perturbation.
    """

    protocol: str
    model: dict[str, str]
    source: str
    faces: int
    of_faces: int
    seed: int
    unchanged: float
    unchanged_interval: Interval
    unchanged_confidence: float
    curves: tuple[Curve, ...]

    @property
    def jitter(self) -> Setting | None:
        """Detector jitter at `QUOTED_JITTER`; None if it was not tried."""
        curves = (curve for curve in self.curves if curve.name == JITTER.name)
        return next((one for curve in curves for one in curve.settings if one.level == QUOTED_JITTER), None)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, JSON-safe: what `robustness.json` holds."""
        return {
            "protocol": self.protocol,
            "model": self.model,
            "source": self.source,
            "faces": self.faces,
            "of_faces": self.of_faces,
            "seed": self.seed,
            "approximation": APPROXIMATION,
            "unchanged": {
                "accuracy": self.unchanged,
                "accuracy_interval": list(self.unchanged_interval),
                "confidence": self.unchanged_confidence,
            },
            "detector_jitter": None if self.jitter is None else self.jitter.to_dict(),
            "curves": [curve.to_dict() for curve in self.curves],
        }


def measure_robustness(
    evaluation: Evaluation,
    logits_of: Callable[[NDArray[np.uint8]], NDArray[np.floating]],
    *,
    faces: int,
    perturbations: Sequence[Perturbation] = PERTURBATIONS,
    progress: Progress | None = None,
) -> Robustness:
    """Read faces of an evaluation again, changed in many ways.

    Args:
        evaluation: The unchanged readings.
        logits_of: From `(n, side, side)` uint8 faces to the logits of the same head, as `judge` takes them.
        faces: How many rows to draw at random; all if there are no more.
        perturbations: What to try.
        progress: Called after each setting.

    Raises:
        ValueError: fewer than one face is asked for.
    """
    if faces < 1:
        raise ValueError(f"at least one face must be changed and read, got {faces}")
    exam = evaluation.exam
    rows = np.arange(len(exam.faces))
    if faces < len(rows):
        rows = np.sort(np.random.default_rng(_SEED).choice(rows, faces, replace=False))
    pixels, truth = exam.faces.pixels[rows], exam.truth.labels[rows]
    right_before = evaluation.decision.top[rows] == truth
    confidence_before = _confidence(evaluation.decision)[rows]
    count = sum(len(one.levels) * one.draws for one in perturbations)
    done = 0

    def read(one: Perturbation, level: float) -> Setting:
        nonlocal done
        right, confidence = np.zeros(len(rows)), 0.0
        for seed in range(one.draws):
            changed = one.apply(pixels, level, seed)
            decision = decide_on(changed, logits_of(changed), head=evaluation.head, balance=evaluation.balance)
            right += (decision.top == truth) / one.draws
            confidence += float(_confidence(decision).mean()) / one.draws
            done += 1
            if progress is not None:
                progress(done, count)
        return _setting(level, right_before, right, confidence)

    return Robustness(
        protocol=exam.truth.title,
        model=evaluation.model,
        source=f"{exam.faces.source}, {exam.split}",
        faces=len(rows),
        of_faces=len(exam.faces),
        seed=_SEED,
        unchanged=float(right_before.mean()),
        unchanged_interval=wilson_interval(int(right_before.sum()), len(rows)),
        unchanged_confidence=float(confidence_before.mean()),
        curves=tuple(
            Curve(one.name, one.unit, one.draws, tuple(read(one, level) for level in one.levels))
            for one in perturbations
        ),
    )


def _confidence(decision: Decision) -> NDArray[np.float64]:
    """`(n,)`: how sure the model says it is of each answer."""
    return decision.values.max(axis=1) if decision.certainty is None else decision.certainty


def _setting(level: float, before: NDArray[np.bool_], after: NDArray[np.float64], confidence: float) -> Setting:
    """Score one setting; `after` is each face's share of draws that were read right."""
    n, lost = len(before), before - after
    accuracy = float(after.mean())
    reach = _Z95 * float(lost.std(ddof=1)) / math.sqrt(n) if n > 1 else 2.0  # of one face, all is possible
    cost = float(lost.mean())
    return Setting(
        level=level,
        accuracy=accuracy,
        accuracy_interval=wilson_interval(round(accuracy * n), n),
        cost=cost,
        cost_interval=(max(-1.0, cost - reach), min(1.0, cost + reach)),
        confidence=confidence,
    )


def robustness_rows(result: Robustness) -> list[tuple[str, ...]]:
    """The table as text, one row of `COLUMNS` per setting, the unchanged faces first."""
    first = ("none", "", "", f"{result.unchanged:.2%}", percent_interval(result.unchanged_interval), "", "")
    rows: list[tuple[str, ...]] = [(*first, f"{result.unchanged_confidence:.3f}")]
    for curve in result.curves:
        rows += [
            (
                curve.name,
                curve.unit,
                f"{one.level:g}",
                f"{one.accuracy:.2%}",
                percent_interval(one.accuracy_interval),
                f"{100 * one.cost:.2f}",
                percent_interval(one.cost_interval),
                f"{one.confidence:.3f}",
            )
            for one in curve.settings
        ]
    return rows


def robustness_csv(result: Robustness) -> str:
    """The table with full precision, one row per setting."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_CSV_COLUMNS)
    first = ["none", "", "", result.unchanged, *result.unchanged_interval]
    writer.writerow([*first, "", "", "", result.unchanged_confidence])
    for curve in result.curves:
        for one in curve.settings:
            accuracy, cost = (one.accuracy, *one.accuracy_interval), (one.cost, *one.cost_interval)
            writer.writerow([curve.name, curve.unit, one.level, *accuracy, *cost, one.confidence])
    return text.getvalue()


def faces_read(result: Robustness) -> str:
    """Which faces the figures are of, in words."""
    if result.faces == result.of_faces:
        return f"all {result.faces:,} faces"
    return f"{result.faces:,} of {result.of_faces:,} faces, drawn at random"


def robustness_text(result: Robustness) -> str:
    """A summary for the terminal: one line per perturbation, and the cost of detector jitter by itself."""
    lines = [
        f"Robustness on {faces_read(result)}, accuracy by level",
        f"  {'unchanged':<16}{result.unchanged:.1%} {percent_interval(result.unchanged_interval)}",
    ]
    for curve in result.curves:
        levels = "  ".join(f"{one.level:g}: {one.accuracy:.1%}" for one in curve.settings)
        lines.append(f"  {curve.name:<16}{levels}  ({curve.unit})")
    if result.jitter is not None:
        lines.append(
            f"  a detector's box off by up to {QUOTED_JITTER:.0%} costs {100 * result.jitter.cost:.2f} points "
            f"{percent_interval(result.jitter.cost_interval)}"
        )
    return "\n".join(lines)
