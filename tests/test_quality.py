"""The quality of faces: it falls as they are harmed, does not ask for light or contrast where it should not."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mien.evaluation.perturbations import brightness, contrast, gaussian_blur, noise, resolution
from mien.quality import TOO_BLURRED, TOO_DARK, TOO_SMALL_PX, measure_quality


@pytest.fixture(scope="module")
def faces() -> NDArray[np.uint8]:
    """Pictures with detail of every size, as photos have it: the spectrum falls with the frequency."""
    rng = np.random.default_rng(0)
    waves = np.fft.fftfreq(48)
    amplitude = 1 / np.maximum(np.hypot(waves[:, None], waves[None, :]), 1 / 48) ** 1.5
    pictures = np.fft.ifft2(amplitude * np.exp(2j * np.pi * rng.random((20, 48, 48)))).real
    pictures /= pictures.std(axis=(1, 2), keepdims=True)
    return np.clip(130 + 50 * pictures, 0, 255).astype(np.uint8)


def test_ordinary_faces_raise_no_doubt(faces: NDArray[np.uint8]) -> None:
    assert measure_quality(faces).doubts() == [()] * len(faces)


def test_sharpness_falls_with_blur_and_with_size_and_rises_with_grain(faces: NDArray[np.uint8]) -> None:
    blurred = [measure_quality(gaussian_blur(faces, sigma)).sharpness for sigma in (0.5, 1.0, 2.0)]
    shrunk = [measure_quality(resolution(faces, side)).sharpness for side in (36, 24, 12)]
    for steps in (blurred, shrunk):
        assert (np.diff([measure_quality(faces).sharpness, *steps], axis=0) < 0).all()
    assert (measure_quality(noise(faces, 20)).sharpness > measure_quality(faces).sharpness).all()


def test_sharpness_does_not_ask_for_light_or_contrast(faces: NDArray[np.uint8]) -> None:
    plain = measure_quality(faces).sharpness
    assert np.allclose(measure_quality(brightness(faces, 0.5)).sharpness, plain, rtol=0.05)
    assert np.allclose(measure_quality(contrast(faces, 0.5)).sharpness, plain, rtol=0.05)


def test_light_follows_the_brightest_part_and_not_the_mean() -> None:
    face = np.full((1, 48, 48), 10, np.uint8)
    face[0, 10:40, 10:20] = 200
    assert measure_quality(face).light[0] == 200


def test_each_harm_has_its_word(faces: NDArray[np.uint8]) -> None:
    assert measure_quality(gaussian_blur(faces, 3.0)).doubts() == [("too_blurred",)] * len(faces)
    assert measure_quality(brightness(faces, 0.08)).doubts() == [("too_dark",)] * len(faces)
    sides = [TOO_SMALL_PX - 1, TOO_SMALL_PX] * 10
    assert measure_quality(faces, sides).doubts() == [("too_small",), ()] * 10
    even = np.zeros((1, 48, 48), np.uint8)
    assert measure_quality(even, [5]).doubts() == [("too_small", "too_dark", "too_blurred")]


def test_the_lack_of_an_ordinary_face_is_nothing_and_grows_with_harm(faces: NDArray[np.uint8]) -> None:
    assert (measure_quality(faces).lack == 0).all()
    lacks = [measure_quality(change).lack.mean(axis=0) for change in (gaussian_blur(faces, 2), noise(faces, 60))]
    assert [lack.argmax() for lack in (*lacks, measure_quality(brightness(faces, 0.05)).lack.mean(axis=0))] == [0, 1, 2]
    assert np.isfinite(measure_quality(np.zeros((1, 48, 48), np.uint8)).lack).all()


def test_thresholds_lie_beyond_what_costs_nothing() -> None:
    """A doubt by quality is only raised where certainty is already lower."""
    edge = np.zeros((1, 48, 48), np.uint8)
    edge[0, :, 24:] = 200
    quality = measure_quality(np.asarray([cv2.GaussianBlur(edge[0], (0, 0), 3)], np.uint8))
    assert quality.sharpness[0] < TOO_BLURRED
    assert quality.lack[0, 0] > 0
    assert measure_quality(np.full((1, 48, 48), int(TOO_DARK) - 1, np.uint8)).lack[0, 2] > 0


def test_no_faces_have_no_quality() -> None:
    assert measure_quality(np.zeros((0, 48, 48), np.uint8), []).doubts() == []
