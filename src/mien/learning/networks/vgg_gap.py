"""vgg-gap: a VGG of eight 3x3 convolutions that ends in global average pooling.

After Simonyan & Zisserman 2015 (arXiv 1409.1556), with batch normalisation after each convolution and no dense
layers but the heads, as Lin et al. 2014 propose (arXiv 1312.4400). Our teacher beside ResNet-18: 375 million
multiply-adds at 44 px, 4,694,865 parameters with two heads.
"""

from torch import nn

from mien.learning.networks.two_heads import TwoHeadNetwork

__all__ = ["VggGap"]


class VggGap(TwoHeadNetwork):
    """The network; grey faces in, two sets of logits and the embedding out.

    Args:
        widths: Channels of the stages, two convolutions each; all but the last end in 2x2 max pooling.
        dropout: Share of the embedding dropped before the heads while training.
        outputs: Columns of a single head; None for the two heads.
    """

    def __init__(
        self,
        *,
        widths: tuple[int, ...] = (64, 128, 256, 512),
        dropout: float = 0.2,
        outputs: int | None = None,
    ) -> None:
        layers: list[nn.Module] = []
        channels = 1
        for stage, width in enumerate(widths):
            if stage > 0:
                layers += [nn.MaxPool2d(2)]
            for _ in range(2):
                layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
                channels = width
        super().__init__(nn.Sequential(*layers), channels=channels, dropout=dropout, outputs=outputs)
