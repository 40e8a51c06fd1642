"""A person's neutral face: how far it lies from what a neutral face answers.

A resting face that viewers' votes do not know well, with low brows or a turned-down mouth, reads as sad or angry
however neutral it is. The baseline takes that off. The figures behind the constants are in `docs/personal.md`.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from mien.errors import ProfileError
from mien.personal.answers import Answers
from mien.profiles import Baseline
from mien.taxonomy import FER2013, FERPLUS, TAXONOMIES

__all__ = ["MIN_NEUTRAL", "NEUTRAL_ANSWER", "fit_baseline"]

MIN_NEUTRAL = 3
"""Fewest neutral faces that make a baseline."""

NEUTRAL_ANSWER: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        FERPLUS.name: (0.0, -8.1, -8.8, -3.7, -7.6, -9.2, -10.8, -6.8),
        FER2013.name: (-1.6, -3.1, -1.5, -2.5, -0.5, -2.9, 0.0),
    }
)
"""Log-odds of each label against neutral in the median of 1,182 neutral faces (FER+, PublicTest), by mien-l.

Another calibrated model says nearly the same: mien-m lies within 0.5 of it.
"""

_PERSON_SPREAD = 2.0  # standard deviation between people of a neutral face's log-odds
_OWN_ERROR = 0.5  # of one sitting's median against the person's other days
_CHANCE = 2.0  # standard errors that are put down to chance
_MOST_FACES = 10  # frames of one sitting resemble each other: more of them tell no more


def fit_baseline(answers: Answers, *, source: str) -> Baseline:
    """The offsets that bring a person's median neutral face to what a neutral face answers.

    The distance of the median from the usual answer is shrunk twice: what two standard errors can explain is taken
    off, and the rest is weighed by how much people differ against that error.

    Args:
        answers: Of the person's neutral faces.
        source: Where they came from, in words.

    Raises:
        ProfileError: fewer than `MIN_NEUTRAL` faces.
    """
    if len(answers) < MIN_NEUTRAL:
        raise ProfileError(
            f"a baseline needs at least {MIN_NEUTRAL} neutral faces that can be used, got {len(answers)}: show the "
            "neutral face for 3 to 5 seconds, or give more photos"
        )
    offsets = {}
    for labels, logits in answers.logits.items():
        if labels not in NEUTRAL_ANSWER:
            continue
        neutral = TAXONOMIES[labels].index("neutral")
        odds = logits - logits[:, neutral : neutral + 1]
        median = np.median(odds, axis=0)
        others = np.arange(odds.shape[1]) != neutral
        spread = 1.4826 * float(np.median(np.abs(odds - median)[:, others]))
        error = np.hypot(1.2533 * spread / np.sqrt(min(len(odds), _MOST_FACES)), _OWN_ERROR)
        lack = np.array(NEUTRAL_ANSWER[labels]) - median
        beyond_chance = np.sign(lack) * np.maximum(np.abs(lack) - _CHANCE * error, 0.0)
        offsets[labels] = tuple((beyond_chance * _PERSON_SPREAD**2 / (_PERSON_SPREAD**2 + error**2)).tolist())
    return Baseline(offsets, len(answers), source)
