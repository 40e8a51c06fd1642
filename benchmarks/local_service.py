"""A service as a process of its own, for the benchmarks that ask one: started, measured, stopped."""

import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import mien

JUDGED_FROM_S = 300.0
MOST_GROWTH = 0.05  # of the memory in the second quarter of the time
UNLIMITED = {"MIEN_RATE_PER_S": "1000000", "MIEN_RATE_BURST": "1000000"}  # all clients have one address here


@dataclass(frozen=True)
class LocalService:
    """A running `mien serve`."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def metric(self, name: str) -> float:
        """One value of `/metrics`."""
        connection = mien.Client(self.url)._connection()
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
        connection.close()
        return next(float(line.split()[-1]) for line in lines if line.startswith(f"{name} "))

    def memory_mb(self) -> float | None:
        """What the service and its processes have in memory; None where the system does not say."""
        return family_memory_mb(self.process.pid)

    def log_lines(self, word: str) -> list[str]:
        """The lines of its log that hold a word."""
        return [line for line in self.log.read_text("utf-8", "replace").splitlines() if word in line]


@contextmanager
def serving(settings: Mapping[str, str] | None = None) -> Iterator[LocalService]:
    """A service with these variables set besides `UNLIMITED`; stopped in the end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="mien-benchmark-") as folder:
        log = Path(folder, "log")
        environment = {**os.environ, **UNLIMITED, "MIEN_PORT": str(port), **(settings or {})}
        with log.open("wb") as file:
            process = subprocess.Popen([sys.executable, "-m", "mien", "serve"], stderr=file, env=environment)
        service = LocalService(process, port, log)
        try:
            _wait(service)
            yield service
            process.send_signal(signal.SIGTERM)
            process.wait(60)
        finally:
            process.kill()
            process.wait()


def _wait(service: LocalService) -> None:
    client = mien.Client(service.url)
    for _ in range(600):
        try:
            client.models()
        except mien.ServiceError:
            if service.process.poll() is not None:
                raise SystemExit(service.log.read_text("utf-8")) from None
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the service did not start within a minute")


def family_memory_mb(pid: int) -> float | None:
    """What a process and all below it have in memory; None where the system does not say."""
    if not Path("/proc/self/statm").exists():
        return None
    return sum(_resident_mb(each) for each in _family(pid))


def is_flat(memory_mb: Sequence[float], seconds: float) -> bool:
    """Whether a memory that was watched for so long has stopped growing; processes come and go, so medians count."""
    if not memory_mb:
        print("memory: this system does not say")
        return True
    quarter = max(1, len(memory_mb) // 4)
    early, late = statistics.median(memory_mb[quarter : 2 * quarter]), statistics.median(memory_mb[-quarter:])
    print(
        f"memory of the process and those below it: {early:.0f} MB in the second quarter of the time,"
        f" {late:.0f} MB in the last, {max(memory_mb):.0f} MB at most"
    )
    if seconds < JUDGED_FROM_S:
        print(f"    too short a time to judge by: {JUDGED_FROM_S / 60:g} minutes of it would do")
        return True
    return late <= early * (1 + MOST_GROWTH)


def _family(pid: int) -> list[int]:
    """A process and all below it; those that end meanwhile are left out."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        children = []
    return [pid, *(each for child in children for each in _family(int(child)))]


def _resident_mb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
