"""What the networks that were born in Keras share: its layer order, its batch normalisation, its activations."""

from collections.abc import Mapping
from types import MappingProxyType

from torch import nn

from mien.errors import RecipeError

__all__ = ["activation_layer", "conv_block", "dense_block", "initialise_he"]

_ACTIVATIONS: Mapping[str, type[nn.Module]] = MappingProxyType(
    {"elu": nn.ELU, "leaky_relu": nn.LeakyReLU, "relu": nn.ReLU}
)

_EPS, _MOMENTUM = 1e-3, 0.01  # Keras's defaults for batch normalisation; it writes the momentum as 0.99


def activation_layer(name: str) -> nn.Module:
    """A new activation layer.

    Raises:
        RecipeError: no such activation.
    """
    if name not in _ACTIVATIONS:
        raise RecipeError(f"activation must be one of {', '.join(_ACTIVATIONS)}, got {name!r}")
    return _ACTIVATIONS[name]()


def conv_block(channels_in: int, channels_out: int, *, activation: str, padding: int = 1) -> list[nn.Module]:
    """Convolution 3x3, activation, batch normalisation; padding 1 is Keras's "same", 0 its "valid"."""
    return [
        nn.Conv2d(channels_in, channels_out, 3, padding=padding),
        activation_layer(activation),
        nn.BatchNorm2d(channels_out, eps=_EPS, momentum=_MOMENTUM),
    ]


def dense_block(width_in: int, width_out: int, *, activation: str) -> list[nn.Module]:
    """Dense layer, activation, batch normalisation."""
    return [
        nn.Linear(width_in, width_out),
        activation_layer(activation),
        nn.BatchNorm1d(width_out, eps=_EPS, momentum=_MOMENTUM),
    ]


def initialise_he(network: nn.Module) -> None:
    """Draw all weights of convolutions and dense layers as He et al. 2015 do (arXiv 1502.01852); biases start at 0."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
