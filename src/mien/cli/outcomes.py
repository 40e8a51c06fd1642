"""What came of photos and videos, as tables for people and as JSON for programs."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from mien import __version__
from mien.batch.run import Outcome
from mien.results import NOTICE, Emotions, SourceResult
from mien.summary.summarizer import Looks, Summary
from mien.summary.times import clock

__all__ = ["document_of", "print_tables"]

_PHOTO_COLUMNS = ("face", "box (px)", "looks", "certainty", "plausible", "doubts")
_VIDEO_COLUMNS = ("person", "seen", "looks", "unsure", "episodes")
_LEAST_SHARE = 0.05  # of the time; what is rarer is left out


def document_of(outcomes: Iterable[Outcome]) -> dict[str, Any]:
    """JSON-safe: every photo's reading, and every video's summary."""
    photos: list[dict[str, Any]] = []
    videos: list[dict[str, Any]] = []
    for outcome in outcomes:
        if outcome.is_video:
            summary = outcome.summary.to_dict() if outcome.summary is not None else None
            videos.append({"source": outcome.source, "summary": summary, "error": outcome.error})
        else:
            photos.append(SourceResult(outcome.source, outcome.reading, outcome.error).to_dict())
    return {"mien": __version__, "notice": NOTICE, "photos": photos, "videos": videos}


def print_tables(outcomes: Iterable[Outcome]) -> None:
    """A table of the photos and one of the videos, whichever there are, and the notice below."""
    photos, videos = _table("photo", _PHOTO_COLUMNS), _table("video", _VIDEO_COLUMNS)
    for outcome in outcomes:
        if outcome.is_video:
            _add_video(videos, outcome)
        else:
            _add_photo(photos, outcome)
    shown = [table for table in (photos, videos) if table.row_count] or [photos]
    shown[-1].caption, shown[-1].caption_justify = NOTICE, "left"
    console = Console(highlight=False)
    for table in shown:
        console.print(table)


def _table(source: str, columns: tuple[str, ...]) -> Table:
    """An empty table; names of files are never cut off, since what tells them apart is at their end."""
    return Table(Column(source, overflow="fold"), *columns)


def _add_photo(table: Table, outcome: Outcome) -> None:
    if outcome.reading is None:
        return
    if not outcome.reading.faces:
        table.add_row(outcome.source, "no face")
    for number, face in enumerate(outcome.reading.faces):
        box = " ".join(f"{value:.0f}" for value in face.box_xyxy)
        table.add_row(outcome.source, str(number), box, *_looks(face.emotions))


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


def _add_video(table: Table, outcome: Outcome) -> None:
    summary = outcome.summary
    if summary is None:
        return
    if not summary.overall.frames:
        table.add_row(outcome.source, "no face")
    for track in summary.tracks:
        seen = f"{clock(track.first_s)} to {clock(track.last_s)}"
        table.add_row(outcome.source, str(track.track_id), seen, *_shares(track.looks), str(len(track.episodes)))
    if summary.overall.frames and not summary.tracks:
        table.add_row(outcome.source, "", _seen_briefly(summary), *_shares(summary.overall), "")


def _seen_briefly(summary: Summary) -> str:
    """A face that was there too short a time to tell persons apart."""
    return f"in {summary.overall.frames} of {summary.frames} frames"


def _shares(looks: Looks) -> tuple[str, str]:
    """How the time seen is shared out: by what a face looks like, and unsure."""
    shares = sorted(looks.shares.items(), key=lambda share: -share[1])
    named = ", ".join(f"{label} {share:.0%}" for label, share in shares if share >= _LEAST_SHARE)
    return named, f"{looks.unsure_share:.0%}"
