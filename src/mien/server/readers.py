"""The processes that read pictures, and the queue before them.

A photo goes to whichever process is free first. A live session stays with one process, which holds its tracks, and its
frames take turns with the photos, so that neither starves the other. A process that dies or takes too long over a
picture is replaced; only that picture is lost.
"""

import asyncio
import json
import logging
import os
import sys
import uuid
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

from mien.errors import MediaError, MediaTooLargeError, ServiceBusyError, ServiceError, SettingsError
from mien.server.framing import LENGTHS, end_process, pack
from mien.server.settings import Settings

__all__ = ["LiveReader", "Readers"]

LOG = logging.getLogger("mien.server")

_START_TIMEOUT_S = 120.0
_RETRY_AFTER_S = 1.0


@dataclass(eq=False)
class _Task:
    head: dict[str, Any]
    picture: bytes
    answer: "asyncio.Future[bytes]"


class _Worker:
    """One process and the frames that only it may read."""

    def __init__(self) -> None:
        self.process: Process | None = None
        self.own: deque[_Task] = deque()
        self.sessions = 0
        self.had_own_turn = False


class Readers:
    """A pool of reading processes.

    Args:
        settings: How many, with which model, and what they refuse.
        command: What starts one; tests put something that misbehaves here.
    """

    def __init__(self, settings: Settings, *, command: Sequence[str] | None = None) -> None:
        self._settings = settings
        self._command = tuple(command or (sys.executable, "-m", "mien.server.reader_process"))
        self._workers = [_Worker() for _ in range(settings.readers or os.cpu_count() or 1)]
        self._photos: deque[_Task] = deque()
        self._changed = asyncio.Condition()
        self._tasks: list[asyncio.Task[None]] = []
        self._farewells: set[asyncio.Task[None]] = set()  # held, or they would be collected
        self._about: dict[str, Any] = {}
        self.replaced = 0
        """Processes that were replaced because they died or took too long."""

    @property
    def about(self) -> dict[str, Any]:
        """The model's card, the detector, and the label sets with their colours."""
        return self._about

    @property
    def is_ready(self) -> bool:
        """Whether every process is up."""
        return bool(self._tasks) and all(worker.process is not None for worker in self._workers)

    @property
    def waiting(self) -> int:
        """Photos in the queue."""
        return len(self._photos)

    async def start(self) -> None:
        """Start the processes.

        Raises:
            SettingsError: the model or the detector cannot be had.
        """
        launches = await asyncio.gather(*(self._launch(worker) for worker in self._workers), return_exceptions=True)
        for failure in launches:
            if failure is not None:
                await asyncio.gather(*(_end(worker) for worker in self._workers))
                raise failure
        self._tasks = [asyncio.create_task(self._work(worker)) for worker in self._workers]

    async def stop(self) -> None:
        """End the processes; what still waits is refused."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        for worker in self._workers:
            await _end(worker)
            self._refuse_all(worker.own)
        self._refuse_all(self._photos)

    async def read_photo(self, picture: bytes, *, labels: str | None = None, min_face_px: float = 0.0) -> bytes:
        """The reading of a photo, as JSON.

        Raises:
            ServiceBusyError: too many photos wait.
            MediaError: it is no picture, or a damaged one, or reading it took too long.
            MediaTooLargeError: it claims too many pixels.
        """
        if len(self._photos) >= self._settings.photo_queue:
            raise ServiceBusyError("too many photos wait to be read: try again", retry_after_s=_RETRY_AFTER_S)
        return await self._put(self._photos, {"do": "photo", "labels": labels, "min_face_px": min_face_px}, picture)

    def open_live(self, *, labels: str | None = None, min_face_px: float = 0.0) -> "LiveReader":
        """A live session, in the process that has the fewest; close it."""
        worker = min(self._workers, key=lambda worker: worker.sessions)
        return LiveReader(self, worker, {"labels": labels, "min_face_px": min_face_px})

    async def _put(self, queue: deque[_Task], head: dict[str, Any], picture: bytes) -> bytes:
        if not self._tasks:
            raise ServiceError("the service is stopping: try again when it is back")
        task = _Task(head, picture, asyncio.get_running_loop().create_future())
        queue.append(task)
        async with self._changed:
            self._changed.notify_all()
        return await task.answer

    def _forget_soon(self, worker: _Worker, session: str) -> None:
        """Let a process forget a live session; nobody waits for that."""

        async def forget() -> None:
            with suppress(ServiceError, MediaError):
                await self._put(worker.own, {"do": "forget", "session": session}, b"")

        task = asyncio.create_task(forget())
        self._farewells.add(task)
        task.add_done_callback(self._farewells.discard)

    def _refuse_all(self, queue: deque[_Task]) -> None:
        while queue:
            task = queue.popleft()
            if not task.answer.done():
                task.answer.set_exception(ServiceError("the service is stopping: try again when it is back"))

    async def _work(self, worker: _Worker) -> None:
        """Answer this worker's tasks one by one, for ever."""
        while True:
            task = await self._next(worker)
            try:
                if worker.process is None:
                    await self._launch(worker)
                async with asyncio.timeout(self._settings.read_timeout_s):
                    head, body = await self._exchange(worker, task.head, task.picture)
            except (TimeoutError, OSError, EOFError, SettingsError) as error:
                await _end(worker)
                self.replaced += 1
                LOG.warning("a reading process was replaced: %s", type(error).__name__)
                took = (
                    "took too long to read" if isinstance(error, TimeoutError) else "stopped the process that read it"
                )
                _settle(task, error=MediaError(f"expected a picture, got one that {took}: save it again as JPEG"))
                with suppress(SettingsError, OSError):  # tried again with the next task
                    await self._launch(worker)
            except asyncio.CancelledError:
                _settle(task, error=ServiceError("the service is stopping: try again when it is back"))
                raise
            else:
                kind = MediaTooLargeError if head.get("too_large") else MediaError
                _settle(task, answer=body, error=kind(head["error"]) if "error" in head else None)

    async def _next(self, worker: _Worker) -> _Task:
        """The next task that nobody gave up: its own frames and the photos in turn."""
        async with self._changed:
            while True:
                await self._changed.wait_for(lambda: bool(worker.own or self._photos))
                own = bool(worker.own) and not (worker.had_own_turn and self._photos)
                worker.had_own_turn = own
                task = (worker.own if own else self._photos).popleft()
                if not task.answer.done():
                    return task

    async def _launch(self, worker: _Worker) -> None:
        settings = self._settings
        process = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, stdout=PIPE)
        worker.process = process
        hello = {
            "model": settings.model,
            "detector": settings.detector,
            "labels": settings.labels,
            "max_pixels": settings.max_pixels,
        }
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                head, body = await self._exchange(worker, hello, b"")
        except (TimeoutError, EOFError, OSError):
            await _end(worker)
            raise SettingsError("the reading process did not start: see its last words above") from None
        except asyncio.CancelledError:
            await _end(worker)
            raise
        if "error" in head:
            await _end(worker)
            raise SettingsError(head["error"])
        self._about = json.loads(body)

    async def _exchange(self, worker: _Worker, head: dict[str, Any], picture: bytes) -> tuple[dict[str, Any], bytes]:
        """Send one message and wait for its answer."""
        process = worker.process
        if process is None or process.stdin is None or process.stdout is None:
            raise EOFError("no process")
        for piece in pack(head, picture):
            process.stdin.write(piece)
        await process.stdin.drain()
        head_bytes, body_bytes = LENGTHS.unpack(await process.stdout.readexactly(LENGTHS.size))
        answer = json.loads(await process.stdout.readexactly(head_bytes))
        return answer, await process.stdout.readexactly(body_bytes)


