"""A running service for the tests that only ask it something."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from mien.server.app import create_app
from mien.server.settings import Settings

PHOTO = Path(__file__).parents[2] / "examples" / "astronaut.jpg"
ADDRESS = "http://127.0.0.1:8646"


@pytest.fixture(scope="session")
def photo() -> bytes:
    """The bytes of a JPEG with one smiling face."""
    return PHOTO.read_bytes()


@pytest.fixture(scope="module")
def service() -> Iterator[TestClient]:
    """A service with one reading process and room for many requests."""
    settings = Settings(readers=1, rate_per_s=10_000, rate_burst=10_000, max_photo_bytes=200_000, max_pixels=1_000_000)
    with TestClient(create_app(settings), base_url=ADDRESS, raise_server_exceptions=False) as client:
        yield client
