"""`mien analyze`: photos and videos in; tables, annotated copies, reports and summaries out."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console

from mien.analyzer import Analyzer
from mien.batch.outputs import Animation, VideoOutputs
from mien.batch.run import Batch, BatchOptions, Outcome
from mien.batch.video import VideoPart
from mien.classifier import DEFAULT_MODEL
from mien.cli.bar import RunBar
from mien.cli.outcomes import document_of, print_tables
from mien.cli.reading import (
    BALANCE,
    DETECTOR,
    LABELS,
    MODEL,
    PROFILE,
    checked,
    one_of,
    step_of,
    stream_options,
)
from mien.errors import MediaError
from mien.interruption import StopRequest
from mien.media.finding import find_media, is_video
from mien.media.photos import load_photo
from mien.media.videos import open_video
from mien.personal.own_median import own_median
from mien.profiles import Profile
from mien.sinks.subtitles import SubtitleSink
from mien.summary.times import seconds_of, span_of
from mien.tables.columns import STYLES
from mien.tables.files import SUFFIXES

__all__ = ["analyze"]

_VIDEOS, _FILES = "Videos", "Files of videos, written to --out"

_BASELINE_FRAMES = 100  # of a video are looked at for --baseline auto


def analyze(
    paths: Annotated[
        list[str],
        typer.Argument(help="Photos, videos, folders of them, patterns such as 'trip/**/*.jpg', and web addresses."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write results here: annotated photos, readings.csv, readings.json and frequency.csv; of every video "
            "its rows in readings.csv, and a folder with its report, summary and frequency.",
            file_okay=False,
        ),
    ] = None,
    detector: Annotated[str | None, DETECTOR] = None,
    labels: Annotated[str | None, LABELS] = None,
    min_face: Annotated[float, typer.Option(help="Leave out faces smaller than this, in pixels.", min=0)] = 0,
    model: Annotated[str, MODEL] = DEFAULT_MODEL,
    profile: Annotated[Path | None, PROFILE] = None,
    person: Annotated[
        int | None,
        typer.Option(help="With --profile: of a video, the only person (track_id) whose face is read with it.", min=0),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            help="auto: take the median face of all these files for one person's neutral face; the results say so."
        ),
    ] = None,
    balance: Annotated[float, BALANCE] = 0,
    geometry: Annotated[
        bool,
        typer.Option(
            "--geometry",
            help="Also measure mouth, brows and eyes from dense landmarks, as columns; needs a package of its own.",
        ),
    ] = False,
    max_pixels: Annotated[
        int, typer.Option(help="Refuse photos that claim more pixels than this.", min=1)
    ] = 100_000_000,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print readings of photos and summaries of videos as JSON, not as tables.")
    ] = False,
    start: Annotated[
        str | None, typer.Option(help="Read from this time on: seconds or hh:mm:ss.", rich_help_panel=_VIDEOS)
    ] = None,
    end: Annotated[
        str | None, typer.Option(help="Read up to this time: seconds or hh:mm:ss.", rich_help_panel=_VIDEOS)
    ] = None,
    every: Annotated[
        str | None,
        typer.Option(help="Read a frame every 0.2s, or every 5th (5), in place of all.", rich_help_panel=_VIDEOS),
    ] = None,
    max_side: Annotated[
        int | None,
        typer.Option(help="Scale frames down to this many pixels on the longer side.", min=1, rich_help_panel=_VIDEOS),
    ] = None,
    detect_every: Annotated[
        int | None,
        typer.Option(
            help="Look for faces in every so many frames, and follow them between; 5, and 1 with --every.",
            min=1,
            rich_help_panel=_VIDEOS,
        ),
    ] = None,
    smooth: Annotated[
        str,
        typer.Option(
            help="Make readings steady along each face: exponential, average, filter or none; with a time, as in "
            "average:0.5.",
            rich_help_panel=_VIDEOS,
        ),
    ] = "exponential",
    resume: Annotated[
        bool | None,
        typer.Option(
            "--resume/--no-resume",
            help="Go on with an interrupted run in --out, or forget it.",
            show_default=False,
            rich_help_panel=_VIDEOS,
        ),
    ] = None,
    save_every: Annotated[
        float,
        typer.Option(help="Keep what was read, for --resume, every so many seconds.", min=0, rich_help_panel=_VIDEOS),
    ] = 5,
    table: Annotated[
        list[str] | None,
        typer.Option(
            help="Format of the readings table: csv, parquet or jsonl; may be given several times.",
            rich_help_panel=_FILES,
        ),
    ] = None,
    columns: Annotated[
        str, typer.Option(help=f"Whose column names the table has: {', '.join(STYLES)}.", rich_help_panel=_FILES)
    ] = "native",
    report: Annotated[bool, typer.Option(help="The HTML report.", rich_help_panel=_FILES)] = True,
    key_frames: Annotated[
        bool, typer.Option("--key-frames", help="Show faces in the report.", rich_help_panel=_FILES)
    ] = False,
    timeline: Annotated[
        bool, typer.Option("--timeline", help="A picture of the timeline.", rich_help_panel=_FILES)
    ] = False,
    subtitles: Annotated[
        list[str] | None,
        typer.Option(help="Episodes as subtitles: srt or vtt; may be given twice.", rich_help_panel=_FILES),
    ] = None,
    video: Annotated[
        bool, typer.Option("--video", help="An annotated copy, with its sound as it is.", rich_help_panel=_FILES)
    ] = False,
    gif: Annotated[
        str | None, typer.Option(help="A GIF of this span, such as 0:10-0:12.5.", rich_help_panel=_FILES)
    ] = None,
    webp: Annotated[str | None, typer.Option(help="A WebP of this span.", rich_help_panel=_FILES)] = None,
) -> None:
    """Read how the faces in photos and videos look.

    Ctrl-C ends with complete files of what was read; a second one at once. Exit status: 0 all could be read, 1 some
    could not (each is named), 2 wrong usage, 130 after Ctrl-C.
    """
    wishes: dict[str, object] = {
        "--table": table,
        "--columns": columns != "native",
        "--timeline": timeline,
        "--subtitles": subtitles,
        "--video": video,
        "--gif": gif,
        "--webp": webp,
        "--key-frames": key_frames,
        "--resume": resume,
    }
    for option, is_wanted in wishes.items():
        if is_wanted and out is None:
            raise typer.BadParameter(f"{option} needs a folder for the files: name one with --out", param_hint=option)
    options = BatchOptions(
        part=_part(start, end, every, max_side),
        stream=stream_options(smooth, detect_every, is_sparse=every is not None),
        outputs=VideoOutputs(
            report=report,
            key_frames=key_frames,
            timeline=timeline,
            subtitles=_suffixes("--subtitles", subtitles or [], SubtitleSink.SUFFIXES),
            annotated=video,
            animations=tuple(
                Animation(suffix, *checked(f"--{suffix[1:]}", span_of, span))
                for suffix, span in ((".gif", gif), (".webp", webp))
                if span is not None
            ),
        ),
        tables=_suffixes("--table", table, SUFFIXES) if table else (".csv",) if columns != "native" else None,
        columns=one_of("--columns", columns, tuple(STYLES)),
        max_pixels=max_pixels,
        save_every_s=save_every,
        resume=resume,
    )
    try:
        analyzer = Analyzer(
            model=model, detector=detector, labels=labels, min_face_px=min_face, balance=balance, geometry=geometry
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    sources = find_media(paths)
    pictures = _spread(sources, max_pixels=max_pixels)
    if person is not None and profile is None:
        raise typer.BadParameter("expected --profile FILE beside it", param_hint="--person")
    own = _profile(profile, baseline, lambda: own_median(analyzer, pictures))
    analyzer = analyzer.with_profile(own, person=person)
    notes = Console(stderr=True, highlight=False)
    if detector is None and analyzer.detector.name == "mtcnn":
        notes.print("mien: a faster and better detector is one step away: mien models pull yunet", style="dim")
    outcomes: list[Outcome] = []
    with StopRequest() as stop, RunBar(len(sources), notes) as bar:
        batch = Batch(sources, analyzer, out, options)
        for outcome in batch.outcomes(is_stopped=lambda: stop.reason is not None, tell=bar.tell):
            if outcome.error is not None:
                notes.print(f"mien: {outcome.error}", markup=False, soft_wrap=True)
            outcomes.append(outcome)
            bar.advance()
    if as_json:
        typer.echo(json.dumps(document_of(outcomes), indent=2, ensure_ascii=False))
    else:
        print_tables(outcomes)
    _say_what_came(batch, analyzer, stop, notes)
    if stop.signal_number is not None:
        raise typer.Exit(128 + stop.signal_number)
    if any(outcome.error is not None for outcome in outcomes):
        raise typer.Exit(1)


def _say_what_came(batch: Batch, analyzer: Analyzer, stop: StopRequest, notes: Console) -> None:
    """What to know after a run that is not in its tables."""
    if analyzer.options.profile is not None:
        notes.print(f"mien: read with the profile {analyzer.options.profile}", markup=False, soft_wrap=True)
    if reports := batch.reports:
        some = f"{reports[0]} and {len(reports) - 1} more" if len(reports) > 1 else str(reports[0])
        notes.print(f"mien: to look at in a browser: {some}", markup=False, soft_wrap=True)
    if stop.signal_number is not None:
        further = "; --resume goes on with the rest" if batch.can_resume else ""
        notes.print(f"mien: stopped by {stop.reason}: what was read is kept{further}", soft_wrap=True)


def _profile(profile: Path | None, baseline: str | None, own: Callable[[], Profile]) -> Profile | None:
    """Whose profile is read with: one in a file, one that `own` makes, or nobody's."""
    if baseline is None:
        return None if profile is None else Profile.load(profile)
    if baseline != "auto" or profile is not None:
        raise typer.BadParameter("expected auto, and no --profile beside it", param_hint="--baseline")
    return own()


