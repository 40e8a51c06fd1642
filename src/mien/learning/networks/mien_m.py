"""mien-m: a small residual network for 48-px faces, with one head per label set.

Ours. Dense 3x3 convolutions, because they beat depthwise ones on CPUs and batch normalisation folds into them;
identity skips where shapes match; global average pooling, so that any input size works. 1,758,449 parameters.
"""

import torch
from torch import Tensor, nn

from mien.learning.networks.two_heads import TwoHeadNetwork, TwoHeads

__all__ = ["MienM", "TwoHeads"]


class ConvBlock(nn.Module):
    """Convolution 3x3, batch normalisation, ReLU; the input is added where the shape stays."""

    def __init__(self, channels_in: int, channels_out: int, *, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, 3, stride=stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels_out)
        self.has_skip = stride == 1 and channels_in == channels_out

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.norm(self.conv(x)))
        return x + y if self.has_skip else y


class MienM(TwoHeadNetwork):
    """The network; grey faces in, two sets of logits and the embedding out.

    Args:
        stem: Channels of the first convolution.
        stages: `(channels, blocks)` of each stage; a stage halves the resolution in its first block.
        dropout: Share of the embedding dropped before the heads while training.
        outputs: Columns of a single head; None for the two heads.
    """

    def __init__(
        self,
        *,
        stem: int = 32,
        stages: tuple[tuple[int, int], ...] = ((64, 2), (128, 3), (192, 3), (256, 1)),
        dropout: float = 0.2,
        outputs: int | None = None,
    ) -> None:
        blocks: list[nn.Module] = [ConvBlock(1, stem)]
        channels = stem
        for width, depth in stages:
            blocks += [ConvBlock(channels, width, stride=2)]
            blocks += [ConvBlock(width, width) for _ in range(depth - 1)]
            channels = width
        super().__init__(nn.Sequential(*blocks), channels=channels, dropout=dropout, outputs=outputs)
