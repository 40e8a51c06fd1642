"""The unit of work: a few hundred photos or a few videos, which become one part of the results."""

import io
import json
import os
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Self

from mien.errors import MediaError, MissingExtraError
from mien.media.finding import is_video
from mien.scale.fetching import Fetched, Fetcher
from mien.scale.reading import Failure, ReadSettings, records_of
from mien.scale.seams import Span, joined_rows, spans_of
from mien.scale.sources import Item
from mien.scale.spool import Spool
from mien.scale.storage import Store
from mien.tables.columns import Row
from mien.tables.files import parquet_writer
from mien.taxonomy import TAXONOMIES

__all__ = ["FAILURES", "PIECES", "READINGS", "SPLIT", "Shard", "ShardCount", "ShardReader", "part_name"]

READINGS, FAILURES, PIECES, SPLIT = "readings", "failures", "_pieces", "_split"
_MOST_BYTES = 64 << 20
_TELL_S = 1.0


@dataclass(frozen=True)
class Shard:
    """Items that are read together.

    Args:
        name: Of its part.
        items: In order.
        span: The piece of its only item that is meant; None for all of all items.
        pieces: Its only item has been read in these pieces, which are to be joined.
    """

    name: str
    items: tuple[Item, ...]
    span: Span | None = None
    pieces: tuple[Span, ...] = ()

    @property
    def readings(self) -> str:
        """Where its rows go."""
        return part_name(READINGS if self.span is None else PIECES, self.name)

    @property
    def failures(self) -> str:
        """Where its failures go, if there are any."""
        return part_name(FAILURES if self.span is None else f"{PIECES}/{FAILURES}", self.name)

    def piece(self, number: int) -> "Shard":
        """One of its pieces as a shard of its own."""
        return Shard(f"{self.name}-{number:04d}", self.items, span=self.pieces[number])

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        return cls(
            values["name"],
            tuple(Item.from_dict(item) for item in values["items"]),
            None if values["span"] is None else Span.from_dict(values["span"]),
            tuple(Span.from_dict(span) for span in values["pieces"]),
        )


@dataclass(frozen=True)
class ShardCount:
    """What came of a shard; it stands in its part too.

    Args:
        name: Of the part.
        inputs: Photos and videos.
        rows: Of readings.
        failures: Items that could not be read, or not to their end.
        is_piece: Whether it is a piece of a long video, which is not counted among the results.
    """

    name: str
    inputs: int
    rows: int
    failures: int
    is_piece: bool = False


def part_name(folder: str, shard: str) -> str:
    """Where a shard's rows are, in the results.

    Example:
        >>> part_name(READINGS, "000012")
        'readings/part-000012.parquet'
    """
    return f"{folder}/part-{shard}.parquet"


class ShardReader:
    """Reads shards, one after the other, with one analyzer.

    Args:
        settings: How.
        place: Where the results go.
        folder: For what lies on this machine meanwhile.

    Raises:
        ValueError: as `ReadSettings.analyzer`.
        WeightsError: likewise.
    """

    def __init__(self, settings: ReadSettings, place: str, folder: Path) -> None:
        self._settings = settings
        self._analyzer = settings.analyzer()
        self._store = Store(place)
        self._folder = folder

    def read(self, shard: Shard, spool_path: Path, *, until: int | None = None) -> ShardCount | None:
        """Read what the spool does not hold yet, and write the shard's part.

        The failures are written first: a shard is finished when its readings are there.

        Args:
            shard: What to read.
            spool_path: What was read of it already.
            until: Stop before this item and write nothing; None reads to the end.

        Returns:
            What came of it; None if it was not read to the end.

        Raises:
            OSError: the results cannot be written.
        """
        if shard.pieces:
            return self._join(shard)
        with ExitStack() as stack:
            spool = stack.enter_context(Spool(spool_path))
            tell = _teller(spool_path)
            fetcher = stack.enter_context(Fetcher(self._folder, most_bytes=_MOST_BYTES, tell=tell))
            for fetched in fetcher.fetched(shard.items[spool.done : until]):
                if not self._is_left_to_pieces(shard, fetched, spool.done):
                    for record in records_of(fetched, self._analyzer, self._settings, span=shard.span, tell=tell):
                        spool.add(record)
                spool.finish_item()
            return None if until is not None else self._write(shard, spool.records())

    def _is_left_to_pieces(self, shard: Shard, fetched: Fetched, number: int) -> bool:
        """Whether an item is a long video; then it is noted, and read later, by many."""
        if shard.span is not None or not self._settings.piece_s or fetched.error is not None:
            return False
        try:
            if not is_video(fetched.path or fetched.item.source, fetched.content):
                return False
            with fetched.on_disk() as path:
                spans = spans_of(path, self._settings.piece_s, self._settings.stream)
        except (MediaError, MissingExtraError):
            return False  # reading it says so again
        if len(spans) == 1:
            return False
        whole = Shard(f"{shard.name}-{number:03d}", (fetched.item,), pieces=spans)
        self._store.write(f"{SPLIT}/{whole.name}.json", json.dumps(whole.to_dict()).encode())
        return True

    def _join(self, shard: Shard) -> ShardCount:
        """Make one part of a video's pieces."""
        pieces = [shard.piece(number) for number in range(len(shard.pieces))]
        failures = (Failure(**row) for piece in pieces for row in self._rows(piece.failures))
        rows = joined_rows((self._rows(piece.readings) for piece in pieces), shard.pieces)
        return self._write(shard, chain(islice(failures, 1), rows))

    def _rows(self, name: str) -> list[Row]:
        """The rows of a part; none where it is not there."""
        from pyarrow import parquet

        try:
            with self._store.open(name) as file:
                rows: list[Row] = parquet.read_table(file).to_pylist()
        except FileNotFoundError:
            return []
        return rows

    def _write(self, shard: Shard, records: Iterable[Row | Failure]) -> ShardCount:
        rows = 0
        failures: list[Failure] = []
        content = io.BytesIO()
        taxonomy = TAXONOMIES[self._analyzer.options.labels]

        def count() -> ShardCount:
            inputs = 0 if shard.pieces else len(shard.items)  # it was counted where it was found
            return ShardCount(shard.name, inputs, rows, len(failures), is_piece=shard.span is not None)

        with parquet_writer(content, taxonomy, style="native", meta=lambda: asdict(count())) as write:
            for record in records:
                if isinstance(record, Failure):
                    failures.append(record)
                else:
                    write(record)
                    rows += 1
        if failures:
            self._store.write(shard.failures, _failures_table(failures))
        self._store.write(shard.readings, content.getvalue())
        return count()


def _failures_table(failures: list[Failure]) -> bytes:
    import pyarrow
    from pyarrow import parquet

    texts = ("input", "stage", "error")
    schema = pyarrow.schema([(name, pyarrow.string()) for name in texts])
    rows = [{name: _encodable(value) for name, value in asdict(failure).items()} for failure in failures]
    content = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(rows, schema=schema), content, compression="zstd")
    return content.getvalue()


def _encodable(text: str) -> str:
    """With backslash escapes where the name of a file is no valid Unicode."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _teller(path: Path) -> Callable[[], None]:
    """What keeps a file's time fresh, by which others see that its process has not hung; seldom, since it costs."""
    told_s = 0.0

    def tell() -> None:
        nonlocal told_s
        if time.monotonic() - told_s > _TELL_S:
            told_s = time.monotonic()
            os.utime(path)

    return tell
