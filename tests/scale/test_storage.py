"""Places for results: whole files or none, wherever they are."""

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from mien.errors import MienError
from mien.scale.storage import Store, filesystem_of


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "folder":
        yield Store(str(tmp_path / "out"))
        return
    yield Store("memory://scale-store")
    fsspec.filesystem("memory").rm("/scale-store", recursive=True)


def test_what_is_written_is_read_and_replaced(store: Store) -> None:
    assert store.read("a/1.bin") is None
    assert store.names("a") == []
    store.write("a/1.bin", b"one")
    store.write("a/1.bin", b"two")
    store.write("a/0.bin", b"")
    assert store.read("a/1.bin") == b"two"
    assert store.names("a") == ["0.bin", "1.bin"]
    with store.open("a/1.bin") as file:
        file.seek(1)
        assert file.read() == b"wo"
    with pytest.raises(FileNotFoundError):
        store.open("a/2.bin")


def test_what_fails_on_the_way_is_not_there(store: Store) -> None:
    store.write("part", b"before")

    def write_half() -> None:
        with store.writing("part") as file:
            file.write(b"half")
            raise ValueError("halfway")

    with pytest.raises(ValueError, match="halfway"):
        write_half()
    assert store.read("part") == b"before"
    store.tidy("")
    assert store.names("") == ["part"]


def test_an_address_that_nobody_knows_is_said() -> None:
    with pytest.raises((ValueError, MienError), match="nonsense"):
        filesystem_of("nonsense://bucket/photos")
