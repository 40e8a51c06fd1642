"""Which arithmetic "auto" means, by what the device has instructions for; devices that there are not."""

from types import SimpleNamespace

import pytest
import torch

from mien.errors import RecipeError, RunError
from mien.learning.devices import native_precision, open_devices
from mien.learning.recipe import Precision
from mien.learning.recipe_files import load_recipe

BF16, FLOAT32 = "bf16-mixed", "32-true"


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A machine of which a test says what it has: no GPU, and a processor without bf16, if it says nothing."""
    has = SimpleNamespace(gpu=None, gpu_bf16=False, cpu_bf16=False)

    def current(check_available: bool) -> torch.device | None:
        assert check_available
        return has.gpu and torch.device(has.gpu)

    def gpu_bf16(including_emulation: bool) -> bool:
        assert not including_emulation
        return bool(has.gpu_bf16)

    monkeypatch.setattr(torch.accelerator, "current_accelerator", current)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", gpu_bf16)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": has.cpu_bf16})
    return has


@pytest.mark.parametrize("accelerator", ["auto", "cpu"])
@pytest.mark.parametrize(("has_bf16", "expected"), [(True, BF16), (False, FLOAT32)])
def test_a_processor_computes_in_what_it_has_instructions_for(
    machine: SimpleNamespace, accelerator: str, has_bf16: bool, expected: str
) -> None:
    machine.cpu_bf16 = has_bf16
    assert native_precision("auto", accelerator=accelerator) == expected


def test_a_processor_of_another_make_computes_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"architecture": "aarch64", "bf16": True})
    assert native_precision("auto", accelerator="cpu") == FLOAT32


@pytest.mark.parametrize("accelerator", ["auto", "gpu", "cuda"])
@pytest.mark.parametrize(("has_bf16", "expected"), [(True, BF16), (False, FLOAT32)])
def test_a_gpu_too(machine: SimpleNamespace, accelerator: str, has_bf16: bool, expected: str) -> None:
    machine.gpu, machine.gpu_bf16, machine.cpu_bf16 = "cuda", has_bf16, not has_bf16
    assert native_precision("auto", accelerator=accelerator) == expected


def test_the_processor_is_asked_where_the_gpu_is_not_used(machine: SimpleNamespace) -> None:
    machine.gpu, machine.gpu_bf16 = "cuda", True
    assert native_precision("auto", accelerator="cpu") == FLOAT32


def test_mps_computes_in_float32(machine: SimpleNamespace) -> None:
    machine.gpu, machine.cpu_bf16 = "mps", True
    assert native_precision("auto", accelerator="auto") == FLOAT32


@pytest.mark.parametrize("wanted", ["bf16-mixed", "32-true"])
def test_what_a_recipe_names_is_taken_as_it_is(machine: SimpleNamespace, wanted: Precision) -> None:
    assert native_precision(wanted, accelerator="auto") == wanted


def test_this_machine_is_asked() -> None:
    has_bf16 = bool(torch.cpu.get_capabilities().get("avx512_bf16"))
    assert native_precision("auto", accelerator="cpu") == (BF16 if has_bf16 else FLOAT32)


def test_an_unknown_precision_is_refused_with_those_there_are() -> None:
    with pytest.raises(RecipeError, match="precision must be one of auto, bf16-mixed, 32-true, got 'half'"):
        load_recipe("mien-s", overrides={"precision": "half"})


@pytest.mark.parametrize(
    ("accelerator", "devices", "strategy"),
    [("abacus", "1", "auto"), ("cpu", "many", "auto"), ("cpu", "0", "auto"), ("cpu", "1", "divide")],
)
def test_devices_that_there_are_not_are_refused_in_a_sentence(accelerator: str, devices: str, strategy: str) -> None:
    with pytest.raises(RunError, match=r"expected devices .*: choose others, or leave these options out"):
        open_devices("32-true", accelerator=accelerator, devices=devices, strategy=strategy)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_refused() -> None:
    with pytest.raises(RunError, match="got accelerator 'cuda', devices '1', strategy 'auto'"):
        open_devices("bf16-mixed", accelerator="cuda")
