"""The README and the page of benchmarks say what the stored results hold."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def check(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "benchmarks" / "run_all.py"), "--check"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_pages_say_what_was_measured() -> None:
    done = check(ROOT)
    assert done.returncode == 0, done.stderr


def test_a_figure_that_nobody_measured_is_noticed(tmp_path: Path) -> None:
    for name in ("benchmarks", "docs"):
        shutil.copytree(ROOT / name, tmp_path / name)
    results = json.loads((ROOT / "benchmarks" / "results.json").read_text("utf-8"))
    accuracy = f"{100 * results['bench']['accuracies'][0]['accuracy']:.1f} "
    readme = (ROOT / "README.md").read_text("utf-8")
    assert accuracy in readme
    (tmp_path / "README.md").write_text(readme.replace(accuracy, "99.9 "), "utf-8")
    done = check(tmp_path)
    assert done.returncode == 1
    assert "README.md" in done.stderr
    assert "benchmarks.md" not in done.stderr
