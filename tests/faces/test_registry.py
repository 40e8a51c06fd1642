from pathlib import Path

import pytest

from mien.errors import WeightsMissingError
from mien.faces.registry import DETECTORS, default_detector, load_detector


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
