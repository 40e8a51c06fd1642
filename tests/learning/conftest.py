"""What several tests of learning need."""

from collections.abc import Iterator

import pytest

from postgresql import running_postgresql


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a database for tests; each takes a study of its own."""
    with running_postgresql() as url:
        yield url
