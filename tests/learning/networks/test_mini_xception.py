"""The overlapping pooling of mini-xception is Keras's "same", whatever the side."""

import pytest
import torch
import torch.nn.functional as F

from mien.learning.networks.mini_xception import ResidualModule


@pytest.mark.parametrize("side", [5, 6, 11, 22])
def test_pooling_pads_as_keras_does(side: int) -> None:
    torch.manual_seed(0)
    module = ResidualModule(2, 3).eval()
    x = torch.randn(1, 2, side, side)
    inner = module.second(torch.relu(module.first(x)))
    total = (-(-side // 2) - 1) * 2 + 3 - side  # Keras: as much as the last window overhangs, the larger half behind
    before, behind = total // 2, total - total // 2
    padded = F.pad(inner, (before, behind, before, behind), value=float("-inf"))
    expected = F.max_pool2d(padded, 3, stride=2) + module.shortcut_norm(module.shortcut(x))
    torch.testing.assert_close(module(x), expected)
