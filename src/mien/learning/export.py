"""From a trained run to the one file that mien reads with: an ONNX graph with its card inside.

The graph takes faces as they are stored, `(n, side, side)` uint8, and does the rest itself: centre crop, normalisation,
network. A file is only kept if ONNX Runtime answers as torch does.
"""

import json
import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.card import CARD_KEY, Head, InputSpec, ModelCard
from mien.datasets.faceset import UNLABELLED
from mien.datasets.ferplus import majority_labels
from mien.errors import ExportError
from mien.evaluation.calibration import fit_temperature
from mien.learning.augmentation import centre_view
from mien.learning.runs import RECIPE, load_network, read_record, read_validation
from mien.taxonomy import TAXONOMIES
from mien.writing import replacing

__all__ = ["FaceReader", "export_onnx", "export_run", "lift_contrast", "measured_scores", "write_card"]

TOLERANCE = 1e-3
"""Largest difference of a logit between torch and ONNX Runtime, both in float32."""

CROP_SCALE = 1.06
"""Side of the crop over the longer side of a detector's box that shows a face as FER-2013 does.

Measured with mien-m on 34 labelled photos (`benchmarks/media.py`), read as labelled with YuNet's and MTCNN's boxes: 30
and 29 at 1.0, 29 and 28 at 1.05, 30 and 29 at 1.06, 28 and 26 at 1.1. Mild smiles are what is lost: 12 and 11 of 15 at
1.0, 12 and 12 at 1.06, 10 and 9 at 1.1.
"""

CHECK_FACES = 64
"""How many of the run's own faces torch and ONNX Runtime must agree on."""

INTENDED_USE = (
    "Reading how faces look to viewers in photos and videos: research on expressions, art, games, teaching, and "
    "interfaces that people chose to use. Not for inferring what a person feels, and not for decisions about people."
)
LIMITS = (
    "Trained on grey 48-px web pictures from 2013, most of them near-frontal; labels are viewers' opinions. The data "
    "carry no demographic labels, so differences between groups were not measured. Contempt and disgust are rare in "
    "the data and often missed. EU AI Act: inferring emotions at work and in education is prohibited (Art. 5(1)(f)); "
    "deployers must inform the people exposed (Art. 50(3))."
)
DATA = "FER-2013 Training (Goodfellow et al. 2013) with FER+ votes (Barsoum et al. 2016), less a validation part"

TOLERANCE = 1e-3
"""Largest difference of a logit between torch and ONNX Runtime, both in float32."""


