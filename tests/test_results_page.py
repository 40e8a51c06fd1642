"""docs/results.md names every column and only options that exist."""

import re
from pathlib import Path

import typer.main

from mien.cli.app import app
from mien.tables.columns import columns_of
from mien.taxonomy import FERPLUS

PAGE = (Path(__file__).parents[1] / "docs" / "results.md").read_text("utf-8")


def test_every_column_stands_in_its_order_with_its_meaning() -> None:
    table = PAGE[PAGE.index("| column |") :]
    rows = re.findall(r"^\| `(\w+)` \| (.*) \| (.*) \|$", table, flags=re.MULTILINE)
    assert rows == [(column.name, column.unit, column.meaning) for column in columns_of(FERPLUS)]


def test_every_option_exists() -> None:
    command = typer.main.get_command(app)
    analyze = command.commands["analyze"]  # type: ignore[attr-defined]
    known = {name for parameter in analyze.params for name in (*parameter.opts, *parameter.secondary_opts)}
    named = set(re.findall(r"--[a-z][a-z-]*", PAGE))
    assert len(named) > 10
    assert named <= known
