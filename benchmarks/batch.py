"""`mien batch` against two independent processes, and against kills: `python benchmarks/batch.py`.

Photos and short videos are made from examples/. The same files are read by two processes that know nothing of each
other and have half of them each, by `mien batch` and by `mien batch --engine ray`, each with two workers; what all of
them take in memory is watched. Then they are read once more while workers and drivers are killed at random moments,
and the result is compared with the unbroken one, part by part. Small first: --photos 500 --videos 5 --kills 5.
"""

import argparse
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from PIL import Image
from pyarrow import parquet

from mien.scale.fetching import Fetched
from mien.scale.reading import ReadSettings, records_of
from mien.scale.sources import find_items
from mien.tables.files import table_writer
from mien.taxonomy import TAXONOMIES

EXAMPLES = Path(__file__).parents[1] / "examples"
WORKERS = 2
LOCAL_LIMIT, RAY_LIMIT, MEMORY_LIMIT = 0.90, 0.80, 1.15
SAMPLE_S = 0.5


def make_files(folder: Path, photos: int, videos: int) -> None:
    """Photos of 320 to 1,280 pixels and videos of a second or two, each another part of the samples."""
    dice = random.Random(0)
    portrait = Image.open(EXAMPLES / "astronaut.jpg").convert("RGB")
    with av.open(str(EXAMPLES / "astronaut.mp4")) as container:
        frames = [frame.to_image() for frame in container.decode(video=0)]
    for number in range(photos):
        path = folder / f"{number // 1000:03d}" / f"{number:06d}.jpg"
        left, top, scale = dice.randrange(120), dice.randrange(40), dice.uniform(0.8, 2.6)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            size_wh = (round(392 * scale), round(472 * scale))
            portrait.crop((left, top, left + 392, top + 472)).resize(size_wh).save(path, quality=85)
    for number in range(videos):
        path = folder / "videos" / f"{number:06d}.mp4"
        start, count = dice.randrange(25), dice.randrange(25, 50)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_video(path, frames[start : start + count])


def write_video(path: Path, frames: list[Image.Image]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height = frames[0].size
        stream.pix_fmt = "yuv420p"
        for index, image in enumerate(frames):
            picture = av.VideoFrame.from_image(image)
            picture.pts, picture.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def read_alone(folder: Path, out: Path, part: int) -> None:
    """Inside a process: every second file, one after the other, into one table."""
    settings = ReadSettings.here(model="mien-l")
    analyzer = settings.analyzer()
    taxonomy = TAXONOMIES[analyzer.options.labels]
    with table_writer(out / f"{part}.parquet", taxonomy, style="native", meta=dict) as write:
        for item in list(find_items(str(folder)))[part::WORKERS]:
            path = Path(item.source)
            content = None if item.is_video else path.read_bytes()
            fetched = Fetched(item, content, path if item.is_video else None)
            for record in records_of(fetched, analyzer, settings, span=None, tell=lambda: None):
                assert isinstance(record, dict)
                write(record)


def command(folder: Path, out: Path, engine: str, shard_size: int) -> list[str]:
    own = ["--engine", engine, "--workers", str(WORKERS), "--shard-size", str(shard_size)]
    return [sys.executable, "-m", "mien", "batch", str(folder), "--out", str(out), *own]


class Memory:
    """How much the processes below one take, over time: what is their own, and their share of what they share."""

    def __init__(self, roots: list[int]) -> None:
        self.taken_mb: list[float] = []
        self._roots, self._stop = roots, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE_S):
            self.taken_mb.append(sum(map(own_mb, below(self._roots))))

    def finish(self) -> tuple[float, float]:
        """The most, and by how much more the last quarter takes than the second."""
        self._stop.set()
        self._thread.join()
        quarter = len(self.taken_mb) // 4
        if not quarter:
            return max(self.taken_mb, default=0.0), 1.0
        second, last = self.taken_mb[quarter : 2 * quarter], self.taken_mb[3 * quarter : 4 * quarter]
        return max(self.taken_mb), statistics.median(last) / statistics.median(second)


