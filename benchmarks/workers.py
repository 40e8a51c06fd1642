"""Systems in processes of their own that are timed in turns, so that a busier machine is slower for all of them."""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any


class Worker:
    """A process that measures one system when asked; the script answers `--worker NAME` with `serve`."""

    def __init__(self, name: str, python: Path, script: str, *arguments: str) -> None:
        self.name = name
        self.measured: list[float] = []
        self._process = subprocess.Popen(
            [str(python), "-W", "ignore", script, "--worker", name, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def answer(self) -> Any:
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
        self.measured.append(self.answer())

    @property
    def median(self) -> float:
        return statistics.median(self.measured)

    def stop(self) -> None:
        self._process.terminate()


def serve(measure: Callable[[], float]) -> None:
    """Inside a worker: answer every line on standard input with a figure."""
    print(json.dumps("ready"), flush=True)
    for _ in sys.stdin:
        print(json.dumps(measure()), flush=True)


def take_turns(systems: Mapping[str, Path | None], script: str, *arguments: str, rounds: int) -> dict[str, Worker]:
    """Every system, by the interpreter that runs it, measured so many times, round by round.

    Those without an interpreter, and those that do not start, are left out, and it is said.
    """
    workers: dict[str, Worker] = {}
    try:
        for name, python in systems.items():
            worker = None if python is None else Worker(name, python, script, *arguments)
            if worker is None or worker.answer() is None:
                print(f"{name}: could not be run here")
            else:
                workers[name] = worker
        for _ in range(rounds):
            for worker in workers.values():
                worker.measure()
    finally:
        for worker in workers.values():
            worker.stop()
    return workers


def median_ratio(one: Sequence[float], other: Sequence[float]) -> float:
    """Of figures that were measured side by side."""
    return statistics.median(a / b for a, b in zip(one, other, strict=True))
