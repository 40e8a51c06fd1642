"""Which faces to label next: where a label teaches most, and not the same thing twice.

- margin: the two most probable labels are nearly as probable (Scheffer et al. 2001);
- entropy: many labels are probable;
- disagreement: views of one face, mirrored, shifted or darker, are answered differently (the Jensen-Shannon divergence
  of query by committee, McCallum & Nigam 1998, with views for a committee);
- spread: the face lies farthest, in the embedding, from all faces that are labelled or chosen already (the greedy core
  set of Sener & Savarese 2018, arXiv 1708.00489).

The combined queue takes the faces that rank highest by the first three together, and of these the ones that spread
most. `docs/personal.md` has each one's curve against labels at random.
"""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["QUEUES", "Queue", "disagreement", "entropy", "margin", "next_faces", "spread", "views"]

Queue = Literal["combined", "margin", "entropy", "disagreement", "spread", "random"]

QUEUES: tuple[Queue, ...] = ("combined", "margin", "entropy", "disagreement", "spread", "random")

_POOL = 4  # so many times the faces asked for are ranked high enough to be spread over
_LEAST = 1e-12


def margin(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """`(n,)` in 0..1: 1 where the two most probable of `(n, labels)` are equally so, 0 where one has it all.

    Example:
        >>> margin(np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]]))
        array([1., 0.])
    """
    top = np.partition(probabilities, -2, axis=1)
    return np.asarray(1.0 - (top[:, -1] - top[:, -2]), np.float64)


def entropy(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """`(n,)` in 0..1: 1 where all labels are equally probable, 0 where one has it all.

    Example:
        >>> entropy(np.array([[0.25, 0.25, 0.25, 0.25], [0.5, 0.5, 0.0, 0.0]])).round(6)
        array([1. , 0.5])
    """
    surprise = -(probabilities * np.log(np.maximum(probabilities, _LEAST))).sum(axis=1)
    return np.asarray(surprise / np.log(probabilities.shape[1]), np.float64)


def disagreement(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """`(n,)` in 0..1: how differently views of each face are answered; 0 where all views agree.

    Args:
        probabilities: `(views, n, labels)`, as the model answers each view.

    Example:
        >>> disagreement(np.array([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]])).round(6)
        array([1., 0.])
    """
    each = np.mean([entropy(view) for view in probabilities], axis=0)
    return np.asarray(entropy(probabilities.mean(axis=0)) - each, np.float64)


def views(crop: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """A face crop as it is, mirrored, nearer, shifted and darker: what should not change the answer."""
    height, width = crop.shape[:2]
    down, across = round(height * 0.06), round(width * 0.06)
    near = crop[down : height - down, across : width - across]
    shifted = cv2.copyMakeBorder(crop[: height - down, across:], down, 0, 0, across, cv2.BORDER_REPLICATE)
    return [crop, crop[:, ::-1], near, np.asarray(shifted, np.uint8), (crop * 0.6).astype(np.uint8)]


def spread(embeddings: NDArray[np.floating], taken: NDArray[np.floating], count: int) -> NDArray[np.intp]:
    """The `count` faces that lie farthest from each other and from those taken, the farthest first.

    Args:
        embeddings: `(n, width)`.
        taken: `(m, width)`, of the faces that are labelled already; may be empty.
        count: How many; all of them, in this order, if there are fewer.

    Example:
        >>> spread(np.array([[0.0], [1.0], [9.0], [8.0]]), np.array([[0.0]]), 2)
        array([2, 1])
    """
    points = np.asarray(embeddings, np.float32)
    far = np.full(len(points), np.inf, np.float32)
    if len(taken):
        others = np.asarray(taken, np.float32)
        norms = (points**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)
        far = (norms - 2 * points @ others.T).min(axis=1)
    elif len(points):
        far = ((points - points.mean(axis=0)) ** 2).sum(axis=1)  # the first of all is the oddest
    chosen: list[int] = []
    for _ in range(min(count, len(points))):
        face = int(far.argmax())
        if not taken.size and not chosen:
            far = np.full(len(points), np.inf, np.float32)
        chosen.append(face)
        far = np.minimum(far, ((points - points[face]) ** 2).sum(axis=1))
        far[chosen] = -np.inf
    return np.array(chosen, np.intp)


def next_faces(
    probabilities: NDArray[np.floating],
    embeddings: NDArray[np.floating],
    *,
    count: int,
    labelled: NDArray[np.bool_] | None = None,
    disagreements: NDArray[np.floating] | None = None,
    by: Queue = "combined",
    seed: int = 0,
) -> NDArray[np.intp]:
    """The faces to label next, the most useful first.

    Args:
        probabilities: `(n, labels)`, the model's answers.
        embeddings: `(n, width)`.
        count: How many.
        labelled: `(n,)`, the faces that have a label already and are not asked again; None for none.
        disagreements: `(n,)`, as `disagreement` gives them; None leaves them out.
        by: What decides.
        seed: Of "random".

    Returns:
        At most `count` row numbers.

    Raises:
        ValueError: `by` is unknown, or "disagreement" without any.
    """
    if by not in QUEUES:
        raise ValueError(f"by must be one of {', '.join(QUEUES)}, got {by!r}")
    if by == "disagreement" and disagreements is None:
        raise ValueError("the queue by disagreement needs disagreements, got None")
    labelled = np.zeros(len(probabilities), bool) if labelled is None else labelled
    rows = np.flatnonzero(~labelled)
    if by == "random":
        return np.random.default_rng(seed).permutation(rows)[:count]
    if by == "spread":
        return rows[spread(embeddings[rows], embeddings[labelled], count)]
    measures = {"margin": margin(probabilities[rows]), "entropy": entropy(probabilities[rows])}
    if disagreements is not None:
        measures["disagreement"] = np.asarray(disagreements[rows], np.float64)
    if by != "combined":
        return rows[np.argsort(-measures[by], kind="stable")[:count]]
    ranks = np.sum([np.argsort(np.argsort(-values, kind="stable")) for values in measures.values()], axis=0)
    pool = rows[np.argsort(ranks, kind="stable")[: _POOL * count]]
    return pool[spread(embeddings[pool], embeddings[labelled], count)]
