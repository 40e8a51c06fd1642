"""A table written again: in another format, with another tool's column names, or with its rows changed."""

from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mien.results import NOTICE
from mien.tables.columns import Row
from mien.tables.files import TableFile, table_writer
from mien.tables.sidecar import columns_meta

__all__ = ["rewrite"]


def rewrite(
    table: TableFile,
    path: str | Path,
    *,
    style: str | None = None,
    rows: Iterable[Row] | None = None,
    change: str | None = None,
) -> int:
    """Write a table and its sidecar to `path`, which may be the table itself; how many rows it has comes back.

    Args:
        path: Its suffix says the format.
        style: Whose column names, one of `STYLES`; None keeps the table's.
        rows: Its rows as they are to be written; None for all as they are.
        change: What was done to the rows, for the sidecar's list of changes; None where nothing was.

    Raises:
        DataError: the suffix says no format, or a row cannot be read; what stood at `path` is untouched.
        MissingExtraError: Parquet, and pyarrow is not installed.
        ValueError: an unknown column style.
    """
    style = style or table.style
    count = 0
    with table_writer(path, table.taxonomy, style=style, meta=lambda: _meta(table, style, change)) as write:
        for row in table.rows() if rows is None else rows:
            write(row)
            count += 1
    return count


def _meta(table: TableFile, style: str, change: str | None) -> dict[str, Any]:
    """The table's sidecar with the names of its columns, or the little that is known where it had none."""
    labels = {"taxonomy": table.taxonomy.name, "order": list(table.taxonomy.labels)}
    meta = table.meta or {"mien": version("mien"), "notice": NOTICE, "labels": labels}
    changes = [*meta.get("changes", []), *([change] if change else [])]
    return {**meta, **({"changes": changes} if changes else {}), **columns_meta(table.taxonomy, style)}
