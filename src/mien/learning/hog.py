"""Histograms of oriented gradients, in torch so that the same code trains, answers and is exported.

Source: Dalal & Triggs 2005, "Histograms of Oriented Gradients for Human Detection": centred differences, nine unsigned
orientations with votes shared between neighbours, square cells, blocks of 2x2 cells that overlap by one cell, L2
normalisation clipped at 0.2 and repeated. Votes are not shared between cells.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Hog"]

_BINS = 9
_CLIP = 0.2
_TINY = 1e-6


class Hog(nn.Module):
    """The descriptor; `(n, side, side)` grey faces to `(n, features)` float32.

    Args:
        cell_px: Side of a cell; the pixels that fill no whole cell are left out at the right and at the bottom.
    """

    def __init__(self, *, cell_px: int = 6) -> None:
        super().__init__()
        self.cell_px = cell_px
        self.register_buffer("centres", (torch.arange(_BINS) + 0.5)[None, :, None, None])
        self.centres: Tensor

    def forward(self, faces: Tensor) -> Tensor:
        """Args: `faces`: `(n, side, side)`, grey levels in 0..255."""
        x = F.pad(faces[:, None].float() / 255.0, (1, 1, 1, 1), mode="replicate")
        across = x[:, :, 1:-1, 2:] - x[:, :, 1:-1, :-2]
        down = x[:, :, 2:, 1:-1] - x[:, :, :-2, 1:-1]
        strength = torch.sqrt(across.square() + down.square())
        angle = torch.atan2(down, across) * (_BINS / math.pi)  # in bins, -9..9; both ends mean the same direction
        angle = torch.where(angle < 0, angle + _BINS, angle)
        distance = (angle - self.centres).abs()
        distance = torch.minimum(distance, _BINS - distance)  # the last bin is the first one's neighbour
        votes = strength * (1 - distance).clamp(min=0)  # (n, 9, side, side)
        cells = F.avg_pool2d(votes, self.cell_px)  # (n, 9, rows, columns)
        corners = [cells[:, :, :-1, :-1], cells[:, :, :-1, 1:], cells[:, :, 1:, :-1], cells[:, :, 1:, 1:]]
        blocks = torch.cat(corners, dim=1)  # (n, 36, rows - 1, columns - 1)
        blocks = _unit(_unit(blocks).clamp(max=_CLIP))
        return blocks.flatten(1)


def _unit(blocks: Tensor) -> Tensor:
    # Not `+ _TINY`, as the paper has it: the exporter takes so small a term away, and flat blocks divide 0 by 0.
    return blocks / torch.sqrt(blocks.square().sum(dim=1, keepdim=True)).clamp(min=_TINY)
