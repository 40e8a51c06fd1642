"""The bytes of items, fetched ahead of what reads them, while not too many of them wait."""

import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import NamedTemporaryFile
from threading import Lock
from typing import Any, Self

from mien.media.downloads import download
from mien.media.finding import is_address
from mien.scale.sources import Item
from mien.scale.storage import filesystem_of, is_url

__all__ = ["Fetched", "Fetcher"]

_THREADS = 4
_TRIES = 3
_FIRST_WAIT_S = 0.5
_ROWS = 32  # of a table are in memory at once


@dataclass(frozen=True)
class Fetched:
    """An item that can be read now.

    Args:
        item: Which.
        content: Its bytes; None for a file on this machine that is read where it is.
        path: That file.
        error: Why neither is there.
    """

    item: Item
    content: bytes | None = None
    path: Path | None = None
    error: str | None = None

    @property
    def size_bytes(self) -> int:
        """How much of the memory it takes."""
        return 0 if self.content is None else len(self.content)

    @contextmanager
    def on_disk(self) -> Iterator[Path]:
        """It as a file, for the time of the block."""
        if self.path is not None:
            yield self.path
            return
        assert self.content is not None
        with NamedTemporaryFile(prefix="mien-", suffix=PurePosixPath(self.item.source).suffix) as file:
            file.write(self.content)
            file.flush()
            yield Path(file.name)


class Fetcher:
    """Fetches items in order, some ahead: a slow network is waited for by threads, and a slow reader holds them back.

    Args:
        folder: For files that must lie on this machine meanwhile.
        most_bytes: Nothing more is fetched while so many wait; one item more than that may be in memory.
        tell: Called when something has arrived: it is alive.
    """

    def __init__(self, folder: Path, *, most_bytes: int, tell: Callable[[], None]) -> None:
        self._folder = folder / "fetched"
        self._most_bytes = most_bytes
        self._tell = tell
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="mien-fetch")
        self._rows = _Rows()

    def __enter__(self) -> Self:
        self._folder.mkdir(exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._rows.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def fetched(self, items: Sequence[Item]) -> Iterator[Fetched]:
        """The items, in order; each may be read until the next is asked for."""
        left = deque(enumerate(items))
        waiting: deque[Future[Fetched]] = deque()
        while left or waiting:
            while left and (not waiting or (len(waiting) < _THREADS and _bytes_of(waiting) < self._most_bytes)):
                number, item = left.popleft()
                waiting.append(self._pool.submit(self._fetch, number, item))
            one = waiting.popleft().result()
            yield one
            if one.path is not None and one.path.is_relative_to(self._folder):
                one.path.unlink(missing_ok=True)

    def _fetch(self, number: int, item: Item) -> Fetched:
        for attempt in range(_TRIES):
            try:
                return self._fetch_once(number, item)
            except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
                return Fetched(item, error=_sentence(item, error))
            except Exception as error:  # noqa: BLE001  file systems raise what they like; it becomes a row
                last = error
            time.sleep(_FIRST_WAIT_S * 2**attempt)
        return Fetched(item, error=_sentence(item, last))

    def _fetch_once(self, number: int, item: Item) -> Fetched:
        if item.table is not None:
            return Fetched(item, content=self._rows.content(item))
        if is_address(item.source):
            folder = self._folder / str(number)
            path = download(item.source, folder, told=lambda *_: self._tell())
            return Fetched(item, path=path) if item.is_video else Fetched(item, content=path.read_bytes())
        if not is_url(item.source):
            path = Path(item.source)
            return Fetched(item, path=path) if item.is_video else Fetched(item, content=path.read_bytes())
        fs, name = filesystem_of(item.source)
        if not item.is_video:
            return Fetched(item, content=fs.cat_file(name))
        path = self._folder / f"{number}{PurePosixPath(name).suffix}"
        with ExitStack() as stack:
            source, target = stack.enter_context(fs.open(name, "rb")), stack.enter_context(path.open("wb"))
            while block := source.read(1 << 22):
                target.write(block)
                self._tell()
        return Fetched(item, path=path)


class _Rows:
    """The bytes in Parquet files, row by row; rows are asked for in rising order, mostly."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._open: tuple[str, str, Any, Iterator[Any]] | None = None
        self._first = 0
        self._batch: Any = None

    def content(self, item: Item) -> bytes:
        """The bytes of an item; empty where its cell is."""
        assert item.table is not None
        assert item.column is not None
        assert item.row is not None
        with self._lock:
            if self._open is None or self._open[:2] != (item.table, item.column) or item.row < self._first:
                self._begin(item.table, item.column, item.row)
            assert self._open is not None
            while self._batch is None or item.row >= self._first + self._batch.num_rows:
                self._first += 0 if self._batch is None else self._batch.num_rows
                self._batch = next(self._open[3])
            value = self._batch.column(0)[item.row - self._first].as_py()
            value = value["bytes"] if isinstance(value, dict) else value
            return value or b""

    def _begin(self, table: str, column: str, row: int) -> None:
        """Open a table at the group of rows in which this one is."""
        from pyarrow import parquet

        self.close()
        fs, path = filesystem_of(table)
        file = parquet.ParquetFile(fs.open(path, "rb"), pre_buffer=False)
        sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        group, first = 0, 0
        while first + sizes[group] <= row:
            first, group = first + sizes[group], group + 1
        batches = file.iter_batches(_ROWS, row_groups=list(range(group, len(sizes))), columns=[column])
        self._first, self._batch = first, None
        self._open = (table, column, file, batches)

    def close(self) -> None:
        """Close what is open."""
        if self._open is not None:
            self._open[2].close(force=True)
        self._open = None


def _bytes_of(waiting: deque[Future[Fetched]]) -> int:
    return sum(future.result().size_bytes for future in waiting if future.done())


def _sentence(item: Item, error: BaseException) -> str:
    told = str(error) or type(error).__name__
    return told if item.source in told else f"{item.source}: expected a file that can be read: {told}"
