"""resnet18-48: ResNet-18 for small pictures.

Source: He et al. 2016, "Deep Residual Learning for Image Recognition" (arXiv 1512.03385), with the stem that
small pictures need: one 3x3 convolution of stride 1 and no pooling, so that a 48-px face ends at 6x6 and not at
2x2. Squeeze-and-excitation by option: Hu et al. 2018 (arXiv 1709.01507). 11,176,401 parameters with two heads.
"""

import torch
from torch import Tensor, nn

from mien.learning.networks.two_heads import TwoHeadNetwork

__all__ = ["ResNet18"]


class SqueezeExcitation(nn.Module):
    """Weights every channel by what the whole picture says about it."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, channels // reduction)
        self.excite = nn.Linear(channels // reduction, channels)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.squeeze(x.mean(dim=(2, 3))))  # (n, channels / reduction)
        return x * torch.sigmoid(self.excite(y))[:, :, None, None]


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut, which is a 1x1 convolution where the shape changes."""

    def __init__(self, channels_in: int, channels_out: int, *, stride: int, reduction: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels_out)
        self.gate = SqueezeExcitation(channels_out, reduction) if reduction else nn.Identity()
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, stride=stride, bias=False), nn.BatchNorm2d(channels_out)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.norm1(self.conv1(x)))
        y = self.gate(self.norm2(self.conv2(y)))
        return torch.relu(y + self.shortcut(x))


class ResNet18(TwoHeadNetwork):
    """The network; grey faces in, two sets of logits and the embedding out.

    Args:
        reduction: Squeeze-and-excitation squeezes a block's channels by this factor; 0 leaves it out.
        dropout: Share of the embedding dropped before the heads while training.
        outputs: Columns of a single head; None for the two heads.
    """

    def __init__(self, *, reduction: int = 0, dropout: float = 0.2, outputs: int | None = None) -> None:
        layers: list[nn.Module] = [nn.Conv2d(1, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
        channels = 64
        for width, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
            layers += [BasicBlock(channels, width, stride=stride, reduction=reduction)]
            layers += [BasicBlock(width, width, stride=1, reduction=reduction)]
            channels = width
        super().__init__(nn.Sequential(*layers), channels=channels, dropout=dropout, outputs=outputs)
