"""A whole video through a session: decoding, detecting and reading overlap in threads, results come in order.

One thread decodes, one looks for faces in the frames where the detector is due, and the caller's own follows,
classifies and smooths: each waits for the next, and queues are short, so that a long video takes no more memory than a
short one. The numbers are those of `Session.read` on the same frames with one difference: a reading is held back until
it is known who is in it, so that a person has a number from the first frame on, and a false box that lasted a moment is
not there at all.
"""

from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from queue import Empty, Full, Queue
from threading import Event, Thread
from types import TracebackType
from typing import Self

from mien.media.videos import Frame
from mien.results import FrameReading
from mien.session import Found, Session, SessionState

__all__ = ["StreamReader", "StreamState"]

_AHEAD = 6
"""Frames that may wait: enough that a slow detection does not stop the decoder."""

_POLL_S = 0.05


@dataclass(frozen=True)
class StreamState:
    """Where the reading of a stream stands: all that is needed to go on, but for the frames themselves.

    Args:
        session: What is remembered of the frames that were read.
        held: Readings that were not given out yet, each with the tracks of its faces.
        names: Track -> person, for those.
        last: Number and time of the last frame that was read, given out or not.
    """

    session: SessionState
    held: tuple[tuple[FrameReading, tuple[int, ...]], ...]
    names: dict[int, int | None]
    last: tuple[int, float]


@dataclass(frozen=True)
class _Held:
    """A frame that was read, and for each of its faces which track it is."""

    frame: Frame
    reading: FrameReading
    keys: tuple[int, ...]


class StreamReader:
    """The readings of a stream's frames, one per frame, in order; to be iterated once.

    Threads start with the first reading that is asked for and end with the last, or with `close`. What goes wrong in
    a thread is raised here, after the readings of all frames before it.

    Args:
        frames: In order; if they have a `close`, it is called at the end, in the thread that reads them.
        session: Follows and reads; not to be used by anybody else meanwhile.
        state: Go on from there, `frames` being those that follow.
        held: With `state`, the frames of its readings that were not given out.
    """

    def __init__(
        self,
        frames: Iterable[Frame],
        session: Session,
        *,
        state: StreamState | None = None,
        held: Iterable[Frame] = (),
    ) -> None:
        self._frames = frames
        self._session = session
        self._queue: Queue[tuple[Frame, Future[Found] | None] | BaseException | None] = Queue(_AHEAD)
        self._stop = Event()
        self._decoder: Thread | None = None
        self._detector = ThreadPoolExecutor(1, thread_name_prefix="mien-detect")
        self._held: deque[_Held] = deque()
        self._names: dict[int, int | None] = {}
        self._last: tuple[int, float] | None = None
        if state is not None:
            session.restore(state.session)
            self._held.extend(
                _Held(frame, reading, keys) for frame, (reading, keys) in zip(held, state.held, strict=True)
            )
            self._names |= state.names
            self._last = state.last
        self._ended = False
        self._error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> tuple[Frame, FrameReading]:
        """The next frame and its reading.

        Raises:
            MediaError: the rest of the video cannot be read.
        """
        while not self._ended and not self._is_settled():
            self._advance()
        if self._held:
            held = self._held.popleft()
            return held.frame, self._named(held)
        self.close()
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        raise StopIteration

    def state(self) -> StreamState | None:
        """Where it stands between two readings; None before the first."""
        if self._last is None:
            return None
        held = tuple((held.reading, held.keys) for held in self._held)
        return StreamState(self._session.state(), held, dict(self._names), self._last)

    def close(self) -> None:
        """Stop the threads and close what the frames come from; there are no more readings."""
        self._ended = True
        self._held.clear()
        self._stop.set()
        self._detector.shutdown(cancel_futures=True)
        while self._decoder is not None and self._decoder.is_alive():
            try:
                self._queue.get(timeout=_POLL_S)  # make room, if it waits for some
            except Empty:
                continue
        if self._decoder is None:
            _close(self._frames)

    def _advance(self) -> None:
        """Read one more frame."""
        if self._decoder is None:
            self._decoder = Thread(target=self._decode, name="mien-decode", daemon=True)
            self._decoder.start()
        item = self._queue.get()
        if item is None or isinstance(item, BaseException):
            self._ended, self._error = True, item
            return
        frame, look = item
        try:
            found = look.result() if look is not None else None
            reading, keys = self._session.advance(frame.pixels_rgb, time_s=frame.time_s, index=frame.index, found=found)
        except Exception as error:  # noqa: BLE001  raised again, after the readings that are held
            self._ended, self._error = True, error
            return
        self._held.append(_Held(frame, reading, keys))
        self._last = frame.index, frame.time_s
        self._names |= self._session.people
        waited_for = {key for held in self._held for key in held.keys} | set(self._session.people)
        self._names = {key: name for key, name in self._names.items() if key in waited_for}

    def _is_settled(self) -> bool:
        """Whether it is known who is in the next reading."""
        people = self._session.people
        return bool(self._held) and not any(key in people and people[key] is None for key in self._held[0].keys)

    def _named(self, held: _Held) -> FrameReading:
        """The reading with everybody's number; without the faces that did not last.

        A face on which the stream ended stays, without a number.
        """
        people = self._session.people
        faces = tuple(
            replace(face, track_id=self._names[key])
            for face, key in zip(held.reading.faces, held.keys, strict=True)
            if self._names[key] is not None or key in people
        )
        return replace(held.reading, faces=faces)

    def _decode(self) -> None:
        """In a thread: frames into the queue, and those that are due to the detector."""
        last: BaseException | None = None
        try:
            for position, frame in enumerate(self._frames, start=self._session.frames_read):
                due = self._session.is_due(position)
                found = self._detector.submit(self._session.look, frame.pixels_rgb) if due else None
                if not self._put((frame, found)):
                    return
        except BaseException as error:  # noqa: BLE001  raised again in the caller's thread
            last = error
        finally:
            _close(self._frames)
            self._put(last)

    def _put(self, item: tuple[Frame, Future[Found] | None] | BaseException | None) -> bool:
        """Into the queue when there is room; False when nobody wants it any more."""
        while not self._stop.is_set():
            try:
                self._queue.put(item, timeout=_POLL_S)
            except Full:
                continue
            return True
        return False


def _close(frames: Iterable[Frame]) -> None:
    """Close what has a `close`."""
    close = getattr(frames, "close", None)
    if close is not None:
        close()
