"""Systems in processes of their own that are timed in turns, so that a busier machine is slower for all of them.

Another tool's interpreter, which has no mien, runs the measured side: this file imports the standard library alone,
and a worker finds it under the name `turns`.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["Worker", "median_ratio", "serve", "take_turns"]


class Worker:
    """A process that measures one system when asked; its script answers `--worker NAME` with `serve`.

    Args:
        name: Of the system.
        python: The interpreter to run it with.
        script: The script.
        arguments: What else the script is given.
    """

    def __init__(self, name: str, python: Path, script: str, *arguments: str) -> None:
        self.name = name
        self.measured: list[float] = []
        path = os.pathsep.join(filter(None, (str(Path(__file__).parent), os.environ.get("PYTHONPATH"))))
        start_s = time.perf_counter()
        self._process = subprocess.Popen(
            [str(python), "-W", "ignore", script, "--worker", name, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        self.is_ready = self._answer() is not None
        self.start_s = time.perf_counter() - start_s
        """Seconds from nothing to ready."""

    def _answer(self) -> Any:
        """The next JSON line; None when the process is gone. Lines that are not JSON are its library's chatter."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                return json.loads(line)
            except json.JSONDecodeError:
                continue
        return None

    def measure(self) -> None:
        """Let it measure once."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        self.measured.append(self._answer())

    @property
    def median(self) -> float:
        """Of what was measured."""
        return statistics.median(self.measured)

    def stop(self) -> None:
        """End the process."""
        with self._process:
            self._process.terminate()


def serve(measure: Callable[[], float]) -> None:
    """Inside a worker: answer every line on standard input with a figure."""
    print(json.dumps("ready"), flush=True)  # noqa: T201
    for _ in sys.stdin:
        print(json.dumps(measure()), flush=True)  # noqa: T201


def take_turns(
    systems: Mapping[str, Path | None],
    script: str,
    *arguments: str,
    rounds: int,
    say: Callable[[str], object] = print,
) -> dict[str, Worker]:
    """Every system, by the interpreter that runs it, measured so many times, round by round.

    Those without an interpreter, and those that do not start, are left out, and `say` is told.
    """
    workers: dict[str, Worker] = {}
    try:
        for name, python in systems.items():
            worker = None if python is None else Worker(name, python, script, *arguments)
            if worker is None or not worker.is_ready:
                say(f"{name}: could not be run here")
            if worker is not None:
                workers[name] = worker
        for _ in range(rounds):
            for worker in workers.values():
                if worker.is_ready:
                    worker.measure()
    finally:
        for worker in workers.values():
            worker.stop()
    return {name: worker for name, worker in workers.items() if worker.is_ready}


def median_ratio(one: Sequence[float], other: Sequence[float]) -> float:
    """Of figures that were measured side by side."""
    return statistics.median(a / b for a, b in zip(one, other, strict=True))
