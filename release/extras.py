"""Does every extra do its job? Run `python release/extras.py WHEEL [EXTRA ...] [--newest] [--pin LINE ...]`.

The wheel goes into a fresh environment with one extra, and there does what the extra is for. Without the extra the same
job must fail with the line that installs it. The versions are those of `constraints.txt`, or the newest that are
declared; `--pin torch==...` keeps one of them.
"""

import argparse
import http.server
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from environments import EXTRAS, PHOTO, ROOT, VIDEO, Environment, check, working_folder

sys.path.append(str(ROOT / "tests"))
from postgresql import running_postgresql

Done = subprocess.CompletedProcess[str]

DATA_SET = """
import sys
import numpy as np
rng = np.random.default_rng(0)
with open(sys.argv[1], "w") as file:
    print("emotion,pixels,Usage", file=file)
    for row in range(160):
        usage = "Training" if row < 120 else "PublicTest"
        pixels = " ".join(map(str, rng.integers(0, 256, 2304)))
        print(f"{row % 7},{pixels},{usage}", file=file)
"""


WHO_WAS_READ = """
import sys
from pyarrow import dataset
out, *sources = sys.argv[1:]
read = set(dataset.dataset(f"{out}/readings").to_table()["input"].to_pylist())
assert read == set(sources), f"expected readings of {sources}, got {read}"
"""


def explore(env: Environment, folder: Path) -> Done:
    done = env.run("mien", "data", "convert", _data_set(env, folder), folder / "faces.parquet")
    return (
        done if done.returncode else env.run("mien", "data", "explore", folder / "faces.parquet", "--out", folder / "o")
    )


def train(env: Environment, folder: Path, *, options: tuple[str, ...] = ()) -> Done:
    """Train for an epoch, export, and read a photo with what came."""
    run, model = folder / "run", folder / "mine.onnx"
    for command in (
        ("train", "mini-xception", "--data", _data_set(env, folder), "--set", "epochs=1", "--out", run, *options),
        ("export", run, "--out", model),
        ("analyze", PHOTO, "--model", model),
    ):
        done = env.run("mien", *command)
        if done.returncode:
            break
    return done


def serve(env: Environment, folder: Path) -> Done:
    """Ask a service for a photo and stop it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    log = (folder / "log").open("w+")
    service = subprocess.Popen([env.folder / "bin" / "mien", "serve", "--port", str(port)], stderr=log, cwd=folder)
    ask = f"import mien; assert mien.Client('http://127.0.0.1:{port}').read({str(PHOTO)!r}).faces"
    try:
        for _ in range(120):
            done = env.run("python", "-c", ask)
            if done.returncode == 0 or service.poll() is not None:
                break
            time.sleep(0.5)
    finally:
        service.terminate()
        service.wait(30)
    log.seek(0)
    return subprocess.CompletedProcess(["serve"], done.returncode, done.stdout, log.read() or done.stderr)


def read_video(env: Environment, folder: Path) -> Done:
    return env.run("mien", "analyze", VIDEO, "--end", "0:01", "--video", "--out", folder / "out")


def read_page(env: Environment, folder: Path) -> Done:
    """A page that holds a video, as yt-dlp finds it."""
    page = folder / "page"
    page.mkdir()
    (page / "film.mp4").write_bytes(VIDEO.read_bytes())
    (page / "index.html").write_text('<!doctype html><video src="film.mp4"></video>', "utf-8")
    with _served(page) as url:
        return env.run("mien", "analyze", f"{url}/index.html", "--end", "0:01", "--out", folder / "out")


def read_many(env: Environment, folder: Path, *, options: tuple[str, ...] = ()) -> Done:
    """A photo and a video into one data set, in which both must be."""
    listed, out = folder / "list.txt", folder / "faces"
    listed.write_text(f"{PHOTO}\n{VIDEO}\n", "utf-8")
    done = env.run("mien", "batch", listed, "--out", out, "--every", "0.5s", *options)
    return done if done.returncode else env.run("python", "-c", WHO_WAS_READ, out, PHOTO, VIDEO)


def search(env: Environment, folder: Path) -> Done:
    """Two trials in a PostgreSQL server, which the tests know how to start."""
    with running_postgresql() as url:
        options = ("--set", "epochs=1", "--trials", "2", "--storage", url, "--out", folder / "search")
        return env.run("mien", "tune", "gap-cnn", "--data", _data_set(env, folder), *options)


@dataclass(frozen=True)
class Job:
    """What an extra is for.

    Args:
        do: The job.
        beside: The extras that it needs besides, and that are there too when it must fail.
    """

    do: Callable[[Environment, Path], Done]
    beside: tuple[str, ...] = ()


JOBS = {
    "batch": Job(read_many),
    "data": Job(explore),
    "postgresql": Job(search, beside=("train",)),
    "ray": Job(partial(read_many, options=("--engine", "ray")), beside=("batch",)),
    "server": Job(serve),
    "tensorboard": Job(partial(train, options=("--tensorboard",)), beside=("train",)),
    "train": Job(train),
    "url": Job(read_page, beside=("video",)),
    "video": Job(read_video),
}


def _data_set(env: Environment, folder: Path) -> Path:
    """Noise in the shape of FER-2013: enough to see the machinery run."""
    path = folder / "noise.csv"
    if not path.is_file():
        env.run("python", "-c", DATA_SET, path).check_returncode()
    return path


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    """A web server of a folder's files; its address."""
    handler = partial(QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Tells nobody whom it served."""

    def log_message(self, *arguments: object) -> None:
        pass


def check_extra(extra: str, wheel: Path, folder: Path, pins: list[str]) -> list[bool]:
    """With it, it works; without it, it says how to get it."""
    job = JOBS[extra]
    held = []
    for name, extras in (("without", job.beside), ("with", (*job.beside, extra))):
        place = folder / f"{extra}-{name}"
        env = Environment(place, [f"{wheel}[{','.join(extras)}]" if extras else str(wheel)], pins=pins)
        (place / "work").mkdir()
        done = job.do(env, place / "work")
        if name == "with":
            held.append(check(f"[{extra}] does its job", done.returncode == 0, but=done.stderr))
        else:
            line = f'pip install "mien[{extra}]"'
            held.append(check(f"without it: {line}", done.returncode != 0 and line in done.stderr, but=done.stderr))
    return held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path, help="as release/wheel.py leaves it in dist/")
    parser.add_argument("extra", nargs="*", help=f"some of {', '.join(EXTRAS)}; all if left out")
    parser.add_argument("--newest", action="store_true", help="the newest versions, not those of constraints.txt")
    parser.add_argument("--pin", action="append", default=[], help="such as torch==2.13.0; may be repeated")
    args = parser.parse_args()
    pins = [*([] if args.newest else [str(ROOT / "constraints.txt")]), *args.pin]
    held = []
    for extra in args.extra or EXTRAS:
        with working_folder() as folder:
            held += check_extra(extra, args.wheel.resolve(), folder, pins)
    sys.exit(not all(held))


if __name__ == "__main__":
    main()
