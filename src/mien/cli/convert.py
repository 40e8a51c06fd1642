"""`mien convert`: a table of readings in another format, or with another tool's column names."""

from pathlib import Path
from typing import Annotated

import typer

from mien.tables.columns import STYLES
from mien.tables.conversion import rewrite
from mien.tables.files import read_table

__all__ = ["convert"]


def convert(
    table: Annotated[Path, typer.Argument(help="A table that mien wrote: .csv, .parquet or .jsonl.")],
    out: Annotated[Path, typer.Argument(help="The new table; its suffix says the format.")],
    columns: Annotated[
        str | None, typer.Option(help=f"Whose column names: {', '.join(STYLES)}; the table's own if left out.")
    ] = None,
) -> None:
    """Write a table of readings, and what explains it, in another format or with other column names.

    Nothing is lost and nothing computed: there and back gives the same table. docs/results.md has every column.
    """
    if columns is not None and columns not in STYLES:
        raise typer.BadParameter(f"expected one of {', '.join(STYLES)}, got {columns!r}", param_hint="--columns")
    opened = read_table(table)
    count = rewrite(opened, out, style=columns)
    typer.echo(f"{count:,} rows written to {out}, columns in the style of {columns or opened.style}")
