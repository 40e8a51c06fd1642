"""Other people's words for emotions and splits, as ours."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from mien.datasets.faceset import TRAINING
from mien.errors import DataError
from mien.taxonomy import AFFWILD2, FER2013, FERPLUS, Taxonomy

__all__ = ["emotion_of", "is_split", "split_of", "taxonomy_with"]

_SPOKEN: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "angry": ("anger",),
        "disgust": ("disgusted",),
        "fear": ("fearful", "afraid", "scared"),
        "happy": ("happiness", "joy"),
        "sad": ("sadness",),
        "surprise": ("surprised",),
        "neutral": ("neutrality",),
        "contempt": ("contemptuous",),
        "other": (),
    }
)
_EMOTIONS = {word: emotion for emotion, others in _SPOKEN.items() for word in (emotion, *others)}

_TRAINING = {"train", "training", "trainset", "fer2013train"}
_OTHER_SPLITS = {
    "val",
    "valid",
    "validation",
    "validationset",
    "test",
    "testing",
    "testset",
    "publictest",
    "privatetest",
}


def emotion_of(word: str) -> str | None:
    """Our word for an emotion that a folder, a column or a class list names; None where it names none.

    Case does not matter, and a number before the word is passed over. A bare number counts in FER-2013's order.

    Example:
        >>> emotion_of("Happiness"), emotion_of("3_happy"), emotion_of("3"), emotion_of("images")
        ('happy', 'happy', 'happy', None)
    """
    plain = word.strip().casefold()
    if plain.isdecimal():
        return FER2013.labels[int(plain)] if int(plain) < len(FER2013) else None
    return _EMOTIONS.get(re.sub(r"^\d+[ ._-]+", "", plain))


def split_of(word: str) -> str:
    """Our name of a split: `TRAINING` for whatever means it, other words as they are.

    Example:
        >>> split_of("train"), split_of("Train_Set"), split_of("PublicTest")
        ('Training', 'Training', 'PublicTest')
    """
    return TRAINING if _plain(word) in _TRAINING else word


def is_split(word: str) -> bool:
    """Whether a folder's name is one of the usual words for a split."""
    return _plain(word) in _TRAINING | _OTHER_SPLITS


def taxonomy_with(emotions: Iterable[str]) -> Taxonomy:
    """The smallest label set that has all of these emotions.

    Raises:
        DataError: none has.
    """
    wanted = set(emotions)
    for taxonomy in (FER2013, FERPLUS, AFFWILD2):
        if wanted <= set(taxonomy.labels):
            return taxonomy
    raise DataError(
        f"no label set has all of {', '.join(sorted(wanted))}: read the rows of {FERPLUS.name} and {AFFWILD2.name} "
        "apart from each other"
    )


def _plain(word: str) -> str:
    return re.sub(r"[ ._-]", "", word.casefold())