def _spread(sources: Sequence[Path | str], *, max_pixels: int) -> Iterator[NDArray[np.uint8]]:
    """Pictures spread over photos and videos; what cannot be read is passed over, and said when it is read."""
    for source in sources:
        with suppress(MediaError):
            if not is_video(source):
                yield load_photo(source, max_pixels=max_pixels)
                continue
            with open_video(source) as video:
                length_s = video.info.duration_s or 0.0
            with open_video(source, every_s=max(length_s / _BASELINE_FRAMES, 0.2)) as frames:
                yield from (frame.pixels_rgb for frame in frames)


def _part(start: str | None, end: str | None, every: str | None, max_side: int | None) -> VideoPart:
    """Which frames the options ask for."""
    start_s = None if start is None else checked("--start", seconds_of, start)
    end_s = None if end is None else checked("--end", seconds_of, end)
    if start_s is not None and end_s is not None and start_s >= end_s:
        raise typer.BadParameter(f"expected a time after --start {start}, got {end}", param_hint="--end")
    every_s, every_frames = (None, None) if every is None else checked("--every", step_of, every)
    return VideoPart(start_s, end_s, every_s, every_frames, max_side)


def _suffixes(option: str, names: list[str], known: tuple[str, ...]) -> tuple[str, ...]:
    """Formats as suffixes, each once."""
    formats = tuple(suffix[1:] for suffix in known)
    return tuple(dict.fromkeys(f".{one_of(option, name.lower().lstrip('.'), formats)}" for name in names))
