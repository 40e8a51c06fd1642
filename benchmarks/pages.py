"""Tables that benchmarks put into pages of docs/, each between two marks of its own."""

import re
from collections.abc import Sequence
from pathlib import Path

from mien.writing import replacing


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a table, the first as its head; all but the first column to the right."""
    marks = ["---", *["--:"] * (len(rows[0]) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (rows[0], marks, *rows[1:]))


def put_into(page: Path, name: str, block: str) -> None:
    """Replace what stands between `<!-- name -->` and `<!-- end of name -->`."""
    text = page.read_text("utf-8")
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
    text, count = pattern.subn(lambda marks: f"{marks[1]}{block}\n{marks[2]}", text)
    if count != 1:
        raise SystemExit(f"{page} has no place for the table {name}: expected <!-- {name} --> and its end")
    with replacing(page) as unfinished:
        unfinished.write_text(text, "utf-8")
