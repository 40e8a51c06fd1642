"""`mien batch`: any number of photos and videos, from anywhere, into one data set."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mien.batch.video import VideoPart
from mien.classifier import DEFAULT_MODEL
from mien.cli.reading import BALANCE, DETECTOR, LABELS, MODEL, checked, one_of, step_of, stream_options
from mien.errors import MienError
from mien.interruption import StopRequest
from mien.results import NOTICE
from mien.scale.engines import Engine, InlineEngine, LocalEngine
from mien.scale.on_ray import RayEngine
from mien.scale.reading import ReadSettings
from mien.scale.run import ScaleRun
from mien.scale.storage import is_url, lives_here

__all__ = ["batch"]

_ENGINES = ("local", "ray")


def batch(
    source: Annotated[
        str,
        typer.Argument(
            help="A folder, a pattern, a list (.txt), Parquet files of paths or bytes, or an address of these such as "
            "s3://bucket/photos."
        ),
    ],
    out: Annotated[str, typer.Option(help="A folder or address for the data set. A run that is there goes on.")],
    engine: Annotated[
        str,
        typer.Option(
            help="local: a worker process for every core. ray: an actor for every core of a machine or cluster."
        ),
    ] = "local",
    ray_address: Annotated[
        str | None, typer.Option(help="Of a Ray cluster: host:port or auto; without it Ray is started here.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="How many work at a time; one for every core.", min=1, show_default=False)
    ] = None,
    column: Annotated[str | None, typer.Option(help="Of Parquet files, the column of the paths or bytes.")] = None,
    shard_size: Annotated[
        int, typer.Option(help="Photos of one part of the data set; a video counts as a hundred.", min=1)
    ] = 500,
    detector: Annotated[str | None, DETECTOR] = None,
    labels: Annotated[str | None, LABELS] = None,
    model: Annotated[str, MODEL] = DEFAULT_MODEL,
    min_face: Annotated[float, typer.Option(help="Leave out faces smaller than this, in pixels.", min=0)] = 0,
    balance: Annotated[float, BALANCE] = 0,
    max_pixels: Annotated[
        int, typer.Option(help="Refuse photos that claim more pixels than this.", min=1)
    ] = 100_000_000,
    every: Annotated[
        str | None, typer.Option(help="Of videos, read a frame every 0.2s, or every 5th (5), in place of all.")
    ] = None,
    max_side: Annotated[
        int | None, typer.Option(help="Scale frames of videos down to this many pixels on the longer side.", min=1)
    ] = None,
    smooth: Annotated[
        str, typer.Option(help="exponential, average, filter or none; with a time, as in average:0.5.")
    ] = "exponential",
    piece: Annotated[
        float,
        typer.Option(help="Read longer videos in pieces of so many seconds, side by side; 0 in one.", min=0),
    ] = 120,
    stall: Annotated[
        float, typer.Option(help="Kill a worker that is through with nothing for so many seconds.", min=1)
    ] = 300,
) -> None:
    """Read any number of photos and videos into one data set, with every core of one machine or many.

    The data set is Parquet: readings/ (a row per frame and face), failures/ (what could not be read, and why), and
    _manifest.json. After any death run it again: what is finished is kept. Exit status: 0 all was read, failures among
    it or not; 1 the run cannot go on; 2 wrong usage; 130 after Ctrl-C.
    """
    one_of("--engine", engine, _ENGINES)
    if ray_address is not None and engine != "ray":
        raise typer.BadParameter("expected --engine ray beside it", param_hint="--ray-address")
    every_s, every_frames = (None, None) if every is None else checked("--every", step_of, every)
    settings = ReadSettings.here(
        model=model if is_url(model) or not Path(model).is_file() else str(Path(model).absolute()),
        detector=detector,
        labels=labels,
        min_face_px=min_face,
        balance=balance,
        max_pixels=max_pixels,
        part=VideoPart(every_s=every_s, every_frames=every_frames, max_side_px=max_side),
        stream=stream_options(smooth, None, is_sparse=every is not None),
        piece_s=piece,
    )
    notes = Console(stderr=True, highlight=False)
    try:
        run = ScaleRun(_whole(source), _whole(out), settings, shard_size=shard_size, column=column)
    except ValueError as error:
        if isinstance(error, MienError):
            raise
        raise typer.BadParameter(str(error)) from None
    if lives_here(source) or lives_here(out):
        chosen: Engine = InlineEngine(settings, run.place)
    elif engine == "ray":
        chosen = RayEngine(settings, run.place, address=ray_address, workers=workers, stall_s=stall)
    else:
        chosen = LocalEngine(settings, run.place, workers=workers, stall_s=stall)
    with StopRequest() as stop, chosen, _bar(notes) as bar:
        task = bar.add_task("reading", total=run.plan.shards, completed=len(run.there))
        for count in run.counts(chosen, is_stopped=lambda: stop.reason is not None):
            bar.advance(task, 0 if count is None or count.is_piece else 1)
    if stop.signal_number is not None:
        notes.print(f"mien: stopped by {stop.reason}: run it again to go on", soft_wrap=True)
        raise typer.Exit(128 + stop.signal_number)
    assert run.manifest is not None
    typer.echo(
        f"{run.manifest['inputs']} photos and videos: {run.manifest['rows']} rows, {run.manifest['failures']} failures,"
        f" in {out}"
    )
    typer.echo(NOTICE)


def _whole(place: str) -> str:
    """A path from the root, so that it means the same to every worker; an address as it is."""
    return place if is_url(place) else str(Path(place).absolute())


def _bar(notes: Console) -> Progress:
    """How far a run is, where somebody watches."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("parts"),
        TimeRemainingColumn(),
        console=notes,
        transient=True,
        disable=not notes.is_terminal,
    )
