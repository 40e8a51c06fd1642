from pathlib import Path

import pytest

from fakes import FakeDetector
from mien.errors import WeightsMissingError
from mien.faces.registry import DETECTORS, default_detector, for_video, load_detector
from mien.media.photos import load_photo


def test_a_detector_knows_the_name_it_is_registered_under(pulled_yunet: Path) -> None:
    assert [load_detector(name).name for name in DETECTORS] == ["mtcnn", "yunet", "haar"]


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(ValueError, match="unknown detector 'dlib': expected one of mtcnn, yunet, haar"):
        load_detector("dlib")


def test_mtcnn_is_the_default_until_yunet_is_pulled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path))
    assert default_detector() == "mtcnn"
    with pytest.raises(WeightsMissingError):
        load_detector("yunet")


def test_yunet_is_the_default_once_pulled(pulled_yunet: Path) -> None:
    assert default_detector() == "yunet"


@pytest.mark.parametrize("name", ["mtcnn", "yunet"])
def test_a_detector_for_video_finds_the_same_face_in_a_smaller_picture(name: str, pulled_yunet: Path) -> None:
    detector = load_detector(name)
    photo = load_photo(Path(__file__).parents[2] / "examples" / "astronaut.jpg")
    quick = for_video(detector)
    assert (quick.name, type(quick)) == (detector.name, type(detector))
    (face,), (quick_face,) = detector.detect(photo), quick.detect(photo)
    assert quick_face.box_xyxy == pytest.approx(face.box_xyxy, abs=6)


def test_a_detector_of_ones_own_serves_for_video_as_it_is() -> None:
    own = FakeDetector()
    assert for_video(own) is own
