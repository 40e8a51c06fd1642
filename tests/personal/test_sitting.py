"""A sitting takes the faces that can be used, and keeps no picture."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from fakes import FakeClassifier, FakeDetector
from mien import Analyzer, Face, ProfileError, load_photo
from mien.personal.sitting import Sitting

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


def test_what_cannot_be_used_is_said_and_not_taken() -> None:
    frame_rgb = load_photo(PHOTO)
    face = Face((30, 30, 60, 60), 1.0, None)
    for faces, reason in (((), "no face"), ((face, face), "2 faces"), ((face,), "px small")):
        sitting = Sitting(Analyzer(detector=FakeDetector(*faces)))
        assert reason in (sitting.take(frame_rgb, "neutral") or "")
        assert len(sitting) == 0
        with pytest.raises(ProfileError, match="got none that can be used"):
            sitting.learn("anna", source="photos")


def test_what_only_the_detector_takes_for_a_face_is_not_taken() -> None:
    frame_rgb = load_photo(PHOTO)
    sitting = Sitting(Analyzer(detector=FakeDetector(Face((20, 330, 120, 430), 0.4, None))))
    assert "no face" in (sitting.take(frame_rgb, "neutral") or "")
    assert len(sitting) == 0


def test_a_face_that_cannot_be_seen_well_is_said_and_not_taken() -> None:
    frame_rgb = load_photo(PHOTO)
    sitting = Sitting(Analyzer(detector=FakeDetector(*Analyzer(detector="mtcnn").detector.detect(frame_rgb))))
    blurred = cv2.GaussianBlur(frame_rgb, (0, 0), 12)
    for picture, reason in ((frame_rgb // 12, "too dark: turn to the light"), (blurred, "blurred: hold still")):
        assert reason in (sitting.take(np.asarray(picture, np.uint8), "neutral") or "")
    assert sitting.take(frame_rgb, "neutral") is None
    assert sitting.emotions == ["neutral"]


def test_examples_of_one_emotion_or_of_all_are_given_up() -> None:
    frame_rgb = load_photo(PHOTO)
    sitting = Sitting(Analyzer(detector="mtcnn"))
    for emotion in ("neutral", "happy", "neutral"):
        sitting.take(frame_rgb, emotion)
    sitting.forget("neutral")
    assert sitting.emotions == ["happy"]
    sitting.forget()
    assert len(sitting) == 0


def test_a_person_who_smiles_when_neutral_is_read_as_neutral_afterwards() -> None:
    frame_rgb = load_photo(PHOTO)
    analyzer = Analyzer(detector="mtcnn")
    sitting = Sitting(analyzer)
    for gain in (0.9, 0.95, 1.0, 1.05):
        assert sitting.take(np.clip(frame_rgb * gain, 0, 255).astype(np.uint8), "neutral") is None
    profile = sitting.learn("anna", source="photos")
    assert profile.model_sha256 == analyzer.classifier.sha256
    general = analyzer.read(frame_rgb).faces[0].emotions.probabilities
    personal = analyzer.with_profile(profile).read(frame_rgb).faces[0].emotions.probabilities
    assert personal["happy"] < general["happy"]
    assert personal["neutral"] > 10 * general["neutral"]


def test_a_classifier_of_ones_own_is_refused() -> None:
    with pytest.raises(ProfileError, match="needs a model file"):
        Sitting(Analyzer(model=FakeClassifier(), detector=FakeDetector()))
