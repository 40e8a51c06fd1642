"""The process that reads one video for the service: `python -m mien.server.video_process`.

Its one message (`framing`) on the standard input says what to read; on the standard output it writes a line of JSON
per second with its progress, and a last one. When nobody reads those any more, it ends.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2

from mien.analyzer import Analyzer
from mien.errors import MediaError, MienError
from mien.media.videos import open_video
from mien.results import StreamOptions
from mien.server.framing import read_message

__all__ = ["main", "read_video_file"]

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
) -> None:
    """Read a video into the files of `results`, a new folder.

    Raises:
        MediaError: it is no video, too long, too large, or damaged throughout.
    """
    results.mkdir()
    session = analyzer.session(StreamOptions(detect_every=1) if every_s else None)  # what is far apart is not followed
    said_s, frames = time.monotonic(), 0
    with open_video(upload, every_s=every_s) as video, (results / "readings.jsonl").open("w", encoding="utf-8") as file:
        duration_s = video.info.duration_s
        if duration_s is not None and duration_s > max_video_s:
            raise MediaError(f"expected a video of at most {max_video_s:g} s, got {duration_s:.0f} s: cut it")
        width, height = video.info.size_wh
        if width * height > max_pixels:
            raise MediaError(f"expected frames of at most {max_pixels:,} pixels, got {width} x {height}: scale it down")
        for frame in video:
            played_s = frame.time_s - video.info.start_s
            if played_s > max_video_s:  # a header may say what it likes
                raise MediaError(f"expected a video of at most {max_video_s:g} s, got a longer one: cut it")
            reading = session.read(frame.pixels_rgb, time_s=frame.time_s, index=frame.index)
            file.write(json.dumps(reading.to_dict()) + "\n")
            frames += 1
            if time.monotonic() - said_s > _SAY_EVERY_S:
                said_s = time.monotonic()
                say({"frames": frames, "progress": min(played_s / duration_s, 1.0) if duration_s else 0.0})
    say({"frames": frames, "progress": 1.0})


def main() -> None:
    """Read the one video."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the service decides when to end
    with suppress(AttributeError, OSError):  # no such thing on Windows
        os.nice(_NICENESS)
    cv2.setNumThreads(1)
    message = read_message(sys.stdin.buffer)
    if message is None:
        return
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
            )
            read_video_file(
                upload,
                Path(order["results"]),
                analyzer=analyzer,
                every_s=order["every_s"],
                max_video_s=order["max_video_s"],
                max_pixels=order["max_pixels"],
                say=say,
            )
        except (MienError, ValueError) as error:
            say({"error": str(error).removeprefix(f"{upload}: ").replace(str(upload), "the video")})
        except OSError as error:  # a full disk; its text would name our folder
            say({"error": f"the service could not write the results: {error.strerror}"})
        else:
            say({"done": True})


if __name__ == "__main__":
    main()
