"""Who runs the workers. An engine takes shards and promises what comes of them; the work itself is the same."""

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock, local
from typing import Protocol, Self

from mien.scale.reading import ReadSettings
from mien.scale.shards import Shard, ShardCount, ShardReader
from mien.scale.supervisor import Supervisor

__all__ = ["Engine", "InlineEngine", "LocalEngine"]


class Engine(AbstractContextManager["Engine"], Protocol):
    """Runs shards; leaving the context ends all that is under way."""

    slots: int
    """How many shards it wants at a time."""

    def submit(self, shard: Shard) -> "Future[ShardCount]":
        """Read a shard some time soon."""
        ...


class LocalEngine:
    """A worker process for every core of this machine.

    Args:
        settings: How the files are read.
        place: Where the results go.
        workers: How many; None for one for every core that this process may use.
        stall_s: As `Supervisor` takes it.
    """

    def __init__(self, settings: ReadSettings, place: str, *, workers: int | None, stall_s: float) -> None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        count = workers or cores
        self._make: Callable[[], Supervisor] = lambda: Supervisor(settings, place, stall_s=stall_s)
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="mien-supervise")
        self._own = local()
        self._lock = Lock()
        self._all: list[Supervisor] = []
        self.slots = count + 1  # one is at hand when a worker is through with its own

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        for supervisor in self._all:
            supervisor.close()
        self._pool.shutdown()

    def submit(self, shard: Shard) -> "Future[ShardCount]":
        return self._pool.submit(self._read, shard)

    def _read(self, shard: Shard) -> ShardCount:
        if not hasattr(self._own, "supervisor"):
            self._own.supervisor = self._make()
            with self._lock:
                self._all.append(self._own.supervisor)
        supervisor: Supervisor = self._own.supervisor
        return supervisor.read(shard)


class InlineEngine:
    """This process itself, for results in its memory, which no other process finds; a file that kills, kills it.

    Args:
        settings: How the files are read.
        place: Where the results go.
    """

    slots = 1

    def __init__(self, settings: ReadSettings, place: str) -> None:
        self._folder = TemporaryDirectory(prefix="mien-")
        self._reader = ShardReader(settings, place, Path(self._folder.name))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def submit(self, shard: Shard) -> "Future[ShardCount]":
        promise: Future[ShardCount] = Future()
        spool = Path(self._folder.name, "spool")
        spool.unlink(missing_ok=True)
        try:
            count = self._reader.read(shard, spool)
            assert count is not None
            promise.set_result(count)
        except BaseException as error:  # noqa: BLE001  raised again where the promise is asked
            promise.set_exception(error)
        return promise
