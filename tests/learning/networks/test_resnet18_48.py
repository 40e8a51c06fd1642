"""Squeeze-and-excitation scales channels, and only by option."""

import torch

from mien.learning.networks.resnet18_48 import ResNet18, SqueezeExcitation


def test_excitation_scales_each_channel_by_one_factor() -> None:
    torch.manual_seed(0)
    gate = SqueezeExcitation(8, 4)
    x = torch.rand(2, 8, 3, 3) + 0.1
    factor = gate(x) / x
    assert ((factor > 0) & (factor < 1)).all()
    torch.testing.assert_close(factor, factor[:, :, :1, :1].expand_as(factor))


def test_reduction_adds_the_gates_of_eight_blocks() -> None:
    plain = sum(p.numel() for p in ResNet18(outputs=7).parameters())
    gated = sum(p.numel() for p in ResNet18(outputs=7, reduction=16).parameters())
    gates = [2 * c * (c // 16) + c // 16 + c for c in (64, 64, 128, 128, 256, 256, 512, 512)]
    assert gated - plain == sum(gates)
