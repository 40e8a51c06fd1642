"""The page on which one person labels faces, as an application of its own: `create_labelling_app(settings, desk)`.

It answers this machine alone unless the settings say otherwise, and asks as `security` does who may come in. Labels go
to the desk's file and nowhere else; the page never shows what the model thinks, which would become the label.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from pydantic import BaseModel, Field

from mien.annotation.desk import LabelDesk
from mien.errors import DataError
from mien.results import NOTICE
from mien.server.one_page import create_page_app
from mien.server.settings import Settings
from mien.taxonomy import COLOURS_RGB, FERPLUS, NOT_A_FACE, UNKNOWN

__all__ = ["create_labelling_app"]

router = APIRouter(prefix="/v1/labelling")


class Answer(BaseModel):
    """What is said of a face."""

    face: int
    words: Annotated[list[str], Field(max_length=len(FERPLUS))]


def create_labelling_app(settings: Settings, desk: LabelDesk) -> FastAPI:
    """The page and what it asks; `state.desk` is the desk."""
    app = create_page_app(settings, router, title="mien label", page="label.html", refused=DataError)
    app.state.desk = desk
    return app


@router.get("")
async def about(request: Request) -> dict[str, Any]:
    """What may be said, and in which colours."""
    desk: LabelDesk = request.app.state.desk
    return {
        "notice": NOTICE,
        "who": desk.who,
        "emotions": [{"word": word, "colour": COLOURS_RGB[word]} for word in FERPLUS.labels],
        "unsure": UNKNOWN,
        "not_a_face": NOT_A_FACE,
        "file": desk.store.path.name,
        **_state(desk),
    }


@router.get("/faces/{face}.jpg")
async def picture(request: Request, face: int) -> Response:
    """A face to look at."""
    jpeg = request.app.state.desk.store.picture(face)
    if jpeg is None:
        raise HTTPException(404, f"there is no face {face}")
    return Response(jpeg, media_type="image/jpeg")


@router.post("/labels")
def give(request: Request, answer: Answer) -> dict[str, Any]:
    """Label a face; it is on the disk when this answers."""
    desk: LabelDesk = request.app.state.desk
    desk.give(answer.face, answer.words)
    return _state(desk, said=answer.words)


@router.post("/pass/{face}")
def leave(request: Request, face: int) -> dict[str, Any]:
    """Pass over a face for now."""
    desk: LabelDesk = request.app.state.desk
    desk.leave(face)
    return _state(desk)


@router.post("/undo")
def undo(request: Request) -> dict[str, Any]:
    """Take the last label back; its face is asked about again."""
    desk: LabelDesk = request.app.state.desk
    if desk.undo() is None:
        raise HTTPException(409, "there is no label to take back")
    return _state(desk)


def _state(desk: LabelDesk, *, said: Sequence[str] = ()) -> dict[str, Any]:
    """The next face, where it is from, and how many there are."""
    face = desk.next()
    state: dict[str, Any] = {"face": face, "labelled": desk.labelled, "faces": len(desk.store), "said": list(said)}
    if face is not None:
        source, time_s = desk.store.where(face)
        state |= {"source": Path(source).name, "time_s": time_s}
    return state
