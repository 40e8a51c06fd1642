"""`mien personalize`: pictures of one person in, a profile out."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from mien.analyzer import Analyzer
from mien.classifier import DEFAULT_MODEL
from mien.cli.pages import open_page
from mien.cli.reading import DETECTOR, MODEL
from mien.cli.serve import run_app
from mien.datasets.words import emotion_of
from mien.errors import MediaError, MissingExtraError
from mien.media.finding import find_photos
from mien.media.photos import load_photo
from mien.media.videos import open_video
from mien.personal.sitting import Sitting
from mien.profiles import Profile
from mien.results import NOTICE
from mien.server.settings import Settings

__all__ = ["personalize", "read_span"]

_EVERY_S = 0.2

Shown = tuple[str, str, NDArray[np.uint8]]  # where it comes from, what it shows, its pixels


def personalize(
    out: Annotated[Path, typer.Option(help="The profile: a JSON file of numbers, without any picture.")],
    photos: Annotated[
        Path | None, typer.Option(help="Photos of the person, in one folder per emotion: neutral/, happy/ ...")
    ] = None,
    video: Annotated[Path | None, typer.Option(help="A video in which the person looks neutral for a while.")] = None,
    neutral: Annotated[
        str | None, typer.Option(metavar="START-END", help="When, in seconds, such as 2-5; three to five seconds.")
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Show the faces to the camera, on a page of this computer.")
    ] = False,
    name: Annotated[str | None, typer.Option(help="Whose profile; the file's name if left out.")] = None,
    model: Annotated[str, MODEL] = DEFAULT_MODEL,
    detector: Annotated[str | None, DETECTOR] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="With --live: say where the page is, and do not open it.")
    ] = False,
    port: Annotated[
        int | None, typer.Option(help="With --live: port of the page; 8646, or a free one if that is taken.", min=0)
    ] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Delete the profile; nothing else is kept of it.")] = False,
) -> None:
    """Learn one person's neutral face, and more emotions from a few examples, for mien analyze --profile.

    Pictures are read and forgotten. What would not help on faces that were held out is not kept.
    """
    if delete:
        profile = Profile.load(out)
        out.unlink()
        typer.echo(f"{out}: deleted the profile {profile.summary}")
        return
    if photos is None and video is None and not live:
        raise typer.BadParameter("give --live, --photos DIR, or --video FILE --neutral START-END, or several of them")
    if (video is None) != (neutral is None):
        raise typer.BadParameter("--video and --neutral START-END go together")
    try:
        sitting = Sitting(Analyzer(model=model, detector=detector))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if video is not None and neutral is not None:
        _take_all(sitting, _neutral_frames(video, *read_span(neutral)))
    if photos is not None:
        _take_all(sitting, _labelled_photos(photos))
    if live:
        _show(sitting, name or out.stem.removesuffix(".profile"), out, no_browser=no_browser, port=port)
        return
    source = "photos" if video is None else f"seconds {neutral} of a video"
    profile = sitting.learn(name or out.stem.removesuffix(".profile"), source=source)
    profile.write(out)
    typer.echo(f"{out}: {profile.summary}")
    for check, value in profile.checks.items():
        typer.echo(f"  held out, {check.replace('_', ' ')}: {value:.3f}")
    typer.echo(NOTICE)


def _show(sitting: Sitting, name: str, out: Path, *, no_browser: bool, port: int | None) -> None:
    """The page on which a person shows their faces; what is learnt there is kept there."""
    try:
        from mien.server.personalizing import Portrait, create_personalizing_app
    except ImportError as error:
        raise MissingExtraError("the page", extra="server") from error
    settings = Settings.load({"port": port})
    listener = open_page("mien personalize", settings, any_port=port is None, browser=not no_browser)
    portrait = Portrait(sitting, name, out)
    run_app(create_personalizing_app(settings, portrait), settings, listener=listener)
    if portrait.kept and portrait.profile is not None:
        typer.echo(f"{out}: {portrait.profile.summary}")
    else:
        typer.echo(f"{out}: nothing was kept", err=True)


def read_span(text: str) -> tuple[float, float]:
    """A span of time such as 2-5 or 2.5-6s, in seconds."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)s?-(\d+(?:\.\d+)?)s?", text.strip())
    if match is None or float(match[1]) >= float(match[2]):
        raise typer.BadParameter(f"expected two times in seconds such as 2-5, the later one last, got {text!r}")
    return float(match[1]), float(match[2])


def _take_all(sitting: Sitting, shown: Iterator[Shown]) -> None:
    """Take what can be used; say of the rest why not, each reason once with a count."""
    refused: Counter[str] = Counter()
    for source, emotion, frame_rgb in shown:
        if (reason := sitting.take(frame_rgb, emotion)) is not None:
            refused[f"{source}: {reason}"] += 1
    for reason, count in refused.items():
        typer.echo(f"mien: left out {reason}" + (f" ({count} frames)" if count > 1 else ""), err=True)


def _neutral_frames(video: Path, start_s: float, end_s: float) -> Iterator[Shown]:
    with open_video(video, start_s=start_s, end_s=end_s, every_s=_EVERY_S) as frames:
        for frame in frames:
            yield str(video), "neutral", frame.pixels_rgb


def _labelled_photos(folder: Path) -> Iterator[Shown]:
    """The photos in the folders that are named after emotions; one that cannot be read is said and left out."""
    labelled = [(path, emotion_of(path.name)) for path in sorted(folder.iterdir()) if path.is_dir()]
    known = [(path, emotion) for path, emotion in labelled if emotion is not None]
    if not known:
        raise MediaError(f"{folder}: expected folders named after emotions, such as neutral and happy, got none")
    for path, emotion in known:
        for photo in find_photos(path):
            try:
                yield str(photo), emotion, load_photo(photo)
            except MediaError as error:
                typer.echo(f"mien: {error}", err=True)
