"""study-cnn: the small network of the Emotion-Recognition-Study seed.

Source: the seed's PyTorch model. Three blocks of 3x3 convolution, activation, batch normalisation and pooling (64,
128, 256), a dense layer of 256, dropout. 2,731,911 trained parameters.
"""

from torch import Tensor, nn

from mien.learning.networks.blocks import activation_layer, conv_block

__all__ = ["StudyCnn"]


class StudyCnn(nn.Module):
    """The network; `(n, 1, side_px, side_px)` float in 0..255 to `(n, outputs)` logits.

    Args:
        outputs: Columns of the answer.
        side_px: Side of the input.
        activation: "relu", "leaky_relu" or "elu".
        dropout: Share of values dropped before the last layer while training.
    """

    def __init__(self, *, outputs: int = 7, side_px: int = 48, activation: str = "relu", dropout: float = 0.5) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for width in (64, 128, 256):
            layers += [*conv_block(channels, width, activation=activation), nn.MaxPool2d(2)]
            channels = width
        self.features = nn.Sequential(*layers)  # (n, 256, side / 8, side / 8)
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels * (side_px // 8) ** 2, 256),
            activation_layer(activation),
            nn.Dropout(dropout),
            nn.Linear(256, outputs),
        )

    def forward(self, faces: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.features(faces / 255.0))
        return logits
