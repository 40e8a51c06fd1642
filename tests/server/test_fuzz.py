"""The service under floods of broken input, in short; `benchmarks/fuzz.py` is the long version."""

import subprocess
import sys
from pathlib import Path

FUZZ = Path(__file__).parents[2] / "benchmarks" / "fuzz.py"


def test_nothing_fails_crashes_or_grows(tmp_path: Path) -> None:
    command = [
        sys.executable,
        str(FUZZ),
        "--pictures",
        "240",
        "--examples",
        "2",
        "--seed",
        "1",
        "--keep",
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "240 mutated pictures" in done.stdout
    assert "passed" in done.stdout
    assert "nothing failed" in done.stdout
