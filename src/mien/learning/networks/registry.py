"""Every network by the name that recipes use."""

import inspect
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from torch import nn

from mien.errors import RecipeError
from mien.learning.networks.gap_cnn import GapCnn
from mien.learning.networks.miele_cnn import MieleCnn
from mien.learning.networks.mien_l import MienL
from mien.learning.networks.mien_m import MienM
from mien.learning.networks.mien_s import MienS
from mien.learning.networks.mini_xception import MiniXception
from mien.learning.networks.pesamaa_elu import PesamaaElu
from mien.learning.networks.resnet18_48 import ResNet18
from mien.learning.networks.study_cnn import StudyCnn
from mien.learning.networks.study_cnn_deep import StudyCnnDeep
from mien.learning.networks.two_heads import TwoHeadNetwork
from mien.learning.networks.vgg13_ferplus import Vgg13Ferplus
from mien.learning.networks.vgg_gap import VggGap

__all__ = ["NETWORKS", "ParameterCount", "build_network", "count_parameters"]

NETWORKS: Mapping[str, type[nn.Module]] = MappingProxyType(
    {
        "gap_cnn": GapCnn,
        "miele_cnn": MieleCnn,
        "mien_l": MienL,
        "mien_m": MienM,
        "mien_s": MienS,
        "mini_xception": MiniXception,
        "pesamaa_elu": PesamaaElu,
        "resnet18_48": ResNet18,
        "study_cnn": StudyCnn,
        "study_cnn_deep": StudyCnnDeep,
        "vgg13_ferplus": Vgg13Ferplus,
        "vgg_gap": VggGap,
    }
)


class ParameterCount(NamedTuple):
    """Parameters as Keras counts them."""

    total: int  # with the running means and variances of batch normalisation
    trainable: int


def build_network(name: str, *, outputs: int | None, side_px: int, options: Mapping[str, Any]) -> nn.Module:
    """A new network with random weights.

    Args:
        name: A key of `NETWORKS`.
        outputs: Columns of a single head; None for two heads, FER+ votes and FER-2013 labels.
        side_px: Side of its input.
        options: What else its constructor takes; lists are given as tuples.

    Raises:
        RecipeError: no such network, an unknown option, one of the wrong type, or it has no two heads.
    """
    if name not in NETWORKS:
        raise RecipeError(f"network must be one of {', '.join(NETWORKS)}, got {name!r}")
    network = NETWORKS[name]
    if outputs is None and not issubclass(network, TwoHeadNetwork):
        able = ", ".join(key for key, value in NETWORKS.items() if issubclass(value, TwoHeadNetwork))
        raise RecipeError(f"the target votes+labels needs a network with two heads ({able}), got {name}")
    parameters = inspect.signature(network).parameters
    own = {key: p.default for key, p in parameters.items() if key not in {"outputs", "side_px"}}
    for key, value in options.items():
        if key not in own:
            raise RecipeError(f"{name} has no option {key!r}: it has {', '.join(own) or 'none'}")
        _check_like(own[key], value, where=f"options.{key} of {name}")
    side = {"side_px": side_px} if "side_px" in parameters else {}
    return network(outputs=outputs, **side, **{key: _frozen(value) for key, value in options.items()})


def count_parameters(network: nn.Module) -> ParameterCount:
    """Count as Keras does: a batch normalisation has four values per channel, two of them trained."""
    trainable = sum(p.numel() for p in network.parameters() if p.requires_grad)
    frozen = sum(p.numel() for p in network.parameters() if not p.requires_grad)
    running = sum(b.numel() for name, b in network.named_buffers() if name.endswith(("running_mean", "running_var")))
    return ParameterCount(trainable + frozen + running, trainable)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list | tuple) else value


def _check_like(default: Any, value: Any, *, where: str) -> None:
    kind = {float: (int, float), tuple: (list, tuple)}.get(type(default), type(default))
    if isinstance(value, bool) != isinstance(default, bool) or not isinstance(value, kind):
        raise RecipeError(f"{where} must be of the kind of its default {default!r}, got {value!r}")
