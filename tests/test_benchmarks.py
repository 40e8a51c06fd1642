"""The README and the page of benchmarks say what the stored results hold."""

import importlib
import json
import shutil
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest

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


def test_a_section_that_fails_keeps_what_it_had_and_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    run_all = importlib.import_module("run_all")
    results = tmp_path / "results.json"
    results.write_text(json.dumps({"load": {"rate": 1}, "install": {"rate": 1}}), "utf-8")

    def run(*command: object) -> None:
        words = [str(word) for word in command]
        if "load.py" in words[0]:
            raise subprocess.CalledProcessError(1, words)
        if words[-2] == "--json":
            Path(words[-1]).write_text(json.dumps({"rate": 2}), "utf-8")

    monkeypatch.setattr(run_all, "run", run)
    monkeypatch.setattr(run_all, "RESULTS", results)
    monkeypatch.setattr(run_all, "fer_python", lambda _: None)  # it would install fer
    options = Namespace(
        data=Path("fer2013.csv"), votes=None, fer=tmp_path, keras=None, answers=tmp_path, only=["load", "install"]
    )
    assert run_all.measure(options) == ["load"]
    kept = json.loads(results.read_text("utf-8"))
    assert kept["load"] == {"rate": 1}
    assert kept["install"]["rate"] == 2
    assert kept["install"]["machine"]["cores"] >= 1