class LiveReader:
    """One live session: its faces keep their tracks from frame to frame. Made by `Readers.open_live`."""

    def __init__(self, readers: Readers, worker: _Worker, options: dict[str, Any]) -> None:
        self._readers, self._worker, self._options = readers, worker, options
        self._session = uuid.uuid4().hex
        worker.sessions += 1

    async def read(self, picture: bytes, *, time_s: float) -> bytes:
        """The reading of the next frame, as JSON.

        Args:
            picture: A JPEG, WebP or PNG file's bytes.
            time_s: When it was taken, in seconds from the first; never runs backwards.

        Raises:
            MediaError: as `Readers.read_photo`.
        """
        head = {"do": "frame", "session": self._session, "time_s": time_s, **self._options}
        return await self._readers._put(self._worker.own, head, picture)

    async def aclose(self) -> None:
        """Forget the tracks, when their process comes to it."""
        self._worker.sessions -= 1
        self._readers._forget_soon(self._worker, self._session)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _settle(task: _Task, *, answer: bytes = b"", error: Exception | None = None) -> None:
    """Answer a task, unless its client has gone."""
    if task.answer.done():
        return
    if error is not None:
        task.answer.set_exception(error)
    else:
        task.answer.set_result(answer)


async def _end(worker: _Worker) -> None:
    """Kill a worker's process, if it has one, and wait for its end."""
    process, worker.process = worker.process, None
    if process is not None:
        await end_process(process)
