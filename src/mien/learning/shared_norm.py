"""Batch normalisation over the batch of all processes that train together.

Each process sees a part of every batch. Normalised part by part, a network would train otherwise on two devices than on
one, and worse where the parts are small. torch has this for GPUs alone.
"""

import torch
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce

__all__ = ["share_batch_norm"]


def share_batch_norm(network: nn.Module) -> None:
    """Put a `SharedBatchNorm` in the place of every batch normalisation; weights, averages and names stay."""
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            parent, _, own = name.rpartition(".")
            setattr(network.get_submodule(parent), own, SharedBatchNorm(module))


class SharedBatchNorm(nn.Module):
    """A batch normalisation whose mean and variance are those of all processes' parts together.

    Args:
        own: The layer whose weights and running averages it goes on with.
    """

    def __init__(self, own: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
        super().__init__()
        assert own.momentum is not None
        self.eps, self.momentum = own.eps, own.momentum
        self.weight, self.bias = own.weight, own.bias
        self.register_buffer("running_mean", own.running_mean)
        self.register_buffer("running_var", own.running_var)
        self.register_buffer("num_batches_tracked", own.num_batches_tracked)
        self.running_mean: Tensor
        self.running_var: Tensor
        self.num_batches_tracked: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Args: `x`: `(n, channels)` or `(n, channels, height, width)`."""
        if not self.training:
            return nn.functional.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, training=False, eps=self.eps
            )
        over = [0, *range(2, x.ndim)]
        values = x.float()
        here = torch.cat(
            [values.sum(over), values.square().sum(over), values.new_tensor([values.numel() / values.shape[1]])]
        )
        everywhere: Tensor = all_reduce(here)  # type: ignore[no-untyped-call]  # torch's own
        sums, squares, count = torch.split(everywhere, [x.shape[1], x.shape[1], 1])
        mean = sums / count
        variance = (squares / count - mean.square()).clamp(min=0)
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
            self.num_batches_tracked += 1
        scale = self.weight * torch.rsqrt(variance + self.eps)
        shape = (1, -1, *(1,) * (x.ndim - 2))
        return ((values - mean.view(shape)) * scale.view(shape) + self.bias.view(shape)).to(x.dtype)
