"""The processes that read pictures, and the queue before them.

A photo goes to whichever process is free first; clients take turns. A live session stays with one process, which holds
its tracks, and its frames take turns with the photos, so that neither starves the other. A process that dies or takes
too long over a picture is replaced; only that picture is lost.
"""

import asyncio
import json
import logging
import os
import sys
import uuid
from asyncio.subprocess import PIPE, Process
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

from mien.errors import MediaError, MediaTooLargeError, ServiceBusyError, ServiceError, SettingsError
from mien.server.framing import LENGTHS, end_process, pack
from mien.server.places import Places
from mien.server.settings import Settings

__all__ = ["LiveReader", "Readers"]

LOG = logging.getLogger("mien.server")

_START_TIMEOUT_S = 120.0
_RETRY_AFTER_S = 1.0
_GIVE_UP_LATER_S = 5.0  # a process whose service was killed ends by itself so long after it would have been


@dataclass(eq=False)
class _Task:
    head: dict[str, Any]
    picture: bytes
    answer: "asyncio.Future[bytes]"


class _PhotoQueue:
    """Photos that wait: each client's in their order, the clients in turn, none with more than half of the places."""

    def __init__(self, most: int) -> None:
        self._places = Places(most)
        self._by_client: OrderedDict[str, deque[_Task]] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._by_client.values()))

    def put(self, client: str, task: _Task) -> None:
        """Queue a photo.

        Raises:
            ServiceBusyError: too many wait.
        """
        if not self._places.enter(client):
            raise ServiceBusyError("too many photos wait to be read: try again", retry_after_s=_RETRY_AFTER_S)
        self._by_client.setdefault(client, deque()).append(task)

    def take(self) -> _Task:
        """The next client's oldest photo; that client is the last in turn now."""
        client, tasks = self._by_client.popitem(last=False)
        self._places.leave(client)
        task = tasks.popleft()
        if tasks:
            self._by_client[client] = tasks
        return task


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
        self._photos = _PhotoQueue(settings.photo_queue)
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
            while worker.own:
                _settle(worker.own.popleft(), error=_stopping())
        while self._photos:
            _settle(self._photos.take(), error=_stopping())

    async def read_photo(
        self, picture: bytes, *, client: str = "", labels: str | None = None, min_face_px: float = 0.0
    ) -> bytes:
        """The reading of a photo, as JSON.

        Args:
            picture: The file's bytes.
            client: Who asks; clients take turns.
            labels: Label set; None takes the service's.
            min_face_px: Leave out smaller faces.

        Raises:
            ServiceBusyError: too many photos wait.
            MediaError: it is no picture, or a damaged one, or reading it took too long.
            MediaTooLargeError: it claims too many pixels.
        """
        head = {"do": "photo", "labels": labels, "min_face_px": min_face_px}
        return await self._answer(head, picture, put=lambda task: self._photos.put(client, task))

    def open_live(
        self, *, labels: str | None = None, min_face_px: float = 0.0, profile: str | None = None
    ) -> "LiveReader":
        """A live session, in the process that has the fewest; close it."""
        worker = min(self._workers, key=lambda worker: worker.sessions)
        return LiveReader(self, worker, {"labels": labels, "min_face_px": min_face_px}, profile=profile)

    async def _answer(self, head: dict[str, Any], picture: bytes, *, put: Callable[[_Task], None]) -> bytes:
        """Queue a task with `put`, and wait for its answer."""
        if not self._tasks:
            raise _stopping()
        task = _Task(head, picture, asyncio.get_running_loop().create_future())
        put(task)
        async with self._changed:
            self._changed.notify_all()
        return await task.answer

    def _forget_soon(self, worker: _Worker, session: str) -> None:
        """Let a process forget a live session; nobody waits for that."""

        async def forget() -> None:
            with suppress(ServiceError, MediaError):
                await self._answer({"do": "forget", "session": session}, b"", put=worker.own.append)

        task = asyncio.create_task(forget())
        self._farewells.add(task)
        task.add_done_callback(self._farewells.discard)

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
                _settle(task, error=_stopping())
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
                task = worker.own.popleft() if own else self._photos.take()
                if not task.answer.done():
                    return task

    async def _launch(self, worker: _Worker) -> None:
        settings = self._settings
        process = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, stdout=PIPE)
        worker.process = process
        hello = {
            "model": settings.model,
            "detector": settings.detector,
            "balance": settings.balance,
            "labels": settings.labels,
            "max_pixels": settings.max_pixels,
            "give_up_s": settings.read_timeout_s + _GIVE_UP_LATER_S,
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

    def __init__(
        self, readers: Readers, worker: _Worker, options: dict[str, Any], *, profile: str | None = None
    ) -> None:
        self._readers, self._worker, self._options = readers, worker, options
        self._session = uuid.uuid4().hex
        self.profile = profile
        """Whose profile it is read with, as JSON; None reads anyone. Set by `read_with`."""
        self.watching = False
        """Whether the faces of frames are taken as one person's neutral face, for `learn`."""
        worker.sessions += 1

    async def read(self, picture: bytes, *, time_s: float) -> bytes:
        """The reading of the next frame, as JSON.

        Args:
            picture: A JPEG, WebP or PNG file's bytes.
            time_s: When it was taken, in seconds from the first; never runs backwards.

        Raises:
            MediaError: as `Readers.read_photo`.
        """
        # The profile goes with every frame, so that a process in place of one that died reads with it too.
        return await self._ask("frame", picture, time_s=time_s, profile=self.profile, watch=self.watching)

    async def read_with(self, profile: str | None) -> None:
        """Read with a profile from now on, given as JSON; None reads anyone.

        Raises:
            MediaError: it is no profile, or another model's.
        """
        await self._ask("profile", profile=profile)
        self.profile = profile

    async def learn(self) -> str:
        """The profile, as JSON, of the neutral face in the frames that were read while `watching`.

        Raises:
            MediaError: too few of them could be used.
        """
        self.watching = False
        answer: str = json.loads(await self._ask("learn"))["profile"]
        return answer

    async def _ask(self, do: str, picture: bytes = b"", **more: Any) -> bytes:
        head = {"do": do, "session": self._session, **self._options, **more}
        return await self._readers._answer(head, picture, put=self._worker.own.append)

    async def aclose(self) -> None:
        """Forget the tracks, when their process comes to it."""
        self._worker.sessions -= 1
        self._readers._forget_soon(self._worker, self._session)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _stopping() -> ServiceError:
    return ServiceError("the service is stopping: try again when it is back")


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
