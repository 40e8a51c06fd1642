"""Videos to readings in frames per second, beside decoding alone and the `fer` package: `python benchmarks/video.py`.

Two videos are made from the sample photo, in H.264 with a sensor's noise and a camera's bit rate (2 Mbit/s at 640x480):
one face that moves about, and five faces in 1920x1080. Every frame is classified, the detector looks at every fifth,
nothing is drawn. Each system runs in a process of its own; they take turns, round by round, so that a slower or busier
machine is slow for all of them.

"Decoding alone" is PyAV on every core, frames thrown away unconverted: no reader of this file can be faster.

`--minutes 60` reads a video of so many minutes instead, writes its table, and prints the memory along the way.
"""

import argparse
import contextlib
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from fer_peer import FOLDER, fer_python

PHOTO = Path(__file__).resolve().parents[1] / "examples" / "astronaut.jpg"
FPS = 25
SECONDS = 20
PEER_SECONDS = 2
FIVE_SECONDS = 6
DETECT_EVERY = 5
ONE, PEER, FIVE = "one_face.mp4", "one_face_short.mp4", "five_faces.mp4"


def one_face(seconds: float) -> Iterator[Any]:
    """640x480 RGB frames: somebody before a camera who sways, nods and leans forward."""
    import numpy as np

    photo, grain = _photo(), _Grain(480, 640)
    for index in range(round(seconds * FPS)):
        time_s = index / FPS
        centre_xy = 225 + 20 * np.sin(1.1 * time_s), 140 + 10 * np.sin(1.7 * time_s)
        yield grain.on(_part(photo, centre_xy, (265, 170), (640, 480), scale=1.45 + 0.1 * np.sin(0.7 * time_s)))


def five_faces(seconds: float) -> Iterator[Any]:
    """1920x1080 RGB frames: five people side by side, each swaying in a place of their own."""
    import numpy as np

    photo, grain = _photo(), _Grain(1080, 1920)
    for index in range(round(seconds * FPS)):
        time_s = index / FPS
        people = [
            _part(
                photo,
                (225 + 12 * np.sin(1.1 * time_s + person), 140 + 8 * np.sin(1.7 * time_s + 2 * person)),
                (192, 300 + 50 * person),
                (384, 1080),
                scale=1.3 + 0.2 * person,
            )
            for person in range(5)
        ]
        yield grain.on(np.hstack(people))


def _photo() -> Any:
    import cv2

    return cv2.cvtColor(cv2.imread(str(PHOTO)), cv2.COLOR_BGR2RGB)


def _part(
    photo: Any, centre_xy: tuple[float, float], at_xy: tuple[int, int], size_wh: tuple[int, int], *, scale: float
) -> Any:
    """The photo enlarged, with one point of it at a place of the new picture."""
    import cv2
    import numpy as np

    moved = np.array([[scale, 0, at_xy[0] - scale * centre_xy[0]], [0, scale, at_xy[1] - scale * centre_xy[1]]])
    return cv2.warpAffine(photo, moved, size_wh, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


class _Grain:
    """A sensor's noise, another on every frame: without it the decoder would have hardly anything to do."""

    def __init__(self, height: int, width: int) -> None:
        import numpy as np

        self._rng = np.random.default_rng(0)
        self._size = height, width
        self._noise = self._rng.normal(0, 3, (2 * height, 2 * width, 1)).round().astype(np.int16)

    def on(self, picture: Any) -> Any:
        import numpy as np

        top, left = (int(self._rng.integers(0, side)) for side in self._size)
        noise = self._noise[top : top + self._size[0], left : left + self._size[1]]
        return np.clip(picture + noise, 0, 255).astype(np.uint8)


def write_video(path: Path, frames: Iterator[Any]) -> None:
    import av

    with av.open(str(path), "w") as container:
        stream: Any = None
        for pixels_rgb in frames:
            if stream is None:
                stream = container.add_stream("libx264", rate=FPS)
                stream.height, stream.width = pixels_rgb.shape[:2]
                stream.pix_fmt, stream.bit_rate = "yuv420p", round(6.5 * stream.height * stream.width)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels_rgb, "rgb24")))
        container.mux(stream.encode(None))


