"""A PostgreSQL server of a test's own, as a study's storage."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["running_postgresql"]

_USER, _PASSWORD = "mien", "p@ss"
_ROOT = 0


@contextmanager
def running_postgresql() -> Iterator[str]:
    """The URL of a new, empty database."""
    # Root may not run a server; Debian's package makes this user for it.
    user = "postgres" if os.geteuid() == _ROOT else None
    folder = Path(tempfile.mkdtemp(prefix="mien-postgresql-"))  # where that user may go, unlike pytest's folders
    data, password = folder / "data", folder / "password"
    password.write_text(_PASSWORD)
    if user is not None:
        for path in (folder, password):
            shutil.chown(path, user)
    settings = f"-p {_free_port()} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    port = settings.split()[1]
    try:
        _run("initdb", "-D", data, "-U", _USER, "-A", "scram-sha-256", f"--pwfile={password}", "-N", user=user)
        _run("pg_ctl", "-D", data, "-l", folder / "log", "-o", settings, "-t", "120", "-w", "start", user=user)
        try:
            yield f"postgresql://{_USER}:{_PASSWORD.replace('@', '%40')}@127.0.0.1:{port}/postgres"
        finally:
            _run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop", user=user)
    finally:
        shutil.rmtree(folder)


def _run(program: str, *arguments: str | Path, user: str | None) -> None:
    # Debian keeps the server's programs of each version apart, off the path.
    kept_apart = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"), reverse=True)
    path = shutil.which(program) or next(iter(kept_apart), None)
    assert path is not None, f"these tests need PostgreSQL's {program}: apt-get install postgresql"
    done = subprocess.run([path, *arguments], user=user, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr


def _free_port() -> int:
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        port: int = any_port.getsockname()[1]
        return port
