"""The median face of what is read, as one person's neutral face."""

from pathlib import Path

import numpy as np
import pytest

from fakes import FakeClassifier, FakeDetector
from mien import Analyzer, ProfileError, load_photo
from mien.personal.own_median import own_median

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"


@pytest.fixture(scope="module")
def analyzer() -> Analyzer:
    return Analyzer(detector="mtcnn")


def test_a_face_that_is_always_the_same_is_read_as_neutral_and_said_so(analyzer: Analyzer) -> None:
    frame_rgb = load_photo(PHOTO)
    pictures = [np.clip(frame_rgb * gain, 0, 255).astype(np.uint8) for gain in (0.9, 0.95, 1.0, 1.05)]
    nobody = np.zeros_like(frame_rgb)
    personal = analyzer.with_profile(own_median(analyzer, [*pictures, nobody]))
    assert personal.options.profile == "auto (baseline of 4 faces, the median of these files)"
    before, after = (each.read(frame_rgb).faces[0].emotions.probabilities for each in (analyzer, personal))
    assert after["neutral"] > 10 * before["neutral"]


def test_several_people_or_nobody_are_refused(analyzer: Analyzer) -> None:
    frame_rgb = load_photo(PHOTO)
    face = Analyzer(detector="mtcnn").detector.detect(frame_rgb)[0]
    crowd = Analyzer(model=analyzer.classifier, detector=FakeDetector(face, face))
    with pytest.raises(ProfileError, match="needs one person, got 2 pictures with several and 0 with one"):
        own_median(crowd, [frame_rgb, frame_rgb])
    with pytest.raises(ProfileError, match="needs faces, got none"):
        own_median(analyzer, [np.zeros_like(frame_rgb)])
    with pytest.raises(ProfileError, match="needs a model file"):
        own_median(Analyzer(model=FakeClassifier(), detector=FakeDetector()), [])
