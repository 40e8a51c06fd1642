"""From a trained run to the one file that mien reads with: an ONNX graph with its card inside.

The graph takes faces as they are stored, `(n, 48, 48)` uint8, and does the rest itself: centre crop, normalisation,
network. A file is only kept if ONNX Runtime answers as torch does.
"""

import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.card import CARD_KEY, ModelCard
from mien.errors import MienError
from mien.learning.augmentation import centre_view
from mien.learning.networks.mien_m import TwoHeads

__all__ = ["ExportMismatchError", "FaceReader", "export_onnx", "write_card"]

TOLERANCE = 1e-3
"""Largest difference of a logit between torch and ONNX Runtime, both in float32."""


class ExportMismatchError(MienError, RuntimeError):
    """The exported graph does not answer as the network that it came from."""


class FaceReader(nn.Module):
    """A network behind the input that the product feeds: `(n, side, side)` uint8."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, faces: Tensor) -> TwoHeads:
        """Args: `faces`: `(n, side, side)` uint8 grey."""
        answer: TwoHeads = self.net(centre_view(faces))
        return answer


def export_onnx(net: nn.Module, card: ModelCard, destination: Path, *, check_faces: NDArray[np.uint8]) -> float:
    """Write the network as an ONNX file with its card, checked against torch.

    Args:
        net: Returns `TwoHeads`; its weights are exported in float32.
        card: Goes into the file.
        destination: Replaced at once when the check has passed.
        check_faces: `(n, side, side)` uint8, at least two faces on which both must agree.

    Returns:
        The largest difference of a logit.

    Raises:
        ExportMismatchError: the difference is above `TOLERANCE`; nothing is written.
    """
    reader = FaceReader(net).eval().float().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    faces = torch.from_numpy(check_faces)
    program = torch.onnx.export(
        reader,
        (faces[:2],),
        dynamo=True,
        dynamic_shapes={"faces": {0: torch.export.Dim("n")}},
        input_names=["faces"],
        output_names=["votes", "labels", "embedding"],
        verbose=False,
    )
    assert program is not None
    with tempfile.TemporaryDirectory(dir=destination.parent) as folder:
        temporary = Path(folder) / destination.name
        program.save(str(temporary), external_data=False)
        write_card(temporary, card)
        session = onnxruntime.InferenceSession(str(temporary), providers=["CPUExecutionProvider"])
        answers = session.run(["votes", "labels"], {"faces": check_faces})
        with torch.no_grad():
            expected = reader(faces)
        difference = max(
            float(np.abs(answers[0] - expected.votes.numpy()).max()),
            float(np.abs(answers[1] - expected.labels.numpy()).max()),
        )
        if not difference <= TOLERANCE:
            raise ExportMismatchError(
                f"ONNX Runtime and torch differ by {difference:.2g} in a logit (at most {TOLERANCE} expected): "
                f"{destination} was not written"
            )
        temporary.replace(destination)
    return difference


def write_card(path: Path, card: ModelCard) -> None:
    """Put a card into an ONNX file, in place of the one it holds."""
    model = onnx.load(str(path))
    kept = [entry for entry in model.metadata_props if entry.key != CARD_KEY]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    model.metadata_props.add(key=CARD_KEY, value=card.to_json())
    onnx.save(model, str(path))

