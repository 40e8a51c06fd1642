"""Folders and files, on this machine or at an address that fsspec knows.

s3:// and gs:// go through pyarrow, which is there anyway and needs no other package. A file appears whole or not at
all: on this machine it is written aside and renamed; an object store shows an object once all of it has arrived.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO, cast

from mien.errors import MissingExtraError
from mien.writing import remove_unfinished, replacing

__all__ = ["Store", "filesystem_of", "is_url", "joined", "lives_here"]

_OBJECT_STORES = frozenset({"s3", "gs", "gcs"})
_BLOCK_BYTES = 8 << 20


def is_url(place: str) -> bool:
    """Whether it is an address and not a path.

    Example:
        >>> is_url("s3://bucket/photos"), is_url("/data/photos"), is_url("C:/photos")
        (True, False, False)
    """
    return "://" in place


def lives_here(place: str) -> bool:
    """Whether a place is in the memory of this process, where no other process finds it."""
    return place.startswith("memory://")


def joined(place: str, name: str) -> str:
    """The place of a name in a folder.

    Example:
        >>> joined("s3://bucket/out/", "readings")
        's3://bucket/out/readings'
    """
    return f"{place.rstrip('/')}/{name}" if is_url(place) else str(Path(place, name))


def filesystem_of(place: str) -> tuple[Any, str]:
    """The fsspec file system of an address or path, and what the place is called there.

    S3 takes keys, `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL` and `AWS_REGION` from the environment or from ~/.aws.

    Raises:
        MissingExtraError: fsspec, or the package that knows this kind of address, is not installed.
        ValueError: a kind of address that nobody knows.
    """
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise MissingExtraError("mien batch", extra="batch") from error
    scheme, separator, rest = place.partition("://")
    if separator and scheme in _OBJECT_STORES:
        return _object_store(scheme, rest.partition("/")[0]), rest
    try:
        return cast("tuple[Any, str]", url_to_fs(place))
    except ImportError as error:
        raise MissingExtraError(f"{scheme}:// ({error})", extra="batch") from error


@cache
def _object_store(scheme: str, bucket: str) -> Any:
    from fsspec.implementations.arrow import ArrowFSWrapper
    from pyarrow import fs

    if scheme != "s3":
        return ArrowFSWrapper(fs.GcsFileSystem())
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if region is None and endpoint is None:
        region = fs.resolve_s3_region(bucket)
    return ArrowFSWrapper(fs.S3FileSystem(endpoint_override=endpoint, region=region or "us-east-1"))


class Store:
    """A folder that is written to.

    Args:
        place: A path or an address; it need not be there yet.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        self._folder = None if is_url(place) else Path(place)
        self._fs: Any
        self._root: str
        self._fs, self._root = (None, "") if self._folder is not None else filesystem_of(place)

    def write(self, name: str, content: bytes) -> None:
        """A file, whole or not at all; it replaces an older one.

        Args:
            name: With "/" between folders, which are made.
            content: All of it.

        Raises:
            DiskFullError: there is no room for it.
        """
        with self.writing(name) as file:
            file.write(content)

    @contextmanager
    def writing(self, name: str) -> Iterator[BinaryIO]:
        """A stream for a file that appears, whole, at the end of the block; after an error it does not.

        Raises:
            DiskFullError: there is no room for it.
        """
        if self._folder is not None:
            with replacing(self._folder / name) as unfinished, unfinished.open("wb") as file:
                yield file
            return
        with TemporaryFile() as waiting:  # an upload that is cut short would count as whole once it is closed
            yield waiting
            waiting.seek(0)
            if not lives_here(self.place):
                self._fs.makedirs(self._path(name).rpartition("/")[0], exist_ok=True)
            with self._fs.open(self._path(name), "wb") as target:
                shutil.copyfileobj(waiting, target, _BLOCK_BYTES)

    def read(self, name: str) -> bytes | None:
        """A file's content; None where there is none."""
        try:
            with self.open(name) as file:
                return file.read()
        except FileNotFoundError:
            return None

    def open(self, name: str) -> BinaryIO:
        """A file to read from, which can seek.

        Raises:
            FileNotFoundError: there is none.
        """
        if self._folder is not None:
            return (self._folder / name).open("rb")
        return cast(BinaryIO, self._fs.open(self._path(name), "rb"))

    def names(self, folder: str) -> list[str]:
        """What the files in a folder are called, sorted; none where it is not there."""
        if self._folder is not None:
            found = [path.name for path in (self._folder / folder).glob("[!.]*")]
        else:
            try:
                self._fs.invalidate_cache()
                found = [path.rpartition("/")[2] for path in self._fs.ls(self._path(folder), detail=False)]
            except FileNotFoundError:
                found = []
        return sorted(found)

    def remove(self, name: str) -> None:
        """A file, if it is there."""
        if self._folder is not None:
            (self._folder / name).unlink(missing_ok=True)
        elif self._fs.exists(self._path(name)):
            self._fs.rm_file(self._path(name))

    def tidy(self, *folders: str) -> None:
        """Remove what a process that was killed left half-written; nobody else may be writing there."""
        if self._folder is not None:
            for folder in folders:
                remove_unfinished(self._folder / folder)

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"
