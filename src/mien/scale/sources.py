"""What is to be read: folders, patterns, lists and Parquet files, on this machine or elsewhere, as items one by one."""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from mien.errors import DataError, MediaError, MissingExtraError
from mien.media.finding import find_media, is_address
from mien.media.photos import PHOTO_SUFFIXES
from mien.media.videos import VIDEO_SUFFIXES
from mien.scale.storage import filesystem_of, is_url, joined

__all__ = ["Item", "find_items"]

_LIST_SUFFIXES = frozenset({".txt", ".lst", ".list"})
_PATH_NAMES = ("path", "uri", "url", "input", "source", "file", "file_name", "filename", "name", "key")
_BATCH_ROWS = 1 << 14


@dataclass(frozen=True)
class Item:
    """One photo or video.

    Args:
        source: What results call it; also where it is, unless it lies in a table.
        is_video: Whether it is taken for a video by its name; its content decides.
        table: The Parquet file in which its bytes are; None for a file of its own.
        column: The column of its bytes there.
        row: And the row, from 0.
    """

    source: str
    is_video: bool
    table: str | None = None
    column: str | None = None
    row: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        return cls(**values)


def find_items(source: str, *, column: str | None = None) -> Iterator[Item]:
    """Every photo and video that a source names, in a fixed order.

    Args:
        source: A folder, which is searched with all folders in it; a pattern such as `photos/**/*.jpg`; a text file
            (.txt, .lst or .list) with a path or address a line, relative ones to its own folder; a Parquet file, or a
            pattern of some, with paths or with the files' bytes; a photo or video; each on this machine or at an
            address of fsspec, such as s3://bucket/photos.
        column: Of a Parquet file, the column with the paths or bytes; None finds it.

    Raises:
        MediaError: nothing is there.
        DataError: a Parquet file without such a column.
        MissingExtraError: pyarrow, or what the address needs, is not installed.
    """
    suffix = PurePosixPath(source).suffix.lower()
    if suffix == ".parquet":
        for file in _files_named(source):
            yield from _of_parquet(file, column)
    elif suffix in _LIST_SUFFIXES:
        yield from _of_list(source)
    elif is_url(source) and not is_address(source):
        yield from _of_address(source)
    else:
        yield from (item_of(str(path)) for path in find_media([source]))


def item_of(source: str) -> Item:
    """A file as an item."""
    path = unquote(urlsplit(source).path) if is_address(source) else source
    return Item(source, PurePosixPath(path).suffix.lower() in VIDEO_SUFFIXES)


def _files_named(source: str) -> list[str]:
    """The Parquet files that a name or pattern means."""
    if not _is_pattern(source):
        return [source]
    fs, path = filesystem_of(source)
    scheme = source.partition("://")[0] if is_url(source) else None
    found = sorted(fs.glob(path))
    if not found:
        raise MediaError(f"{source}: expected files that fit the pattern, found none")
    return [_addressed(scheme, name) for name in found]


def _of_list(source: str) -> Iterator[Item]:
    """The lines of a text file; empty ones and those that begin with # are passed over."""
    fs, path = filesystem_of(source)
    folder = source.rpartition("/")[0] if is_url(source) else str(Path(source).parent)
    found = False
    try:
        with fs.open(path, "rt", encoding="utf-8-sig", errors="surrogateescape") as lines:
            for line in lines:
                name = line.rstrip("\r\n")
                if not name.strip() or name.startswith("#"):
                    continue
                found = True
                is_whole = is_url(name) or Path(name).is_absolute()
                yield item_of(name if is_whole else joined(folder, name))
    except OSError as error:
        raise MediaError(f"{source}: expected a list of photos and videos, a path a line: {error}") from error
    if not found:
        raise MediaError(f"{source}: expected a list of photos and videos, a path a line, got no line")


def _of_address(source: str) -> Iterator[Item]:
    """The photos and videos under an address, or that fit a pattern."""
    scheme = source.partition("://")[0]
    fs, path = filesystem_of(source)
    if _is_pattern(path):
        names = sorted(fs.glob(path))
    elif fs.isfile(path):
        names = [path]
    else:
        names = fs.find(path)
    wanted = PHOTO_SUFFIXES | VIDEO_SUFFIXES
    found = False
    for name in names:
        leaf = PurePosixPath(name)
        if (leaf.suffix.lower() in wanted and not leaf.name.startswith(".")) or names == [path]:
            found = True
            yield item_of(_addressed(scheme, name))
    if not found:
        raise MediaError(f"{source}: expected photos or videos, found none: name a folder with some, or a pattern")


def _of_parquet(source: str, column: str | None) -> Iterator[Item]:
    """A row each: its path, or its bytes with a name."""
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError("mien batch", extra="batch") from error
    fs, path = filesystem_of(source)
    try:
        opened = fs.open(path, "rb")
    except OSError as error:
        raise MediaError(f"{source}: expected a Parquet file of paths or bytes: {error}") from error
    with opened, parquet.ParquetFile(opened) as file:
        paths, content = _columns(file.schema_arrow, column, source)
        for row, name in enumerate(_texts(file, paths)):
            if content is not None:
                called = name or f"{source}#{row}"
                yield Item(called, item_of(called).is_video, source, content, row)
            elif name:
                yield item_of(name)


def _texts(file: Any, column: str | None) -> Iterator[str | None]:
    """The texts of a column, which may lie in a struct; None for every row without such a column."""
    if column is None:
        yield from (None for _ in range(file.metadata.num_rows))
        return
    for batch in file.iter_batches(_BATCH_ROWS, columns=[column]):
        for value in batch.column(0).to_pylist():
            yield value.get("path") if isinstance(value, dict) else value


def _columns(schema: Any, column: str | None, source: str) -> tuple[str | None, str | None]:
    """The column of paths or names, and that of bytes; either may be missing.

    A struct with bytes and a path, as data sets of pictures have, is both.
    """
    from pyarrow import types

    texts = {field.name: field.name for field in schema if _is_text(field.type)}
    contents = {
        field.name: field.name for field in schema if types.is_binary(field.type) or types.is_large_binary(field.type)
    }
    for field in schema:
        if types.is_struct(field.type):
            inner = {part.name: part.type for part in field.type}
            if "bytes" in inner and types.is_binary(inner["bytes"]):
                contents[field.name] = f"{field.name}.bytes"
                if "path" in inner and _is_text(inner["path"]):
                    texts.setdefault("path", f"{field.name}.path")
    if column is not None and column not in {*texts, *contents}:
        known = ", ".join(schema.names)
        raise DataError(f"{source}: expected a column {column} of paths or bytes, got {known}: name one with --column")
    content = contents.get(column) if column is not None else next(iter(contents.values()), None)
    if column in texts:
        return texts[column], None
    path = next((texts[name] for name in _PATH_NAMES if name in texts), None)
    if content is None and path is None:
        raise DataError(
            f"{source}: expected a column of paths ({', '.join(_PATH_NAMES[:3])}, ...) or of bytes, got"
            f" {', '.join(schema.names)}: name one with --column"
        )
    return path, content


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind))


def _is_pattern(name: str) -> bool:
    return re.search(r"[*?\[]", name) is not None


def _addressed(scheme: str | None, name: str) -> str:
    """A name of a file system as an address again."""
    if scheme is None:
        return name
    return name if is_url(name) else f"{scheme}://{name}"