def repeat_video(source: Path, path: Path, minutes: float) -> None:
    """The same pictures again and again, not encoded anew."""
    import av

    with av.open(str(source)) as first, av.open(str(path), "w") as container:
        stream = container.add_stream_from_template(first.streams.video[0])
        packets = [packet for packet in first.demux(video=0) if packet.size]
        unit_s = first.streams.video[0].time_base
        assert unit_s is not None
        length = round(Fraction(SECONDS) / unit_s)
        times = [(packet.pts, packet.dts) for packet in packets]
        for turn in range(round(60 * minutes / SECONDS)):
            for packet, (pts, dts) in zip(packets, times, strict=True):
                assert pts is not None
                assert dts is not None
                packet.pts, packet.dts, packet.stream = pts + turn * length, dts + turn * length, stream
                container.mux(packet)


def decode(path: Path) -> int:
    import av

    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        return sum(1 for _ in container.decode(video=0))


def decode_rgb(path: Path) -> int:
    from mien.media.videos import open_video

    with open_video(path) as video:
        return sum(1 for _ in video)


def read(detector: str) -> Callable[[Path], int]:
    import mien

    analyzer = mien.Analyzer(detector=detector)
    options = mien.StreamOptions(detect_every=DETECT_EVERY)

    def run(path: Path) -> int:
        faces = [len(reading.faces) for reading in analyzer.read_video(path, options=options)]
        wanted = 5 if path.name == FIVE else 1
        assert faces.count(wanted) > 0.95 * len(faces), f"not all faces are found: {faces}"
        return len(faces)

    return run


def fer() -> Callable[[Path], int]:
    """`Video.analyze` without the annotated video; it detects on every frame.

    It asks a window for keys even where it shows none; an OpenCV without windows cannot answer, so no key is pressed.
    """
    import cv2
    from fer.classes import Video  # type: ignore[import-not-found]  # lives in the peer's environment
    from fer.fer import FER  # type: ignore[import-not-found]

    cv2.waitKey, cv2.destroyAllWindows = (lambda _: -1), (lambda: None)
    reader = FER(mtcnn=False)

    def run(path: Path) -> int:
        with tempfile.TemporaryDirectory() as folder:
            video = Video(str(path.resolve()), outdir=folder)
            with contextlib.chdir(folder):  # it writes a data.csv where it stands
                return len(
                    video.analyze(reader, display=False, save_frames=False, save_video=False, annotate_frames=False)
                )

    return run


SYSTEMS: dict[str, tuple[str, Callable[[], Callable[[Path], int]]]] = {
    "decoding alone": (ONE, lambda: decode),
    "decoding to RGB arrays": (ONE, lambda: decode_rgb),
    "mien, YuNet": (ONE, lambda: read("yunet")),
    "mien, MTCNN": (ONE, lambda: read("mtcnn")),
    "fer, Video.analyze": (PEER, fer),
    "1080p, decoding alone": (FIVE, lambda: decode),
    "1080p, five faces, mien, YuNet": (FIVE, lambda: read("yunet")),
    "1080p, five faces, mien, MTCNN": (FIVE, lambda: read("mtcnn")),
}


OURS = [name for name in SYSTEMS if not name.startswith("fer")]
WANTED = [
    ("mien, YuNet", "decoding alone", 0.30),
    ("mien, MTCNN", "decoding alone", 0.15),
    ("mien, YuNet", "fer, Video.analyze", 5),
    ("mien, MTCNN", "fer, Video.analyze", 5),
]
WANTED_FPS = [("1080p, five faces, mien, YuNet", 25), ("1080p, five faces, mien, MTCNN", 25)]


