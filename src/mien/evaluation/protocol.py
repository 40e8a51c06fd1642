"""What counts as the right answer: the scoring protocols, and their labels for the rows of a data set.

FER-2013's labels and FER+'s majority are different tasks on the same pictures, with different rows and different
ceilings, so every score names its protocol. The two that publications use are data here; any other data set is
scored by the words that its labels and the model's share.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from mien.datasets.faceset import UNLABELLED, FaceSet
from mien.datasets.ferplus import majority_labels
from mien.errors import DataError
from mien.taxonomy import FER2013, FERPLUS, Taxonomy

__all__ = ["PROTOCOLS", "Protocol", "Truth", "true_labels", "vote_shares"]


@dataclass(frozen=True)
class Protocol:
    """A way of scoring that others use too.

    Args:
        taxonomy: The labels that compete; probabilities are renormalised over them.
        title: Its name, with the number of classes and the source.
        rule: Which rows count and what is right, in one sentence.
        needs_votes: Whether the truth comes from FER+'s votes.
    """

    taxonomy: Taxonomy
    title: str
    rule: str
    needs_votes: bool


PROTOCOLS: Mapping[str, Protocol] = MappingProxyType(
    {
        FERPLUS.name: Protocol(
            taxonomy=FERPLUS,
            title="FER+ majority, 8-way (Barsoum et al. 2016)",
            rule=(
                "columns with at most one vote are zeroed; a row counts if its winner holds more than half of what "
                "remains and is one of the eight emotions; that winner is the truth"
            ),
            needs_votes=True,
        ),
        FER2013.name: Protocol(
            taxonomy=FER2013,
            title="FER-2013 labels, 7-way (Goodfellow et al. 2013)",
            rule="every row counts and its FER-2013 label is the truth",
            needs_votes=False,
        ),
    }
)
"""Name of the label set -> the published protocol for it."""


@dataclass(frozen=True, eq=False)
class Truth:
    """The right answers for the rows of a data set.

    Args:
        labels: `(n,)` int64, indices into the taxonomy; `UNLABELLED` where the protocol drops the row.
        taxonomy: What the labels mean.
        title: Name of the protocol.
        rule: Which rows count and what is right.
    """

    labels: NDArray[np.int64]
    taxonomy: Taxonomy
    title: str
    rule: str


def true_labels(faces: FaceSet, taxonomy: Taxonomy) -> Truth:
    """What the protocol for a label set holds to be right.

    Args:
        faces: The rows; with votes, the FER+ labels are their majority.
        taxonomy: The label set to be scored.

    Raises:
        DataError: FER+ is asked for and there are no votes, or no row can be scored.
    """
    protocol = PROTOCOLS.get(taxonomy.name)
    if protocol is not None and protocol.needs_votes and faces.votes is not None:
        truth = Truth(majority_labels(faces.votes), taxonomy, protocol.title, protocol.rule)
    elif protocol is not None and protocol.needs_votes and faces.taxonomy == FER2013:
        raise DataError(f"{faces.source} has no FER+ votes: give --votes fer2013new.csv, or --labels fer2013")
    elif protocol is not None and faces.taxonomy == taxonomy and not protocol.needs_votes:
        truth = Truth(faces.labels, taxonomy, protocol.title, protocol.rule)
    else:
        truth = Truth(
            _by_word(faces.labels, faces.taxonomy, taxonomy),
            taxonomy,
            f"{faces.taxonomy.name} labels, {len(taxonomy)}-way ({taxonomy.name})",
            f"a row counts if the word of its {faces.taxonomy.name} label is one of {taxonomy.name}'s; "
            "no publication scores so",
        )
    if not (truth.labels != UNLABELLED).any():
        raise DataError(f"{faces.source}: none of {len(faces)} rows can be scored by {truth.title}: {truth.rule}")
    return truth


def _by_word(labels: NDArray[np.int64], source: Taxonomy, target: Taxonomy) -> NDArray[np.int64]:
    """Labels of one taxonomy as labels of another; `UNLABELLED` where it has no such word."""
    indices = [target.labels.index(word) if word in target.labels else UNLABELLED for word in source.labels]
    return np.array([*indices, UNLABELLED], np.int64)[labels]  # UNLABELLED is -1: the last


def vote_shares(votes: NDArray[np.uint8], *, answers: int = len(FERPLUS)) -> NDArray[np.float64]:
    """The shares of FER+'s first answers among the votes for one of them; `(n, answers)`.

    Args:
        votes: `(n, 10)`.
        answers: 8 for the emotions alone, 10 for "unknown" and "not a face" too.

    Raises:
        ValueError: a row without a vote for one of them; the FER+ protocol keeps none.
    """
    counted = votes[:, :answers].astype(np.float64)
    total = counted.sum(axis=1, keepdims=True)
    if (total == 0).any():
        raise ValueError(f"{int((total == 0).sum())} rows have no vote for one of {answers} answers")
    return np.asarray(counted / total, np.float64)
