"""Does a model that says "90 %" come true nine times in ten? Temperature and calibration error; numpy only."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.doubt import softmax
from mien.evaluation.metrics import Interval, right_averaged_over_ties

__all__ = [
    "TEMPERATURE_RANGE",
    "Reliability",
    "ece",
    "ece_by_chance",
    "fit_temperature",
    "match_accuracy",
    "reliability",
    "reliability_of_answers",
]

TEMPERATURE_RANGE = (0.01, 100.0)
"""Temperatures that `fit_temperature` answers with; an optimum beyond is cut to the end."""


@dataclass(frozen=True)
class Reliability:
    """Confidence against accuracy in bins of rows, least confident first; empty bins are left out.

    Args:
        confidence: Mean confidence per bin.
        accuracy: Share of right answers per bin.
        count: Rows per bin.
    """

    confidence: tuple[float, ...]
    accuracy: tuple[float, ...]
    count: tuple[int, ...]

    @property
    def ece(self) -> float:
        """Expected calibration error: the gap between confidence and accuracy, averaged over the rows, in [0, 1]."""
        gaps = np.abs(np.subtract(self.confidence, self.accuracy))
        return float(np.average(gaps, weights=self.count))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, JSON-safe."""
        return {"confidence": list(self.confidence), "accuracy": list(self.accuracy), "count": list(self.count)}


def fit_temperature(logits: NDArray[np.floating], targets: NDArray[np.int64] | NDArray[np.floating]) -> float:
    """The temperature that makes the targets most likely (Guo et al. 2017, arXiv 1706.04599).

    In 1 / temperature the negative log-likelihood is convex, so its slope has one zero, which bisection finds to
    eight digits. Above 1 the model was too sure, below 1 not sure enough.

    Args:
        logits: `(n, classes)`, finite.
        targets: `(n,)` labels, or `(n, classes)` distributions such as shares of votes.

    Returns:
        A value in `TEMPERATURE_RANGE`: at its lower end where every answer is right, at its upper end where the
        logits are worth nothing.

    Raises:
        ValueError: no rows, logits that are not finite, or shapes that do not fit.

    Example:
        >>> logits = np.array([[2.0, 0.0], [2.0, 0.0], [2.0, 0.0], [2.0, 0.0]])
        >>> labels = np.array([0, 0, 0, 1])
        >>> temperature = fit_temperature(logits, labels)
        >>> softmax(logits, temperature=temperature)[0].round(6)  # right three times in four
        array([0.75, 0.25])
    """
    if logits.ndim != 2 or len(logits) == 0 or not np.isfinite(logits).all():
        raise ValueError(f"logits must be (n, classes) and finite, at least one row, got shape {logits.shape}")
    exact = logits.astype(np.float64)
    if targets.shape == exact.shape:
        wanted = (exact * targets).sum(axis=1)
    elif targets.shape == (len(exact),):
        wanted = np.take_along_axis(exact, targets[:, None].astype(np.intp), axis=1)[:, 0]
    else:
        raise ValueError(f"targets must be {exact.shape[:1]} labels or {exact.shape}, got {targets.shape}")

    def slope(temperature: float) -> float:
        """Of the negative log-likelihood in 1 / temperature; it falls as the temperature rises."""
        return float(((softmax(exact, temperature=temperature) * exact).sum(axis=1) - wanted).mean())

    low, high = map(math.log, TEMPERATURE_RANGE)
    for _ in range(40):
        middle = (low + high) / 2
        if slope(math.exp(middle)) > 0:  # still too sure
            low = middle
        else:
            high = middle
    return math.exp((low + high) / 2)


