"""A profile: it round-trips, belongs to one model, and moves answers as it says."""

import json
from pathlib import Path

import numpy as np
import pytest

from fakes import FakeClassifier, FakeDetector
from mien import Analyzer, EmotionClassifier, ProfileError, load_photo
from mien.classifier import DEFAULT_MODEL
from mien.profiles import Baseline, PersonalHead, Profile
from mien.results import FrameReading
from mien.taxonomy import FERPLUS

PHOTO = Path(__file__).parents[1] / "examples" / "astronaut.jpg"
AWAY_FROM_HAPPY = (0.0, -30.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def profile_of(classifier: EmotionClassifier, offsets: tuple[float, ...]) -> Profile:
    return Profile("anna", "mien-m", classifier.sha256, Baseline({"ferplus": offsets}, 40, "photos"))


def example() -> Profile:
    head = PersonalHead(("happy", "sad"), (0.25, -1.0), 2.0, ((1.0, 0.0), (-1.0, 0.5)), (0.125, -0.125))
    return Profile(
        "anna", "mien-m", "ab" * 32, Baseline({"ferplus": (0.1,) * 8}, 5, "photos"), {"ferplus": head}, {"happy": 3}
    )


def test_a_profile_survives_its_file_and_the_file_holds_numbers_only(tmp_path: Path) -> None:
    example().write(tmp_path / "anna.json")
    assert Profile.load(tmp_path / "anna.json") == example()
    assert [path.name for path in tmp_path.iterdir()] == ["anna.json"]
    Profile("bo", "mien-m", "0" * 64).write(tmp_path / "anna.json")
    assert Profile.load(tmp_path / "anna.json").summary == "bo (nothing learnt)"


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[1, 2]",
        "{}",
        json.dumps({"format": "mien-profile", "version": 2}),
        json.dumps({"format": "mien-profile", "version": 1, "name": "anna"}),
        json.dumps({"format": "other", "version": 1}),
    ],
)
def test_another_file_is_refused_in_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "anna.json"
    path.write_text(text, "utf-8")
    with pytest.raises(ProfileError, match="expected a profile as mien personalize writes it") as caught:
        Profile.load(path)
    assert str(path) in str(caught.value)


def test_numbers_that_cannot_be_added_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "anna.json"
    example().write(path)
    values = json.loads(path.read_text("utf-8"))
    for offsets in ([0.0] * 7, [float("nan")] * 8):
        values["baseline"]["offsets"]["ferplus"] = offsets
        path.write_text(json.dumps(values), "utf-8")
        with pytest.raises(ProfileError, match="8 finite numbers"):
            Profile.load(path)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="No such file"):
        Profile.load(tmp_path / "nobody.json")


def test_the_head_moves_its_labels_alone() -> None:
    moved = example().adjust(np.zeros((2, 8)), np.array([[2.25, 1.0], [0.25, -1.0]]), labels="ferplus")
    expected = np.full((2, 8), 0.1)
    expected[0, FERPLUS.index("happy")] += 1.125
    expected[0, FERPLUS.index("sad")] += -1.0 + 0.5 - 0.125
    expected[1, FERPLUS.index("happy")] += 0.125
    expected[1, FERPLUS.index("sad")] += -0.125
    np.testing.assert_allclose(moved, expected)
    np.testing.assert_array_equal(example().adjust(np.ones((1, 7)), None, labels="fer2013"), np.ones((1, 7)))


def test_a_profile_of_another_model_gives_one_sentence() -> None:
    with pytest.raises(ProfileError, match=rf"made with the model mien-m \(abababababab\), got {DEFAULT_MODEL}"):
        EmotionClassifier.load().with_profile(example())


def test_readings_say_the_profile_and_it_can_be_switched_off() -> None:
    general = Analyzer(detector="mtcnn")
    frame_rgb = load_photo(PHOTO)
    assert isinstance(general.classifier, EmotionClassifier)
    personal = general.with_profile(profile_of(general.classifier, AWAY_FROM_HAPPY))
    with_it, without = personal.read(frame_rgb), personal.with_profile(None).read(frame_rgb)
    assert (without.faces[0].emotions.top, without.options.profile) == ("happy", None)
    assert with_it.faces[0].emotions.top != "happy"
    assert with_it.options.profile == "anna (baseline of 40 faces, photos)"
    assert FrameReading.from_dict(with_it.to_dict()) == with_it
    assert general.read(frame_rgb) == without  # the analyzer that it was made from is as before


def test_a_classifier_of_ones_own_takes_no_profile() -> None:
    analyzer = Analyzer(model=FakeClassifier(), detector=FakeDetector())
    with pytest.raises(ProfileError, match="a classifier of your own"):
        analyzer.with_profile(example())
