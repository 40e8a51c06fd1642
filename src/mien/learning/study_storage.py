"""Where a study lives: a journal file on this machine, or a database that several machines share."""

import time
from pathlib import Path

from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool

from mien.errors import MissingExtraError, RunError

__all__ = ["open_storage"]

_ATTEMPTS = 20
_WAIT_S = 0.2


def open_storage(url: str | None, *, folder: Path) -> BaseStorage:
    """The storage at a URL, its tables made if it is new; without a URL a journal file in the folder.

    Raises:
        MissingExtraError: PostgreSQL's driver is not installed.
        RunError: the URL is none of a database, or the database cannot be used.
    """
    if url is None:
        return JournalStorage(JournalFileBackend(str(folder / "study.journal")))
    attempts = 0
    while True:
        try:
            # A connection for each question: trials last longer than servers keep silent ones, and a server has few.
            return RDBStorage(url, engine_kwargs={"poolclass": NullPool})
        except DBAPIError as error:
            # Machines that open a new database at one moment all make its tables; all but one must look again.
            attempts += 1
            if "already exists" in str(error.orig) and attempts < _ATTEMPTS:
                time.sleep(_WAIT_S)
                continue
            said = str(error.orig).strip().splitlines()[0]
            raise RunError(f"the database of --storage cannot be used: {said}; look at server and URL") from error
        except ImportError as error:
            if url.startswith("postgresql"):
                raise MissingExtraError("a study in PostgreSQL", extra="postgresql") from error
            raise RunError(
                f"--storage names a {url.partition(':')[0]} database, whose driver is not installed"
            ) from error
        except ArgumentError as error:
            expected = "expected --storage to be such as postgresql://user:password@host/database"
            raise RunError(f"{expected}: {error}") from error
