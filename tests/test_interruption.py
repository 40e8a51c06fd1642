"""A first signal asks, a second one acts, and everything is as before afterwards."""

import signal
import threading

import pytest

from mien.interruption import StopRequest


@pytest.mark.parametrize(("number", "reason"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")])
def test_a_signal_becomes_a_reason(number: signal.Signals, reason: str) -> None:
    before = signal.getsignal(number)
    with StopRequest() as stop:
        signal.raise_signal(number)
        assert stop.reason == reason
        assert stop.signal_number == number
        assert signal.getsignal(number) == before  # a second one is not caught
    assert signal.getsignal(number) == before


def test_a_second_ctrl_c_interrupts() -> None:
    with StopRequest():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_time_runs_out() -> None:
    with StopRequest(max_time_s=0) as stop:
        assert stop.reason == "time is up"
    with StopRequest(max_time_s=60) as stop:
        assert stop.reason is None


def test_another_thread_has_its_deadline_and_leaves_signals_alone() -> None:
    seen: list[str | None] = []

    def work() -> None:
        with StopRequest(max_time_s=0) as stop:
            seen.append(stop.reason)

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == ["time is up"]
    assert signal.getsignal(signal.SIGINT) == before
