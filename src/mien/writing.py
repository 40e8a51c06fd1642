"""Outputs that are there whole or not at all."""

import errno
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mien.errors import DataError, DiskFullError

__all__ = ["check_absent", "remove_unfinished", "replacing", "with_room"]

_LONGEST_SUFFIX = 16
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_UNFINISHED = ".mien-*.unfinished*"


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A name beside `path` to write to; what stands there is renamed to `path` at the end.

    The caller makes a file or a folder under that name; where it makes none, `path` stays as it was. After an error or
    Ctrl-C it is removed and `path` is as it was. A folder replaces an older one.

    Raises:
        DiskFullError: there was no room for it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # the suffix stays the last part, since some writers choose the format by it; a long one would be no format
    suffix = path.suffix if len(path.suffix) <= _LONGEST_SUFFIX else ""
    unfinished = path.with_name(f".mien-{secrets.token_hex(6)}.unfinished{suffix}")
    try:
        with with_room(path.parent):
            yield unfinished
            if unfinished.is_dir() and path.is_dir():
                shutil.rmtree(path)
            if unfinished.exists():
                unfinished.replace(path)
    finally:
        if unfinished.is_dir():
            shutil.rmtree(unfinished)
        else:
            unfinished.unlink(missing_ok=True)


@contextmanager
def with_room(folder: Path) -> Iterator[None]:
    """A block that writes to a folder.

    Raises:
        DiskFullError: there was no room for it.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM or isinstance(error, DiskFullError):
            raise
        full = DiskFullError(
            f"expected room for what is written to {folder}, got a full disk or a limit on the size of files:"
            " nothing half-written is left; make room and run again"
        )
        full.errno = error.errno
        raise full from error


def remove_unfinished(folder: str | Path) -> None:
    """Remove what a process that was killed left half-written in a folder; nobody else may be writing there."""
    for left in Path(folder).glob(_UNFINISHED):
        shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)


def check_absent(path: str | Path, *, overwrite: bool) -> None:
    """Refuse to write over what is there.

    Raises:
        DataError: `path` is a file or a folder with something in it, and `overwrite` is False.
    """
    path = Path(path)
    is_there = any(path.iterdir()) if path.is_dir() else path.exists()
    if is_there and not overwrite:
        raise DataError(f"{path} is there already: choose another name, or allow it to be replaced with --overwrite")
