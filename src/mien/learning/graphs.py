"""A network as an ONNX graph that takes faces as they are stored, checked against torch.

`(n, side, side)` uint8 go in; the graph does the rest itself: centre crop, lift of flat faces, normalisation, network.
"""

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.errors import ExportError
from mien.learning.augmentation import centre_view

__all__ = ["FaceReader", "graph_answers", "lift_contrast", "torch_graph", "write_graph"]

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


def write_graph(
    reader: FaceReader, destination: Path, *, outputs: Sequence[str], check_faces: NDArray[np.uint8]
) -> None:
    """Write a network as an ONNX file, without a card, checked against torch.

    Args:
        reader: The network; its weights are exported in float32.
        destination: The file to write.
        outputs: Names of what the reader answers, in order.
        check_faces: `(n, side, side)` uint8, at least two faces on which both must agree.

    Raises:
        ExportError: a difference is above `TOLERANCE`.
    """
    onnx.save(torch_graph(reader, outputs, check_faces[:2]), str(destination))
    answers = graph_answers(destination, outputs, check_faces)
    difference = max(
        float(np.abs(answers[output] - expected).max())
        for output, expected in zip(outputs, reader.answers(check_faces), strict=True)
    )
    if not difference <= TOLERANCE:
        raise ExportError(
            f"ONNX Runtime and torch differ by {difference:.2g} (at most {TOLERANCE} expected): nothing was written"
        )


def torch_graph(reader: nn.Module, outputs: Sequence[str], example: NDArray[np.uint8]) -> onnx.ModelProto:
    """A module as an ONNX graph of any number of faces, with weights in float32.

    Args:
        reader: Takes `(n, side, side)` uint8.
        outputs: Names of what it answers, in order.
        example: Two faces or more, of the side that the graph is to take.
    """
    reader = reader.eval().float().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it warns of a torchvision that nothing here needs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch warns of a name that it uses itself
        program = torch.onnx.export(
            reader,
            (torch.from_numpy(example),),
            dynamo=True,
            dynamic_shapes={"faces": {0: torch.export.Dim("n")}},
            input_names=["faces"],
            output_names=list(outputs),
            verbose=False,
        )
    assert program is not None
    return program.model_proto


def graph_answers(path: Path, outputs: Sequence[str], faces: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    """What a file answers, by output, in parts so that memory stays small."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    parts = [session.run(list(outputs), {"faces": faces[start : start + 256]}) for start in range(0, len(faces), 256)]
    return {output: np.concatenate(part) for output, part in zip(outputs, zip(*parts, strict=True), strict=True)}
