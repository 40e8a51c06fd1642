"""Rows for every reader and writer: real ones where ../shared is there, and invented ones."""

from pathlib import Path

import numpy as np
import pytest

from mien.datasets.faceset import FaceSet
from mien.taxonomy import FER2013
from realrows import RealRows, load_real_rows


@pytest.fixture(scope="session")
def real_rows(shared_fer2013: Path) -> RealRows:
    """70 rows of Training and 70 of PublicTest."""
    return load_real_rows(shared_fer2013, limit=70)


@pytest.fixture
def invented() -> FaceSet:
    """Twelve rows of noise: two splits, seven emotions, votes, and columns of their own."""
    random = np.random.default_rng(7)
    return FaceSet(
        pixels=random.integers(0, 256, (12, 48, 48), np.uint8),
        labels=np.array([0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4]),
        votes=random.multinomial(10, [0.1] * 10, size=12).astype(np.uint8),
        split=np.array(["Training"] * 8 + ["PublicTest"] * 4),
        taxonomy=FER2013,
        source="invented",
        attributes={"age": np.arange(20, 32), "camera": np.array(["left", "right"] * 6)},
    )
