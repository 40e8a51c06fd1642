"""How expressions follow one another on a face: rates in time, what they give over any span, how to fit them.

A face keeps its expression for seconds, and some expressions follow others more readily. Both are in a matrix of
rates: how often per second a face that shows one label goes to another. Rates, unlike a matrix per frame, hold at any
frame rate. `RATES` were fitted by `fit_rates` (`benchmarks/steadiness.py --fit`) on ten faces in six short clips, less
than a minute in all, so that most of what they say is its prior: an expression lasts, and none is preferred.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mien.taxonomy import FERPLUS

__all__ = ["RATES", "fit_rates", "over", "rates_between"]

Floats = NDArray[np.float64]
Track = Sequence[tuple[float, Sequence[float]]]

_HALVINGS = 12  # (1 + x / 4096) ** 4096 is e ** x within 1 % up to x = 9
_FOREVER_S = 1000.0  # by then, all is as likely as it will be


def _closed(rates: Floats) -> Floats:
    """With the diagonal that makes rows sum to 0: what leaves a label is lost to it."""
    closed = rates.copy()
    np.fill_diagonal(closed, 0)
    np.fill_diagonal(closed, -closed.sum(axis=1))
    return closed


RATES: Floats = _closed(
    np.array(
        [
            [0.0, 0.059, 0.008, 0.008, 0.007, 0.007, 0.007, 0.007],
            [0.011, 0.0, 0.011, 0.011, 0.011, 0.011, 0.011, 0.011],
            [0.03, 0.029, 0.0, 0.029, 0.029, 0.029, 0.029, 0.029],
            [0.083, 0.018, 0.018, 0.0, 0.018, 0.018, 0.018, 0.018],
            [0.029, 0.029, 0.029, 0.029, 0.0, 0.029, 0.029, 0.029],
            [0.029, 0.029, 0.029, 0.029, 0.029, 0.0, 0.029, 0.029],
            [0.029, 0.029, 0.029, 0.029, 0.029, 0.029, 0.0, 0.029],
            [0.029, 0.029, 0.029, 0.029, 0.029, 0.029, 0.029, 0.0],
        ]
    )
)
"""Per second, from each label of FER+ (rows) to each other (columns); rows sum to 0."""


def rates_between(labels: Sequence[str]) -> Floats:
    """`RATES` for other labels, `(n, n)`: a label that FER+ lacks comes and goes as the others do on average.

    Example:
        >>> rates = rates_between(("neutral", "happy", "other"))
        >>> rates.shape, bool(np.allclose(rates.sum(axis=1), 0))
        ((3, 3), True)
    """
    rows = [FERPLUS.labels.index(label) if label in FERPLUS.labels else None for label in labels]
    mean = RATES[~np.eye(len(RATES), dtype=bool)].mean()
    table = np.array(
        [[mean if row is None or column is None else RATES[row, column] for column in rows] for row in rows]
    )
    return _closed(table)


def over(rates: Floats, seconds: float) -> Floats:
    """Probability of each label (columns) after each (rows) some seconds later, `(n, n)`.

    Example:
        >>> over(np.array([[-0.1, 0.1], [0.3, -0.3]]), 1000.0).round(3)
        array([[0.75, 0.25],
               [0.75, 0.25]])
    """
    step = np.eye(len(rates)) + rates * (min(seconds, _FOREVER_S) / 2**_HALVINGS)
    return np.linalg.matrix_power(step, 2**_HALVINGS)


def fit_rates(
    tracks: Sequence[Track],
    *,
    step_s: float = 0.1,
    evidence_s: float = 0.3,
    prior_s: float = 10.0,
    prior_stay_s: float = 5.0,
    rounds: int = 40,
) -> Floats:
    """Rates that explain some faces' probabilities best: Baum-Welch with the classifier's answers as they are.

    Only the transitions are learnt. The prior is worth `prior_s` seconds of watching each label, in which it lasted
    `prior_stay_s` on average and went to any other alike.

    Args:
        tracks: Per face, its readings as (time in seconds, `(n_labels,)` probabilities), in order.
        step_s: Time is cut into steps of this length; a step's readings are averaged.
        evidence_s: Time in which readings say something new once (see `ForwardFilter`).
        prior_s: How much the prior counts.
        prior_stay_s: How long an expression lasts by it.
        rounds: Of expectation and maximisation.

    Returns:
        `(n_labels, n_labels)` per second; rows sum to 0.

    Raises:
        ValueError: no track lasts two steps.
    """
    sequences = [sequence for track in tracks if len(sequence := _in_steps(track, step_s)) > 1]
    if not sequences:
        raise ValueError(f"expected a track of at least {2 * step_s} s, got none")
    count = sequences[0].shape[1]
    leaves = step_s / prior_stay_s
    prior = np.full((count, count), leaves / (count - 1))
    np.fill_diagonal(prior, 1 - leaves)
    matrix = prior
    for _ in range(rounds):
        counts = prior * (prior_s / step_s)
        for sequence in sequences:
            counts = counts + _expected_transitions(matrix, sequence ** (step_s / evidence_s))
        matrix = counts / counts.sum(axis=1, keepdims=True)
    return _closed(matrix / step_s)


def _in_steps(track: Track, step_s: float) -> Floats:
    """`(steps, n_labels)`: the geometric mean of each step's readings; a step without any says nothing."""
    times_s = np.array([time_s for time_s, _ in track])
    logs = np.log(np.clip(np.array([values for _, values in track], np.float64), 1e-3, 1))
    steps = ((times_s - times_s[0]) / step_s + 1e-6).astype(int)  # 0.3 / 0.1 is a little less than 3
    sums = np.zeros((steps[-1] + 1, logs.shape[1]))
    np.add.at(sums, steps, logs)
    return np.asarray(np.exp(sums / np.maximum(np.bincount(steps), 1)[:, None]), np.float64)


def _expected_transitions(matrix: Floats, evidence: Floats) -> Floats:
    """How often each label is expected to follow each in one sequence, by the forward and backward recursions."""
    forward, backward = np.empty_like(evidence), np.ones_like(evidence)
    forward[0] = evidence[0] / evidence[0].sum()
    for at in range(1, len(evidence)):
        forward[at] = (forward[at - 1] @ matrix) * evidence[at]
        forward[at] /= forward[at].sum()
    for at in range(len(evidence) - 2, -1, -1):
        backward[at] = matrix @ (evidence[at + 1] * backward[at + 1])
        backward[at] /= backward[at].sum()
    pairs = forward[:-1, :, None] * matrix[None] * (evidence[1:] * backward[1:])[:, None, :]
    return np.asarray((pairs / pairs.sum(axis=(1, 2), keepdims=True)).sum(axis=0), np.float64)
