"""mini-xception: sixty thousand parameters of separable convolutions.

Source: Arriaga et al. 2017, "Real-time Convolutional Neural Networks for Emotion and Gender Classification" (arXiv
1710.07557). Two "valid" 3x3 convolutions of 8; four residual modules of 16, 32, 64 and 128 channels, each two
separable convolutions and overlapping max pooling beside a strided 1x1 convolution; a 3x3 convolution to one channel
per emotion and global average pooling. 58,423 parameters for seven emotions, of which 56,951 are trained.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["MiniXception"]


def _batch_norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)  # Keras's defaults


class SeparableConv(nn.Module):
    """A 3x3 convolution per channel, a 1x1 convolution across channels, batch normalisation."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels_in, channels_in, 3, padding=1, groups=channels_in, bias=False)
        self.pointwise = nn.Conv2d(channels_in, channels_out, 1, bias=False)
        self.norm = _batch_norm(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(self.pointwise(self.depthwise(x)))
        return y


class ResidualModule(nn.Module):
    """Two separable convolutions and pooling, added to a strided 1x1 convolution; halves the resolution."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.shortcut = nn.Conv2d(channels_in, channels_out, 1, stride=2, bias=False)
        self.shortcut_norm = _batch_norm(channels_out)
        self.first = SeparableConv(channels_in, channels_out)
        self.second = SeparableConv(channels_out, channels_out)

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(torch.relu(self.first(x)))
        # Keras pads 3x3 pooling of stride 2 on both sides of an odd side, and only at the end of an even one.
        odd = y.shape[-1] % 2
        y = F.max_pool2d(y, 3, stride=2, padding=odd, ceil_mode=not odd)
        shortcut: Tensor = self.shortcut_norm(self.shortcut(x))
        return y + shortcut


class MiniXception(nn.Module):
    """The network; `(n, 1, side, side)` float in 0..255 to `(n, outputs)` logits.

    Args:
        outputs: Columns of the answer.
    """

    def __init__(self, *, outputs: int = 7) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for channels_in in (1, 8):
            layers += [nn.Conv2d(channels_in, 8, 3, bias=False), _batch_norm(8), nn.ReLU()]
        layers += [ResidualModule(*channels) for channels in ((8, 16), (16, 32), (32, 64), (64, 128))]
        self.features = nn.Sequential(*layers)  # (n, 128, 3, 3) from 48 px
        self.answer = nn.Conv2d(128, outputs, 3, padding=1)

    def forward(self, faces: Tensor) -> Tensor:
        x: Tensor = self.answer(self.features(faces / 127.5 - 1.0))
        return x.mean(dim=(2, 3))
