"""The service as an ASGI application: `create_app(settings)`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles

from mien import __version__
from mien.results import NOTICE
from mien.server import live, login, photos, videos
from mien.server.examples import show_examples
from mien.server.live import Live
from mien.server.logs import RequestLog
from mien.server.metrics import CONTENT_TYPE_PLAIN_0_0_4, Metrics
from mien.server.readers import Readers
from mien.server.refusals import answer_refusals
from mien.server.schemas import Error, Health, ModelsAnswer
from mien.server.security import Security
from mien.server.settings import Settings
from mien.server.uploads import Uploads
from mien.server.video_jobs import VideoJobs
from mien.server.watching import OpenCamera

__all__ = ["create_app"]

_PAGES = Path(__file__).parent / "static"


def create_app(
    settings: Settings,
    *,
    readers: Readers | None = None,
    video_jobs: VideoJobs | None = None,
    open_camera: OpenCamera | None = None,
    profile: str | None = None,
) -> FastAPI:
    """The service: its routes, pages, limits and background work.

    Args:
        settings: What the operator chose.
        readers: The reading processes; None makes them. They are started and stopped with the application.
        video_jobs: The queue of videos; likewise.
        open_camera: Opens the camera that the live page shows; None takes the browser's.
        profile: Whose profile the live page reads with at first, as JSON; None reads anyone.

    Returns:
        An ASGI application. Its `state` holds `settings`, `readers`, `video_jobs`, `uploads`, `live` and
        `metrics`.
    """
    readers = readers or Readers(settings)
    video_jobs = video_jobs or VideoJobs(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        video_jobs.start()
        try:
            await readers.start()
            yield
        finally:
            await app.state.live.aclose()
            await video_jobs.stop()
            await readers.stop()

    app = FastAPI(
        title="mien",
        version=__version__,
        summary="Facial expressions from photos, videos and live pictures.",
        description=f"{NOTICE} Pictures are read and forgotten; nothing is sent on.",
        lifespan=lifespan,
        docs_url=None,  # the interactive pages load their scripts from elsewhere
        redoc_url=None,
        responses={
            401: {"model": Error, "description": "No token, or a wrong one."},
            403: {"model": Error, "description": "A page of another site asks."},
            421: {"model": Error, "description": "Asked by a host name that is not this service's."},
            429: {"model": Error, "description": "Too many requests from one client."},
        },
    )
    app.state.settings = settings
    app.state.readers = readers
    app.state.video_jobs = video_jobs
    app.state.uploads = Uploads(settings)
    app.state.metrics = Metrics(readers, video_jobs)
    app.state.live = Live(settings, readers, app.state.metrics, open_camera=open_camera, profile=profile)
    for router in (photos.router, videos.router, live.router, login.router):
        app.include_router(router)
    _add_operations(app)
    show_examples(app)
    answer_refusals(app)
    # Not mounted: a mount at "/" would take what a route answers to with another method, and say 404 for 405.
    app.router.default = StaticFiles(directory=_PAGES, html=True)
    app.add_middleware(Security, settings=settings)
    app.add_middleware(RequestLog, observer=app.state.metrics)  # the outermost: it sees refusals too
    return app


def _add_operations(app: FastAPI) -> None:
    """What operators and clients ask about the service itself."""

    @app.get("/v1/models", response_model=ModelsAnswer, tags=["service"], summary="What reads the pictures")
    async def models(request: Request) -> dict[str, Any]:
        return {"notice": NOTICE, **request.app.state.readers.about}

    @app.get("/healthz", response_model=Health, tags=["service"], summary="Whether the service runs")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get(
        "/readyz",
        response_model=Health,
        responses={503: {"model": Health, "description": "Not yet, or not just now."}},
        tags=["service"],
        summary="Whether the service can read pictures",
    )
    async def readyz(request: Request, response: Response) -> dict[str, str]:
        if request.app.state.readers.is_ready:
            return {"status": "ok"}
        response.status_code = 503
        return {"status": "starting"}

    @app.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
        tags=["service"],
        summary="Counts and durations for Prometheus",
    )
    async def metrics(request: Request) -> Response:
        return Response(request.app.state.metrics.text(), headers={"content-type": CONTENT_TYPE_PLAIN_0_0_4})
