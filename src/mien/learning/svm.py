"""Support vector machines for thousands of rows of thousands of numbers: each kernel value is computed once.

libsvm computes kernel values row by row, and again for each pair of classes and whenever its cache is full. Products of
matrices make them all at once, many times as fast, and leave to libsvm what it is best at: the search for the support
vectors. It takes 8 bytes for every pair of rows: 5.3 GB for the 25,800 that FER-2013's Training leaves to learn from.
"""

from typing import Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.svm import SVC
from torch import Tensor, nn

__all__ = ["Kernel", "KernelSVM", "SupportVectors", "kernel_values", "pixel_levels"]

Kernel = Literal["linear", "poly", "rbf"]

_BLOCK = 1024


def kernel_values(a: Tensor, b: Tensor, *, kernel: Kernel, gamma: float, degree: int) -> Tensor:
    """`(n, features)` and `(m, features)` to `(n, m)`, with scikit-learn's definitions of the kernels."""
    products = a @ b.T
    if kernel == "linear":
        return products
    if kernel == "poly":
        return (gamma * products) ** degree
    squares = a.square().sum(dim=1, keepdim=True) + b.square().sum(dim=1) - 2 * products
    return torch.exp(-gamma * squares.clamp(min=0))


class KernelSVM(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no annotations
    """scikit-learn's `SVC` for dense rows, with kernel values made ahead.

    Args:
        kernel: "linear", "poly" without a constant term, or "rbf".
        C: Price of a row on the wrong side.
        gamma: Factor in the kernel; "scale" is 1 / (features * variance).
        degree: Of the polynomial.
    """

    def __init__(
        self,
        kernel: Kernel = "rbf",
        *,
        C: float = 1.0,  # noqa: N803  scikit-learn's name
        gamma: float | Literal["scale"] = "scale",
        degree: int = 3,
    ) -> None:
        self.kernel, self.C, self.gamma, self.degree = kernel, C, gamma, degree

    def fit(self, x: NDArray[np.float32], y: NDArray[np.int64]) -> Self:
        """Learn from `(n, features)` and their labels, of at least two classes."""
        rows = torch.from_numpy(np.ascontiguousarray(x, np.float32))
        self.gamma_ = 1 / (x.shape[1] * float(x.var())) if self.gamma == "scale" else float(self.gamma)
        values = np.empty((len(x), len(x)))
        for start in range(0, len(x), _BLOCK):
            values[start : start + _BLOCK] = self._kernel(rows[start : start + _BLOCK], rows)
        machine = SVC(C=self.C, kernel="precomputed").fit(values, y)
        self.classes_ = machine.classes_
        self.support_vectors_ = rows.numpy()[machine.support_]
        sign = -1 if len(self.classes_) == 2 else 1  # scikit-learn turns the sign of this case alone
        self.coefficients_ = (sign * _per_pair(machine)).astype(np.float32)
        self.intercepts_ = (sign * machine.intercept_).astype(np.float32)
        return self

    def _kernel(self, a: Tensor, b: Tensor) -> Tensor:
        return kernel_values(a, b, kernel=self.kernel, gamma=self.gamma_, degree=self.degree)

    def decision_function(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores as `SupportVectors` gives them; with two classes, as scikit-learn wants it, `(n,)` for the second."""
        with torch.no_grad():
            answer: Tensor = SupportVectors(self)(torch.from_numpy(np.ascontiguousarray(x, np.float32)))
        scores: NDArray[np.float32] = answer.numpy()
        return scores if scores.shape[1] > 2 else np.asarray(scores[:, 1] - scores[:, 0], np.float32)

    def predict(self, x: NDArray[np.float32]) -> NDArray[np.int64]:
        """The class with the highest score."""
        scores = self.decision_function(x)
        best = scores.argmax(axis=1) if scores.ndim == 2 else (scores > 0).astype(np.intp)
        chosen: NDArray[np.int64] = self.classes_[best]
        return chosen


def pixel_levels(rows: NDArray[np.float32]) -> NDArray[np.uint8] | None:
    """Rows of pixels in 0..1 as the grey levels that they are, a quarter of the memory; None if they are none."""
    levels = np.rint(rows * 255)
    if not (levels.min() >= 0 and levels.max() <= 255 and (levels / np.float32(255) == rows).all()):
        return None
    return levels.astype(np.uint8)


def _per_pair(machine: SVC) -> NDArray[np.float64]:
    """The coefficients of libsvm as `(support vectors, pairs of classes)`, positive for the first of a pair."""
    classes = len(machine.classes_)
    own = np.repeat(np.arange(classes), machine.n_support_)
    pairs = np.zeros((len(own), classes * (classes - 1) // 2))
    for pair, (first, second) in enumerate(zip(*np.triu_indices(classes, 1), strict=True)):
        pairs[own == first, pair] = machine.dual_coef_[second - 1, own == first]
        pairs[own == second, pair] = machine.dual_coef_[first, own == second]
    return pairs


class SupportVectors(nn.Module):
    """What a fitted machine answers by: `(n, features)` float32 to a score per class, `(n, classes)`.

    Every pair of classes has a boundary. A class's score is the number of pairs that it wins and, between -1/3 and 1/3,
    by how much, as scikit-learn's `decision_function_shape="ovr"` has it.

    Args:
        machine: Fitted.
    """

    def __init__(self, machine: KernelSVM) -> None:
        super().__init__()
        self.kernel: Kernel = machine.kernel
        self.gamma, self.degree = machine.gamma_, machine.degree
        classes = len(machine.classes_)
        firsts, seconds = np.triu_indices(classes, 1)
        one_hot = torch.eye(classes)
        vectors, coefficients = machine.support_vectors_, machine.coefficients_
        if self.kernel == "linear":  # one vector per pair of classes says the same
            vectors, coefficients = coefficients.T @ vectors, np.eye(coefficients.shape[1], dtype=np.float32)
        levels = pixel_levels(vectors)
        self.register_buffer("vectors", torch.from_numpy(vectors if levels is None else levels))
        self.register_buffer("coefficients", torch.from_numpy(coefficients))
        self.register_buffer("intercepts", torch.from_numpy(machine.intercepts_))
        self.register_buffer("firsts", one_hot[torch.from_numpy(firsts)])  # (pairs, classes)
        self.register_buffer("seconds", one_hot[torch.from_numpy(seconds)])
        self.vectors: Tensor
        self.coefficients: Tensor
        self.intercepts: Tensor
        self.firsts: Tensor
        self.seconds: Tensor

    def forward(self, features: Tensor) -> Tensor:
        vectors = self.vectors if self.vectors.is_floating_point() else self.vectors.float() / 255.0
        values = kernel_values(features, vectors, kernel=self.kernel, gamma=self.gamma, degree=self.degree)
        margins = values @ self.coefficients + self.intercepts  # (n, pairs); above 0 the first class wins
        first_wins = (margins >= 0).float()
        votes = first_wins @ self.firsts + (1 - first_wins) @ self.seconds
        lead = margins @ (self.firsts - self.seconds)
        return votes + lead / (3 * (lead.abs() + 1))
