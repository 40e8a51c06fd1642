"""Options of the verbs that read faces, in the same words everywhere, and what their texts mean."""

import re
from collections.abc import Callable
from typing import TypeVar

import typer

from mien.results import SMOOTHINGS, StreamOptions
from mien.summary.times import seconds_of

__all__ = [
    "BALANCE",
    "DETECTOR",
    "LABELS",
    "MODEL",
    "PROFILE",
    "checked",
    "one_of",
    "step_of",
    "stream_options",
]

BALANCE = typer.Option(help="Favour rare emotions: 0 not at all, 1 as if all were equally frequent.", min=0, max=1)
DETECTOR = typer.Option(help="mtcnn, yunet or haar; yunet where it has been pulled, else mtcnn.")
LABELS = typer.Option(help="ferplus (8 emotions) or fer2013 (7).")
MODEL = typer.Option(help="An embedded model or a file that mien export wrote.")
PROFILE = typer.Option(help="One person's profile, as mien personalize makes it.", dir_okay=False)

# What suits each smoothing, as docs/video.md measures it: seconds, and by how much another label must lead.
_SMOOTH = {"average": (0.3, 0.15), "exponential": (0.15, 0.15), "filter": (0.075, 0.0), "none": (0.0, 0.0)}

T = TypeVar("T")


def step_of(text: str) -> tuple[float | None, int | None]:
    """Seconds or frames from one frame that is read to the next."""
    if re.fullmatch(r"[1-9]\d*", text):
        return None, int(text)
    number = text.removesuffix("s")
    try:
        seconds = float(number) if number != text else 0.0
    except ValueError:
        seconds = 0.0
    if not 1e-6 <= seconds < float("inf"):
        raise ValueError(f"expected a time such as 0.2s or a number of frames such as 5, got {text!r}")
    return seconds, None


def stream_options(smooth: str, detect_every: int | None, *, is_sparse: bool) -> StreamOptions:
    """How frames are read together; what is far apart is not followed from frame to frame but found anew."""
    name, colon, time_text = smooth.partition(":")
    smoothing = next((known for known in SMOOTHINGS if known == name), None)
    if smoothing is None:
        raise typer.BadParameter(f"expected one of {', '.join(SMOOTHINGS)}, got {name!r}", param_hint="--smooth")
    seconds, hold = _SMOOTH[smoothing]
    if colon:
        seconds = checked("--smooth", seconds_of, time_text.removesuffix("s"))
    every = detect_every or (1 if is_sparse else 5)
    return StreamOptions(detect_every=every, smoothing=smoothing, smoothing_s=seconds, hold=hold)


def one_of(option: str, value: str, known: tuple[str, ...]) -> str:
    """A value, if it is known; else wrong usage."""
    if value not in known:
        raise typer.BadParameter(f"expected one of {', '.join(known)}, got {value!r}", param_hint=option)
    return value


def checked(option: str, parse: Callable[[str], T], text: str) -> T:
    """What an option's text means; else wrong usage."""
    try:
        return parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