def below(roots: list[int]) -> list[int]:
    """These processes and all that they started."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found = list(roots)
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def own_mb(pid: int) -> float:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


def timed(commands: list[list[str]]) -> tuple[float, float, float]:
    """Seconds until all commands are through; the memory they took at most; its growth."""
    began_s = time.monotonic()
    running = [subprocess.Popen(each, stdout=subprocess.DEVNULL) for each in commands]
    memory = Memory([process.pid for process in running])
    statuses = [process.wait() for process in running]
    assert statuses == [0] * len(statuses), f"{commands[0]}: {statuses}"
    return (time.monotonic() - began_s, *memory.finish())


def killed_runs(folder: Path, out: Path, engine: str, shard_size: int, kills: int, run_s: float) -> Iterator[Path]:
    """Results that were made while workers and drivers were killed, until there were so many kills."""
    dice = random.Random(1)
    done, number = 0, 0
    while done < kills:
        place = out / f"killed-{number}"
        number += 1
        finished = False
        while not finished:
            process = subprocess.Popen(
                command(folder, place, engine, shard_size), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            while process.poll() is None:
                wait_s = dice.uniform(0, max(2.0, 2 * run_s / kills))  # all of them in about one run's time
                try:
                    process.wait(wait_s)
                except subprocess.TimeoutExpired:
                    if done >= kills:
                        continue
                    workers = [pid for pid in below([process.pid])[1:] if is_worker(pid)]
                    if dice.random() < 0.2:
                        victim = process.pid
                    elif workers:
                        victim = dice.choice(workers)
                    else:
                        continue
                    os.kill(victim, signal.SIGKILL)
                    done += 1
                    print(f"  kill {done}: {'driver' if victim == process.pid else 'worker'}", flush=True)
            finished = process.returncode == 0
            assert process.returncode in {0, -signal.SIGKILL}, process.returncode
        yield place


def is_worker(pid: int) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"mien.scale.worker" in words or b"ray::_Actor" in words


def differing_parts(one: Path, other: Path) -> int:
    """How many files of two results differ in what they hold."""
    names = {path.relative_to(place) for place in (one, other) for path in place.rglob("part-*.parquet")}
    return sum(
        not ((one / name).is_file() and (other / name).is_file())
        or not parquet.read_table(one / name).equals(parquet.read_table(other / name))
        for name in names
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=20_000)
    parser.add_argument("--videos", type=int, default=200)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--shard-size", type=int, default=200)
    parser.add_argument("--engines", default="local,ray")
    parser.add_argument("--folder", type=Path, default=Path("build/batch"), help="for the files and the results")
    parser.add_argument("--alone", nargs=3, metavar=("FILES", "OUT", "PART"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.alone:
        read_alone(Path(arguments.alone[0]), Path(arguments.alone[1]), int(arguments.alone[2]))
        return
    files = arguments.folder / f"files-{arguments.photos}-{arguments.videos}"
    out = arguments.folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    make_files(files, arguments.photos, arguments.videos)
    what = f"{arguments.photos} photos and {arguments.videos} videos"
    count, size = arguments.photos + arguments.videos, arguments.shard_size
    print(
        f"{what}, {WORKERS} workers, {os.cpu_count()} cores",
        flush=True,
    )
    failed: list[str] = []

    alone = [[sys.executable, __file__, "--alone", str(files), str(out), str(part)] for part in range(WORKERS)]
    alone_s, taken_mb, growth = timed(alone)
    print(f"two processes on their own: {alone_s:.1f} s, {count / alone_s:.1f} files/s, {taken_mb:.0f} MB", flush=True)
    before_s, limits = alone_s, {"local": LOCAL_LIMIT, "ray": RAY_LIMIT}
    for engine in arguments.engines.split(","):
        run_s, taken_mb, growth = timed([command(files, out / engine, engine, size)])
        ratio = before_s / run_s
        print(
            f"{engine}: {run_s:.1f} s, {count / run_s:.1f} files/s, {ratio:.0%} of the one before (limit"
            f" {limits[engine]:.0%}), {taken_mb:.0f} MB at most, in the last quarter {growth:.2f} times as much as"
            f" in the second (limit {MEMORY_LIMIT})",
            flush=True,
        )
        failed += [f"{engine}: rate"] * (ratio < limits[engine]) + [f"{engine}: memory"] * (growth > MEMORY_LIMIT)
        before_s = run_s
        if engine == "ray" and (out / "local").is_dir():
            failed += ["ray: another result than local"] * (differing_parts(out / "local", out / "ray") > 0)
    first = out / arguments.engines.split(",")[0]
    parts_mb = sum(path.stat().st_size for path in first.rglob("*.parquet")) / 1e6
    rows = sum(parquet.read_metadata(path).num_rows for path in first.glob("readings/*.parquet"))
    print(f"results: {rows} rows, {parts_mb:.1f} MB, {1e6 * parts_mb / max(rows, 1):.0f} bytes a row", flush=True)
    for place in killed_runs(files, out, first.name, size, arguments.kills, before_s) if arguments.kills else ():
        differ = differing_parts(first, place)
        print(f"{place.name}: {differ} parts differ from the unbroken run", flush=True)
        failed += [f"{place.name}: {differ} parts differ"] * (differ > 0)
    if failed:
        sys.exit("; ".join(failed))


if __name__ == "__main__":
    main()
