"""mien-s: mien-m with narrower stages, for when size matters more than the last point of accuracy.

Ours. Stem 32, stages of 64, 96, 160 and 224 channels; 1,204,497 parameters, 89 million multiply-adds at 48 px.
"""

from mien.learning.networks.mien_m import MienM

__all__ = ["MienS"]


class MienS(MienM):
    """The network; answers as `MienM` does.

    Args:
        dropout: Share of the embedding dropped before the heads while training.
        outputs: Columns of a single head; None for the two heads.
    """

    def __init__(self, *, dropout: float = 0.2, outputs: int | None = None) -> None:
        super().__init__(stem=32, stages=((64, 2), (96, 3), (160, 3), (224, 1)), dropout=dropout, outputs=outputs)
