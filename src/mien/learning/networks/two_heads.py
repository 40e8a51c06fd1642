"""Networks that answer for both label sets at once: a trunk, average pooling, dropout and linear heads."""

from typing import NamedTuple

from torch import Tensor, nn

from mien.taxonomy import FER2013, FERPLUS_VOTES

__all__ = ["TwoHeadNetwork", "TwoHeads"]


class TwoHeads(NamedTuple):
    """What a network with two heads answers."""

    votes: Tensor  # (n, 10) logits in the order of FERPLUS_VOTES
    labels: Tensor  # (n, 7) logits in the order of FER2013
    embedding: Tensor  # (n, width of the last stage)


class TwoHeadNetwork(nn.Module):
    """Grey faces in, two sets of logits and the embedding out; or, with `outputs`, one set of logits.

    Args:
        trunk: Maps `(n, 1, side, side)` normalised faces to `(n, channels, height, width)`.
        channels: Channels that the trunk ends with.
        dropout: Share of the embedding dropped before the heads while training.
        outputs: Columns of a single head; None for the two heads.
    """

    def __init__(self, trunk: nn.Module, *, channels: int, dropout: float, outputs: int | None) -> None:
        super().__init__()
        self.trunk = trunk
        self.dropout = nn.Dropout(dropout)
        self.has_two_heads = outputs is None
        if outputs is None:
            self.votes = nn.Linear(channels, len(FERPLUS_VOTES))
            self.labels = nn.Linear(channels, len(FER2013))
        else:
            self.head = nn.Linear(channels, outputs)

    def forward(self, faces: Tensor) -> TwoHeads | Tensor:
        """Args: `faces`: `(n, 1, side, side)` float, grey levels in 0..255."""
        x = (faces - 128.0) / 64.0
        embedding = self.trunk(x).mean(dim=(2, 3))  # (n, channels)
        x = self.dropout(embedding)
        if not self.has_two_heads:
            logits: Tensor = self.head(x)
            return logits
        return TwoHeads(self.votes(x), self.labels(x), embedding)
