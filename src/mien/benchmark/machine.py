"""The machine that figures come from, in words: without it a figure says nothing."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

__all__ = ["describe_machine", "machine_line"]

_PACKAGES = ("mien", "numpy", "onnxruntime", "opencv-python-headless")


def describe_machine() -> dict[str, Any]:
    """Processor, cores, memory, system, versions, the day, and how busy the machine is; JSON-safe."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": _memory_gb(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: found for name in _PACKAGES if (found := _version(name))},
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "day": datetime.now(UTC).date().isoformat(),
    }


def machine_line(machine: dict[str, Any]) -> str:
    """The same as a sentence."""
    memory = "" if machine["memory_gb"] is None else f", {machine['memory_gb']} GB"
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    busy = machine["load"] is not None and machine["load"] > 0.5 * machine["cores"]
    note = (
        f"; other work ran at the time (load {machine['load']:g}), so that ratios say more than times" if busy else ""
    )
    return (
        f"{machine['cores']} cores of {machine['processor']}{memory}, {machine['system']}, Python {machine['python']}, "
        f"{versions}, {machine['day']}{note}"
    )


def _processor() -> str:
    """The processor's name as its maker has it, where the system says."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _memory_gb() -> int | None:
    """All of the machine's memory, where the system says."""
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9)
    except (AttributeError, OSError, ValueError):
        return None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
