"""Freed memory stays with the process, where the C library can be told so."""

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import os
import numpy as np
from mien.learning.memory import keep_freed_memory

def resident_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

def left_after_freeing_mb():
    before = resident_mb()
    np.ones(50_000_000, np.uint8)
    return resident_mb() - before

given_back = left_after_freeing_mb()
told = keep_freed_memory()
print(told, given_back < 10, left_after_freeing_mb() > 40)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_what_is_freed_is_kept() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "True"]
