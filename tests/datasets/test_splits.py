import numpy as np
import pytest

from mien.datasets.splits import validation_rows


def pictures(n: int) -> "np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]":
    return np.kron(np.random.default_rng(0).integers(30, 200, (n, 8, 8), np.uint8), np.ones((6, 6), np.uint8))


def test_every_label_has_its_share() -> None:
    labels = np.repeat([0, 1, 2], [100, 40, 20])
    chosen = validation_rows(pictures(160), labels, fraction=0.2, seed=0)
    assert np.bincount(labels[chosen]).tolist() == [20, 8, 4]


def test_near_copies_stay_on_one_side() -> None:
    pixels = pictures(60)
    pixels[30:] = np.clip(pixels[:30] * 0.9 + 10, 0, 255).astype(np.uint8)
    for seed in range(5):
        chosen = validation_rows(pixels, np.zeros(60, np.int64), fraction=0.3, seed=seed)
        assert (chosen[:30] == chosen[30:]).all()
        assert chosen.sum() == 18


def test_the_seed_decides() -> None:
    labels = np.zeros(50, np.int64)
    one, again, other = (validation_rows(pictures(50), labels, fraction=0.2, seed=seed) for seed in (1, 1, 2))
    assert (one == again).all()
    assert (one != other).any()


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1.0])
def test_fractions_out_of_range_are_refused(fraction: float) -> None:
    with pytest.raises(ValueError, match="fraction must lie between 0 and 1"):
        validation_rows(pictures(3), np.zeros(3, np.int64), fraction=fraction, seed=0)
