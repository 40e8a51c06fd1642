"""Ordered sets of emotion labels, and how probabilities move between them.

Data sets order the same emotions differently, so an index means nothing without its taxonomy. mien uses one
word per emotion in all of them: FER+'s "happiness" and Aff-Wild2's "anger" are `happy` and `angry` here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

__all__ = [
    "AFFWILD2",
    "COLOURS_RGB",
    "FER2013",
    "FERPLUS",
    "FERPLUS_VOTES",
    "NOT_A_FACE",
    "TAXONOMIES",
    "UNKNOWN",
    "Taxonomy",
    "convert",
]

UNKNOWN = "unknown"
NOT_A_FACE = "not_a_face"


@dataclass(frozen=True)
class Taxonomy:
    """An ordered set of emotion labels.

    Args:
        name: Short name, as used by `labels=` and `--labels`.
        labels: The emotions in the order of the data set that defined them.

    Raises:
        ValueError: fewer than two labels, or one stands twice.
    """

    name: str
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.labels) < 2 or len(set(self.labels)) != len(self.labels):
            raise ValueError(f"a taxonomy needs at least two different labels, got {self.labels}")

    def __len__(self) -> int:
        return len(self.labels)

    def index(self, label: str) -> int:
        """Position of `label`.

        Raises:
            ValueError: `label` is not in this taxonomy.
        """
        if label not in self.labels:
            raise ValueError(f"expected one of {', '.join(self.labels)} ({self.name}), got {label!r}")
        return self.labels.index(label)


FER2013 = Taxonomy("fer2013", ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"))
"""Goodfellow et al. 2013, in the order of its CSV."""

FERPLUS = Taxonomy("ferplus", ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt"))
"""Barsoum et al. 2016 (arXiv 1608.01041), the eight emotions in the order of its vote columns."""

AFFWILD2 = Taxonomy("affwild2", ("neutral", "angry", "disgust", "fear", "happy", "sad", "surprise", "other"))
"""Kollias & Zafeiriou 2019, the order of the expression annotation files."""

FERPLUS_VOTES: tuple[str, ...] = (*FERPLUS.labels, UNKNOWN, NOT_A_FACE)
"""FER+'s ten vote columns: the eight emotions, then "cannot tell", then "this is no face"."""

TAXONOMIES: Mapping[str, Taxonomy] = MappingProxyType({t.name: t for t in (FER2013, FERPLUS, AFFWILD2)})

COLOURS_RGB: Mapping[str, tuple[int, int, int]] = MappingProxyType(
    {
        "neutral": (160, 160, 160),
        "happy": (240, 228, 66),
        "surprise": (230, 159, 0),
        "sad": (86, 180, 233),
        "angry": (213, 94, 0),
        "disgust": (0, 158, 115),
        "fear": (204, 121, 167),
        "contempt": (0, 114, 178),
        "other": (120, 94, 240),
    }
)
"""One colour per emotion: the Okabe-Ito set, which colour-blind viewers tell apart, and two more."""


def convert(probabilities: Sequence[float], source: Taxonomy, target: Taxonomy) -> tuple[float, ...]:
    """Probabilities over `source` as probabilities over `target`.

    What `target` has no word for is dropped and the rest rescaled: the result is the probability given that
    the expression is one of `target`'s. A target label that `source` lacks gets 0.

    Args:
        probabilities: `(len(source),)`, each in [0, 1], summing to 1.

    Raises:
        ValueError: a wrong number of values, or nothing is left after dropping.

    Example:
        >>> convert((0.4, 0.4, 0, 0, 0, 0, 0, 0.2), FERPLUS, FER2013)
        (0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.5)
    """
    if len(probabilities) != len(source):
        raise ValueError(f"expected {len(source)} probabilities ({source.name}), got {len(probabilities)}")
    known = dict(zip(source.labels, map(float, probabilities), strict=True))
    kept = [known.get(label, 0.0) for label in target.labels]
    total = sum(kept)
    if total <= 0:
        raise ValueError(f"no probability is left on the labels of {target.name}: it knows none of the likely ones")
    return tuple(value / total for value in kept)
