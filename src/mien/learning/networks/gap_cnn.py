"""gap-cnn: a plain stack that ends in global average pooling.

Source: the Facial Emotion Detection seed, which describes convolution, batch normalisation and pooling repeated, and
global average pooling before the answer; the widths here (64, 128, 256, 512) are ours. 1,557,255 parameters, of
which 1,555,335 are trained.
"""

from torch import Tensor, nn

from mien.learning.networks.blocks import conv_block, initialise_he

__all__ = ["GapCnn"]


class GapCnn(nn.Module):
    """The network; `(n, 1, side, side)` float in 0..255 to `(n, outputs)` logits.

    Args:
        outputs: Columns of the answer.
        widths: Channels of the blocks; each halves the resolution.
        dropout: Share of values dropped before the last layer while training.
    """

    def __init__(
        self, *, outputs: int = 7, widths: tuple[int, ...] = (64, 128, 256, 512), dropout: float = 0.25
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for width in widths:
            layers += [*conv_block(channels, width, activation="relu"), nn.MaxPool2d(2)]
            channels = width
        self.features = nn.Sequential(*layers)  # (n, 512, side / 16, side / 16)
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(channels, outputs)
        )
        initialise_he(self)

    def forward(self, faces: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.features(faces / 255.0))
        return logits
