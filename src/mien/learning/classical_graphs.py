"""A classical model as an ONNX graph that takes faces as they are stored, checked against scikit-learn.

`(n, side, side)` uint8 go in; the graph makes the features, decides, and answers with the logarithms of scikit-learn's
probabilities, which a softmax turns back into them. Rows that a model remembers stay bytes where they were pixels.
"""

import math
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper, parser
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from torch import Tensor, nn

from mien.doubt import softmax
from mien.errors import ExportError
from mien.learning.classical import ClassicalModel
from mien.learning.graphs import TOLERANCE, graph_answers, torch_graph
from mien.learning.hog import Hog
from mien.learning.svm import SupportVectors, pixel_levels

__all__ = ["write_classical_graph"]

LEAST = 1e-6
"""Probability that stands for none: its logarithm is a number, and a softmax gives it back as next to nothing."""

_CHUNK = 16
"""Remembered rows that are compared at once: with 2,304 numbers each, they stay in a core's own cache."""

_TO_DISTANCE = {"manhattan": "ReduceL1", "euclidean": "ReduceSumSquare"}
"""From differences to what orders rows as their distance does, by scikit-learn's names."""

_BY_PRODUCTS = """
            products = MatMulInteger (features, rows)
            twice = Mul (products, two)
            distances = Sub (squares, twice)"""
"""Squared distances, less what is the same for all rows."""

_ROW_BY_ROW = """
            seen = Cast <to = 1> (features)
            padded = Scan <num_scan_inputs = 1, body = face (float[width] one) => (float[m] far) {{
                parts = Scan <num_scan_inputs = 1, body = some ({kind}[{chunk}, width] rows) => (float[{chunk}] part) {{
                    numbers = Cast <to = 1> (rows)
                    differences = Sub (numbers, one)
                    part = {to_distance} <keepdims = 0> (differences, across)
                }}> (chunks)
                far = Reshape (parts, flat)
            }}> (seen)
            distances = Slice (padded, start, count, across)"""
"""Face by face, some rows at a time: all differences together would not fit in memory."""


def write_classical_graph(
    model: ClassicalModel, destination: Path, *, output: str, check_faces: NDArray[np.uint8]
) -> int:
    """Write a classical model as an ONNX file, without a card.

    Args:
        model: Trained.
        destination: The file to write.
        output: Name of what the graph answers, `(n, len(model.labels))` logarithms of probabilities.
        check_faces: `(n, side, side)` uint8, at least two faces on which scikit-learn and ONNX Runtime must agree.

    Returns:
        How many numbers the model remembers.

    Raises:
        ExportError: the model is of a kind that no graph is known for, or a probability differs by more than
            `TOLERANCE`.
    """
    estimator = model.estimator
    if isinstance(estimator, CalibratedClassifierCV):
        graph = torch_graph(_SupportVectorReader(model), [output], check_faces[:2])
    else:
        graph = _nearest_neighbours(model, output, check_faces[:2])
    onnx.save(graph, str(destination))
    answers = softmax(graph_answers(destination, [output], check_faces)[output].astype(np.float64))
    difference = float(np.abs(answers - model.probabilities(check_faces)).max())
    if not difference <= TOLERANCE:
        raise ExportError(
            f"ONNX Runtime and scikit-learn differ by a probability of {difference:.2g} (at most {TOLERANCE} "
            "expected): nothing was written"
        )
    return sum(math.prod(weights.dims) for weights in graph.graph.initializer)


class _Features(nn.Module):
    """Faces to the features that a classifier sees: `features_of` and, where the recipe has it, PCA.

    Args:
        features: "pixels" or "hog".
        pipeline: Fitted.
        as_bytes: Leave pixels as they are stored.
    """

    def __init__(self, features: str, pipeline: Pipeline, *, as_bytes: bool = False) -> None:
        super().__init__()
        self.as_bytes = as_bytes
        self.hog = Hog() if features == "hog" else None
        self.pca: nn.Linear | None = None
        if (pca := pipeline.named_steps.get("pca")) is not None:
            self.pca = _linear(pca)

    def forward(self, faces: Tensor) -> Tensor:
        if self.as_bytes:
            return faces.flatten(1)
        rows = faces.flatten(1).float() / 255.0 if self.hog is None else self.hog(faces)
        return rows if self.pca is None else self.pca(rows)


def _linear(pca: PCA) -> nn.Linear:
    """A whitening PCA as one product: `(x - mean) @ components / deviation`."""
    weights = pca.components_ / np.sqrt(pca.explained_variance_)[:, None]
    layer = nn.Linear(weights.shape[1], weights.shape[0])
    layer.weight = nn.Parameter(torch.from_numpy(weights).float(), requires_grad=False)
    layer.bias = nn.Parameter(torch.from_numpy(-weights @ pca.mean_).float(), requires_grad=False)
    return layer


