"""Does memory stay flat in what runs for hours? Run `python benchmarks/soak.py [MODE ...] [--minutes 60]`.

Each mode runs as its command does, one after the other, at work all the time:

- serve: photos from 4 clients, 4 live sockets and a video at a time, as in the mixed part of `serve.py`;
- live: `mien live` with one page's pictures, one after the other;
- video: `mien analyze` with one video that is as long as it can read in the time, into a table;
- label: the desk of `mien label`: a face is looked at, labelled, and the label taken back.

The memory of the process and of all below it is taken every few seconds. Flat is what has in the last quarter of the
time at most 5 % more than in the second, which less than five minutes cannot tell; the exit status is 0 if all modes
are, and if no answer was wrong.
"""

import argparse
import http.client
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from local_service import family_memory_mb, is_flat
from serve import PHOTO, Film, Tally, sample_photos, stream

ROOT = Path(__file__).resolve().parents[1]
CLIP = ROOT / "examples" / "astronaut.mp4"
STARTS_WITHIN_S = 120.0
SAMPLES = 240
CLIP_S = 3.0
MOST_SPEED = 60  # times real time that a video is read at, at most


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def page_of(*arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A command that serves a page, once it answers; its process and port."""
    port = free_port()
    command = [sys.executable, "-m", "mien", *arguments, "--no-browser", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        until_s = time.monotonic() + STARTS_WITHIN_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                if process.poll() is not None or time.monotonic() > until_s:
                    raise SystemExit(f"mien {arguments[0]} did not start") from None
                time.sleep(0.2)
            else:
                break
        yield process, port
    finally:
        process.terminate()
        process.wait(60)


def watched(process: subprocess.Popen[bytes], seconds: float, work: Callable[[float], bool]) -> bool:
    """Let `work` go on until a time, and watch the process meanwhile; whether all was right and the memory flat."""
    until_s = time.monotonic() + seconds
    memory_mb: list[float] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(seconds / SAMPLES):
            memory_mb.extend(mb for mb in [family_memory_mb(process.pid)] if mb)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        right = work(until_s)
    finally:
        over.set()
        thread.join()
    return is_flat(memory_mb, seconds) and right


def soak_serve(seconds: float) -> bool:
    command = [sys.executable, str(ROOT / "benchmarks" / "serve.py"), "--no-peer"]
    command += ["--minutes", "0.05", "--mixed-minutes", str(seconds / 60)]
    return subprocess.run(command, check=False).returncode == 0


def soak_live(seconds: float) -> bool:
    film, tally = Film(), Tally()
    with page_of("live") as (process, port):

        def work(until_s: float) -> bool:
            stream(port, film, tally, until_s)
            print(tally.line("live, one page", seconds))
            return not tally.wrong and not tally.lost

        return watched(process, seconds, work)


def soak_video(seconds: float) -> bool:
    """The sample again and again in one file, which is stopped when the time is up."""
    with tempfile.TemporaryDirectory() as folder:
        long = Path(folder, "long.mp4")
        times = round(seconds * MOST_SPEED / CLIP_S)
        command = ["ffmpeg", "-v", "error", "-stream_loop", str(times), "-i", str(CLIP), "-c", "copy", str(long)]
        subprocess.run(command, check=True)
        read = [sys.executable, "-m", "mien", "analyze", str(long), "--out", str(Path(folder, "out"))]
        process = subprocess.Popen(read, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def work(until_s: float) -> bool:
            while time.monotonic() < until_s and process.poll() is None:
                time.sleep(1)
            going_on = process.poll() is None
            print("video, read for the whole time" if going_on else f"video: ended by itself with {process.poll()}")
            return going_on or process.poll() == 0

        try:
            return watched(process, seconds, work)
        finally:
            process.terminate()
            process.wait(60)


def soak_label(seconds: float) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        for number, photo in enumerate(sample_photos()):
            Path(folder, f"{number}.jpg").write_bytes(photo)
        shutil.copy(PHOTO, folder)
        with page_of("label", folder, "--labels", str(Path(folder, "labels.db")), "--who", "soak") as (process, port):

            def work(until_s: float) -> bool:
                turns = right = 0
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                while time.monotonic() < until_s:
                    turns += 1
                    right += label_once(connection)
                    time.sleep(0.01)
                print(f"label: {turns:,} faces labelled, and the label taken back, {turns - right} wrong")
                return turns == right

            return watched(process, seconds, work)


def label_once(connection: http.client.HTTPConnection) -> bool:
    """Look at the next face, label it and take that back; whether each did what it should."""

    def ask(method: str, path: str, words: object = None) -> bytes:
        body = None if words is None else json.dumps(words)
        connection.request(method, f"/v1/labelling{path}", body, {"content-type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise SystemExit(f"label: {method} {path} answered {answer.status}: {content!r}")
        return content

    before = json.loads(ask("GET", ""))
    face = before["face"]
    picture = ask("GET", f"/faces/{face}.jpg")
    after = json.loads(ask("POST", "/labels", {"face": face, "words": ["happy"]}))
    back = json.loads(ask("POST", "/undo"))
    return picture[:2] == b"\xff\xd8" and after["labelled"] == before["labelled"] + 1 == back["labelled"] + 1


MODES = {"serve": soak_serve, "live": soak_live, "video": soak_video, "label": soak_label}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", nargs="*", help=f"some of {', '.join(MODES)}; all if left out")
    parser.add_argument("--minutes", type=float, default=60.0, help="for each mode")
    args = parser.parse_args()
    held = True
    for mode in args.mode or MODES:
        flat = MODES[mode](60 * args.minutes)
        print(f"{'ok   ' if flat else 'WRONG'}  {mode}, {args.minutes:g} minutes", flush=True)
        held &= flat
    sys.exit(not held)


if __name__ == "__main__":
    main()
