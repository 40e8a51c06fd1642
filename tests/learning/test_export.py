"""From a run to a file that mien reads with: the same answers, and a refusal when they are not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray

from mien.classifier import EmotionClassifier
from mien.doubt import softmax
from mien.errors import ExportError, RunError
from mien.learning import classical
from mien.learning import export as export_module
from mien.learning.classical import load_classical, train_classical
from mien.learning.export import export_runs
from mien.learning.graphs import FaceReader
from mien.learning.recipe import ClassicalRecipe, Recipe
from mien.learning.runs import load_network, read_record, read_validation
from mien.learning.training import train
from training_samples import faces_to_learn


def trained(run: Path, recipe: Recipe) -> Path:
    train(faces_to_learn(), recipe, run)
    return run


SINGLE = Recipe(
    "mien_m",
    epochs=1,
    target="labels",
    batch=16,
    validation=0.2,
    precision="32-true",
    options={"stem": 8, "stages": [[8, 1], [16, 1]]},
)
TWO_HEADS = replace(SINGLE, target="votes+labels", view_px=44, view_share=44 / 48)


@pytest.mark.parametrize("recipe", [SINGLE, TWO_HEADS])
def test_the_exported_file_answers_as_the_network(recipe: Recipe, tmp_path: Path) -> None:
    run = trained(tmp_path / "run", recipe)
    card = export_runs([run], tmp_path / "model.onnx", name="tiny")
    classifier = EmotionClassifier.load(tmp_path / "model.onnx")
    assert classifier.card == card
    faces = faces_to_learn().pixels[:5]
    network = load_network(run).network
    reader = FaceReader(network, view_px=recipe.view_px, view_share=recipe.view_share)
    expected = reader.answers(faces)[-1 if recipe is SINGLE else 1]
    assert np.allclose(classifier.logits(list(faces))["fer2013"], expected, atol=1e-4)
    assert card.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert [member["seed"] for member in card.training["members"]] == [recipe.seed]
    rows = read_record(run)["rows"]
    assert card.data.startswith("synthetic faces: ")
    assert f"labels in fer2013; {rows['training']} rows to learn from, {rows['validation']} kept aside" in card.data
    written = (tmp_path / "model.onnx").read_bytes()
    assert [place for place in (tmp_path, Path(export_module.__file__).parent) if str(place).encode() in written] == []


def test_a_file_that_answers_otherwise_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = trained(tmp_path / "run", SINGLE)
    destination = tmp_path / "model.onnx"
    destination.write_bytes(b"what stood there before")

    def other_answers(self: FaceReader, faces: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """As a graph that lost a layer would."""
        return [answer.numpy() + 1 for answer in self(torch.from_numpy(faces))]

    monkeypatch.setattr(FaceReader, "answers", torch.no_grad()(other_answers))
    with pytest.raises(ExportError, match="differ by"):
        export_runs([run], destination, name="tiny")
    assert destination.read_bytes() == b"what stood there before"
    assert [path.name for path in tmp_path.iterdir() if "unfinished" in path.name] == []


def test_several_runs_answer_as_their_mean(tmp_path: Path) -> None:
    runs = [trained(tmp_path / str(seed), replace(TWO_HEADS, seed=seed)) for seed in (0, 1)]
    card = export_runs(runs, tmp_path / "both.onnx", name="both")
    faces = list(faces_to_learn().pixels[:5])
    answers = []
    for run in runs:
        export_runs([run], tmp_path / "one.onnx", name="one")
        answers.append(EmotionClassifier.load(tmp_path / "one.onnx").logits(faces))
    together = EmotionClassifier.load(tmp_path / "both.onnx").logits(faces)
    for head in ("ferplus", "fer2013"):
        assert np.allclose(together[head], (answers[0][head] + answers[1][head]) / 2, atol=1e-4)
    assert np.allclose(together["embedding"], np.hstack([answer["embedding"] for answer in answers]), atol=1e-4)
    assert [member["seed"] for member in card.training["members"]] == [0, 1]


@pytest.mark.parametrize(
    ("second", "says"),
    [
        (replace(TWO_HEADS, split_seed=1), "kept other rows aside"),
        (replace(TWO_HEADS, view_px=40), "another view"),
        (SINGLE, "other heads"),
    ],
)
def test_runs_that_do_not_fit_together_are_refused(second: Recipe, says: str, tmp_path: Path) -> None:
    runs = [trained(tmp_path / "first", TWO_HEADS), trained(tmp_path / "second", second)]
    with pytest.raises(ExportError, match=says):
        export_runs(runs, tmp_path / "model.onnx", name="both")
    assert not (tmp_path / "model.onnx").exists()


def test_eight_bit_integers_decide_nearly_as_the_network(tmp_path: Path) -> None:
    run = trained(tmp_path / "run", replace(TWO_HEADS, epochs=12))
    exact = export_runs([run], tmp_path / "exact.onnx", name="tiny", contrast_floor=50)
    small = export_runs([run], tmp_path / "small.onnx", name="tiny", contrast_floor=50, int8=True)
    assert (exact.training["arithmetic"], small.training["arithmetic"]) == ("32-bit floating point", "8-bit integers")
    convolutions = {
        name: sum(1 for node in onnx.load(str(tmp_path / f"{name}.onnx")).graph.node if node.op_type == "Conv")
        for name in ("exact", "small")
    }
    assert convolutions["exact"] == convolutions["small"]
    faces = list(faces_to_learn().pixels)
    ours, theirs = (EmotionClassifier.load(tmp_path / f"{name}.onnx").logits(faces) for name in ("small", "exact"))
    assert not np.array_equal(ours["fer2013"], theirs["fer2013"])
    assert np.corrcoef(ours["fer2013"].ravel(), theirs["fer2013"].ravel())[0, 1] > 0.98


def test_integers_that_decide_otherwise_are_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = trained(tmp_path / "run", SINGLE)
    monkeypatch.setattr(export_module, "SAME_DECISIONS", 1.01)
    with pytest.raises(ExportError, match="of the decisions of"):
        export_runs([run], tmp_path / "model.onnx", name="tiny", int8=True)
    assert not (tmp_path / "model.onnx").exists()


def test_a_classical_run_is_exported_alone_and_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classical, "_jobs", lambda: 1)  # processes take longer to start than this search lasts
    recipe = ClassicalRecipe("knn", grid={"n_neighbors": (3,)}, folds=2, validation=0.25)
    train_classical(faces_to_learn(), recipe, tmp_path / "run")
    card = export_runs([tmp_path / "run"], tmp_path / "model.onnx", name="neighbours", version="2")
    classifier = EmotionClassifier.load(tmp_path / "model.onnx")
    assert classifier.card == card
    assert (card.name, card.version, card.input.side_px) == ("neighbours", "2", 48)
    assert card.parameters > len(read_validation(tmp_path / "run")["pixels"]) * 48 * 48
    faces = faces_to_learn(10, seed=1).pixels
    answers = softmax(classifier.logits(list(faces))["fer2013"].astype(np.float64))
    np.testing.assert_allclose(answers, load_classical(tmp_path / "run").probabilities(faces), atol=1e-4)
    trained(tmp_path / "network", SINGLE)
    for runs, options in (
        ([tmp_path / "run"], {"int8": True}),
        ([tmp_path / "run"], {"contrast_floor": 30.0}),
        ([tmp_path / "network", tmp_path / "run"], {}),
    ):
        with pytest.raises(ExportError, match="exported alone and as they are"):
            export_runs(runs, tmp_path / "other.onnx", name="x", **options)
    assert not (tmp_path / "other.onnx").exists()


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no run"):
        export_runs([tmp_path], tmp_path / "model.onnx", name="tiny")
