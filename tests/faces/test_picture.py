import numpy as np
import pytest

from mien.faces.picture import require_rgb, shrunk, stretched


def test_the_longer_side_is_brought_down() -> None:
    assert shrunk(np.zeros((900, 1200, 3), np.uint8), longer_side_px=640).shape == (480, 640, 3)
    assert shrunk(np.zeros((20_000, 8, 3), np.uint8), longer_side_px=640).shape == (640, 1, 3)


def test_a_small_picture_stays_as_it_is() -> None:
    small = np.zeros((480, 640, 3), np.uint8)
    assert shrunk(small, longer_side_px=640) is small


def test_shrinking_is_antialiased() -> None:
    stripes = np.zeros((600, 1200, 3), np.uint8)
    stripes[:, ::2] = 255
    assert np.ptp(shrunk(stripes, longer_side_px=300)) <= 1


def test_a_dull_picture_gets_the_whole_range() -> None:
    ramp = np.tile(np.linspace(10, 40, 300).astype(np.uint8)[None, :, None], (200, 1, 3))
    ramp[0, 0] = 255  # a lamp does not count
    bright = stretched(ramp)
    assert bright is not None
    assert bright.shape == ramp.shape
    assert np.percentile(bright, [1, 99]).tolist() == pytest.approx([0, 255], abs=10)
    assert (np.diff(bright[100, :, 0].astype(int)) >= 0).all()


def test_good_contrast_or_none_at_all_is_left_alone() -> None:
    assert stretched(np.tile(np.arange(256, dtype=np.uint8)[:, None, None], (1, 9, 3))) is None
    assert stretched(np.full((9, 9, 3), 70, np.uint8)) is None


def test_a_frame_is_rgb_bytes() -> None:
    require_rgb(np.zeros((1, 1, 3), np.uint8))
    with pytest.raises(ValueError, match="float64"):
        require_rgb(np.zeros((4, 4, 3)))  # type: ignore[arg-type]  # what callers without types do
