"""From a run to a file that mien reads with: the same answers, and a refusal when they are not."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from mien.classifier import EmotionClassifier
from mien.errors import ExportError, RunError
from mien.learning import export as export_module
from mien.learning.export import FaceReader, export_onnx, export_run, lift_contrast, measured_scores
from mien.learning.recipe import Recipe
from mien.learning.runs import load_network
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
    card = export_run(run, tmp_path / "model.onnx", name="tiny")
    classifier = EmotionClassifier.load(tmp_path / "model.onnx")
    assert classifier.card == card
    faces = faces_to_learn().pixels[:5]
    network = load_network(run).network
    reader = FaceReader(network, view_px=recipe.view_px, view_share=recipe.view_share)
    expected = reader.answers(faces)[-1 if recipe is SINGLE else 1]
    assert np.allclose(classifier.logits(list(faces))["fer2013"], expected, atol=1e-4)
    assert card.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert card.training["seed"] == recipe.seed
    written = (tmp_path / "model.onnx").read_bytes()
    assert [place for place in (tmp_path, Path(export_module.__file__).parent) if str(place).encode() in written] == []


def test_a_file_that_answers_otherwise_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = trained(tmp_path / "run", SINGLE)
    destination = tmp_path / "model.onnx"
    card = export_run(run, destination, name="tiny")
    before = destination.read_bytes()

    class Restless(FaceReader):
        """Answers differently each time it is asked, as a graph that lost a layer would."""

        def answers(self, faces: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
            return [answer + 1 for answer in super().answers(faces)]

    reader = Restless(load_network(run).network, view_px=SINGLE.view_px, view_share=SINGLE.view_share)
    with pytest.raises(ExportError, match="differ by"):
        export_onnx(reader, card, destination, check_faces=faces_to_learn().pixels[:8])
    assert destination.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if "unfinished" in path.name] == []


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no run"):
        export_run(tmp_path, tmp_path / "model.onnx", name="tiny")


def test_the_reader_crops_the_middle() -> None:
    reader = FaceReader(nn.Identity(), view_px=44, view_share=44 / 48)
    face = np.zeros((1, 48, 48), np.uint8)
    face[:, 2:46, 2:46] = 200
    (view,) = reader(torch.from_numpy(face))
    assert view.shape == (1, 1, 44, 44)
    assert bool((view == 200).all())


def noisy_face(contrast: float, *, side: int = 44) -> torch.Tensor:
    """Noise of that standard deviation about a mid grey."""
    noise = torch.randn(1, 1, side, side, generator=torch.Generator().manual_seed(0))
    return 128 + contrast * noise / noise.std()


def middle_contrast(view: torch.Tensor) -> float:
    return float(view[:, :, 8:-8, 8:-8].std(correction=0))


def test_flat_faces_are_lifted_to_the_floor() -> None:
    assert abs(middle_contrast(lift_contrast(noisy_face(10), 30.0)) - 30) < 0.5


def test_other_faces_are_left_alone() -> None:
    strong = noisy_face(40)
    assert torch.allclose(lift_contrast(strong, 30.0), strong.clamp(0, 255), atol=1e-3)


def test_a_bright_background_does_not_hide_a_flat_face() -> None:
    flat = noisy_face(10)
    flat[:, :, :, :6] = 255.0
    assert float(flat.std()) > 30
    assert abs(middle_contrast(lift_contrast(flat, 30.0)) - 30) < 0.5


def test_levels_stay_levels_and_a_constant_face_stays_finite() -> None:
    lifted = lift_contrast(torch.cat([noisy_face(10), torch.full((1, 1, 44, 44), 7.0)]), 120.0)
    assert bool(torch.isfinite(lifted).all())
    assert 0 <= float(lifted.min()) <= float(lifted.max()) <= 255


def test_measured_scores_go_on_the_card(tmp_path: Path) -> None:
    figures = {"accuracy": 0.5, "macro_f1": 0.25, "ece_after": 0.125, "n": 8}
    path = tmp_path / "metrics.json"
    values = {"protocol": "plain", "labels": "fer2013", "data": {"split": "PublicTest"}, "full": figures}
    path.write_text(json.dumps({**values, "clean": {**figures, "accuracy": 0.375}}))
    scores, protocol = measured_scores([path])
    assert (scores["fer2013_accuracy"], scores["fer2013_clean_accuracy"]) == (0.5, 0.375)
    assert protocol == "plain, PublicTest, n = 8; one view per face"
    assert measured_scores([]) == ({}, "")
    path.write_text("{}")
    with pytest.raises(ExportError, match=r"expected a metrics[.]json"):
        measured_scores([path])
