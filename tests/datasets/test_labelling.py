import numpy as np
import pytest
from numpy.typing import NDArray

from mien.datasets.labelling import classes_as_words, label_numbers, label_words, taxonomy_for
from mien.errors import DataError
from mien.taxonomy import AFFWILD2, FER2013, FERPLUS, Taxonomy


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (np.array([0, 6, -1, 7]), ["angry", "neutral", "", None]),
        (np.array([[3], [2]], np.uint8), ["happy", "fear"]),
        (np.array([3.0, 0.5, np.nan]), ["happy", None, None]),
        (np.eye(7)[[2, 5]], ["fear", "surprise"]),
        (np.array(["Happiness", "", "smirk"]), ["happy", "", None]),
        (np.array([b"anger"]), ["angry"]),
        (np.array([3, "sad", None], object), ["happy", "sad", ""]),
    ],
)
def test_labels_without_classes(column: NDArray[np.generic], words: list[str | None]) -> None:
    assert label_words(column, None) == words


def test_classes_say_what_numbers_mean() -> None:
    classes = classes_as_words(["happiness", "anger"], where="here")
    assert classes == ("happy", "angry")
    assert label_words(np.array([0, 1, 2]), classes) == ["happy", "angry", None]
    with pytest.raises(DataError, match="here: expected classes named after emotions, got 'cat'"):
        classes_as_words(["cat"], where="here")


@pytest.mark.parametrize("taxonomy", [FER2013, FERPLUS, AFFWILD2])
def test_a_label_set_is_known_by_its_classes(taxonomy: Taxonomy) -> None:
    assert taxonomy_for(["happy"], taxonomy.labels[::-1]) == taxonomy


def test_otherwise_it_is_the_smallest_with_what_occurs() -> None:
    assert taxonomy_for(["happy", ""], None) == FER2013
    assert taxonomy_for(["contempt"], ("happy", "contempt")) == FERPLUS
    assert label_numbers(["contempt", ""], FERPLUS).tolist() == [7, -1]
