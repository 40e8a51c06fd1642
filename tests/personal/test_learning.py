"""From labelled faces to a profile: what helps is kept, what does not is refused."""

import numpy as np
import pytest

from mien.errors import ProfileError
from mien.personal.answers import Answers
from mien.personal.baseline import NEUTRAL_ANSWER
from mien.personal.learning import learn_profile
from mien.profiles import Profile
from mien.taxonomy import FERPLUS

USUAL = np.array(NEUTRAL_ANSWER["ferplus"])


def learn(answers: Answers, emotions: list[str]) -> Profile:
    return learn_profile("anna", answers, emotions, model="mien-m", model_sha256="0" * 64)


def person(emotions: list[str], *, seed: int = 0, telling: bool = True, sure: float = 0.0) -> Answers:
    """Faces whose embedding tells the emotion, if `telling`, and whose logits do as far as they are `sure`."""
    rng = np.random.default_rng(seed)
    truth = np.array([FERPLUS.index(emotion) for emotion in emotions])
    directions = np.random.default_rng(99).normal(0, 1, (8, 32))
    embeddings = rng.normal(0, 1, (len(truth), 32)) + (3 * directions[truth] if telling else 0)
    logits = rng.normal(0, 0.3, (len(truth), 8)) + sure * (truth[:, None] == np.arange(8))
    return Answers({"ferplus": logits}, embeddings)


SHOWN = ["happy", "sad", "angry"] * 6


def test_examples_that_help_are_learnt_and_the_figures_say_so() -> None:
    profile = learn(person(SHOWN), SHOWN)
    assert profile.examples == {"angry": 6, "happy": 6, "sad": 6}
    assert profile.checks["ferplus_accuracy_general"] < 0.6 < 0.9 < profile.checks["ferplus_accuracy_examples"]
    new, words = person(SHOWN, seed=1), np.array(SHOWN)
    moved = profile.adjust(new.logits["ferplus"], new.embeddings, labels="ferplus")
    assert (np.array(FERPLUS.labels)[moved.argmax(axis=1)] == words).mean() > 0.9


def test_examples_that_teach_nothing_are_refused() -> None:
    with pytest.raises(ProfileError, match="do not help on faces that were held out"):
        learn(person(SHOWN, telling=False, sure=8.0), SHOWN)
    shuffled = np.random.default_rng(3).permutation(SHOWN).tolist()
    with pytest.raises(ProfileError, match="do not help"):
        learn(person(SHOWN, telling=False), shuffled)


def test_neutral_faces_alone_make_a_baseline() -> None:
    faces = Answers({"ferplus": USUAL + 6.0 * (np.arange(8) == 3) + np.zeros((4, 1))}, np.zeros((4, 32)))
    profile = learn(faces, ["neutral"] * 4)
    assert profile.baseline is not None
    assert profile.baseline.offsets["ferplus"][3] < -3
    assert (profile.heads, profile.examples) == ({}, {})
    assert profile.summary == "anna (baseline of 4 faces, photos)"


def test_emotions_shown_too_rarely_are_not_learnt() -> None:
    words = [*SHOWN, "fear", "fear"]
    profile = learn(person(words), words)
    assert profile.heads["ferplus"].labels == ("happy", "sad", "angry")


def test_too_few_faces_are_said_with_what_came() -> None:
    words = ["happy", "happy", "happy", "sad"]
    with pytest.raises(ProfileError, match="got 3 happy, 1 sad"):
        learn(person(words), words)
    without = Answers(person(SHOWN).logits, None)
    with pytest.raises(ProfileError, match="a profile needs 3 neutral faces"):
        learn(without, SHOWN)


def test_the_same_examples_make_the_same_profile() -> None:
    assert learn(person(SHOWN), SHOWN) == learn(person(SHOWN), SHOWN)
