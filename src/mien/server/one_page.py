"""An application of a single page on this computer, such as those of `mien label` and `mien personalize --live`."""

from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles

from mien import __version__
from mien.errors import MienError
from mien.server import login
from mien.server.refusals import answer_refusals
from mien.server.security import Security
from mien.server.settings import Settings

__all__ = ["create_page_app"]

_PAGES = Path(__file__).parent / "static"


def create_page_app(
    settings: Settings, router: APIRouter, *, title: str, page: str, refused: type[MienError]
) -> FastAPI:
    """The page at `/` and the routes that it asks, behind `security`.

    Args:
        settings: Who may come in.
        router: The routes.
        title: Name of the application.
        page: File name of the page.
        refused: What the routes raise of a wrong answer; it is answered with its sentence and status 422.
    """
    app = FastAPI(title=title, version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.settings = settings
    app.include_router(router)
    app.include_router(login.router)
    answer_refusals(app)

    @app.exception_handler(refused)
    async def wrong(_: Request, error: MienError) -> Response:
        return JSONResponse({"error": str(error)}, 422)

    @app.get("/")
    async def show() -> Response:
        return FileResponse(_PAGES / page)

    app.mount("/", StaticFiles(directory=_PAGES), name="pages")
    app.add_middleware(Security, settings=settings)
    return app