def work(name: str, folder: Path) -> None:
    """Inside a worker: frames per second."""
    from turns import serve  # mien.benchmark's, for interpreters without mien

    file, load = SYSTEMS[name]
    run = load()
    run(folder / file)

    def measure() -> float:
        start = time.perf_counter()
        count = run(folder / file)
        return count / (time.perf_counter() - start)

    serve(measure)


def compare(folder: Path, rounds: int, fer_at: Path | None) -> dict[str, Any]:
    """Print every system's frames per second, and what was wanted beside what is; what `--json` writes."""
    from mien.benchmark.turns import median_ratio, take_turns

    print(f"making the videos in {folder} ...", file=sys.stderr)
    write_video(folder / ONE, one_face(SECONDS))
    write_video(folder / PEER, one_face(PEER_SECONDS))
    write_video(folder / FIVE, five_faces(FIVE_SECONDS))
    python = None if fer_at is None else fer_python(fer_at)
    systems = {name: Path(sys.executable) if name in OURS else python for name in SYSTEMS}
    workers = take_turns(systems, __file__, "--folder", str(folder), rounds=rounds)
    print(f"{platform.machine()}, {rounds} rounds, medians; detection every {DETECT_EVERY} frames")
    for name, worker in workers.items():
        print(f"{name:32} {worker.median:7.1f} frames/s   ({min(worker.measured):.1f} to {max(worker.measured):.1f})")
    ratios = {}
    for ours, other, least in WANTED:
        if {ours, other} <= workers.keys():
            ratio = median_ratio(workers[ours].measured, workers[other].measured)
            ratios[f"{ours} / {other}"] = ratio
            print(f"{ours}: {ratio:.2f} times {other} (wanted: {least})")
    for ours, least_fps in WANTED_FPS:
        if ours in workers:
            print(f"{ours}: {workers[ours].median:.1f} frames/s (wanted: {least_fps})")
    return {"frames_per_s": {name: worker.median for name, worker in workers.items()}, "ratios": ratios}


def watch_memory(folder: Path, minutes: float) -> None:
    """Read a long video into a table, and print the memory that is taken along the way."""
    import mien
    from mien.results import SourceResult
    from mien.sinks.tables import TableSink

    write_video(folder / ONE, one_face(SECONDS))
    repeat_video(folder / ONE, folder / "long.mp4", minutes)
    print(f"{minutes:g} minutes, {(folder / 'long.mp4').stat().st_size / 1e6:.0f} MB")
    readings = mien.Analyzer(detector="yunet").read_video(folder / "long.mp4")
    marks_s = [60 * minute for minute in (1, 2, 5, 10, 20, 30, 40, 50) if minute < minutes]
    taken_mb: list[float] = []
    with TableSink(folder / "readings.csv", mien.FERPLUS) as sink:
        for reading in readings:
            sink.write(SourceResult("long.mp4", reading, None), None)
            assert reading.time_s is not None
            if marks_s and reading.time_s >= marks_s[0]:
                taken_mb.append(_resident_mb())
                print(f"after {marks_s.pop(0) / 60:2.0f} min: {taken_mb[-1]:.0f} MB", flush=True)
    taken_mb.append(_resident_mb())
    print(f"at the end:  {taken_mb[-1]:.0f} MB, {taken_mb[-1] / taken_mb[0] - 1:+.1%} (wanted: within 10 %)")


def _resident_mb() -> float:
    """Memory that the process holds now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-peers", action="store_true", help="without fer")
    parser.add_argument("--fer", type=Path, default=FOLDER, help="where fer is installed, or is to be")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--minutes", type=float, help="watch the memory over so long a video, and nothing else")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        work(args.worker, args.folder)
        return
    with tempfile.TemporaryDirectory() as folder:
        if args.minutes:
            watch_memory(Path(folder), args.minutes)
        else:
            figures = compare(Path(folder), args.rounds, None if args.no_peers else args.fer)
            if args.json:
                args.json.write_text(json.dumps(figures), "utf-8")


if __name__ == "__main__":
    main()
