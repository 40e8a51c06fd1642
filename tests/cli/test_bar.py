"""The bar, where somebody watches, and nothing where nobody does."""

import io

from rich.console import Console

from mien.batch.video import Progress
from mien.cli.bar import RunBar


def shown(*told: Progress, terminal: bool) -> str:
    """The screen after so many pieces of news of one video, a tenth of a second between them."""
    now_s = 0.0
    screen = io.StringIO()
    with RunBar(2, Console(file=screen, force_terminal=terminal, width=120), clock=lambda: now_s) as bar:
        for progress in told:
            now_s += 0.1
            bar.tell("https://example.org/[b]clip.mp4", progress)
        screen.seek(0)
        screen.truncate()
        bar.refresh()
        text = screen.getvalue()
        bar.advance()
    return text


def test_frames_a_second_and_time_left_where_somebody_watches() -> None:
    frames = [Progress("reading", number, number / 100) for number in range(1, 51)]
    text = shown(Progress("fetching", 0, 0.5), *frames, terminal=True)
    assert "[b]clip.mp4" in text
    assert "fetching" not in text
    assert "50%" in text
    assert "10 frames/s" in text
    assert "0:00:05" in text


def test_a_fetch_is_called_one() -> None:
    assert "fetching [b]clip.mp4" in shown(Progress("fetching", 0, 0.5), terminal=True)


def test_nothing_where_nobody_does() -> None:
    assert shown(Progress("reading", 1, None), terminal=False).strip() == ""
