"""What was seen under each condition, as files: a table that statistics programs read, and a picture per video."""

import csv
from collections.abc import Mapping
from pathlib import Path, PurePath

from mien.sinks.charts import conditions_chart, save_png
from mien.summary.conditions import condition_header, condition_rows
from mien.summary.summarizer import Summary
from mien.taxonomy import Taxonomy
from mien.writing import replacing

__all__ = ["write_conditions"]


def write_conditions(
    folder: str | Path, videos: Mapping[str, Mapping[str, Summary]], taxonomy: Taxonomy
) -> tuple[Path, ...]:
    """Write `conditions.csv` and a picture of every video, `<its name>.conditions.png`; which files comes back.

    Args:
        folder: Is made if need be.
        videos: By input: its conditions, as `by_condition` gives them.
        taxonomy: The label set of the readings.
    """
    folder = Path(folder)
    table = folder / "conditions.csv"
    with replacing(table) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(condition_header(taxonomy))
        for source, summaries in videos.items():
            lines.writerows(condition_rows(source, summaries, taxonomy))
    pictures: list[Path] = []
    for source, summaries in videos.items():
        picture = _free_name(folder, PurePath(source).stem, taken=pictures)
        with replacing(picture) as unfinished:
            save_png(conditions_chart(PurePath(source).name, summaries), unfinished)
        pictures.append(picture)
    return (table, *pictures)


def _free_name(folder: Path, stem: str, *, taken: list[Path]) -> Path:
    """A name for the picture of a video; two videos of one name in different folders get two."""
    path, count = folder / f"{stem}.conditions.png", 1
    while path in taken:
        count += 1
        path = folder / f"{stem}-{count}.conditions.png"
    return path
