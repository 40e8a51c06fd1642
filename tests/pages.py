"""Pages of applications of their own, served on a free port of this machine, and a film for Chromium's fake camera."""

import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from PIL import Image

PORTRAIT = Path(__file__).parents[1] / "examples" / "astronaut.jpg"


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The application's address while it runs."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://localhost:{listener.getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def write_film(path: Path) -> Path:
    """A person before a camera that sways a little: what `--use-file-for-fake-video-capture` takes."""
    portrait = Image.open(PORTRAIT).convert("RGB")
    with path.open("wb") as film:
        for left in (*range(0, 24, 4), *range(24, 0, -4)):
            view = portrait.resize((640, 480), box=(60 + left, 10, 380 + left, 250))
            picture = io.BytesIO()
            # Chromium takes 16 for black and 235 for white, as television does.
            view.point([16 + round(value * 219 / 255) for value in range(256)] * 3).save(picture, "JPEG", quality=90)
            film.write(picture.getvalue())
    return path
