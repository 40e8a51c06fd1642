"""The plain window: every picture shown, the newest read, and no waiting for a reading."""

import threading
import time
from collections.abc import Callable, Iterator
from itertools import count

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import mien
from fakes import FakeClassifier, FakeDetector
from mien.errors import WindowError
from mien.media.videos import Frame
from mien.results import Face
from mien.session import Session
from mien.window import open_window, show_live

FACE = Face((20.0, 20.0, 60.0, 60.0), 0.99, None)


class Screen:
    """A window that remembers what it shows, and is closed when it has seen enough."""

    def __init__(self, enough: Callable[[NDArray[np.uint8]], bool] = lambda _: False) -> None:
        self.shown: list[NDArray[np.uint8]] = []
        self._enough = enough

    def show(self, frame_rgb: NDArray[np.uint8]) -> bool:
        self.shown.append(frame_rgb)
        return not self._enough(frame_rgb)


class SlowDetector(FakeDetector):
    """Looks at a frame for as long as it is told to."""

    def __init__(self) -> None:
        super().__init__(FACE)
        self.looks: list[int] = []
        self.may_answer = threading.Event()

    def detect(self, frame_rgb: NDArray[np.uint8]) -> tuple[Face, ...]:
        self.looks.append(int(frame_rgb[-1, -1, 0]))
        assert self.may_answer.wait(30)
        return self.faces


def session_of(detector: FakeDetector) -> Session:
    return mien.Analyzer(model=FakeClassifier(), detector=detector).session()


def frames(numbers: Iterator[int] | range, *, pause_s: float = 0.0) -> Iterator[Frame]:
    for number in numbers:
        yield Frame(number, number / 100, np.full((100, 120, 3), number % 250, np.uint8))
        time.sleep(pause_s)


def is_annotated(frame_rgb: NDArray[np.uint8]) -> bool:
    return bool((frame_rgb != frame_rgb[-1, -1]).any())


def test_the_reading_is_drawn_as_soon_as_there_is_one_and_the_user_may_quit() -> None:
    screen = Screen(enough=is_annotated)
    show_live(frames(count(), pause_s=0.001), session_of(FakeDetector(FACE)), screen)
    assert is_annotated(screen.shown[-1])
    assert not is_annotated(screen.shown[0])


def test_pictures_do_not_wait_for_readings_and_the_newest_is_read_next() -> None:
    detector = SlowDetector()

    def twenty() -> Iterator[Frame]:
        yield from frames(range(1))
        while not detector.looks:
            time.sleep(0.001)
        yield from frames(range(1, 20))
        detector.may_answer.set()
        while len(detector.looks) < 2:
            time.sleep(0.001)

    screen = Screen()
    show_live(twenty(), session_of(detector), screen)
    assert [int(shown[-1, -1, 0]) for shown in screen.shown] == list(range(20))
    assert detector.looks == [0, 19]


def test_what_reading_raises_ends_the_show() -> None:
    class Broken(FakeDetector):
        def detect(self, frame_rgb: NDArray[np.uint8]) -> tuple[Face, ...]:
            raise RuntimeError("no eyes")

    with pytest.raises(RuntimeError, match="no eyes"):
        show_live(frames(count(), pause_s=0.001), session_of(Broken()), Screen())


def test_a_reading_of_another_size_is_not_drawn() -> None:
    """A stream may change its size; the boxes of before would lie anywhere."""
    detector = SlowDetector()
    detector.may_answer.set()

    def changing() -> Iterator[Frame]:
        yield from frames(range(1))
        while not detector.looks:
            time.sleep(0.001)
        yield from (Frame(number, float(number), np.zeros((50, 60, 3), np.uint8)) for number in range(1, 3))

    screen = Screen()
    show_live(changing(), session_of(detector), screen)
    assert [shown.shape for shown in screen.shown] == [(100, 120, 3), (50, 60, 3), (50, 60, 3)]


def test_without_a_desktop_one_is_told_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(WindowError, match="without --window"), open_window("mien"):
        pass


def test_an_opencv_without_windows_names_the_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise cv2.error("The function is not implemented")

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(cv2, "namedWindow", refuse)
    with (
        pytest.raises(WindowError, match=r'pip install --force-reinstall --no-deps "opencv-python<5"'),
        open_window(""),
    ):
        pass


@pytest.mark.parametrize(("key", "visible", "goes_on"), [(-1, 1.0, True), (ord("q"), 1.0, False), (-1, 0.0, False)])
def test_q_or_the_close_button_quits(monkeypatch: pytest.MonkeyPatch, key: int, visible: float, goes_on: bool) -> None:
    calls: list[tuple[str, object]] = []
    monkeypatch.setenv("DISPLAY", ":0")
    for name in ("namedWindow", "resizeWindow", "destroyAllWindows"):
        monkeypatch.setattr(cv2, name, lambda *values, name=name: calls.append((name, values)))
    monkeypatch.setattr(cv2, "imshow", lambda _, picture_bgr: calls.append(("imshow", picture_bgr[0, 0].tolist())))
    monkeypatch.setattr(cv2, "waitKey", lambda _: key)
    monkeypatch.setattr(cv2, "getWindowProperty", lambda *_: visible)
    with open_window("mien") as window:
        assert window.show(np.full((4, 6, 3), (10, 20, 30), np.uint8)) is goes_on
    assert [name for name, _ in calls] == ["namedWindow", "resizeWindow", "imshow", "destroyAllWindows"]
    assert calls[2][1] == [30, 20, 10], "OpenCV shows BGR"
