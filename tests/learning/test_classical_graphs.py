"""Classical models as graphs: scikit-learn's own probabilities, from faces as they are stored."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline

from mien.doubt import softmax
from mien.errors import ExportError
from mien.learning.classical import ClassicalModel, features_of
from mien.learning.classical_graphs import LEAST, write_classical_graph
from mien.learning.graphs import graph_answers
from mien.learning.svm import KernelSVM
from mien.taxonomy import FER2013
from training_samples import faces_to_learn

FACES, UNSEEN = faces_to_learn(), faces_to_learn(40, seed=1).pixels.copy()
UNSEEN[-1, 8:40, 8:40] = 90  # flat patches have no gradients to divide by


def fitted(
    classifier: Any,
    *,
    pixels: NDArray[np.uint8] = FACES.pixels,
    labels: NDArray[np.int64] = FACES.labels,
    features: str = "pixels",
    pca: int = 0,
) -> ClassicalModel:
    """A model as `train_classical` makes it, without the search."""
    steps: list[tuple[str, Any]] = [("pca", PCA(pca, whiten=True))] if pca else []
    model = Pipeline([*steps, ("classifier", classifier)])
    if isinstance(classifier, KernelSVM):
        model = CalibratedClassifierCV(model, cv=2, ensemble=False)
    model.fit(features_of(pixels, features), labels)
    return ClassicalModel(model, features, FER2013.name, FER2013.labels)


def answers_of(model: ClassicalModel, path: Path, faces: NDArray[np.uint8] = UNSEEN) -> NDArray[np.float64]:
    """What the graph says of these faces."""
    write_classical_graph(model, path, output="labels", check_faces=faces)
    return softmax(graph_answers(path, ["labels"], faces)["labels"].astype(np.float64))


@pytest.mark.parametrize(
    ("classifier", "options"),
    [
        (KernelSVM("rbf"), {}),
        (KernelSVM("poly", degree=2), {}),
        (KernelSVM("linear", C=0.01), {}),
        (KernelSVM("rbf", C=3.0), {"features": "hog", "pca": 16}),
        (KNeighborsClassifier(3, p=1, algorithm="brute"), {}),
        (KNeighborsClassifier(5, p=2, algorithm="brute"), {}),
        (KNeighborsClassifier(5, p=2, algorithm="brute"), {"features": "hog"}),
        (KNeighborsClassifier(5, p=1, algorithm="brute"), {"pca": 16}),
    ],
    ids=str,
)
def test_the_graph_gives_scikit_learns_probabilities(classifier: Any, options: dict[str, Any], tmp_path: Path) -> None:
    model = fitted(classifier, **options)
    expected = model.probabilities(UNSEEN)
    assert expected.max() > 0.3
    np.testing.assert_allclose(answers_of(model, tmp_path / "model.onnx"), expected, atol=1e-4)


@pytest.mark.parametrize("p", [1, 2])
def test_of_copies_with_other_labels_those_learnt_first_count(p: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    faces = rng.integers(0, 256, (20, 48, 48)).astype(np.uint8)
    pixels, labels = faces.repeat(3, axis=0), np.tile([4, 1, 6], 20)
    model = fitted(KNeighborsClassifier(2, p=p, algorithm="brute"), pixels=pixels, labels=labels)
    answers = answers_of(model, tmp_path / "model.onnx", faces)
    np.testing.assert_allclose(answers, np.tile([0, 0.5, 0, 0, 0.5, 0, 0], (20, 1)), atol=1e-5)
    np.testing.assert_allclose(model.probabilities(faces), answers, atol=1e-5)


@pytest.mark.parametrize("classifier", [KernelSVM("rbf"), KNeighborsClassifier(3, algorithm="brute")], ids=str)
def test_labels_without_rows_are_as_good_as_impossible(classifier: Any, tmp_path: Path) -> None:
    two = np.isin(FACES.labels, (3, 5))
    model = fitted(classifier, pixels=FACES.pixels[two], labels=FACES.labels[two])
    answers = answers_of(model, tmp_path / "model.onnx")
    assert answers[:, [0, 1, 2, 4, 6]].max() <= LEAST
    np.testing.assert_allclose(answers[:, [3, 5]].sum(axis=1), 1, atol=1e-5)


def test_rows_of_pixels_are_stored_as_bytes_and_a_linear_kernel_as_planes(tmp_path: Path) -> None:
    stored = {}
    for kernel in ("rbf", "linear"):
        answers_of(fitted(KernelSVM(kernel)), tmp_path / "model.onnx")
        weights = onnx.load(str(tmp_path / "model.onnx")).graph.initializer
        stored[kernel] = max(weights, key=lambda each: int(np.prod(each.dims)))
    assert stored["rbf"].data_type == onnx.TensorProto.UINT8
    assert sorted(stored["linear"].dims) == [21, 2304]  # one plane for each pair of seven labels


def test_what_answers_otherwise_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = fitted(KNeighborsClassifier(3, algorithm="brute"))
    monkeypatch.setattr(ClassicalModel, "probabilities", lambda self, pixels: np.full((len(pixels), 7), 1 / 7))
    with pytest.raises(ExportError, match=r"scikit-learn differ by a probability of 0[.]\d+"):
        answers_of(model, tmp_path / "model.onnx")


def test_neighbours_that_no_graph_is_known_for_are_refused(tmp_path: Path) -> None:
    model = fitted(KNeighborsClassifier(3, weights="distance", algorithm="brute"))
    with pytest.raises(ExportError, match="got weights 'distance'"):
        answers_of(model, tmp_path / "model.onnx")
    with pytest.raises(ExportError, match="p 3"):
        answers_of(fitted(KNeighborsClassifier(3, p=3, algorithm="brute")), tmp_path / "model.onnx")
