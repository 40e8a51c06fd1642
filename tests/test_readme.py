"""The README's own lines are run: its Python block, and the commands it names exist."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mien.cli.app import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def test_python_blocks_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
    assert "happy" in capsys.readouterr().out


def test_every_command_named_has_a_help_page() -> None:
    verbs = set(re.findall(r"^mien (\w+)", README, flags=re.MULTILINE))
    assert {"analyze", "train", "export", "evaluate"} <= verbs
    for verb in sorted(verbs):
        done = CliRunner().invoke(app, [verb, "--help"])
        assert done.exit_code == 0, verb


def test_every_linked_page_exists() -> None:
    missing = [link for link in re.findall(r"\]\(([^)#:]+)\)", README) if not (ROOT / link).exists()]
    assert missing == []
