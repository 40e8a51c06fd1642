"""The devices that a run computes on, and the numbers that they compute with.

That is bfloat16 where a device has instructions for it, float32 elsewhere: there bfloat16 is emulated, and a step takes
up to 14 times as long as in float32 (docs/training.md).
"""

from typing import Literal

import torch
from lightning.fabric import Fabric
from lightning.fabric.utilities.exceptions import MisconfigurationException

from mien.errors import RunError
from mien.learning.recipe import Precision

__all__ = ["NativePrecision", "native_precision", "open_devices"]

NativePrecision = Literal["bf16-mixed", "32-true"]


def native_precision(wanted: Precision, *, accelerator: str) -> NativePrecision:
    """What a recipe's precision means on a device of this machine.

    Args:
        wanted: The recipe's; all but "auto" are taken as they are.
        accelerator: Lightning's name: "auto", "cpu", "gpu", "cuda", "mps".
    """
    if wanted != "auto":
        return wanted
    return "bf16-mixed" if _has_bf16(_device_type(accelerator)) else "32-true"


def open_devices(
    precision: NativePrecision, *, accelerator: str, devices: str = "1", nodes: int = 1, strategy: str = "auto"
) -> Fabric:
    """Lightning's Fabric, not launched yet.

    Args:
        precision: What to compute with.
        accelerator: As for `native_precision`.
        devices: How many, or which: "1", "2", "0,3", "auto".
        nodes: Machines that take part.
        strategy: Lightning's name of a data-parallel strategy.

    Raises:
        RunError: this machine has no such devices, or Lightning no such strategy.
    """
    try:
        return Fabric(accelerator=accelerator, devices=devices, num_nodes=nodes, strategy=strategy, precision=precision)
    except (ValueError, TypeError, RuntimeError, MisconfigurationException) as error:
        raise RunError(
            "expected devices that this machine has and a strategy that Lightning has, got accelerator "
            f"{accelerator!r}, devices {devices!r}, strategy {strategy!r}: choose others, or leave these options out"
        ) from error


def _device_type(accelerator: str) -> str:
    if accelerator not in ("auto", "gpu"):
        return accelerator
    device = torch.accelerator.current_accelerator(check_available=True)
    return "cpu" if device is None else device.type


def _has_bf16(device_type: str) -> bool:
    if device_type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # Processors of other makes name instructions of theirs, which no run of ours has measured.
    return device_type == "cpu" and bool(torch.cpu.get_capabilities().get("avx512_bf16"))