class FaceReader(nn.Module):
    """A network behind the input that the product feeds: `(n, side, side)` uint8 in, one tensor per output.

    Args:
        network: Takes `(n, 1, view_px, view_px)` float in 0..255.
        view_px: Side of the view that the network was trained on.
        view_share: Share of the stored face's side that the view shows.
        contrast_floor: Flatter faces get this contrast first, see `lift_contrast`; 0 leaves all as they are.
    """

    def __init__(self, network: nn.Module, *, view_px: int, view_share: float, contrast_floor: float = 0.0) -> None:
        super().__init__()
        self.network, self.view_px, self.view_share = network, view_px, view_share
        self.contrast_floor = contrast_floor

    def forward(self, faces: Tensor) -> tuple[Tensor, ...]:
        views = centre_view(faces, side_px=self.view_px, share=self.view_share)
        answer = self.network(lift_contrast(views, self.contrast_floor) if self.contrast_floor else views)
        return (answer,) if isinstance(answer, Tensor) else tuple(answer)

    def answers(self, faces: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """Every output for all faces, in parts, without gradients."""
        with torch.no_grad():
            parts = [self(part) for part in torch.split(torch.from_numpy(faces), 512)]
        return [torch.cat(output).numpy() for output in zip(*parts, strict=True)]


def lift_contrast(faces: Tensor, floor: float) -> Tensor:
    """Give flat faces the contrast that training faces have.

    Even light makes the face itself flat however bright the background is: the standard deviation of the grey levels
    in the middle of the face is 23 to 36 in studio portraits, and 41 in the median face of FER-2013. Where it is below
    `floor`, the whole view is stretched about that middle's mean until it is there.

    Args:
        faces: `(n, 1, side, side)` float, grey levels in 0..255.
        floor: Standard deviation in grey levels.
    """
    edge = faces.shape[-1] * 2 // 11  # 8 of 44 px
    middle = faces[:, :, edge:-edge, edge:-edge]
    mean = middle.mean(dim=(2, 3), keepdim=True)
    deviation = ((middle - mean) ** 2).mean(dim=(2, 3), keepdim=True).sqrt()
    gain = (floor / (deviation + 1e-3)).clamp(min=1.0)
    return ((faces - mean) * gain + mean).clamp(0.0, 255.0)


def measured_scores(metrics: Sequence[Path]) -> tuple[dict[str, float], str]:
    """What goes on a card of the files that `mien evaluate` wrote: figures by name, and how they were taken.

    Raises:
        ExportError: a file is none of its `metrics.json`.
    """
    scores: dict[str, float] = {}
    protocols: list[str] = []
    for path in metrics:
        try:
            values = json.loads(path.read_text("utf-8"))
            for part in ("full", "clean"):
                if part in values:
                    prefix = values["labels"] if part == "full" else f"{values['labels']}_clean"
                    for name in ("accuracy", "macro_f1", "ece_after"):
                        scores[f"{prefix}_{name}"] = values[part][name]
            protocols.append(f"{values['protocol']}, {values['data']['split']}, n = {values['full']['n']}")
        except (OSError, KeyError, ValueError) as error:
            raise ExportError(f"{path}: expected a metrics.json of mien evaluate, got {error!r}") from None
    return scores, "; ".join([*protocols, "one view per face"]) if protocols else ""


def export_run(
    run: Path,
    destination: Path,
    *,
    name: str,
    version: str = "1",
    contrast_floor: float = 0.0,
    metrics: Sequence[Path] = (),
) -> ModelCard:
    """Export what a run has learnt, with temperatures fitted on the validation part that it kept aside.

    Args:
        run: A folder that `train` wrote.
        destination: The ONNX file to write.
        name: Name of the model, for its card.
        version: Version of its weights, for its card.
        contrast_floor: As `FaceReader` takes it. A network that saw faces of many contrasts while training reads flat
            ones better with it.
        metrics: Files that `mien evaluate` wrote of this run as exported before; their figures go on the card.

    Returns:
        The card that went into the file.

    Raises:
        RunError: the folder holds no trained network.
        ExportError: as `export_onnx`.
    """
    trained = load_network(run)
    kept = read_validation(run)
    reader = FaceReader(
        trained.network,
        view_px=trained.recipe.view_px,
        view_share=trained.recipe.view_share,
        contrast_floor=contrast_floor,
    )
    answers = dict(zip(trained.heads, reader.answers(kept["pixels"]), strict=False))  # the embedding has no head
    record = read_record(run)
    record["data"]["source"] = Path(record["data"]["source"]).name  # a card travels: whose folder it was is not told
    scores, protocol = measured_scores(metrics)
    heads = []
    for output, (taxonomy, columns) in trained.heads.items():
        truth = majority_labels(kept["votes"]) if output == "votes" else kept["labels"]
        temperature = _fitted_temperature(answers[output][:, : len(TAXONOMIES[taxonomy])], truth)
        heads.append(Head(taxonomy, output, columns[len(TAXONOMIES[taxonomy]) :], temperature))
    card = ModelCard(
        name=name,
        version=version,
        input=InputSpec(side_px=kept["pixels"].shape[1], crop_scale=CROP_SCALE),
        heads=tuple(heads),
        embedding="embedding" if len(heads) > 1 else None,
        parameters=sum(parameter.numel() for parameter in trained.network.parameters()),
        licence="Apache-2.0",
        data=DATA,
        protocol=protocol,
        scores=scores,
        training={**record, "contrast_floor": contrast_floor, "recipe": (run / RECIPE).read_text("utf-8")},
        intended_use=INTENDED_USE,
        limits=LIMITS,
    )
    export_onnx(reader, card, destination, check_faces=kept["pixels"][:CHECK_FACES])
    return card


def _fitted_temperature(logits: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
    known = truth != UNLABELLED
    return fit_temperature(logits[known], truth[known])


def export_onnx(
    reader: FaceReader, card: ModelCard, destination: Path, *, check_faces: NDArray[np.uint8]
) -> Mapping[str, float]:
    """Write a network as an ONNX file with its card, checked against torch.

    Args:
        reader: The network; its weights are exported in float32.
        card: Goes into the file; its heads and embedding name the outputs.
        destination: Replaced at once when the check has passed.
        check_faces: `(n, side, side)` uint8, at least two faces on which both must agree.

    Returns:
        Name of each output -> the largest difference between the two.

    Raises:
        ExportError: a difference is above `TOLERANCE`; nothing is written.
    """
    reader = reader.eval().float().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    outputs = [head.output for head in card.heads] + ([card.embedding] if card.embedding else [])
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it warns of a torchvision that nothing here needs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch warns of a name that it uses itself
        program = torch.onnx.export(
            reader,
            (torch.from_numpy(check_faces[:2]),),
            dynamo=True,
            dynamic_shapes={"faces": {0: torch.export.Dim("n")}},
            input_names=["faces"],
            output_names=outputs,
            verbose=False,
        )
    assert program is not None
    with replacing(destination) as unfinished:
        program.save(str(unfinished), external_data=False)
        write_card(unfinished, card)
        session = onnxruntime.InferenceSession(str(unfinished), providers=["CPUExecutionProvider"])
        pairs = zip(session.run(outputs, {"faces": check_faces}), reader.answers(check_faces), strict=True)
        differences = {
            output: float(np.abs(got - expected).max()) for output, (got, expected) in zip(outputs, pairs, strict=True)
        }
        if not max(differences.values()) <= TOLERANCE:
            raise ExportError(
                f"ONNX Runtime and torch differ by {max(differences.values()):.2g} (at most {TOLERANCE} expected): "
                f"{destination} was not written"
            )
    return differences


def write_card(path: Path, card: ModelCard) -> None:
    """Put a card into an ONNX file, in place of all else it says of itself: torch notes source files by their path."""
    model = onnx.load(str(path))
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    model.metadata_props.add(key=CARD_KEY, value=card.to_json())
    onnx.save(model, str(path))
