"""`POST /v1/read`: a photo in, its faces out."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response

from mien.server.readers import Readers
from mien.server.schemas import Error, FrameReadingAnswer
from mien.server.security import client_of

__all__ = ["UPLOAD_REFUSALS", "Labels", "MinFacePx", "checked_labels", "file_body", "router"]

router = APIRouter(prefix="/v1", tags=["photos"])

Labels = Annotated[
    str | None,
    Query(description="Label set, one of those that /v1/models names.", max_length=40, examples=["ferplus", "fer2013"]),
]
MinFacePx = Annotated[float, Query(ge=0, le=100_000, description="Leave out smaller faces.", examples=[40])]


def file_body(media_type: str, field: str) -> dict[str, Any]:
    """The OpenAPI description of a body that is one file, raw or in a form."""
    binary = {"type": "string", "format": "binary"}
    form = {"type": "object", "properties": {field: binary}, "required": [field], "additionalProperties": False}
    return {
        "required": True,
        "content": {media_type: {"schema": binary}, "multipart/form-data": {"schema": form}},
    }


UPLOAD_REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Error, "description": "The form cannot be taken apart, or the upload was broken off."},
    408: {"model": Error, "description": "The upload came too slowly."},
    413: {"model": Error, "description": "More bytes or pixels than the service takes."},
    422: {"model": Error, "description": "Not what was asked for, a damaged one, or a wrong option."},
    503: {"model": Error, "description": "Too much to do: try again after `Retry-After` seconds."},
}


def checked_labels(request: Request, labels: str | None) -> None:
    """Refuse a label set that the model does not answer in.

    Raises:
        HTTPException: 422.
    """
    known = request.app.state.readers.about["label_sets"]
    if labels is not None and labels not in known:
        raise HTTPException(422, f"labels: expected one of {', '.join(known)}, got another")


@router.post(
    "/read",
    response_model=FrameReadingAnswer,
    responses=UPLOAD_REFUSALS,
    openapi_extra={"requestBody": file_body("image/*", "photo")},
    summary="Read the faces of a photo",
)
async def read_photo(
    request: Request,
    labels: Labels = None,
    min_face_px: MinFacePx = 0.0,
) -> Response:
    """Send the file's bytes as they are, or a form with one file. Nothing of it is kept."""
    checked_labels(request, labels)
    photo = await request.app.state.uploads.photo(request)
    readers: Readers = request.app.state.readers
    client = client_of(request.scope)
    reading = asyncio.create_task(readers.read_photo(photo, client=client, labels=labels, min_face_px=min_face_px))
    left = asyncio.create_task(_client_left(request))
    try:
        await asyncio.wait([reading, left], return_when=asyncio.FIRST_COMPLETED)
        if not reading.done():
            raise HTTPException(400, "the client has left")
        return Response(reading.result(), media_type="application/json")
    finally:
        reading.cancel()  # one that still waits in the queue is not read for nobody
        left.cancel()


async def _client_left(request: Request) -> None:
    """Wait until the client of a request whose body is in has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
