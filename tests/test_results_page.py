"""docs/results.md names every column and only options that exist; its examples are run."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from mien.cli.app import app
from mien.tables.columns import STYLES, columns_of
from mien.taxonomy import FERPLUS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "results.md").read_text("utf-8")


def rows_below(header: str) -> list[list[str]]:
    """The cells of the table that has this header."""
    start = PAGE.index(header)
    lines = PAGE[start : PAGE.index("\n\n", start)].splitlines()[2:]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines]


def test_every_column_stands_in_its_order_with_its_meaning() -> None:
    assert rows_below("| column |") == [[column.name, column.unit, column.meaning] for column in columns_of(FERPLUS)]


def test_every_name_that_a_style_changes_stands_there() -> None:
    for native, *names in rows_below("| native |"):
        expected = [STYLES[style].get(native, native) for style in ("py-feat", "py-feat-v2", "openface")]
        assert names == expected
    listed = {row[0] for row in rows_below("| native |")}
    changed = {name.removesuffix("_smooth") for style in STYLES.values() for name in style}
    assert changed & {column.name for column in columns_of(FERPLUS)} <= listed


def test_every_option_exists() -> None:
    command = typer.main.get_command(app)
    verbs = [command.commands[verb] for verb in ("analyze", "conditions", "convert")]  # type: ignore[attr-defined]
    known = {name for verb in verbs for option in verb.params for name in (*option.opts, *option.secondary_opts)}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", PAGE))
    assert len(named) > 10
    assert named <= known


def test_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "examples" / "astronaut.mp4", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    command = tmp_path / "mien"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m mien "$@"\n')
    command.chmod(0o755)
    (shell,) = re.findall(r"```bash\n(.*?)```", PAGE, flags=re.DOTALL)
    done = subprocess.run(["bash", "-e", "-c", shell], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    written = {path.name for path in (tmp_path / "results").rglob("*") if path.is_file()}
    assert written >= {
        "readings.jsonl",
        "for-py-feat.csv",
        "conditions.csv",
        "astronaut.conditions.png",
        "timeline.png",
    }
    blocks = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    for block in blocks:
        exec(compile(block, "docs/results.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"looks happy in \d+ of \d+ sure frames, first at \d\.\d\d s", lines[0])
    assert re.fullmatch(r"person 0: 1\.\d s, \d+% happy", lines[1])
    assert lines[2].startswith("1.00 s, person 0: happy")
    assert 2 + 10 < len(lines) <= 2 + 25
