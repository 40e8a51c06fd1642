"""`mien analyze`: photos in; a table, annotated pictures, CSV and JSON out."""

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from mien import __version__
from mien.analyzer import Analyzer
from mien.classifier import DEFAULT_MODEL
from mien.errors import MediaError
from mien.media.photos import find_photos, load_photo
from mien.profiles import Profile
from mien.results import NOTICE, Emotions, SourceResult
from mien.sinks.photos import AnnotatedPhotoSink, CsvSink, FrequencySink, JsonSink
from mien.sinks.sink import Sink
from mien.taxonomy import TAXONOMIES

__all__ = ["analyze"]


def analyze(
    paths: Annotated[list[str], typer.Argument(help="Photos, folders of photos, or patterns such as 'trip/**/*.jpg'.")],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write annotated pictures, readings.csv, readings.json and frequency.csv here.", file_okay=False
        ),
    ] = None,
    detector: Annotated[
        str | None, typer.Option(help="mtcnn, yunet or haar; yunet where it has been pulled, else mtcnn.")
    ] = None,
    labels: Annotated[str | None, typer.Option(help="ferplus (8 emotions) or fer2013 (7).")] = None,
    min_face: Annotated[float, typer.Option(help="Leave out faces smaller than this, in pixels.", min=0)] = 0,
    model: Annotated[str, typer.Option(help="An embedded model or a file that mien export wrote.")] = DEFAULT_MODEL,
    profile: Annotated[
        Path | None, typer.Option(help="One person's profile, as mien personalize makes it.", dir_okay=False)
    ] = None,
    balance: Annotated[
        float,
        typer.Option(help="Favour rare emotions: 0 not at all, 1 as if all were equally frequent.", min=0, max=1),
    ] = 0,
    max_pixels: Annotated[
        int, typer.Option(help="Refuse photos that claim more pixels than this.", min=1)
    ] = 100_000_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print the readings as JSON instead of a table.")] = False,
) -> None:
    """Read how the faces in photos look.

    Exit status: 0 all could be read, 1 some could not (each is named, and has a row with its error), 2 wrong usage.
    """
    try:
        analyzer = Analyzer(model=model, detector=detector, labels=labels, min_face_px=min_face, balance=balance)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if profile is not None:
        analyzer = analyzer.with_profile(Profile.load(profile))
    photos = find_photos(paths)
    notes = Console(stderr=True, highlight=False)
    if detector is None and analyzer.detector.name == "mtcnn":
        notes.print("mien: a faster and better detector is one step away: mien models pull yunet", style="dim")
    results: list[SourceResult] = []
    with ExitStack() as stack:
        sinks = [stack.enter_context(sink) for sink in (_sinks(out, photos, analyzer.options.labels) if out else ())]
        for result, frame_rgb in _read_all(analyzer, _with_progress(photos, notes), max_pixels=max_pixels):
            for sink in sinks:
                sink.write(result, frame_rgb)
            if result.error is not None:
                notes.print(f"mien: {result.error}", markup=False, soft_wrap=True)
            results.append(result)
    if analyzer.options.profile is not None:
        notes.print(f"mien: read with the profile {analyzer.options.profile}", markup=False, soft_wrap=True)
    if as_json:
        document = {"mien": __version__, "notice": NOTICE, "photos": [result.to_dict() for result in results]}
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        _print_table(results)
    if any(result.error is not None for result in results):
        raise typer.Exit(1)


def _sinks(folder: Path, photos: tuple[Path, ...], labels: str) -> tuple[Sink, ...]:
    folder.mkdir(parents=True, exist_ok=True)
    return (
        AnnotatedPhotoSink(folder, photos=photos),
        CsvSink(folder / "readings.csv", TAXONOMIES[labels]),
        JsonSink(folder / "readings.json"),
        FrequencySink(folder / "frequency.csv", TAXONOMIES[labels]),
    )


def _with_progress(photos: tuple[Path, ...], notes: Console) -> Iterator[Path]:
    """The photos one by one, under a progress bar where there are several and somebody watches."""
    columns = (TextColumn("reading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=notes, transient=True, disable=len(photos) < 2 or not notes.is_terminal) as bar:
        yield from bar.track(photos)


def _read_all(
    analyzer: Analyzer, photos: Iterable[Path], *, max_pixels: int
) -> Iterator[tuple[SourceResult, NDArray[np.uint8] | None]]:
    """Each photo's result and, where it could be read, its pixels."""
    for photo in photos:
        try:
            frame_rgb = load_photo(photo, max_pixels=max_pixels)
        except MediaError as error:
            yield SourceResult(str(photo), None, str(error)), None
        else:
            yield SourceResult(str(photo), analyzer.read(frame_rgb), None), frame_rgb


def _print_table(results: list[SourceResult]) -> None:
    table = Table(*_COLUMNS, caption=NOTICE, caption_justify="left")
    for result in results:
        if result.reading is None:
            continue
        if not result.reading.faces:
            table.add_row(result.source, "no face")
        for number, face in enumerate(result.reading.faces):
            box = " ".join(f"{value:.0f}" for value in face.box_xyxy)
            table.add_row(result.source, str(number), box, *_looks(face.emotions))
    Console(highlight=False).print(table)


_COLUMNS = ("photo", "face", "box (px)", "looks", "certainty", "plausible", "doubts")


def _looks(emotions: Emotions) -> tuple[str, ...]:
    """The cells from "looks" on; what is unsure is no guess."""
    shares = emotions.probabilities
    named = sorted(emotions.plausible or (emotions.top,), key=lambda label: -shares[label])
    return (
        "unsure" if emotions.unsure else emotions.top,
        "" if emotions.certainty is None else f"{emotions.certainty:.0%}",
        ", ".join(f"{label} {shares[label]:.0%}" for label in named),
        ", ".join(word.replace("_", " ") for word in emotions.doubts),
    )
