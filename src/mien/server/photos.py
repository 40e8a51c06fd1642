"""`POST /v1/read`: a photo in, its faces out."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from mien.errors import MediaError
from mien.server.schemas import Error, FrameReadingAnswer

__all__ = ["PICTURE_BODY", "router"]

router = APIRouter(prefix="/v1", tags=["photos"])

PICTURE_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "image/*": {"schema": {"type": "string", "format": "binary"}},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {"photo": {"type": "string", "format": "binary"}},
                "required": ["photo"],
            }
        },
    },
}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Error, "description": "The form cannot be taken apart, or the upload was broken off."},
    408: {"model": Error, "description": "The upload came too slowly."},
    413: {"model": Error, "description": "More bytes or pixels than the service takes."},
    422: {"model": Error, "description": "No picture, a damaged one, or a wrong option."},
    503: {"model": Error, "description": "Too much to do: try again after `Retry-After` seconds."},
}


@router.post(
    "/read",
    response_model=FrameReadingAnswer,
    responses=_REFUSALS,
    openapi_extra={"requestBody": PICTURE_BODY},
    summary="Read the faces of a photo",
)
async def read_photo(
    request: Request,
    labels: Annotated[str | None, Query(description="Label set, such as ferplus or fer2013.", max_length=40)] = None,
    min_face_px: Annotated[float, Query(ge=0, le=100_000, description="Leave out smaller faces.")] = 0.0,
) -> Response:
    """Send the file's bytes as they are, or a form with one file. Nothing of it is kept."""
    readers = request.app.state.readers
    if labels is not None and labels not in readers.about["label_sets"]:
        raise MediaError(f"labels: expected one of {', '.join(readers.about['label_sets'])}, got another")
    photo = await request.app.state.uploads.photo(request)
    reading: bytes = await readers.read_photo(photo, labels=labels, min_face_px=min_face_px)
    return Response(reading, media_type="application/json")
