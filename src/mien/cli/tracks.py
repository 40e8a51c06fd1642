"""`mien tracks`: the persons of a table of readings, listed, joined and parted."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from mien.errors import DataError
from mien.summary.times import clock, seconds_of
from mien.tables.conversion import rewrite
from mien.tables.files import TableFile, read_table
from mien.tables.identities import Track, merged, split, tracks_of

__all__ = ["tracks_app"]

tracks_app = typer.Typer(
    no_args_is_help=True,
    help="The persons of a table of readings: list them, join two tracks of one person, part one of two persons.",
)

_Table = Annotated[Path, typer.Argument(metavar="TABLE", help="A table that mien wrote: .csv, .parquet or .jsonl.")]
_Out = Annotated[Path, typer.Option(help="Where the changed table goes, in any format; TABLE itself is allowed.")]
_Input = Annotated[
    str | None, typer.Option("--input", help="The video, as its column has it; needed where there are several.")
]


@tracks_app.command("list")
def list_tracks(table: _Table) -> None:
    """List the persons of every video: when each was first and last seen, and in how many frames."""
    listed = Table("input", "track", "first seen", "last seen", "frames")
    for source, tracks in tracks_of(read_table(table).rows()).items():
        for number, track in tracks.items():
            listed.add_row(source, str(number), clock(track.first_s), clock(track.last_s), f"{track.rows:,}")
    Console(highlight=False).print(listed)


@tracks_app.command()
def merge(
    table: _Table,
    tracks: Annotated[list[int], typer.Argument(help="Two or more tracks of one person; the first keeps its number.")],
    out: _Out,
    source: _Input = None,
) -> None:
    """Join tracks that are one person, who was lost and found again.

    The steady probabilities stay as they were read, so they begin anew where a joined track does.
    """
    if len(set(tracks)) < 2:
        raise typer.BadParameter(f"expected two tracks or more, got {tracks[0]} alone", param_hint="TRACKS")
    opened = read_table(table)
    source, there = _tracks_of_one(opened, source, wanted=tracks)
    first, *others = tracks
    rows = merged(opened.rows(), dict.fromkeys(others, first), source=source, where=str(table))
    change = f"{source}: tracks {', '.join(map(str, tracks))} joined as track {first}"
    rewrite(opened, out, rows=rows, change=change)
    typer.echo(f"{change}, {sum(there[track].rows for track in set(tracks)):,} frames in all; written to {out}")


@tracks_app.command("split")
def split_track(
    table: _Table,
    track: Annotated[int, typer.Argument(help="The track that is two persons.")],
    at: Annotated[str, typer.Option(help="When the second begins: seconds, mm:ss or hh:mm:ss, with decimals.")],
    out: _Out,
    source: _Input = None,
) -> None:
    """Part a track that took two persons for one; from the time on it has a new number, which is printed."""
    try:
        at_s = seconds_of(at)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--at") from None
    opened = read_table(table)
    source, there = _tracks_of_one(opened, source, wanted=[track])
    whole = there[track]
    if not whole.first_s < at_s <= whole.last_s:
        raise DataError(
            f"{table}: expected a time after {clock(whole.first_s)} and up to {clock(whole.last_s)}, "
            f"between which track {track} is seen, got {clock(at_s)}"
        )
    new = max(there) + 1
    change = f"{source}: track {track} is track {new} from {at_s:g} s on"
    rewrite(opened, out, rows=split(opened.rows(), track, source=source, at_s=at_s, new_id=new), change=change)
    typer.echo(f"{change}; written to {out}")


def _tracks_of_one(table: TableFile, source: str | None, *, wanted: list[int]) -> tuple[str, dict[int, Track]]:
    """The input that is meant, and its tracks; all that are wanted are among them."""
    inputs = tracks_of(table.rows())
    if source is None and len(inputs) > 1:
        raise DataError(f"{table.path}: expected --input to say which video, there are {', '.join(inputs)}")
    if source is None:
        source = next(iter(inputs), "")
    if source not in inputs:
        raise DataError(f"{table.path}: expected an input of {', '.join(inputs) or 'none'}, got {source!r}")
    tracks = inputs[source]
    unknown = [track for track in wanted if track not in tracks]
    if unknown:
        known = ", ".join(map(str, tracks)) or "none"
        raise DataError(f"{table.path}: expected tracks of {known} in {source}, got {', '.join(map(str, unknown))}")
    return source, tracks