def match_accuracy(logits: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    """The temperature at which the answers' mean probability is the share of right ones.

    `fit_temperature` weighs every label's probability; this one only what is read as "how sure". On rows of
    FER-2013 kept aside it was the better calibrated of the two in cross-validation (ECE with ten per cent of detector
    jitter: FER+ 0.018 against 0.021, FER-2013 0.025 against 0.028) at the same likelihood of being right.

    Args:
        logits: `(n, classes)`, finite.
        labels: `(n,)`, the truth.

    Returns:
        A value in `TEMPERATURE_RANGE`: at an end where no temperature will do.

    Raises:
        ValueError: no rows, or shapes that do not fit.
    """
    if logits.ndim != 2 or len(logits) == 0 or labels.shape != (len(logits),):
        raise ValueError(f"expected (n, classes) logits and a label for each, got {logits.shape}, {labels.shape}")
    right = float((logits.argmax(axis=1) == labels).mean())
    low, high = map(math.log, TEMPERATURE_RANGE)
    for _ in range(40):
        middle = (low + high) / 2
        if softmax(logits, temperature=math.exp(middle)).max(axis=1).mean() > right:  # still too sure
            low = middle
        else:
            high = middle
    return math.exp((low + high) / 2)


def reliability(
    probabilities: NDArray[np.floating], labels: NDArray[np.int64], *, bins: int = 15, equal_mass: bool = True
) -> Reliability:
    """Group the rows by the probability of their answer and compare it with how often they are right.

    Args:
        probabilities: `(n, classes)`; the answer is the most probable class.
        labels: `(n,)`, the truth.
        bins: Number of bins.
        equal_mass: Bins hold equally many rows; otherwise they are equally wide in (0, 1].

    Raises:
        ValueError: no rows, different lengths, or fewer than one bin.
    """
    if len(labels) == 0 or len(probabilities) != len(labels) or bins < 1:
        raise ValueError(
            "expected probabilities for each label and at least one bin, "
            f"got {len(probabilities)} for {len(labels)} labels and {bins} bins"
        )
    return reliability_of_answers(
        probabilities.max(axis=1).astype(np.float64),
        probabilities.argmax(axis=1) == labels,
        bins=bins,
        equal_mass=equal_mass,
    )


def reliability_of_answers(
    confidence: NDArray[np.float64], right: NDArray[np.bool_], *, bins: int = 15, equal_mass: bool = True
) -> Reliability:
    """As `reliability`, for answers whose confidence is another number than their probability, such as a certainty.

    Args:
        confidence: `(n,)` in [0, 1].
        right: `(n,)`, whether the answers are right.
        bins: Number of bins.
        equal_mass: Bins hold equally many rows; otherwise they are equally wide in (0, 1].
    """
    share_right = right_averaged_over_ties(confidence, right)
    order = np.argsort(confidence, kind="stable")
    if equal_mass:
        groups = np.array_split(order, bins)
    else:
        edges = np.arange(1, bins) / bins
        groups = np.split(order, np.searchsorted(confidence[order], edges, side="right"))
    groups = [rows for rows in groups if len(rows)]
    return Reliability(
        confidence=tuple(float(confidence[rows].mean()) for rows in groups),
        accuracy=tuple(float(share_right[rows].mean()) for rows in groups),
        count=tuple(len(rows) for rows in groups),
    )


def ece(
    probabilities: NDArray[np.floating], labels: NDArray[np.int64], *, bins: int = 15, equal_mass: bool = True
) -> float:
    """Expected calibration error (Naeini et al. 2015) of the most probable class; arguments as `reliability`."""
    return reliability(probabilities, labels, bins=bins, equal_mass=equal_mass).ece


def ece_by_chance(confidence: NDArray[np.floating], *, bins: int = 15, draws: int = 1000, seed: int = 0) -> Interval:
    """Where the ECE falls in 95 of 100 test sets if every confidence is exactly true.

    It is not 0: in a bin of some hundred rows the share of right ones strays by some hundredths. An ECE within this
    range is no evidence against the calibration.

    Args:
        confidence: `(n,)` in [0, 1].
        bins: Of equal mass, as in `ece`.
        draws: Test sets to draw, each with these confidences.
        seed: Of the draws.

    Example:
        >>> low, high = ece_by_chance(np.linspace(0.4, 1, 3000))
        >>> f"{low:.3f} to {high:.3f}"
        '0.015 to 0.032'
    """
    groups = [group for group in np.array_split(np.sort(confidence.astype(np.float64)), bins) if len(group)]
    random = np.random.default_rng(seed)
    errors = np.zeros(draws)
    for group in groups:
        right = (random.random((draws, len(group)), np.float32) < group).mean(axis=1)
        errors += np.abs(right - group.mean()) * len(group) / len(confidence)
    low, high = np.quantile(errors, [0.025, 0.975])
    return float(low), float(high)
