"""The video jobs on disk: one SQLite file with a row per job, and a folder per job for its upload and results."""

import os
import secrets
import shutil
import sqlite3
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from mien.errors import SettingsError

__all__ = ["RESULTS", "Job", "JobState", "JobStore", "ResultName", "remove_leftovers"]

JobState = Literal["queued", "running", "done", "failed", "cancelled"]
ResultName = Literal["readings.jsonl", "readings.csv", "summary.json", "subtitles.vtt", "timeline.png"]
RESULTS: tuple[ResultName, ...] = get_args(ResultName)
"""The files that a job may leave."""

_DATABASE, _VIDEOS = "jobs.sqlite", "videos"
_VERSION = 1


@dataclass(frozen=True)
class Job:
    """A video that is to be read, is being read, or was.

    Args:
        id: A name that nobody guesses; who knows it may ask for the job.
        state: Where it is.
        created_s: When it was submitted, in seconds since 1970.
        labels: Label set of the answers; None takes the service's.
        min_face_px: Smaller faces are left out.
        every_s: One frame is read in so many seconds; None reads every frame.
        ended_s: When it was done, failed or cancelled; None before.
        progress: Share of the video that was read, in [0, 1].
        frames: Frames that were read.
        attempts: How often its reading was begun.
        error: One sentence that says why it failed or, where it is done, what part could not be decoded.
    """

    id: str
    state: JobState
    created_s: float
    labels: str | None = None
    min_face_px: float = 0.0
    every_s: float | None = None
    ended_s: float | None = None
    progress: float = 0.0
    frames: int = 0
    attempts: int = 0
    error: str | None = None

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.ended_s is not None


_COLUMNS = tuple(entry.name for entry in fields(Job))


class JobStore:
    """Jobs that outlive the process; one process at a time, one thread.

    Args:
        folder: Where everything lies; made if it is not there, for its owner only.
        clock: Seconds since 1970.

    Raises:
        SettingsError: the folder cannot be written, or another service uses it.
    """

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._videos, self._clock = folder / _VIDEOS, clock
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._videos.mkdir(mode=0o700, exist_ok=True)
            self._database = sqlite3.connect(folder / _DATABASE, timeout=1.0, isolation_level=None)
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")  # held until the end: one service per folder
            self._database.execute("BEGIN EXCLUSIVE")
            self._database.execute(f"CREATE TABLE IF NOT EXISTS jobs ({', '.join(_COLUMNS)}, PRIMARY KEY (id))")
            self._database.execute(f"PRAGMA user_version = {_VERSION}")
            self._database.execute("COMMIT")
        except (OSError, sqlite3.Error) as error:
            raise SettingsError(f"data_dir: expected a folder that no other service uses, got {error}") from None
        self._recover()

    def close(self) -> None:
        """Let go of the folder."""
        self._database.close()

    def new_id(self) -> str:
        """A name for a job that nobody guesses."""
        return secrets.token_urlsafe(16)

    def new_upload(self, job_id: str) -> Path:
        """Where the video of a new job is to be written before `add`."""
        self.folder(job_id).mkdir(mode=0o700)
        return self.upload(job_id)

    def add(self, job_id: str, *, labels: str | None, min_face_px: float, every_s: float | None) -> Job:
        """Queue the job whose video has been written."""
        job = Job(job_id, "queued", self._clock(), labels, min_face_px, every_s)
        self.save(job)
        return job

    def save(self, job: Job) -> None:
        """Write a job's row; the video of one that has ended is deleted."""
        marks = ", ".join("?" * len(_COLUMNS))
        self._database.execute(f"INSERT OR REPLACE INTO jobs VALUES ({marks})", astuple(job))  # noqa: S608  only marks
        if job.has_ended:
            self.upload(job.id).unlink(missing_ok=True)

    def find(self, job_id: str) -> Job | None:
        """The job of that id."""
        return next(iter(self._select("WHERE id = ?", job_id)), None)

    def queued(self) -> list[Job]:
        """Those that wait, the one that has waited longest first."""
        return self._select("WHERE state = 'queued' ORDER BY created_s")

    def remove(self, job_id: str) -> None:
        """Delete a job with everything of it."""
        shutil.rmtree(self.folder(job_id), ignore_errors=True)
        self._database.execute("DELETE FROM jobs WHERE id = ?", (job_id,))

    def remove_expired(self, keep_s: float) -> int:
        """Delete the jobs that ended more than `keep_s` ago; how many there were."""
        expired = self._select("WHERE ended_s <= ?", self._clock() - keep_s)
        for job in expired:
            self.remove(job.id)
        return len(expired)

    def now_s(self) -> float:
        """The store's time."""
        return self._clock()

    def folder(self, job_id: str) -> Path:
        """Where a job's files are."""
        return self._videos / job_id

    def upload(self, job_id: str) -> Path:
        """A job's video."""
        return self.folder(job_id) / "upload"

    def results(self, job_id: str) -> Path:
        """The folder of a job's results; there once it is done."""
        return self.folder(job_id) / "results"

    def _recover(self) -> None:
        """After a stop: what was being read is queued again, and uploads that were broken off are deleted."""
        self._database.execute("UPDATE jobs SET state = 'queued', progress = 0, frames = 0 WHERE state = 'running'")
        known = {job.id for job in self._select()}
        for folder in self._videos.iterdir():
            if folder.name not in known:
                shutil.rmtree(folder, ignore_errors=True)

    def _select(self, condition: str = "", *values: Any) -> list[Job]:
        rows = self._database.execute(f"SELECT {', '.join(_COLUMNS)} FROM jobs {condition}", values)  # noqa: S608  our own words
        return [Job(*row) for row in rows]


def remove_leftovers(folder: Path, *, prefix: str, older_than_s: float = 60.0) -> None:
    """Delete the temporary stores in `folder` whose services were killed before they could.

    Args:
        folder: Where temporary stores are made.
        prefix: How their names begin.
        older_than_s: Younger ones stay: their service may be just about to open them.
    """
    for store in folder.glob(f"{prefix}*"):
        with suppress(OSError, SettingsError):  # another user's, or in use
            status = store.lstat()
            is_ours = stat.S_ISDIR(status.st_mode) and getattr(os, "getuid", lambda: 0)() == status.st_uid
            if is_ours and status.st_mtime < time.time() - older_than_s:
                JobStore(store).close()
                shutil.rmtree(store, ignore_errors=True)
