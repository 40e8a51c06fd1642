"""Tables that benchmarks put into pages of docs/, each between two marks of its own."""

import re
from pathlib import Path

from mien.benchmark.report import markdown
from mien.writing import replacing

__all__ = ["filled", "markdown", "put_into"]


def filled(page: Path, name: str, block: str) -> str:
    """The page's text with a block between `<!-- name -->` and `<!-- end of name -->`."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
    text, count = pattern.subn(lambda marks: f"{marks[1]}{block}\n{marks[2]}", page.read_text("utf-8"))
    if count != 1:
        raise SystemExit(f"{page} has no place for the table {name}: expected <!-- {name} --> and its end")
    return text


def put_into(page: Path, name: str, block: str) -> None:
    """Replace what stands there."""
    text = filled(page, name, block)
    with replacing(page) as unfinished:
        unfinished.write_text(text, "utf-8")
