import pytest

from mien.datasets.words import emotion_of, is_split, split_of, taxonomy_with
from mien.errors import DataError
from mien.taxonomy import AFFWILD2, FER2013, FERPLUS


@pytest.mark.parametrize(
    ("word", "emotion"),
    [
        ("happy", "happy"),
        ("Happiness", "happy"),
        ("ANGER", "angry"),
        (" sadness ", "sad"),
        ("surprised", "surprise"),
        ("fearful", "fear"),
        ("0-disgust", "disgust"),
        ("06_neutral", "neutral"),
        ("contempt", "contempt"),
        ("0", "angry"),
        ("6", "neutral"),
        ("7", None),
        ("images", None),
        ("", None),
        ("happy_people", None),
    ],
)
def test_emotion_of(word: str, emotion: str | None) -> None:
    assert emotion_of(word) == emotion


def test_every_label_of_ours_means_itself() -> None:
    for label in {*FER2013.labels, *FERPLUS.labels, *AFFWILD2.labels}:
        assert emotion_of(label) == label


def test_training_has_one_name() -> None:
    assert {split_of(word) for word in ("train", "Training", "TRAIN_SET", "FER2013Train")} == {"Training"}
    assert split_of("validation") == "validation"
    assert is_split("Val")
    assert is_split("PrivateTest")
    assert not is_split("subject3")


def test_the_smallest_label_set_is_taken() -> None:
    assert taxonomy_with(["happy", "sad"]) == FER2013
    assert taxonomy_with(["happy", "contempt"]) == FERPLUS
    assert taxonomy_with(["other"]) == AFFWILD2
    with pytest.raises(DataError, match="no label set has all of contempt, other"):
        taxonomy_with(["contempt", "other"])
