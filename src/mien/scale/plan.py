"""Which items are read together: the plan of a run, written once, so that every rerun cuts the work the same way."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from mien.errors import DataError
from mien.scale.shards import Shard
from mien.scale.sources import Item
from mien.scale.storage import Store

__all__ = ["Plan", "open_plan", "write_plan"]

_NAME = "_plan.parquet"
_VIDEO_WEIGHT = 100  # a short video takes as long as so many photos
_ROWS = 1 << 14


@dataclass(frozen=True)
class Plan:
    """What a run has to do.

    Args:
        shards: How many parts there will be.
        inputs: How many photos and videos.
    """

    store: Store
    shards: int
    inputs: int

    def work(self) -> Iterator[Shard]:
        """The shards, one by one."""
        from pyarrow import parquet

        with self.store.open(_NAME) as file:
            names = ["shard", *Item.__annotations__]
            batches = parquet.ParquetFile(file).iter_batches(_ROWS, columns=names)
            rows = (row for batch in batches for row in zip(*batch.to_pydict().values(), strict=True))
            for number, group in groupby(rows, key=itemgetter(0)):
                yield Shard(f"{number:06d}", tuple(Item(*row[1:]) for row in group))


def write_plan(store: Store, items: Iterable[Item], *, shard_size: int) -> Plan:
    """Cut items into shards: photos apart from videos, of which each counts as a hundred photos.

    Args:
        store: The results' folder, in which the plan is kept.
        items: As `find_items` gives them.
        shard_size: Photos of a shard.
    """
    import pyarrow
    from pyarrow import parquet

    schema = pyarrow.schema(
        [
            ("shard", pyarrow.int64()),
            ("source", pyarrow.string()),
            ("is_video", pyarrow.bool_()),
            ("table", pyarrow.string()),
            ("column", pyarrow.string()),
            ("row", pyarrow.int64()),
        ]
    )
    shards, inputs = 0, 0
    with store.writing(_NAME) as file, parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        waiting: list[dict[str, Any]] = []
        for group in _cut(items, shard_size):
            waiting += ({"shard": shards, **item.to_dict()} for item in group)
            shards, inputs = shards + 1, inputs + len(group)
            if len(waiting) >= _ROWS:
                writer.write_table(pyarrow.Table.from_pylist(waiting, schema=schema))
                waiting.clear()
        writer.write_table(pyarrow.Table.from_pylist(waiting, schema=schema))
    return Plan(store, shards, inputs)


def open_plan(store: Store) -> Plan | None:
    """The plan of an earlier run; None if there is none.

    Raises:
        DataError: it is no plan.
    """
    from pyarrow import parquet

    try:
        with store.open(_NAME) as file:
            plan = parquet.ParquetFile(file)
            last = (
                plan.read_row_group(plan.num_row_groups - 1, columns=["shard"]).column(0)
                if plan.metadata.num_rows
                else []
            )
            return Plan(store, last[-1].as_py() + 1 if len(last) else 0, plan.metadata.num_rows)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise DataError(
            f"{store.place}: expected the plan of a batch in {_NAME}, got something else: {error}"
        ) from error


def _cut(items: Iterable[Item], shard_size: int) -> Iterator[list[Item]]:
    """The shards' items, in the order in which they get full."""
    open_shards: dict[bool, list[Item]] = {False: [], True: []}
    sizes = {False: shard_size, True: max(1, shard_size // _VIDEO_WEIGHT)}
    for item in items:
        shard = open_shards[item.is_video]
        shard.append(item)
        if len(shard) == sizes[item.is_video]:
            yield shard
            open_shards[item.is_video] = []
    yield from (shard for shard in open_shards.values() if shard)
