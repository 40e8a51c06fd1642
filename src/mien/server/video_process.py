"""The process that reads one video for the service: `python -m mien.server.video_process`.

Its one message (`framing`) on the standard input says what to read; on the standard output it writes lines of JSON with
its progress, as long as there is any, and a last one. When its input ends, the service is gone, and this process goes.
"""

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import cv2

from mien.analyzer import Analyzer
from mien.errors import MediaError, MienError
from mien.media.videos import open_video
from mien.results import SourceResult, StreamOptions
from mien.server.framing import read_message
from mien.sinks.sink import Sink
from mien.sinks.subtitles import SubtitleSink
from mien.sinks.summaries import SummarySink
from mien.sinks.tables import TableSink
from mien.sinks.timeline import TimelineSink
from mien.taxonomy import TAXONOMIES

__all__ = ["main", "read_video_file"]

_NAME = "video"  # what results call it: what its owner called it was not kept
_SAY_EVERY_S = 0.5
_NICENESS = 5  # photos and live pictures come first

Say = Callable[[dict[str, Any]], None]


def read_video_file(
    upload: Path,
    results: Path,
    *,
    analyzer: Analyzer,
    every_s: float | None,
    max_video_s: float,
    max_pixels: int,
    say: Say,
) -> str | None:
    """Read a video into the files of `results`, a new folder.

    Returns:
        What is missing, where part of it could not be decoded: the rest was read. None if nothing is.

    Raises:
        MediaError: it is no video, too long, too large, or damaged throughout.
    """
    results.mkdir()
    frames, played_s, damage = 0, 0.0, None
    # what is far apart is not followed from frame to frame but found anew
    options = StreamOptions(detect_every=1) if every_s else None
    with open_video(upload, every_s=every_s) as video, ExitStack() as stack:
        duration_s, start_s = video.info.duration_s, video.info.start_s
        if duration_s is not None and duration_s > max_video_s:
            raise MediaError(f"expected a video of at most {max_video_s:g} s, got {duration_s:.0f} s: cut it")
        width, height = video.info.size_wh
        if width * height > max_pixels:
            raise MediaError(f"expected frames of at most {max_pixels:,} pixels, got {width} x {height}: scale it down")

        def standing() -> dict[str, Any]:
            progress = min(played_s / duration_s, 1.0) if duration_s else 0.0
            return {"frames": frames, "progress": progress, "decoded_s": video.decoded_s}

        stack.enter_context(_saying(standing, say))
        file = stack.enter_context((results / "readings.jsonl").open("w", encoding="utf-8"))
        sinks: tuple[Sink, ...] = (
            TableSink(
                results / "readings.csv",
                TAXONOMIES[analyzer.options.labels],
                model_licence=analyzer.classifier.card.licence,
            ),
            SummarySink(results / "summary.json"),
            SubtitleSink(results / "subtitles.vtt"),
            TimelineSink(results / "timeline.png"),
        )
        for sink in sinks:
            stack.enter_context(sink)
        readings = stack.enter_context(closing(analyzer.read_frames(video, options)))
        while True:
            try:
                _, reading = next(readings)
            except StopIteration:
                break
            except MediaError as error:
                if not frames:
                    raise
                damage = str(error)
                break
            played_s = (reading.time_s or 0.0) - start_s
            if played_s > max_video_s:  # a header may say what it likes
                raise MediaError(f"expected a video of at most {max_video_s:g} s, got a longer one: cut it")
            file.write(json.dumps(reading.to_dict()) + "\n")
            for sink in sinks:
                sink.write(SourceResult(_NAME, reading, None), None)
            frames += 1
    say({"frames": frames, "progress": 1.0})
    return damage


@contextmanager
def _saying(standing: Callable[[], dict[str, Any]], say: Say) -> Iterator[None]:
    """Say from time to time where it stands, as long as that changes: to those who listen, silence is a standstill."""
    over = threading.Event()

    def go_on_saying() -> None:
        said: dict[str, Any] = {}
        while not over.wait(_SAY_EVERY_S):
            now = standing()
            if now != said:
                say(now)
                said = now

    thread = threading.Thread(target=go_on_saying, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def main() -> None:
    """Read the one video."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the service decides when to end
    with suppress(AttributeError, OSError):  # no such thing on Windows
        os.nice(_NICENESS)
    cv2.setNumThreads(1)
    message = read_message(sys.stdin.buffer)
    if message is None:
        return
    threading.Thread(target=_end_with_the_service, daemon=True).start()
    order = message[0]
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as sink:
        os.dup2(2, 1)  # whatever a library prints must not fall between two lines

        def say(words: dict[str, Any]) -> None:
            sink.write(json.dumps(words) + "\n")
            sink.flush()

        upload = Path(order["upload"])
        try:
            analyzer = Analyzer(
                model=order["model"],
                detector=order["detector"],
                labels=order["labels"],
                min_face_px=order["min_face_px"],
                balance=order["balance"],
            )
            damage = read_video_file(
                upload,
                Path(order["results"]),
                analyzer=analyzer,
                every_s=order["every_s"],
                max_video_s=order["max_video_s"],
                max_pixels=order["max_pixels"],
                say=say,
            )
        except (MienError, ValueError) as error:
            say({"error": _nameless(str(error), upload)})
        except OSError as error:  # a full disk; its text would name our folder
            say({"error": f"the service could not write the results: {error.strerror}"})
        else:
            say({"done": True, "damage": damage and _nameless(damage, upload)})


def _nameless(sentence: str, upload: Path) -> str:
    """A sentence about the upload without our name for it."""
    return sentence.removeprefix(f"{upload}: ").replace(str(upload), "the video")


def _end_with_the_service() -> None:
    sys.stdin.buffer.read()
    os._exit(1)  # at once, also out of a decoder that hangs


if __name__ == "__main__":
    main()
