"""`/v1/videos`: a video in; a job to ask for, to cancel and to delete; its readings out."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response
from fastapi.responses import FileResponse

from mien.results import NOTICE
from mien.server.examples import JOB
from mien.server.jobs import RESULTS, Job, ResultName
from mien.server.photos import UPLOAD_REFUSALS, Labels, MinFacePx, checked_labels, file_body
from mien.server.schemas import Error, JobAnswer
from mien.server.security import client_of
from mien.server.uploads import Uploads
from mien.server.video_jobs import VideoJobs

__all__ = ["router"]

router = APIRouter(prefix="/v1/videos", tags=["videos"])

_MEDIA_TYPES: Mapping[ResultName, str] = MappingProxyType(
    {
        "readings.jsonl": "application/x-ndjson",
        "readings.csv": "text/csv",
        "summary.json": "application/json",
        "subtitles.vtt": "text/vtt",
        "timeline.png": "image/png",
    }
)
_ABSENT: dict[int | str, dict[str, Any]] = {
    404: {"model": Error, "description": "No such job: it never was, or was deleted."},
    422: {"model": Error, "description": "Not an id of a job."},
    503: {"model": Error, "description": "The service is stopping."},
}

JobId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{22}$", description="The job's `id`.", examples=[JOB["id"]])]


@router.post(
    "",
    status_code=202,
    response_model=JobAnswer,
    responses=UPLOAD_REFUSALS,
    openapi_extra={"requestBody": file_body("video/*", "video")},
    summary="Submit a video",
)
async def submit(
    request: Request,
    response: Response,
    labels: Labels = None,
    min_face_px: MinFacePx = 0.0,
    every_s: Annotated[
        float | None, Query(ge=1e-6, le=3600, description="Read one frame in so many seconds.", examples=[0.5])
    ] = None,
) -> dict[str, Any]:
    """Send the file's bytes as they are, or a form with one file. The video is deleted as soon as it has been read."""
    checked_labels(request, labels)
    jobs, uploads = _jobs(request), request.app.state.uploads
    assert isinstance(uploads, Uploads)
    with jobs.upload(client_of(request.scope)) as (job_id, path):
        await uploads.video(request, path)
        job = jobs.submit(job_id, labels=labels, min_face_px=min_face_px, every_s=every_s)
    response.headers["location"] = f"/v1/videos/{job.id}"
    return _answer(jobs, job)


@router.get("/{job_id}", response_model=JobAnswer, responses=_ABSENT, summary="How far a video is")
async def find(request: Request, job_id: JobId) -> dict[str, Any]:
    """Ask again until `state` is done, failed or cancelled."""
    return _answer(_jobs(request), _found(request, job_id))


@router.get(
    "/{job_id}/results/{name}",
    response_class=FileResponse,
    responses={
        **_ABSENT,
        200: {"content": {media_type: {} for media_type in _MEDIA_TYPES.values()}},
        409: {"model": Error, "description": "There are no results: not yet, or because the job failed."},
    },
    summary="A result of a video",
)
async def result(request: Request, job_id: JobId, name: ResultName) -> Response:
    """`readings.jsonl` has one line per frame that was read, each as `/v1/read` answers; `summary.json` has shares of
    time and episodes per person.
    """
    jobs, job = _jobs(request), _found(request, job_id)
    path = jobs.result(job, name)
    if path is None:
        raise HTTPException(409, f"expected a job that is done, got one that is {job.state}")
    return FileResponse(path, media_type=_MEDIA_TYPES[name], filename=name)


@router.post("/{job_id}/cancel", response_model=JobAnswer, responses=_ABSENT, summary="Stop reading a video")
async def cancel(request: Request, job_id: JobId) -> dict[str, Any]:
    """A job that has ended stays as it is."""
    jobs = _jobs(request)
    return _answer(jobs, await jobs.cancel(_found(request, job_id)))


@router.delete("/{job_id}", status_code=204, responses=_ABSENT, summary="Delete everything of a video")
async def delete(request: Request, job_id: JobId) -> None:
    """Whatever its state."""
    await _jobs(request).delete(_found(request, job_id))


def _jobs(request: Request) -> VideoJobs:
    jobs = request.app.state.video_jobs
    assert isinstance(jobs, VideoJobs)
    return jobs


def _found(request: Request, job_id: str) -> Job:
    job = _jobs(request).find(job_id)
    if job is None:
        raise HTTPException(404, "expected the id of a job, got one that is not, or no longer, known")
    return job


def _answer(jobs: VideoJobs, job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "state": job.state,
        "progress": job.progress,
        "frames": job.frames,
        "error": job.error,
        "created_s": job.created_s,
        "expires_s": jobs.expires_s(job),
        "results": [name for name in RESULTS if jobs.result(job, name) is not None],
        "notice": NOTICE,
    }
