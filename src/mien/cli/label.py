"""`mien label`: photos and videos in, a page to label their faces by keyboard, labels out."""

import getpass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mien.active import QUEUES
from mien.analyzer import Analyzer
from mien.annotation.desk import LabelDesk
from mien.annotation.export import labelled_faces
from mien.annotation.gathering import gather
from mien.annotation.store import LabelStore
from mien.classifier import DEFAULT_MODEL, EmotionClassifier
from mien.cli.pages import open_page
from mien.cli.reading import DETECTOR, MODEL
from mien.cli.serve import run_app
from mien.errors import MediaError, MissingExtraError
from mien.media.finding import find_media
from mien.server.settings import Settings

__all__ = ["label"]


def label(
    sources: Annotated[
        list[Path] | None, typer.Argument(help="Photos, videos, or folders of them; none goes on with what is there.")
    ] = None,
    labels: Annotated[Path, typer.Option(help="The label file; made, or gone on with.", dir_okay=False)] = Path(
        "labels.sqlite"
    ),
    who: Annotated[str | None, typer.Option(help="Who labels; your name on this computer if left out.")] = None,
    by: Annotated[str, typer.Option(help=f"What decides which face comes next: {', '.join(QUEUES)}.")] = "combined",
    every: Annotated[float, typer.Option(help="Of videos, take one frame in so many seconds; 0 for all.", min=0)] = 1.0,
    export: Annotated[
        Path | None, typer.Option(help="Write the labelled faces here, for mien train --extra, and exit.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Let --export replace what is there.")] = False,
    model: Annotated[str, MODEL] = DEFAULT_MODEL,
    detector: Annotated[str | None, DETECTOR] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Say where the page is, and do not open it.")
    ] = False,
    port: Annotated[int | None, typer.Option(help="Port of the page; a free one if 8646 is taken.", min=0)] = None,
) -> None:
    """Label the faces that teach a model most, by keyboard, on a page of this computer.

    The faces, cut out, and your labels are in one file, with who said what when. Ctrl-C stops; nothing is lost.
    """
    queue = next((each for each in QUEUES if each == by), None)
    if queue is None:
        raise typer.BadParameter(f"expected one of {', '.join(QUEUES)}, got {by!r}", param_hint="--by")
    if not sources and not labels.exists():
        raise typer.BadParameter(f"{labels} is not there yet: name photos or videos whose faces are to be labelled")
    with LabelStore(labels) as store:
        if export is not None:
            _export(store, export, overwrite=overwrite)
            return
        try:
            from mien.server.labelling import create_labelling_app
        except ImportError as error:
            raise MissingExtraError("the page", extra="server") from error
        settings = Settings.load({"port": port})
        classifier = EmotionClassifier.load(model)
        if sources:
            try:
                analyzer = Analyzer(model=classifier, detector=detector)
            except ValueError as error:
                raise typer.BadParameter(str(error)) from None
            _gather_all(store, analyzer, sources, every_s=every)
        with _bar("asking the model") as bar:
            task = bar.add_task("", total=None)
            desk = LabelDesk(
                store,
                classifier,
                who=who or getpass.getuser(),
                by=queue,
                on_progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
        typer.echo(f"{labels}: {len(store)} faces, {desk.labelled} labelled by {desk.who}", err=True)
        listener = open_page("mien label", settings, any_port=port is None, browser=not no_browser)
        run_app(create_labelling_app(settings, desk), settings, listener=listener)
        typer.echo(f"{labels}: {desk.labelled} of {len(store)} faces labelled by {desk.who}", err=True)


def _gather_all(store: LabelStore, analyzer: Analyzer, paths: list[Path], *, every_s: float) -> None:
    """Gather the faces of all sources; one that cannot be read is said and left out."""
    sources = find_media(paths)
    with _bar("finding faces") as bar:
        task = bar.add_task("", total=len(sources))
        for source in sources:
            name = Path(source).name
            bar.update(task, description=name)

            def tell(time_s: float, name: str = name) -> None:
                bar.update(task, description=f"{name}, {time_s:.0f} s")

            try:
                gather(store, analyzer, source, every_s=every_s, on_time=tell)
            except MediaError as error:
                typer.echo(f"mien: {error}", err=True)
            bar.advance(task)


def _bar(doing: str) -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn(f"{doing} {{task.description}}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _export(store: LabelStore, dest: Path, *, overwrite: bool) -> None:
    from mien.datasets.writing import write

    faces = labelled_faces(store)
    for sentence in write(faces, dest, overwrite=overwrite):
        typer.echo(sentence, err=True)
    with_label = int((faces.labels >= 0).sum())
    typer.echo(f"{dest}: {len(faces)} labelled faces, {with_label} with one emotion; take them with mien train --extra")
