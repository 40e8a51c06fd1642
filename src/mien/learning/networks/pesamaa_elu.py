"""pesamaa-elu: the ELU network of the Pesämaa seed, layer by layer.

Source: the seed's Keras model. Three pairs of 3x3 convolutions (512, 256; 128, 128; 256, 512) with ELU and batch
normalisation after each, pooling and dropout after each pair, a dense layer of 256. 7,831,815 parameters, of
which 7,827,719 are trained (the rest are running means and variances).
"""

from torch import Tensor, nn

from mien.learning.networks.blocks import conv_block, dense_block, initialise_he

__all__ = ["PesamaaElu"]


class PesamaaElu(nn.Module):
    """The network; `(n, 1, side_px, side_px)` float in 0..255 to `(n, outputs)` logits.

    Args:
        outputs: Columns of the answer.
        side_px: Side of the input.
        conv_dropout: Share of values dropped after each pair of convolutions while training.
        dense_dropout: Share of values dropped after the dense layer while training.
    """

    def __init__(
        self, *, outputs: int = 7, side_px: int = 48, conv_dropout: float = 0.22, dense_dropout: float = 0.23
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for widths in ((512, 256), (128, 128), (256, 512)):
            for width in widths:
                layers += conv_block(channels, width, activation="elu")
                channels = width
            layers += [nn.MaxPool2d(2), nn.Dropout(conv_dropout)]
        self.features = nn.Sequential(*layers)  # (n, 512, side / 8, side / 8)
        self.classifier = nn.Sequential(
            nn.Flatten(),
            *dense_block(channels * (side_px // 8) ** 2, 256, activation="elu"),
            nn.Dropout(dense_dropout),
            nn.Linear(256, outputs),
        )
        initialise_he(self)

    def forward(self, faces: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.features(faces / 255.0))
        return logits
