"""More labelled rows for the training part: faces that people labelled beside a public set."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mien.datasets.faceset import TRAINING, UNLABELLED, UNSPLIT, FaceSet
from mien.datasets.leaks import near_copy_of_any
from mien.errors import DataError
from mien.taxonomy import FERPLUS_VOTES, Taxonomy

__all__ = ["add_rows", "labels_in", "rows_to_add"]


def rows_to_add(extra: FaceSet, kept_aside: FaceSet) -> FaceSet:
    """The rows of `extra` that training may learn: its Training split, less near copies of the rows kept aside.

    Raises:
        DataError: none is left, or its faces are of another size.
    """
    if extra.pixels.shape[1:] != kept_aside.pixels.shape[1:]:
        raise DataError(
            f"{extra.source} has faces of {_size(extra)} px, expected {_size(kept_aside)} as in {kept_aside.source}"
        )
    learnable = (extra.split == TRAINING) | (extra.split == UNSPLIT)
    learnable[learnable] = ~near_copy_of_any(extra.pixels[learnable], kept_aside.pixels)
    if not learnable.any():
        raise DataError(
            f"{extra.source} has no row to learn: expected rows of the split {TRAINING} that are no near copies of the "
            f"{len(kept_aside)} rows kept aside to choose by"
        )
    return extra.select(learnable)


def add_rows(faces: FaceSet, extra: FaceSet) -> FaceSet:
    """The rows of `faces`, then those of `extra`, in the words of `faces`.

    Labels that `faces` has no word for become `UNLABELLED`. Where only one has votes, the rows of the other get none.
    Further columns are not kept.
    """
    has_votes = faces.votes is not None or extra.votes is not None
    return replace(
        faces,
        pixels=np.concatenate([faces.pixels, extra.pixels]),
        labels=np.concatenate([faces.labels, labels_in(faces.taxonomy, extra)]),
        votes=np.concatenate([_votes(faces), _votes(extra)]) if has_votes else None,
        split=np.concatenate([faces.split, extra.split]),
        names=np.concatenate([faces.names, extra.names]),
        attributes={},
    )


def _votes(faces: FaceSet) -> NDArray[np.uint8]:
    return np.zeros((len(faces), len(FERPLUS_VOTES)), np.uint8) if faces.votes is None else faces.votes


def labels_in(taxonomy: Taxonomy, faces: FaceSet) -> NDArray[np.int64]:
    """`(n,)`: the labels of all rows as indices into another label set; `UNLABELLED` where it has no word for them."""
    known = [taxonomy.labels.index(word) if word in taxonomy.labels else UNLABELLED for word in faces.taxonomy.labels]
    return np.array([*known, UNLABELLED], np.int64)[faces.labels]  # -1, no label, takes the last


def _size(faces: FaceSet) -> str:
    return "x".join(map(str, faces.pixels.shape[1:]))
