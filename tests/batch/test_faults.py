"""Real kills: the benchmark, with a few of them."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "faults.py"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_batches_that_are_killed_go_on_to_the_same_files() -> None:
    done = subprocess.run([sys.executable, str(BENCHMARK), "--kills", "5"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 kills" in done.stdout
    assert "0 differ from the undisturbed one" in done.stdout
