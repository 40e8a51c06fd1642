"""`mien live`: a camera, read as it goes, on a page or in a plain window."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from mien.analyzer import Analyzer
from mien.classifier import EmotionClassifier
from mien.cli.pages import open_page
from mien.cli.reading import BALANCE, DETECTOR, LABELS, MODEL, PROFILE
from mien.cli.serve import run_service
from mien.media.cameras import open_camera
from mien.profiles import Profile
from mien.results import NOTICE
from mien.server.settings import Settings
from mien.window import open_window, show_live

__all__ = ["live"]

_WINDOW_SIDE_PX = 1280


def live(
    source: Annotated[
        str | None,
        typer.Option(
            help="What to watch in place of the browser's camera: 0, rtsp://..., http://..., or a video file."
        ),
    ] = None,
    window: Annotated[
        bool, typer.Option("--window", help="A plain window in place of the page; q closes it.", show_default=False)
    ] = False,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Say where the page is, and do not open it.", show_default=False)
    ] = False,
    port: Annotated[
        int | None, typer.Option(help="Port of the page; 8646, or a free one if that is taken.", min=0, max=65535)
    ] = None,
    model: Annotated[str | None, MODEL] = None,
    detector: Annotated[str | None, DETECTOR] = None,
    profile: Annotated[Path | None, PROFILE] = None,
    labels: Annotated[str | None, LABELS] = None,
    balance: Annotated[float | None, BALANCE] = None,
) -> None:
    """Watch a camera and see how the faces before it look, as it happens.

    Without --source the page uses the browser's own camera. Every setting of `mien serve` holds here too, by its
    variable or in the file that MIEN_CONFIG names.
    """
    settings = Settings.load({"port": port, "model": model, "detector": detector, "labels": labels, "balance": balance})
    own = None if profile is None else _profile(profile, settings)
    if window:
        _show_in_window(source or "0", settings, own)
        return
    if source is not None:
        open_camera(source).close()  # what is wrong with it is said here, not on the page
    listener = open_page("mien live", settings, any_port=port is None, browser=not no_browser)
    watch = None if source is None else lambda: _watched(source)
    run_service(settings, open_camera=watch, profile=None if own is None else own.to_json(), listener=listener)


def _profile(path: Path, settings: Settings) -> Profile:
    """A profile that the model of the settings can read with; what is wrong with it is said here."""
    profile = Profile.load(path)
    classifier = EmotionClassifier.load(settings.model)
    profile.check_model(classifier.card.name, classifier.sha256)
    return profile


def _show_in_window(source: str, settings: Settings, profile: Profile | None) -> None:
    with open_window("mien (q closes it)") as window:
        try:
            analyzer = Analyzer(
                model=settings.model, detector=settings.detector, labels=settings.labels, balance=settings.balance
            )
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        analyzer = analyzer.with_profile(profile)
        typer.echo(NOTICE, err=True)
        with open_camera(source, max_side_px=_WINDOW_SIDE_PX) as camera:
            show_live(camera, analyzer.session(), window)


@contextmanager
def _watched(source: str) -> Iterator[Iterator[NDArray[np.uint8]]]:
    with open_camera(source) as camera:
        yield (frame.pixels_rgb for frame in camera)
