"""The page on which a person shows their own faces, as an application of its own: `create_personalizing_app`.

The camera is the browser's. Each picture is looked at and forgotten; what the model answers for it is kept until the
command ends. A profile is written only when the person says so.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, HTTPException, Query, Request
from starlette.concurrency import run_in_threadpool

from mien.errors import ProfileError
from mien.media.photos import load_photo
from mien.personal.baseline import MIN_NEUTRAL
from mien.personal.learning import MIN_EXAMPLES
from mien.personal.sitting import Sitting
from mien.profiles import Profile
from mien.results import NOTICE
from mien.server.one_page import create_page_app
from mien.server.settings import Settings
from mien.taxonomy import COLOURS_RGB, FERPLUS

__all__ = ["EXAMPLE_WORDS", "Portrait", "create_personalizing_app"]

EXAMPLE_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "neutral": "Rest your face, as when you read or wait. Let go of jaw and brows. Look at the camera.",
        "happy": "Think of somebody you like walking in. A smile that reaches the eyes, small or broad.",
        "surprise": "A loud bang behind you, a present you did not expect. Brows up, mouth open.",
        "sad": "A goodbye at the station. Corners of the mouth down, inner brows up.",
        "angry": "Somebody pushes in before you, again. Brows down and together, lips pressed or open.",
        "disgust": "Milk that has gone off. Nose wrinkled, upper lip raised.",
        "fear": "A step in the dark where you thought you were alone. Eyes wide, brows up and together.",
        "contempt": "A boast that you do not believe. One corner of the mouth up.",
    }
)
"""What the page says to bring about each expression: words, and no face of anybody else."""

_WANTED = 5
_NEUTRAL_S, _NEUTRAL_PICTURES = 4, 10
router = APIRouter(prefix="/v1/personalizing")


@dataclass
class Portrait:
    """What one person shows, and the profile that it makes.

    Args:
        sitting: Takes the faces.
        name: Whose they are.
        out: Where the profile goes when it is kept.
        profile: What was learnt last; None before.
        kept: Whether it has been written.
    """

    sitting: Sitting
    name: str
    out: Path
    profile: Profile | None = None
    kept: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


def create_personalizing_app(settings: Settings, portrait: Portrait) -> FastAPI:
    """The page and what it asks; `state.portrait` is the portrait."""
    app = create_page_app(settings, router, title="mien personalize", page="personalize.html", refused=ProfileError)
    app.state.portrait = portrait
    return app


@router.get("")
async def about(request: Request) -> dict[str, Any]:
    """What is asked for, in which words."""
    portrait: Portrait = request.app.state.portrait
    return {
        "notice": NOTICE,
        "name": portrait.name,
        "file": portrait.out.name,
        "emotions": [
            {
                "word": word,
                "example": EXAMPLE_WORDS[word],
                "colour": COLOURS_RGB[word],
                "least": MIN_NEUTRAL if word == "neutral" else MIN_EXAMPLES,
                "wanted": _NEUTRAL_PICTURES if word == "neutral" else _WANTED,
            }
            for word in FERPLUS.labels
        ],
        "neutral_s": _NEUTRAL_S,
        **_state(portrait),
    }


@router.post("/examples")
async def take(request: Request, emotion: Annotated[str, Query()]) -> dict[str, Any]:
    """Take the face of a picture, the body, as an example of an emotion, if it can be used."""
    portrait: Portrait = request.app.state.portrait
    settings: Settings = request.app.state.settings
    if emotion not in FERPLUS.labels:
        raise HTTPException(422, f"expected one of {', '.join(FERPLUS.labels)}, got {emotion!r}")
    picture = b""
    async for piece in request.stream():
        picture += piece
        if len(picture) > settings.max_frame_bytes:
            raise HTTPException(413, f"expected a picture of at most {settings.max_frame_bytes:,} bytes")

    def look() -> str | None:
        frame_rgb = load_photo(picture, max_pixels=settings.max_pixels)
        with portrait.lock:
            return portrait.sitting.take(frame_rgb, emotion)

    reason = await run_in_threadpool(look)
    return {"taken": reason is None, "reason": reason, **_state(portrait)}


@router.delete("/examples")
def forget(request: Request, emotion: Annotated[str | None, Query()] = None) -> dict[str, Any]:
    """Give up the examples of an emotion, or all."""
    portrait: Portrait = request.app.state.portrait
    with portrait.lock:
        portrait.sitting.forget(emotion)
        portrait.profile, portrait.kept = None, False
    return _state(portrait)


@router.post("/profile")
def learn(request: Request) -> dict[str, Any]:
    """Learn from what was shown; held-out faces decide what is worth keeping."""
    portrait: Portrait = request.app.state.portrait
    with portrait.lock:
        portrait.profile = portrait.sitting.learn(portrait.name, source="the camera")
        portrait.kept = False
    return _state(portrait)


@router.put("/profile")
def keep(request: Request) -> dict[str, Any]:
    """Write the profile that was learnt."""
    portrait: Portrait = request.app.state.portrait
    with portrait.lock:
        if portrait.profile is None:
            raise HTTPException(409, "there is no profile to keep: learn one first")
        portrait.profile.write(portrait.out)
        portrait.kept = True
    return _state(portrait)


@router.delete("/profile")
def discard(request: Request) -> dict[str, Any]:
    """Forget everything: what was shown, what was learnt, and the file if this page wrote it."""
    portrait: Portrait = request.app.state.portrait
    with portrait.lock:
        if portrait.kept:
            portrait.out.unlink(missing_ok=True)
        portrait.sitting.forget()
        portrait.profile, portrait.kept = None, False
    return _state(portrait)


def _state(portrait: Portrait) -> dict[str, Any]:
    """How many examples there are, and what was learnt from them."""
    profile = portrait.profile
    return {
        "counts": dict(Counter(portrait.sitting.emotions)),
        "profile": None if profile is None else {"summary": profile.summary, "checks": dict(profile.checks)},
        "kept": portrait.kept,
    }
