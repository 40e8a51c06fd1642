"""What a few labelled examples teach: a logistic regression that starts from the general model's answer.

It is drawn back to that answer, so that a few examples add to what the model knows and cannot undo it. The figures
behind the constants are in `docs/personal.md`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mien.personal.answers import Answers
from mien.profiles import PersonalHead
from mien.taxonomy import TAXONOMIES

__all__ = ["fit_head", "softmax"]

_DECAY, _BIAS_DECAY = 0.6, 0.06  # how strongly the head is drawn back to the general answer
_STEPS = 200


def fit_head(
    answers: Answers, truth: NDArray[np.int64], *, offset: Sequence[float] | None, labels: str
) -> PersonalHead:
    """Logistic regression over the embedding, on top of the general model's answer and the baseline's offset.

    It decides among the labels that have examples; the log-probabilities of the others stay where they are.

    Args:
        answers: Of the examples; with embeddings.
        truth: `(n,)`, the examples' labels, of at least two kinds.
        offset: The baseline's, if there is one.
        labels: Name of the label set.
    """
    embeddings = answers.embeddings
    assert embeddings is not None
    prior = answers.logits[labels] + (0.0 if offset is None else np.array(offset))
    shown = np.unique(truth)
    target = (truth[:, None] == shown).astype(np.float64)
    centre = embeddings.mean(axis=0)
    scale = float(np.sqrt(((embeddings - centre) ** 2).sum(axis=1).mean())) or 1.0
    lift = np.sqrt(_DECAY / _BIAS_DECAY)  # a feature that is this large decays as the bias should
    features = np.column_stack([(embeddings - centre) / scale, np.full(len(truth), lift)])
    curvature = 0.5 * np.linalg.norm(features, 2) ** 2 + _DECAY  # at most; and at least _DECAY
    ratio = np.sqrt(curvature / _DECAY)
    weights = ahead = np.zeros((len(shown), features.shape[1]))
    for _ in range(_STEPS):  # Nesterov's accelerated gradient: convex, so where it ends does not depend on the start
        gradient = (softmax(prior[:, shown] + features @ ahead.T) - target).T @ features + _DECAY * ahead
        moved = ahead - gradient / curvature
        ahead = moved + (ratio - 1) / (ratio + 1) * (moved - weights)
        weights = moved
    return PersonalHead(
        labels=tuple(TAXONOMIES[labels].labels[index] for index in shown),
        centre=tuple(centre.tolist()),
        scale=scale,
        weights=tuple(map(tuple, weights[:, :-1].tolist())),
        bias=tuple((weights[:, -1] * lift).tolist()),
    )


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows as probabilities."""
    exps = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(exps / exps.sum(axis=1, keepdims=True), np.float64)
