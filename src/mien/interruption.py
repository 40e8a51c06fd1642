"""Asking a long computation to stop at its next step: Ctrl-C, SIGTERM or a deadline."""

import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["StopRequest"]


class StopRequest:
    """A context in which the first Ctrl-C or SIGTERM only sets `reason`; a second one acts as it always did.

    Signals are only caught in the main thread; elsewhere the deadline alone counts.

    Args:
        max_time_s: Seconds from entering until `reason` is set; None for no deadline.
    """

    def __init__(self, *, max_time_s: float | None = None) -> None:
        self.max_time_s = max_time_s
        self.signal_number: int | None = None
        self._deadline_s = float("inf")
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if self.max_time_s is not None:
            self._deadline_s = time.monotonic() + self.max_time_s
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._remember)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._restore()

    @property
    def reason(self) -> str | None:
        """Why to stop, in a word or two; None to go on."""
        if self.signal_number is not None:
            return "Ctrl-C" if self.signal_number == signal.SIGINT else "SIGTERM"
        return "time is up" if time.monotonic() >= self._deadline_s else None

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self.signal_number = number
        self._restore()

    def _restore(self) -> None:
        while self._previous:
            number, handler = self._previous.popitem()
            signal.signal(number, handler)
