"""Which numbers a run computes with: bfloat16 where the device has instructions for it, float32 elsewhere.

Where it has none, bfloat16 is emulated, and a step takes 2 to 14 times as long as in float32 (docs/training.md).
"""

from typing import Literal

import torch

from mien.learning.recipe import Precision

__all__ = ["native_precision"]


def native_precision(wanted: Precision, *, accelerator: str) -> Literal["bf16-mixed", "16-mixed", "32-true"]:
    """What a recipe's precision means on a device of this machine.

    Args:
        wanted: The recipe's; all but "auto" are taken as they are.
        accelerator: Lightning's name: "auto", "cpu", "gpu", "cuda", "mps".

    Returns:
        `wanted`, or for "auto" either "bf16-mixed" or "32-true".
    """
    if wanted != "auto":
        return wanted
    return "bf16-mixed" if _has_bf16(_device_type(accelerator)) else "32-true"


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