class _SupportVectorReader(nn.Module):
    """A calibrated support vector machine from faces to log-probabilities."""

    def __init__(self, model: ClassicalModel) -> None:
        super().__init__()
        (calibrated,) = model.estimator.calibrated_classifiers_
        pipeline = calibrated.estimator
        self.features = _Features(model.features, pipeline)
        self.machine = SupportVectors(pipeline["classifier"])
        sigmoids = calibrated.calibrators
        self.register_buffer("slopes", torch.tensor([one.a_ for one in sigmoids], dtype=torch.float32))
        self.register_buffer("intercepts", torch.tensor([one.b_ for one in sigmoids], dtype=torch.float32))
        columns = torch.eye(len(model.labels))[torch.from_numpy(model.estimator.classes_)]
        self.register_buffer("columns", columns)  # (classes, labels)
        self.slopes: Tensor
        self.intercepts: Tensor
        self.columns: Tensor

    def forward(self, faces: Tensor) -> Tensor:
        scores = self.machine(self.features(faces))
        if len(self.slopes) == 1:  # two classes: one sigmoid, for the second
            second = torch.sigmoid(-(self.slopes * (scores[:, 1:] - scores[:, :1]) + self.intercepts))
            probabilities = torch.cat([1 - second, second], dim=1)
        else:
            each = torch.sigmoid(-(self.slopes * scores + self.intercepts))
            probabilities = each / each.sum(dim=1, keepdim=True)
        return torch.log((probabilities @ self.columns).clamp(min=LEAST))


def _nearest_neighbours(model: ClassicalModel, output: str, example: NDArray[np.uint8]) -> onnx.ModelProto:
    """A nearest-neighbour classifier as a graph.

    Of rows at the same distance the one that was learnt first counts, as scikit-learn has it. Distances between pixels
    are whole numbers and exact.
    """
    pipeline = model.estimator
    knn: KNeighborsClassifier = pipeline["classifier"]
    if knn.weights != "uniform" or knn.effective_metric_ not in _TO_DISTANCE:
        raise ExportError(
            f"expected nearest neighbours with equal votes and Minkowski's distance with p 1 or 2, got weights "
            f"{knn.weights!r}, metric {knn.metric!r} and p {knn.p!r}: train with these"
        )
    rows = np.ascontiguousarray(knn._fit_X, np.float32)
    levels = pixel_levels(rows) if model.features == "pixels" and "pca" not in pipeline.named_steps else None
    kind = "float" if levels is None else "uint8"
    weights = {
        "votes": np.eye(len(model.labels), dtype=np.float32)[knn.classes_[knn._y]],  # of each row, (rows, labels)
        "k": np.array([knn.n_neighbors]),
        "across": np.array([1]),
        "least": np.float32(LEAST),
    }
    if levels is not None and knn.effective_metric_ == "euclidean":
        weights["rows"] = np.ascontiguousarray(levels.T)
        weights["squares"] = (levels.astype(np.int64) ** 2).sum(axis=1).astype(np.int32)
        weights["two"] = np.array(2, np.int32)
        distances = _BY_PRODUCTS
    else:
        stored = rows if levels is None else levels
        padded = np.pad(stored, ((0, -len(rows) % _CHUNK), (0, 0)))
        weights["chunks"] = padded.reshape(-1, _CHUNK, padded.shape[1])
        weights |= {"start": np.array([0]), "count": np.array([len(rows)]), "flat": np.array([-1])}
        distances = _ROW_BY_ROW.format(kind=kind, chunk=_CHUNK, to_distance=_TO_DISTANCE[knn.effective_metric_])
    front = torch_graph(_Features(model.features, pipeline, as_bytes=levels is not None), ["features"], example)
    versions = f'ir_version: {front.ir_version}, opset_import: ["" : {front.opset_import[0].version}]'
    back = parser.parse_model(
        f"""<{versions}>
        nearest ({kind}[n, width] features) => (float[n, labels] {output}) {{{distances}
            near, which = TopK <largest = 0> (distances, k)
            voters = Gather (votes, which)
            shares = ReduceMean <keepdims = 0> (voters, across)
            some = Max (shares, least)
            {output} = Log (some)
        }}"""
    )
    back.graph.initializer.extend(numpy_helper.from_array(np.asarray(array), name) for name, array in weights.items())
    return onnx.compose.merge_models(front, back, io_map=[("features", "features")])
