"""miele-cnn: the convolutional network of the Miele seed, layer by layer.

Source: the seed's Keras model. A "valid" 3x3 convolution of 256 and a "same" one, then pairs of 128 and of 64,
pooling after each pair; dense layers of 512, 256 and 128; ReLU and batch normalisation after each. A 48-px face
shrinks to 46, 23, 11 and 5. 2,137,991 parameters, of which 2,134,407 are trained.
"""

from torch import Tensor, nn

from mien.learning.networks.blocks import conv_block, dense_block, initialise_he

__all__ = ["MieleCnn"]


class MieleCnn(nn.Module):
    """The network; `(n, 1, side_px, side_px)` float in 0..255 to `(n, outputs)` logits.

    Args:
        outputs: Columns of the answer.
        side_px: Side of the input.
    """

    def __init__(self, *, outputs: int = 7, side_px: int = 48) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for width in (256, 128, 64):
            layers += conv_block(channels, width, activation="relu", padding=0 if channels == 1 else 1)
            layers += [*conv_block(width, width, activation="relu"), nn.MaxPool2d(2)]
            channels = width
        self.features = nn.Sequential(*layers)  # (n, 64, 5, 5) from 48 px
        dense: list[nn.Module] = [nn.Flatten()]
        width_in = channels * ((side_px - 2) // 8) ** 2
        for width in (512, 256, 128):
            dense += dense_block(width_in, width, activation="relu")
            width_in = width
        self.classifier = nn.Sequential(*dense, nn.Linear(width_in, outputs))
        initialise_he(self)

    def forward(self, faces: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.features(faces / 255.0))
        return logits
