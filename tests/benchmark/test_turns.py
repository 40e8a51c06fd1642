"""Workers are timed in turns, in any interpreter, and those that cannot run are named and left out."""

import sys
from pathlib import Path

import pytest

from mien.benchmark.turns import median_ratio, take_turns

SCRIPT = """
import sys
from turns import serve  # found without mien
assert "mien" not in sys.modules
print("chatter of a library", flush=True)
name, factor = sys.argv[2:]
assert name != "broken"
calls = []
serve(lambda: calls.append(0) or len(calls) * float(factor))
"""


def test_every_system_is_measured_in_every_round(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    python = Path(sys.executable)
    said: list[str] = []
    systems = {"one": python, "broken": python, "absent": None, "two": python}
    workers = take_turns(systems, str(script), "10", rounds=3, say=said.append)
    assert {name: worker.measured for name, worker in workers.items()} == {"one": [10, 20, 30], "two": [10, 20, 30]}
    assert said == ["broken: could not be run here", "absent: could not be run here"]
    assert workers["one"].median == 20
    assert workers["one"].start_s > 0


def test_ratios_are_of_rounds_side_by_side() -> None:
    assert median_ratio([10, 30, 2], [5, 10, 2]) == 2
    with pytest.raises(ValueError, match="zip"):
        median_ratio([1], [1, 2])
