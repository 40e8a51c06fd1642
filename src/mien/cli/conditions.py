"""`mien conditions`: what the faces of a table's videos looked like under each condition of an experiment."""

from collections.abc import Iterator
from itertools import chain, groupby
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from mien.errors import DataError
from mien.results import NOTICE, SourceResult
from mien.sinks.conditions import write_conditions
from mien.summary.conditions import Event, by_condition, read_events
from mien.summary.summarizer import Summary
from mien.summary.times import clock, span_of
from mien.tables.files import read_table

__all__ = ["conditions"]


def conditions(
    table: Annotated[Path, typer.Argument(metavar="READINGS", help="A table that mien wrote: .csv, .parquet, .jsonl.")],
    events: Annotated[
        Path,
        typer.Option(
            help="A CSV with the columns start, end and label, times in seconds or hh:mm:ss; with a column input, an "
            "event is of that video alone.",
            dir_okay=False,
        ),
    ],
    out: Annotated[Path, typer.Option(help="Write conditions.csv and a picture of every video here.", file_okay=False)],
    exclude: Annotated[
        list[str] | None, typer.Option(help="Leave out a span such as 10-12.5 or 1:00-1:20; may be given again.")
    ] = None,
    exclude_label: Annotated[
        list[str] | None, typer.Option(help="Leave out what the events of this label cover; may be given again.")
    ] = None,
) -> None:
    """Sum up how faces looked under each condition: shares of time, mean probabilities, episodes.

    A frame counts for every event that covers its time; a label may come again. docs/results.md has every column.
    """
    try:
        spans = [span_of(text) for text in exclude or ()]
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--exclude") from None
    listed = read_events(events)
    unknown = set(exclude_label or ()) - {event.label for event in listed}
    if unknown:
        raise DataError(f"{events}: expected events with the label {', '.join(sorted(unknown))}, there are none")
    opened = read_table(table)
    videos = dict(_videos(opened.results(), listed, spans, frozenset(exclude_label or ())))
    if not videos:
        raise DataError(f"{table}: expected readings of videos, whose frames have times, got none")
    files = write_conditions(out, videos, opened.taxonomy)
    _print(videos)
    typer.echo(f"written to {', '.join(map(str, files))}")


def _videos(
    results: Iterator[SourceResult],
    events: tuple[Event, ...],
    spans: list[tuple[float, float]],
    left_out: frozenset[str],
) -> Iterator[tuple[str, dict[str, Summary]]]:
    """Each input with its conditions; photos have no times and are passed over."""
    for source, group in groupby(results, key=lambda result: result.source):
        readings = (result.reading for result in group if result.reading and result.reading.time_s is not None)
        first = next(readings, None)
        if first is None:
            continue
        own = [event for event in events if event.is_of(source)]
        exclusions = [*spans, *((event.start_s, event.end_s) for event in own if event.label in left_out)]
        wanted = [event for event in own if event.label not in left_out]
        yield source, by_condition(chain((first,), readings), wanted, exclusions=exclusions)


def _print(videos: dict[str, dict[str, Summary]]) -> None:
    listed = Table("input", "condition", "seen", "looks", caption=NOTICE, caption_justify="left")
    for source, summaries in videos.items():
        for condition, summary in summaries.items():
            looks = summary.overall
            shares = sorted({**looks.shares, "unsure": looks.unsure_share}.items(), key=lambda item: -item[1])
            named = ", ".join(f"{label} {share:.0%}" for label, share in shares[:3] if share >= 0.005)
            listed.add_row(source, condition, clock(looks.seconds), named or "nobody was seen")
    Console(highlight=False).print(listed)
