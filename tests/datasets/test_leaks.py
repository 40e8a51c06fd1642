import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mien.datasets import leaks
from mien.datasets.faceset import FaceSet
from mien.datasets.leaks import conflicting_groups, find_leaks, near_copy_groups, near_copy_of_any
from mien.taxonomy import FER2013
from realrows import load_real_rows


def smooth_faces(n: int, *, seed: int = 0, side: int = 48) -> NDArray[np.uint8]:
    """Different pictures with large features, as faces have: noise of 8x8 cells enlarged."""
    coarse = np.random.default_rng(seed).integers(30, 200, (n, 8, 8), np.uint8)
    return np.kron(coarse, np.ones((side // 8, side // 8), np.uint8))


def face_set(pixels: NDArray[np.uint8], split: list[str], labels: list[int] | None = None) -> FaceSet:
    n = len(pixels)
    return FaceSet(
        pixels=pixels,
        labels=np.array(labels or [0] * n),
        votes=None,
        split=np.array(split),
        taxonomy=FER2013,
        source="planted",
    )


@pytest.fixture
def planted() -> FaceSet:
    """20 Training and 10 test rows with copies at known places."""
    pixels = smooth_faces(30)
    pixels[5] = pixels[2]  # exact, within Training
    pixels[22] = pixels[2]  # exact, across
    pixels[23] = np.clip(pixels[7] * 0.8 + 30, 0, 255).astype(np.uint8)  # another contrast, across
    pixels[24] = pixels[9]
    pixels[24][:4, :4] = 250  # a mark in the corner, across
    pixels[26] = pixels[25]  # exact, within test
    pixels[11] = pixels[28] = pixels[29] = 128  # constant
    labels = [0] * 30
    labels[5], labels[23] = 3, 4
    return face_set(pixels, ["Training"] * 20 + ["test"] * 10, labels)


def test_planted_copies_are_found_and_nothing_else(planted: FaceSet) -> None:
    found = find_leaks(planted)
    assert found.constant.nonzero()[0].tolist() == [11, 28, 29]
    assert {row: int(first) for row, first in enumerate(found.exact) if first != row} == {5: 2, 22: 2, 26: 25}
    assert {row: int(first) for row, first in enumerate(found.near) if first != row} == {
        5: 2, 22: 2, 23: 7, 24: 9, 26: 25,
    }  # fmt: skip
    assert found.leaked.nonzero()[0].tolist() == [22, 23, 24]
    assert found.partner[[22, 23, 24]].tolist() == [2, 7, 9]
    assert found.likeness[22] == 1
    assert 0.95 <= found.likeness[24] < 1
    assert found.across == {
        ("Training", "Training"): (2, 2),
        ("test", "Training"): (1, 3),
        ("Training", "test"): (2, 4),
        ("test", "test"): (2, 2),
    }


def test_the_threshold_decides_what_is_near(planted: FaceSet) -> None:
    assert find_leaks(planted, correlation=0.9999).leaked.nonzero()[0].tolist() == [22, 23]
    assert find_leaks(planted, correlation=1.0).leaked[22]
    with pytest.raises(ValueError, match=r"correlation must lie in \(0, 1\], got 1\.5"):
        find_leaks(planted, correlation=1.5)


def test_the_partner_is_the_most_similar() -> None:
    pixels = smooth_faces(4)
    pixels[0] = pixels[1]
    pixels[0][:6, :6] = 255
    pixels[3] = pixels[1]
    found = find_leaks(face_set(pixels, ["Training"] * 3 + ["test"]))
    assert found.near.tolist() == [0, 0, 2, 0]
    assert found.partner.tolist() == [-1, -1, -1, 1]


def test_rows_without_splits_leak_nowhere() -> None:
    pixels = smooth_faces(3)
    pixels[2] = pixels[0]
    found = find_leaks(face_set(pixels, ["all"] * 3))
    assert not found.leaked.any()
    assert found.across == {("all", "all"): (2, 2)}


def test_tiles_change_nothing(planted: FaceSet, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = find_leaks(planted)
    monkeypatch.setattr(leaks, "_TILE", 7)
    told: list[tuple[int, int]] = []
    tiled = find_leaks(planted, progress=lambda done, total: told.append((done, total)))
    assert (tiled.near == whole.near).all()
    assert (tiled.partner == whole.partner).all()
    assert tiled.across == whole.across
    assert told == [(7, 30), (14, 30), (21, 30), (28, 30), (30, 30)]


@pytest.mark.parametrize("side", [8, 40, 64, 100])
def test_faces_of_any_size(side: int) -> None:
    pixels = smooth_faces(6, side=side) if side % 8 == 0 else smooth_faces(6, side=104)[:, 2:102, 2:102]
    pixels[4] = np.clip(pixels[1].astype(int) + 20, 0, 255).astype(np.uint8)
    assert near_copy_groups(pixels).tolist() == [0, 1, 2, 3, 1, 5]


def test_groups_join_through_a_third() -> None:
    random = np.random.default_rng(3)
    base, drift = random.standard_normal((2, 16, 16))
    chain = np.stack([base + 0.25 * step * drift for step in range(4)])
    pixels = np.kron(np.clip(chain * 30 + 128, 0, 255), np.ones((3, 3))).astype(np.uint8)
    assert not near_copy_of_any(pixels[:1], pixels[3:])[0]
    assert near_copy_groups(pixels).tolist() == [0, 0, 0, 0]


def test_groups_with_different_labels() -> None:
    group = np.array([0, 0, 2, 2, 4, 4, 6])
    assert (
        conflicting_groups(group, np.array([1, 1, 1, 3, -1, 5, 0])).tolist() == [False] * 2 + [True] * 2 + [False] * 3
    )


def test_an_empty_set_has_no_copies() -> None:
    assert find_leaks(face_set(np.zeros((0, 48, 48), np.uint8), [])).near.shape == (0,)


def test_what_is_known_of_fer2013(shared_fer2013: Path) -> None:
    """In PublicTest 279 exact and 498 exact or near copies of Training; 12 constant images; a minute's work at most."""
    every = load_real_rows(shared_fer2013, limit=None)
    faces = face_set(every.faces, every.usage, every.emotions)
    start = time.process_time()
    found = find_leaks(faces)
    assert time.process_time() - start < 60
    assert found.across["PublicTest", "Training"] == (279, 498)
    assert (found.leaked == (found.leaked & (faces.split == "PublicTest"))).all()
    assert found.leaked.sum() == 498
    assert found.constant.sum() == 12
