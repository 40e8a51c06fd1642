"""Support vector machines with kernels made ahead answer as scikit-learn's own."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.svm import SVC

from mien.learning.svm import KernelSVM, SupportVectors


def rows_of(classes: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Noise with a bump where the class is; labels that do not begin at 0."""
    rng = np.random.default_rng(0)
    x, y = rng.random((210, 20), dtype=np.float32), np.arange(210) % classes
    x[np.arange(210), y] += 0.7
    return x, y + 3


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize(
    "options",
    [{"kernel": "linear", "C": 0.1}, {"kernel": "poly", "degree": 2}, {"kernel": "rbf", "C": 3.0, "gamma": 0.05}],
    ids=lambda options: options["kernel"],
)
def test_it_decides_as_scikit_learns(options: dict[str, Any], classes: int) -> None:
    x, y = rows_of(classes)
    ours, theirs = KernelSVM(**options).fit(x[:150], y[:150]), SVC(**options, break_ties=classes > 2)
    expected = theirs.fit(x[:150], y[:150]).decision_function(x)
    clear = np.abs(expected if classes == 2 else np.diff(np.sort(expected)[:, -2:])[:, 0]) > 1e-3
    assert clear.mean() > 0.9
    assert (ours.predict(x) == theirs.predict(x))[clear].all()
    if classes > 2:
        scores = SupportVectors(ours)(torch.from_numpy(x)).numpy()
        np.testing.assert_array_equal(ours.decision_function(x), scores)
        near = np.abs(scores - expected).max(axis=1) < 1e-3  # else a pair was a draw
        assert near.mean() > 0.95


def test_scale_is_the_gamma_of_scikit_learn() -> None:
    x, y = rows_of(3)
    ours = KernelSVM().fit(x, y)
    assert ours.gamma_ == pytest.approx(SVC().fit(x, y)._gamma, rel=1e-5)
    assert ours.score(x, y) > 0.8
