"""The reading process ends by itself when nobody is left to end it."""

import signal
import subprocess
import sys

import pytest


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no timers that send a signal")
def test_a_decoder_that_hangs_ends_its_process() -> None:
    code = "import time; from mien.server.reader_process import _deadline\nwith _deadline(0.1): time.sleep(600)"
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=120)
    assert done.returncode == -signal.SIGALRM


def test_one_that_answers_in_time_goes_on() -> None:
    code = "import time; from mien.server.reader_process import _deadline\nwith _deadline(5): pass\ntime.sleep(0.1)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == 0
