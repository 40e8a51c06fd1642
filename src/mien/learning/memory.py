"""The allocator of the C library, told that a training step will soon want again what the last one freed.

glibc gives large blocks back to the system at once and asks for new ones, page by page, in the next step. On a CPU
that is a fifth of a convolutional network's step: keeping the memory made 42 out of 34 images a second (miele-cnn, one
core, bf16) and 20 out of 16 (pesamaa-elu), for a third more memory.
"""

import ctypes
import platform

__all__ = ["keep_freed_memory"]

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4  # malloc.h
_TOP_PAD_BYTES = 64 << 20


def keep_freed_memory() -> bool:
    """Let this process keep freed memory for itself, from now on; returns whether its C library can do that."""
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    wanted = ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, -1), (_M_TOP_PAD, _TOP_PAD_BYTES))
    results = [mallopt(option, value) for option, value in wanted]
    return all(result == 1 for result in results)
