"""A run over any number of files: plan, read what is not there yet, and say in the manifest what there is."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from importlib.metadata import version
from queue import Empty, SimpleQueue
from typing import Any

from mien.errors import DataError, MissingExtraError
from mien.results import NOTICE
from mien.scale.engines import Engine
from mien.scale.plan import Plan, open_plan, write_plan
from mien.scale.reading import ReadSettings
from mien.scale.shards import FAILURES, PIECES, READINGS, SPLIT, Shard, ShardCount, part_name
from mien.scale.sources import find_items
from mien.scale.storage import Store
from mien.tables.sidecar import columns_meta
from mien.taxonomy import TAXONOMIES

__all__ = ["ScaleRun"]

_MANIFEST = "_manifest.json"
_POLL_S = 0.2
_FOOTERS_AT_ONCE = 32


class ScaleRun:
    """One run, or one more over the same files, which reads what the runs before did not.

    Args:
        source: As `find_items` takes it.
        place: A folder for the results, or an address.
        settings: How the files are read.
        shard_size: As `write_plan` takes it.
        column: As `find_items` takes it.

    Attributes:
        plan: What there is to do.
        there: The names of the shards that earlier runs finished.
        manifest: What came of it all, once all is read.

    Raises:
        DataError: there is a run over other files or with other settings.
        MissingExtraError: pyarrow is not installed.
    """

    def __init__(
        self, source: str, place: str, settings: ReadSettings, *, shard_size: int = 500, column: str | None = None
    ) -> None:
        try:
            import pyarrow  # noqa: F401
        except ImportError as error:
            raise MissingExtraError("mien batch", extra="batch") from error
        self.place = place
        self._store = Store(place)
        analyzer = settings.analyzer()  # here, so that what is wrong with it is said before any worker starts
        self._taxonomy = TAXONOMIES[analyzer.options.labels]
        self._run = {
            "source": source,
            "column": column,
            "settings": settings.to_dict(),
            "model": {"name": analyzer.classifier.card.name, "sha256": analyzer.classifier.sha256},
            "labels": {"taxonomy": self._taxonomy.name, "order": list(self._taxonomy.labels)},
        }
        earlier = self._store.read(_MANIFEST)
        if earlier is None:
            self.plan = write_plan(self._store, find_items(source, column=column), shard_size=shard_size)
            self._write_manifest(is_complete=False)
        else:
            self.plan = self._plan_of(json.loads(earlier))
        self.there = frozenset(
            name.removeprefix("part-").removesuffix(".parquet") for name in self._store.names(READINGS)
        )
        self._counts: dict[str, ShardCount] = {}
        self.manifest: dict[str, Any] | None = None

    def counts(self, engine: Engine, *, is_stopped: Callable[[], bool] = lambda: False) -> Iterator[ShardCount | None]:
        """Read what is not there yet; what came of each shard, as it gets finished.

        Args:
            engine: Reads the shards.
            is_stopped: Asked five times a second: True ends the run; None is given out where there is nothing new.

        Raises:
            EngineError: workers cannot start, or cannot write.
        """
        for work in (self._unread, self._unread_pieces, self._unjoined):
            yield from self._read(work(), engine, is_stopped)
            if is_stopped():
                return
        self.manifest = self._write_manifest(is_complete=True)
        self._forget_pieces()

    def _read(
        self, work: Iterator[Shard], engine: Engine, is_stopped: Callable[[], bool]
    ) -> Iterator[ShardCount | None]:
        """Keep an engine busy until all of some work is done; what a shard costs does not grow with the workers."""
        finished: SimpleQueue[Future[ShardCount]] = SimpleQueue()
        running = 0
        while not is_stopped():
            while running < engine.slots and (shard := next(work, None)) is not None:
                engine.submit(shard).add_done_callback(finished.put)
                running += 1
            if not running:
                return
            try:
                count = finished.get(timeout=_POLL_S).result()
            except Empty:
                yield None
                continue
            running -= 1
            if not count.is_piece:
                self._counts[count.name] = count
            yield count

    def _unread(self) -> Iterator[Shard]:
        """Shards of the plan."""
        return (shard for shard in self.plan.work() if shard.name not in self.there)

    def _unread_pieces(self) -> Iterator[Shard]:
        """Pieces of long videos, which were found while the plan was read."""
        pieces = set(self._store.names(PIECES))
        for whole in self._unjoined():
            for piece in map(whole.piece, range(len(whole.pieces))):
                if piece.readings.rpartition("/")[2] not in pieces:
                    yield piece

    def _unjoined(self) -> Iterator[Shard]:
        """Long videos of which there are pieces."""
        left = (name for name in self._store.names(SPLIT) if name.removesuffix(".json") not in self.there)
        return map(self._split_video, left)

    def _split_video(self, name: str) -> Shard:
        return Shard.from_dict(json.loads(self._store.read(f"{SPLIT}/{name}") or b""))

    def _forget_pieces(self) -> None:
        """Remove what was only read to be joined."""
        for name in self._store.names(PIECES):
            if name.endswith(".parquet"):
                self._store.remove(f"{PIECES}/{name}")
        for name in self._store.names(f"{PIECES}/{FAILURES}"):
            self._store.remove(f"{PIECES}/{FAILURES}/{name}")

    def _plan_of(self, earlier: dict[str, Any]) -> Plan:
        """The plan of an earlier run, given its manifest.

        Raises:
            DataError: that run read other files, or in another way.
        """
        others = sorted(_differences(earlier.get("run"), json.loads(json.dumps(self._run))))
        plan = open_plan(self._store)
        if others or plan is None:
            raise DataError(
                f"{self.place}: expected a new folder or one with this run, got one with another"
                f" ({', '.join(others) or 'no plan'}): name another with --out"
            )
        self._store.tidy("", READINGS, FAILURES, PIECES, SPLIT)
        return plan

    def _write_manifest(self, *, is_complete: bool) -> dict[str, Any]:
        manifest = {
            "mien": version("mien"),
            "notice": NOTICE,
            "run": self._run,
            "is_complete": is_complete,
            "inputs": self.plan.inputs,
            "shards": self.plan.shards,
        }
        if is_complete:
            with ThreadPoolExecutor(_FOOTERS_AT_ONCE) as pool:
                earlier = pool.map(self._count_of, sorted(self.there - set(self._counts)))
                counts = sorted([*earlier, *self._counts.values()], key=lambda count: count.name)
            manifest |= {
                "rows": sum(count.rows for count in counts),
                "failures": sum(count.failures for count in counts),
                "parts": [asdict(count) for count in counts],
            }
        manifest |= columns_meta(self._taxonomy, "native")
        self._store.write(_MANIFEST, (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode())
        return manifest

    def _count_of(self, shard: str) -> ShardCount:
        """What a part says of itself."""
        from pyarrow import parquet

        with self._store.open(part_name(READINGS, shard)) as file:
            return ShardCount(**json.loads(parquet.ParquetFile(file).metadata.metadata[b"mien"]))


def _differences(one: Any, other: Any, name: str = "") -> Iterator[str]:
    """Which settings differ, by name."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other}):
            yield from _differences(one.get(key), other.get(key), key)
    elif one != other:
        yield name or "of another version"
