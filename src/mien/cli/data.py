"""`mien data`: labelled faces from one layout to another, at a glance, and searched for copies."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from mien.datasets.faceset import FaceSet
    from mien.datasets.pictures import Progress as Told

__all__ = ["data_app"]

data_app = typer.Typer(
    no_args_is_help=True,
    help="Labelled faces: convert them, look at them, find copies among them. SRC is a FER-2013 CSV, the FER+ script's "
    "folders, folders named after emotions, .npy pairs, .npz, HDF5, Parquet, Aff-Wild2, RAF-DB or AffectNet.",
)

_Source = Annotated[Path, typer.Argument(metavar="SRC", help="Labelled faces, a file or a folder.")]
_Votes = Annotated[
    Path | None, typer.Option(help="FER+ votes for the same rows: fer2013new.csv; found beside the data if left out.")
]
_Side = Annotated[int, typer.Option(min=1, help="Side of the faces in pixels; others are scaled to it.")]
_SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Go on without the rows that cannot be used, and name them.")
]
_Frames = Annotated[int, typer.Option(min=1, help="Aff-Wild2: how many frames to draw from each video.")]
_Seed = Annotated[int, typer.Option(min=0, help="Seed of whatever is drawn at random.")]

_STEP = 50  # rows between two updates of a bar


@data_app.command()
def convert(
    source: _Source,
    dest: Annotated[Path, typer.Argument(metavar="DEST", help="A name in .h5, .csv, .npz or .parquet, or a folder.")],
    *,
    layout: Annotated[
        str | None,
        typer.Option("--as", help="h5, csv, npz, npy, parquet or folders; by the suffix of DEST if left out."),
    ] = None,
    votes: _Votes = None,
    side: _Side = 48,
    skip_bad: _SkipBad = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")] = False,
    frames: _Frames = 50,
    seed: _Seed = 0,
) -> None:
    """Write labelled faces in another layout."""
    from mien.datasets.writing import LAYOUTS, layout_of, write
    from mien.writing import check_absent

    if layout is not None and layout not in LAYOUTS:
        raise typer.BadParameter(f"expected one of {', '.join(LAYOUTS)}, got {layout!r}", param_hint="--as")
    layout = layout or layout_of(dest)
    check_absent(dest, overwrite=overwrite)  # before the long reading
    faces = _read(source, votes=votes, side=side, skip_bad=skip_bad, frames=frames, seed=seed)
    with _bar(f"writing {dest.name}") as told:
        lost = write(faces, dest, layout=layout, overwrite=overwrite, progress=told)
    for sentence in lost:
        typer.echo(f"note: {sentence}", err=True)
    typer.echo(f"{_described(faces)} written to {dest}")


@data_app.command()
def explore(
    source: _Source,
    *,
    out: Annotated[Path, typer.Option(help="Folder for the pictures and the page; made if absent.")],
    votes: _Votes = None,
    side: _Side = 48,
    skip_bad: _SkipBad = False,
    frames: _Frames = 50,
    seed: _Seed = 0,
) -> None:
    """Draw a data set: classes per split, samples, mean faces, how far viewers agree."""
    from mien.datasets.explore import explore as draw

    faces = _read(source, votes=votes, side=side, skip_bad=skip_bad, frames=frames, seed=seed)
    with _bar("drawing"):
        page = draw(faces, out, seed=seed)
    typer.echo(f"{_described(faces)}: {page}")


@data_app.command()
def leaks(
    source: _Source,
    *,
    threshold: Annotated[
        float, typer.Option(min=0.5, max=1, help="Thumbnails of 16x16 that correlate by this much are near copies.")
    ] = 0.95,
    out: Annotated[
        Path | None, typer.Option(help="Folder for groups.csv, constant.csv, summary.txt, summary.json and drop.csv.")
    ] = None,
    drop: Annotated[
        Path | None,
        typer.Option(help="Where to write the list of test rows with a copy in Training, for --drop elsewhere."),
    ] = None,
    training_copies: Annotated[
        bool, typer.Option("--training-copies", help="The drop lists name Training's own copies too, but for one each.")
    ] = False,
    votes: _Votes = None,
    side: _Side = 48,
    skip_bad: _SkipBad = False,
    frames: _Frames = 50,
    seed: _Seed = 0,
) -> None:
    """Find copies within and across splits, constant images and conflicting labels."""
    from mien.datasets.droplist import write_drop_list
    from mien.datasets.leakreport import drop_rows, summarise, summary_text, write_leaks
    from mien.datasets.leaks import find_leaks

    faces = _read(source, votes=votes, side=side, skip_bad=skip_bad, frames=frames, seed=seed)
    with _bar("comparing") as told:
        found = find_leaks(faces, correlation=threshold, progress=told)
    typer.echo(summary_text(summarise(faces, found)))
    if drop is not None:
        write_drop_list(drop, drop_rows(faces, found, training_copies=training_copies))
        typer.echo(f"drop list: {drop}")
    if out is not None:
        typer.echo(f"drop list: {write_leaks(faces, found, out, training_copies=training_copies)}")


def _read(source: Path, *, votes: Path | None, side: int, skip_bad: bool, frames: int, seed: int) -> "FaceSet":
    """The faces; what was left out is said on standard error."""
    from mien.datasets.reading import read

    with _bar(f"reading {source.name}") as told:
        faces = read(
            source, votes=votes, side_px=side, skip_bad=skip_bad, frames_per_video=frames, seed=seed, progress=told
        )
    for sentence in (*faces.skipped, *faces.notes):
        typer.echo(f"note: {sentence}", err=True)
    if faces.skipped:
        typer.echo(f"note: {len(faces.skipped):,} rows are left out because they cannot be used", err=True)
    return faces


@contextmanager
def _bar(what: str) -> Iterator["Told"]:
    """A bar on standard error that moves when it is told to, and goes away at the end."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=None)

        def tell(done: int, total: int) -> None:
            if done % _STEP == 0 or done == total:
                progress.update(task, completed=done, total=total)

        yield tell


def _described(faces: "FaceSet") -> str:
    splits = ", ".join(f"{split} {int((faces.split == split).sum()):,}" for split in faces.splits)
    return f"{len(faces):,} faces ({splits})"
