"""Several trained networks as one: an ensemble in a single graph, read in a single pass."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mien.learning.networks.two_heads import TwoHeads

__all__ = ["Members"]


class Members(nn.Module):
    """Networks of the same heads that answer together: the mean of their logits, their embeddings side by side.

    The mean of logits is the geometric mean of probabilities, which needs no softmax in the graph.

    Args:
        networks: At least one; each takes the same faces.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, faces: Tensor) -> TwoHeads | Tensor:
        """Args: `faces`: as each of the networks takes them."""
        answers = [network(faces) for network in self.networks]
        if isinstance(answers[0], Tensor):
            return torch.stack(answers).mean(dim=0)
        votes, labels, embeddings = zip(*answers, strict=True)
        return TwoHeads(torch.stack(votes).mean(dim=0), torch.stack(labels).mean(dim=0), torch.cat(embeddings, dim=1))
