"""Columns of labels as people store them: numbers with or without a list of classes, words, one column a class."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.datasets.faceset import UNLABELLED
from mien.datasets.words import emotion_of, taxonomy_with
from mien.errors import DataError
from mien.taxonomy import FER2013, TAXONOMIES, Taxonomy

__all__ = ["NO_LABEL", "classes_as_words", "label_numbers", "label_words", "taxonomy_for"]

NO_LABEL = ""
"""The word for a row without a label."""


def classes_as_words(classes: Iterable[str], *, where: str) -> tuple[str, ...]:
    """A list of classes in our words.

    Raises:
        DataError: one of them is no emotion that we know.
    """
    words = []
    for name in classes:
        word = emotion_of(name)
        if word is None:
            raise DataError(f"{where}: expected classes named after emotions, got {name!r}")
        words.append(word)
    return tuple(words)


def label_words(column: NDArray[Any], classes: Sequence[str] | None) -> list[str | None]:
    """Our word for the label of each row.

    Args:
        column: `(n,)` numbers or words, or `(n, classes)` with the largest value in the column of the label. The
            number -1 stands for no label.
        classes: What the numbers mean; None for FER-2013's order.

    Returns:
        A word for each row, `NO_LABEL` for one without a label, None for what is out of range or no emotion.
    """
    if column.ndim == 2 and column.shape[1] > 1:
        column = column.argmax(axis=1)
    values = column.reshape(-1).tolist()
    meaning = FER2013.labels if classes is None else classes
    return [_word(value, meaning) for value in values]


def taxonomy_for(words: Iterable[str], classes: Sequence[str] | None) -> Taxonomy:
    """The label set of a column: the one with just these classes, else the smallest with all that occurs."""
    same = (taxonomy for taxonomy in TAXONOMIES.values() if set(taxonomy.labels) == set(classes or ()))
    return next(same, None) or taxonomy_with(word for word in words if word != NO_LABEL)


def label_numbers(words: Iterable[str], taxonomy: Taxonomy) -> NDArray[np.int64]:
    """Indices into a label set; `UNLABELLED` for `NO_LABEL`."""
    number_of = {NO_LABEL: UNLABELLED, **{label: index for index, label in enumerate(taxonomy.labels)}}
    return np.array([number_of[word] for word in words], np.int64)


def _word(value: Any, classes: Sequence[str]) -> str | None:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        return NO_LABEL if not value.strip() else emotion_of(value)
    if value is None or value == UNLABELLED:
        return NO_LABEL
    return classes[int(value)] if 0 <= value < len(classes) and value == int(value) else None
