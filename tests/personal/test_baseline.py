"""A baseline: it brings a neutral face to neutral, and leaves alone what chance explains."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.errors import ProfileError
from mien.personal.answers import Answers
from mien.personal.baseline import NEUTRAL_ANSWER, fit_baseline
from mien.taxonomy import FERPLUS

USUAL = np.array(NEUTRAL_ANSWER["ferplus"])
SAD = FERPLUS.index("sad")


def answers(logits: NDArray[np.float64]) -> Answers:
    return Answers({"ferplus": logits}, None)


def test_a_face_that_rests_sad_is_brought_to_neutral() -> None:
    rng = np.random.default_rng(0)
    resting = USUAL + 6.0 * (np.arange(8) == SAD) + rng.normal(0, 0.3, (12, 8)) + rng.normal(0, 5, (12, 1))
    assert resting[:, SAD].mean() > resting[:, 0].mean()  # read as sad
    baseline = fit_baseline(answers(resting[:6]), source="photos")
    moved = resting[6:] + np.array(baseline.offsets["ferplus"])
    assert set(moved.argmax(axis=1)) == {0}
    assert -6.0 < baseline.offsets["ferplus"][SAD] < -3.0  # shrunk, but most of it
    assert baseline.offsets["ferplus"][0] == 0.0
    assert (baseline.faces, baseline.source) == (6, "photos")


def test_a_usual_face_is_left_alone() -> None:
    usual = USUAL + np.random.default_rng(0).normal(0, 0.3, (6, 8))
    assert fit_baseline(answers(usual), source="").offsets["ferplus"] == (0.0,) * 8


def test_one_odd_frame_does_not_count() -> None:
    frames = USUAL + np.random.default_rng(0).normal(0, 0.1, (5, 8))
    frames[0, SAD] += 100
    assert abs(fit_baseline(answers(frames), source="").offsets["ferplus"][SAD]) < 0.5


def test_the_more_faces_differ_the_less_is_taken_off() -> None:
    shifts = []
    for spread in (0.1, 3.0):
        noise = np.random.default_rng(1).normal(0, spread, (5, 8))
        frames = USUAL + 5.0 * (np.arange(8) == SAD) + noise - np.median(noise, axis=0)
        shifts.append(fit_baseline(answers(frames), source="").offsets["ferplus"][SAD])
    assert shifts[0] < shifts[1] <= 0.0


def test_two_faces_are_too_few() -> None:
    with pytest.raises(ProfileError, match="at least 3 neutral faces that can be used, got 2"):
        fit_baseline(answers(np.zeros((2, 8))), source="photos")


def test_a_label_set_without_a_usual_answer_has_no_offset() -> None:
    assert fit_baseline(Answers({"affwild2": np.zeros((5, 8))}, None), source="").offsets == {}
