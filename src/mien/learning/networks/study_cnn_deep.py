"""study-cnn-deep: the deeper network of the Emotion-Recognition-Study seed, the one its search was run on.

Source: the seed's PyTorch model. 3x3 convolutions of 32 and 64 and pooling, then 128, 256 and 512 with pooling
after each, activation and batch normalisation everywhere, global average pooling, a dense layer of 512, dropout.
1,836,231 trained parameters.
"""

from torch import Tensor, nn

from mien.learning.networks.blocks import activation_layer, conv_block

__all__ = ["StudyCnnDeep"]


class StudyCnnDeep(nn.Module):
    """The network; `(n, 1, side, side)` float in 0..255 to `(n, outputs)` logits.

    Args:
        outputs: Columns of the answer.
        activation: "relu", "leaky_relu" or "elu".
        dropout: Share of values dropped before the last layer while training.
    """

    def __init__(self, *, outputs: int = 7, activation: str = "relu", dropout: float = 0.5) -> None:
        super().__init__()
        layers = conv_block(1, 32, activation=activation)
        channels = 32
        for width in (64, 128, 256, 512):
            layers += [*conv_block(channels, width, activation=activation), nn.MaxPool2d(2)]
            channels = width
        self.features = nn.Sequential(*layers)  # (n, 512, side / 16, side / 16)
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(channels, 512),
            activation_layer(activation),
            nn.Dropout(dropout),
            nn.Linear(512, outputs),
        )

    def forward(self, faces: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.features(faces / 255.0))
        return logits
