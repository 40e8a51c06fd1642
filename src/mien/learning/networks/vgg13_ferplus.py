"""vgg13-ferplus: the network that FER+'s authors trained.

Source: Barsoum et al. 2016, "Training Deep Networks for Facial Expression Recognition with Crowd-Sourced Label
Distribution" (arXiv 1608.01041), section 3.1: 64-px faces; 3x3 convolutions of 64 twice, 128 twice, 256 three times
and 256 three times, each group with max pooling and dropout 0.25; dense layers of 1,024 twice with dropout 0.5; no
batch normalisation. 8,757,704 parameters for its eight emotions (the paper rounds to 8.75 million).
"""

from torch import Tensor, nn

from mien.learning.networks.blocks import initialise_he

__all__ = ["Vgg13Ferplus"]


class Vgg13Ferplus(nn.Module):
    """The network; `(n, 1, side_px, side_px)` float in 0..255 to `(n, outputs)` logits.

    Args:
        outputs: Columns of the answer.
        side_px: Side of the input.
        conv_dropout: Share of values dropped after each group of convolutions while training.
        dense_dropout: Share of values dropped after each dense layer while training.
    """

    def __init__(
        self, *, outputs: int = 8, side_px: int = 64, conv_dropout: float = 0.25, dense_dropout: float = 0.5
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for width, depth in ((64, 2), (128, 2), (256, 3), (256, 3)):
            for _ in range(depth):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
            layers += [nn.MaxPool2d(2), nn.Dropout(conv_dropout)]
        self.features = nn.Sequential(*layers)  # (n, 256, side / 16, side / 16)
        dense: list[nn.Module] = [nn.Flatten()]
        width_in = channels * (side_px // 16) ** 2
        for _ in range(2):
            dense += [nn.Linear(width_in, 1024), nn.ReLU(), nn.Dropout(dense_dropout)]
            width_in = 1024
        self.classifier = nn.Sequential(*dense, nn.Linear(width_in, outputs))
        initialise_he(self)

    def forward(self, faces: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.features((faces - 128.0) / 64.0))
        return logits
