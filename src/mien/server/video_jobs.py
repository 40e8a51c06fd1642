"""Reads the queued videos one after the other, each in a process that can be killed, and forgets them in time.

Clients take turns. Who sent a video is known only while it waits, and only in memory.
"""

import asyncio
import json
import logging
import shutil
import sqlite3
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

from mien.errors import ServiceBusyError, ServiceError
from mien.server.framing import end_process, pack
from mien.server.jobs import Job, JobStore, ResultName, remove_leftovers
from mien.server.places import Places
from mien.server.settings import Settings

__all__ = ["VideoJobs"]

LOG = logging.getLogger("mien.server")

_TEMPORARY = "mien-serve-"
_RETRY_AFTER_S = 30.0
_WRITE_AGAIN_S = 5.0
_SWEEP_EVERY_S = 5.0
_MOST_ATTEMPTS = 3  # a video that took the service down with it is not tried for ever
_LONGEST_LINE_BYTES = 1 << 20

Verdict = Literal["queued", "cancelled"]


class _StalledError(Exception):
    """The process that reads a video does not come forward."""


class VideoJobs:
    """The queue of videos.

    Args:
        settings: Where jobs lie, how many may wait, how long each may take and its results are kept.
        command: What reads one; tests put something that misbehaves here.
    """

    def __init__(self, settings: Settings, *, command: Sequence[str] | None = None) -> None:
        self._settings = settings
        self._command = tuple(command or (sys.executable, "-m", "mien.server.video_process"))
        self._opened: JobStore | None = None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._places = Places(settings.video_queue, exempt=("",))
        self._senders: dict[str, str] = {}  # job in the queue -> who sent it; kept in memory only
        self._turns: dict[str, int] = {}  # client -> number of its last turn
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._running: Job | None = None
        self._process: Process | None = None
        self._verdict: Verdict | None = None  # what becomes of the running job that is being killed
        self._stop_by_s: float | None = None  # on the loop's clock, once it is stopping

    def start(self) -> None:
        """Open the store and go on where it was left.

        Raises:
            SettingsError: the folder cannot be used.
        """
        if self._settings.data_dir is None:
            remove_leftovers(Path(tempfile.gettempdir()), prefix=_TEMPORARY)
            self._temporary = tempfile.TemporaryDirectory(prefix=_TEMPORARY, ignore_cleanup_errors=True)
        self._opened = JobStore(Path(self._settings.data_dir or str(self._temporary and self._temporary.name)))
        for job in self._opened.queued():  # from before the last stop: nobody knows any more who sent them
            if self._places.enter(""):
                self._senders[job.id] = ""
        self._tasks = [asyncio.create_task(self._work()), asyncio.create_task(self._sweep())]

    def begin_stop(self) -> None:
        """Begin no other video; the grace for the running one begins."""
        if self._stop_by_s is None:
            self._stop_by_s = asyncio.get_running_loop().time() + self._settings.stop_grace_s

    async def stop(self) -> None:
        """Let the running video end within the grace; put it back into the queue if it does not."""
        self.begin_stop()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._stop_by_s):
                while self._running is not None:
                    await asyncio.sleep(0.05)
        await self._kill("queued")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        if self._opened is not None:
            self._opened.close()
            self._opened = None
        if self._temporary is not None:
            self._temporary.cleanup()

    @property
    def waiting(self) -> int:
        """Videos in the queue."""
        return 0 if self._opened is None else len(self._opened.queued())

    @contextmanager
    def upload(self, client: str = "") -> Iterator[tuple[str, Path]]:
        """A place in the queue while a video comes in: the job's id, and the file to write; removed after an error.

        Raises:
            ServiceBusyError: too many videos wait, or half of so many of this client.
        """
        store = self._store
        if not self._places.enter(client):
            raise ServiceBusyError("too many videos wait to be read: try again", retry_after_s=_RETRY_AFTER_S)
        job_id = store.new_id()
        self._senders[job_id] = client
        try:
            yield job_id, store.new_upload(job_id)
        except BaseException:
            self._leave_queue(job_id)
            shutil.rmtree(store.folder(job_id), ignore_errors=True)
            raise

    def _leave_queue(self, job_id: str) -> None:
        client = self._senders.pop(job_id, None)
        if client is not None:
            self._places.leave(client)

    def submit(self, job_id: str, *, labels: str | None, min_face_px: float, every_s: float | None) -> Job:
        """Queue the video that was written to its place."""
        job = self._store.add(job_id, labels=labels, min_face_px=min_face_px, every_s=every_s)
        self._wake.set()
        return job

    def find(self, job_id: str) -> Job | None:
        """The job of that id, as it is now."""
        if self._running is not None and self._running.id == job_id:
            return self._running
        return self._store.find(job_id)

    def expires_s(self, job: Job) -> float | None:
        """When everything of a job that has ended is deleted, in seconds since 1970."""
        return None if job.ended_s is None else job.ended_s + self._settings.keep_results_s

    def result(self, job: Job, name: ResultName) -> Path | None:
        """A result's file; None where there is none."""
        path = self._store.results(job.id) / name
        return path if job.state == "done" and path.is_file() else None

    async def cancel(self, job: Job) -> Job:
        """Stop a job; one that has ended stays as it is."""
        if self._running is not None and self._running.id == job.id:
            await self._kill("cancelled")
        elif not job.has_ended:
            self._leave_queue(job.id)
            self._store.save(replace(job, state="cancelled", ended_s=self._store.now_s()))
        return self._store.find(job.id) or job

    async def delete(self, job: Job) -> None:
        """Delete everything of a job."""
        await self.cancel(job)
        self._store.remove(job.id)

    @property
    def _store(self) -> JobStore:
        if self._opened is None:
            raise ServiceError("the service is stopping: try again when it is back")
        return self._opened

    async def _kill(self, verdict: Verdict) -> None:
        """End the running process and wait until its job is put away."""
        job = self._running
        if job is None:
            return
        self._verdict = verdict
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
        while self._running is job:
            await asyncio.sleep(0.01)

    async def _work(self) -> None:
        """Read what is queued, for ever."""
        while True:
            job = None if self._stop_by_s is not None else self._next()
            if job is None:
                self._wake.clear()
                await self._wake.wait()
            else:
                await self._read(job)

    def _next(self) -> Job | None:
        """The oldest video of the client whose last turn is longest ago."""
        queued = self._store.queued()
        if not queued:
            self._turns.clear()
            return None
        job = min(queued, key=lambda job: self._turns.get(self._senders.get(job.id, ""), 0))  # the first of equals
        self._turns[self._senders.get(job.id, "")] = max(self._turns.values(), default=0) + 1
        return job

    async def _sweep(self) -> None:
        """Delete what has been kept long enough, for ever."""
        while True:
            try:
                self._store.remove_expired(self._settings.keep_results_s)
            except sqlite3.Error as error:  # tried again in time
                LOG.warning("results could not be deleted: %s", error)
            await asyncio.sleep(min(_SWEEP_EVERY_S, self._settings.keep_results_s))

    async def _read(self, job: Job) -> None:
        """Read one video to its end, whatever that is."""
        store = self._store
        self._verdict = None
        self._leave_queue(job.id)
        job = replace(job, state="running", attempts=job.attempts + 1)
        self._running = job
        await self._save(job)
        unfinished = store.folder(job.id) / f"unfinished-{job.attempts}"
        try:
            if job.attempts > _MOST_ATTEMPTS:
                error: str | None = f"the service was stopped {_MOST_ATTEMPTS} times while it read this video"
            else:
                async with asyncio.timeout(self._settings.video_timeout_s):
                    error = await self._follow(job, unfinished)
        except TimeoutError:
            limit_s = self._settings.video_timeout_s
            error = f"expected a video that is read within {limit_s:g} s, got one that takes longer: cut it"
        except _StalledError:
            limit_s = self._settings.video_stall_s
            error = (
                f"expected a video that can be decoded, got one that stood still for {limit_s:g} s: convert it to MP4"
            )
        except OSError as failure:  # no process can be started
            error = f"the service could not read it: {failure.strerror}"
        finally:
            await self._end_process()
        if error is None:
            try:
                unfinished.rename(store.results(job.id))
            except OSError as failure:
                error = f"the service could not keep the results: {failure.strerror}"
        shutil.rmtree(unfinished, ignore_errors=True)
        job = self._put_away(self._running, error)
        await self._save(job)
        self._running = None
        LOG.info("a video is %s after %d frames", job.state, job.frames)

    def _put_away(self, job: Job, error: str | None) -> Job:
        """What became of a job whose process has ended."""
        if error is None:
            job = replace(job, state="done", progress=1.0, ended_s=self._store.now_s())
        elif self._verdict == "queued":
            job = replace(job, state="queued", progress=0.0, frames=0, attempts=job.attempts - 1)
        elif self._verdict == "cancelled":
            job = replace(job, state="cancelled", ended_s=self._store.now_s())
        else:
            job = replace(job, state="failed", error=error, ended_s=self._store.now_s())
        return job

    async def _save(self, job: Job) -> None:
        """Write a job's row, however long that takes: on a full disk the queue waits, and goes on."""
        while True:
            try:
                self._store.save(job)
            except (OSError, sqlite3.Error) as error:
                LOG.warning("a video's state could not be written: %s", error)
                await asyncio.sleep(_WRITE_AGAIN_S)
            else:
                return

    async def _follow(self, job: Job, unfinished: Path) -> str | None:
        """Start the process and listen to it: None when all was read, or why not."""
        settings = self._settings
        order = {
            "upload": str(self._store.upload(job.id)),
            "results": str(unfinished),
            "model": settings.model,
            "detector": settings.detector,
            "balance": settings.balance,
            "labels": job.labels or settings.labels,
            "min_face_px": job.min_face_px,
            "every_s": job.every_s,
            "max_video_s": settings.max_video_s,
            "max_pixels": settings.max_pixels,
        }
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=PIPE, stdout=PIPE, limit=_LONGEST_LINE_BYTES
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError  # both are pipes
        if self._verdict is not None:  # cancelled while it started
            return self._verdict
        with suppress(ConnectionError):
            self._process.stdin.writelines(pack(order))
            await self._process.stdin.drain()
        while line := await self._line(self._process.stdout):
            said = json.loads(line)
            if "error" in said:
                return str(said["error"])
            if "done" in said:
                self._running = replace(self._running or job, error=said["damage"])
                return None
            self._running = replace(self._running or job, progress=said["progress"], frames=said["frames"])
        return "expected a video, got one that stopped the process that read it: convert it to MP4"

    async def _line(self, stdout: asyncio.StreamReader) -> bytes:
        """What the process says next, which it does as long as it comes forward; nothing at its end.

        Raises:
            _StalledError: it has been silent for too long.
        """
        try:
            async with asyncio.timeout(self._settings.video_stall_s):
                return await stdout.readline()
        except TimeoutError:
            raise _StalledError from None

    async def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await end_process(process)
