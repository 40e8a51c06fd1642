"""One worker process and what it takes to get shards through it whatever the files do to it.

A process that dies leaves behind how far it got (`spool`): the next item is under suspicion and is read again in a
process of its own. If that dies too, and a third, the item is named as what kills, and the shard goes on behind it. One
that says nothing for long counts as dead.
"""

import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mien.errors import EngineError
from mien.scale.reading import Failure, ReadSettings
from mien.scale.shards import Shard, ShardCount
from mien.scale.spool import Spool

__all__ = ["Supervisor"]

_DEATHS = 3  # of processes at the same item, until it is held to be the cause
_STARTS = 3
_START_S = 300.0  # loading takes a second, and more where all workers begin at once
_POLL_S = 1.0
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(eq=False)
class _Process:
    """A worker and the lines that it answers; None is the end of them."""

    running: "subprocess.Popen[str]"
    lines: "queue.Queue[str | None]"


class Supervisor:
    """Reads shards in a worker process, which is started again when it dies.

    Args:
        settings: How the files are read.
        place: Where the results go.
        stall_s: A worker that finishes no photo and no frame for so long is killed.
    """

    def __init__(self, settings: ReadSettings, place: str, *, stall_s: float) -> None:
        self._first = {"settings": settings.to_dict(), "place": place}
        self._stall_s = stall_s
        self._folder = Path(tempfile.mkdtemp(prefix="mien-"))
        self._process: _Process | None = None
        self._is_closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the worker at once; a shard that is under way is given up. May be called from another thread."""
        self._is_closed = True
        self._end()
        shutil.rmtree(self._folder, ignore_errors=True)

    def read(self, shard: Shard) -> ShardCount:
        """Read a shard and write its part, whatever dies on the way.

        Raises:
            EngineError: workers cannot start, or the results cannot be written.
        """
        spool_path = self._folder / "spool"
        spool_path.unlink(missing_ok=True)
        suspect, deaths = -1, 0
        while True:
            count, is_alive = self._ask(shard, spool_path, until=suspect + 1 if deaths else None)
            if count is not None:
                return count
            if is_alive:
                deaths = 0  # the suspect was not the cause
                continue
            with Spool(spool_path) as spool:
                deaths = deaths + 1 if spool.done == suspect else 1
                suspect = spool.done
                if deaths < _DEATHS:
                    continue
                if suspect == len(shard.items):
                    raise EngineError(
                        f"part {shard.name}: expected workers that can write it, but {deaths} died while they did:"
                        " is there enough memory for as many workers?"
                    )
                spool.add(Failure(shard.items[suspect].source, "process", self._obituary(shard, suspect)))
                spool.finish_item()
                deaths = 0

    def _ask(self, shard: Shard, spool_path: Path, *, until: int | None) -> tuple[ShardCount | None, bool]:
        """What came of a shard, if it was read to its end, and whether the worker is alive."""
        process = self._process or self._started()
        answer = self._answer(
            process, {"shard": shard.to_dict(), "spool": str(spool_path), "until": until}, spool_path=spool_path
        )
        if answer is None:
            self._how_it_ended = self._end()
            return None, False
        if "error" in answer:
            raise EngineError(answer["error"])
        return None if answer["count"] is None else ShardCount(**answer["count"]), True

    def _obituary(self, shard: Shard, suspect: int) -> str:
        return (
            f"{shard.items[suspect].source}: expected a file that can be read, but {_DEATHS} processes that did so"
            f" {self._how_it_ended}: leave it out"
        )

    def _started(self) -> _Process:
        """A worker that is ready.

        Raises:
            EngineError: it does not get so far.
        """
        complaints = self._folder / "stderr.txt"
        for _ in range(_STARTS):
            if self._is_closed:
                raise EngineError("the run was stopped")
            with complaints.open("wb") as stderr:
                running = subprocess.Popen(
                    [sys.executable, "-m", "mien.scale.worker", str(self._folder)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=stderr,
                    text=True,
                    encoding="utf-8",
                    env={**os.environ, **dict.fromkeys(_ONE_THREAD, "1")},
                )
            process = _Process(running, queue.Queue())
            threading.Thread(target=_listen, args=(process,), daemon=True).start()
            self._process = process
            answer = self._answer(process, self._first, spool_path=None)
            if answer is None:
                self._end()
                continue
            if "error" in answer:
                self._end()
                raise EngineError(answer["error"])
            return process
        said = complaints.read_text("utf-8", "replace").strip().splitlines() if complaints.exists() else []
        raise EngineError(f"expected worker processes that start, got none: {said[-1] if said else 'they say nothing'}")

    def _answer(
        self, process: _Process, message: Mapping[str, Any], *, spool_path: Path | None
    ) -> dict[str, Any] | None:
        """What the worker says to a message; None if it died, or hung and was killed."""
        assert process.running.stdin is not None
        try:
            process.running.stdin.write(json.dumps(message) + "\n")
            process.running.stdin.flush()
        except (BrokenPipeError, ValueError):  # ValueError: closed
            return None
        sign, signed_s = 0, time.monotonic()
        while True:
            try:
                line = process.lines.get(timeout=_POLL_S)
            except queue.Empty:
                seen = 0 if spool_path is None or not spool_path.exists() else spool_path.stat().st_mtime_ns
                if seen != sign:
                    sign, signed_s = seen, time.monotonic()
                elif time.monotonic() - signed_s > (_START_S if spool_path is None else self._stall_s):
                    process.running.kill()
                continue
            if self._is_closed:
                raise EngineError("the run was stopped")
            return None if line is None else json.loads(line)

    def _end(self) -> str:
        """Be rid of the worker; how it ended."""
        process, self._process = self._process, None
        if process is None:
            return "ended"
        process.running.kill()
        status = process.running.wait()
        for stream in (process.running.stdin, process.running.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()
        return f"were killed by signal {-status}" if status < 0 else f"ended with status {status}"


def _listen(process: _Process) -> None:
    """In a thread: the worker's answers."""
    assert process.running.stdout is not None
    try:
        for line in process.running.stdout:
            process.lines.put(line)
    except ValueError:  # closed meanwhile
        pass
    process.lines.put(None)
