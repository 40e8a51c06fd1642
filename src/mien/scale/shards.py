"""The unit of work: a few hundred photos or a few videos, which become one part of the results."""

import io
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from mien.scale.fetching import Fetcher
from mien.scale.reading import Failure, ReadSettings, records_of
from mien.scale.sources import Item
from mien.scale.spool import Spool
from mien.scale.storage import Store
from mien.tables.files import parquet_writer
from mien.taxonomy import TAXONOMIES

__all__ = ["FAILURES", "READINGS", "Shard", "ShardCount", "ShardReader", "part_name"]

READINGS, FAILURES = "readings", "failures"
_MOST_BYTES = 64 << 20
_TELL_S = 1.0


@dataclass(frozen=True)
class Shard:
    """Items that are read together.

    Args:
        name: Of its part.
        items: In order.
    """

    name: str
    items: tuple[Item, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe."""
        return {"name": self.name, "items": [item.to_dict() for item in self.items]}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        return cls(values["name"], tuple(Item.from_dict(item) for item in values["items"]))


@dataclass(frozen=True)
class ShardCount:
    """What came of a shard; it stands in its part too.

    Args:
        name: Of the part.
        inputs: Photos and videos.
        rows: Of readings.
        failures: Items that could not be read, or not to their end.
    """

    name: str
    inputs: int
    rows: int
    failures: int


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
        with ExitStack() as stack:
            spool = stack.enter_context(Spool(spool_path))
            tell = _teller(spool_path)
            fetcher = stack.enter_context(Fetcher(self._folder, most_bytes=_MOST_BYTES, tell=tell))
            for fetched in fetcher.fetched(shard.items[spool.done : until]):
                for record in records_of(fetched, self._analyzer, self._settings, tell=tell):
                    spool.add(record)
                spool.finish_item()
            return None if until is not None else self._write(shard, spool)

    def _write(self, shard: Shard, spool: Spool) -> ShardCount:
        rows = 0
        failures: list[Failure] = []
        content = io.BytesIO()
        taxonomy = TAXONOMIES[self._analyzer.options.labels]

        def count() -> ShardCount:
            return ShardCount(shard.name, len(shard.items), rows, len(failures))

        with parquet_writer(content, taxonomy, style="native", meta=lambda: asdict(count())) as write:
            for record in spool.records():
                if isinstance(record, Failure):
                    failures.append(record)
                else:
                    write(record)
                    rows += 1
        if failures:
            self._store.write(part_name(FAILURES, shard.name), _failures_table(failures))
        self._store.write(part_name(READINGS, shard.name), content.getvalue())
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
