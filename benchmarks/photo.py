"""Photo to readings, in milliseconds, beside the `fer` package: run `python benchmarks/photo.py`.

One picture of 640x480 with one face, detection and classification, on two cores. Every system runs in a process of
its own; they take turns, round by round, so that a slower or busier machine is slow for all of them. `fer` gets an
environment of its own under build/peers/fer (TensorFlow and torch, about 2 GB); where it cannot be installed, the
table says so and gives our own figures alone.
"""

import argparse
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fer_peer import FOLDER, fer_python
from workers import median_ratio, serve, take_turns

ROOT = Path(__file__).resolve().parents[1]
PHOTO = ROOT / "examples" / "astronaut.jpg"
CALLS = 20


def frame_rgb() -> Any:
    """The sample photo as a 640x480 picture with one face of about 140 px."""
    import cv2

    photo = cv2.resize(cv2.imread(str(PHOTO)), (640, 640), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(photo[:480], cv2.COLOR_BGR2RGB)


def mien_photo(detector: str) -> Callable[[], int]:
    import mien

    analyzer, frame = mien.Analyzer(detector=detector), frame_rgb()
    return lambda: len(analyzer.read(frame).faces)


def mien_classify() -> Callable[[], int]:
    import mien

    classifier, crop = mien.EmotionClassifier.load(), frame_rgb()[70:220, 220:370].copy()
    return lambda: len(classifier.classify([crop]))


def fer_photo(mtcnn: bool) -> Callable[[], int]:
    from fer.fer import FER  # type: ignore[import-not-found]  # lives in the peer's environment

    reader, frame = FER(mtcnn=mtcnn), frame_rgb()
    return lambda: len(reader.detect_emotions(frame))


OURS: dict[str, Callable[[], Callable[[], int]]] = {
    "mien, YuNet": lambda: mien_photo("yunet"),
    "mien, MTCNN": lambda: mien_photo("mtcnn"),
    "mien, classification alone": mien_classify,
}
PEERS: dict[str, Callable[[], Callable[[], int]]] = {
    "fer, Haar (its default)": lambda: fer_photo(mtcnn=False),
    "fer, MTCNN": lambda: fer_photo(mtcnn=True),
}
RATIOS = [
    ("mien, YuNet", "fer, Haar (its default)", 3),
    ("mien, YuNet", "fer, MTCNN", 10),
    ("mien, MTCNN", "fer, MTCNN", 2),
]


def work(name: str) -> None:
    """Inside a worker: milliseconds, the median of some calls."""
    call = {**OURS, **PEERS}[name]()
    assert call() == 1, "the face is not found"

    def measure() -> float:
        times = []
        for _ in range(CALLS):
            start = time.perf_counter()
            call()
            times.append(1000 * (time.perf_counter() - start))
        return statistics.median(times)

    serve(measure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help=f"turns of every system, each of {CALLS} calls")
    parser.add_argument("--no-peers", action="store_true", help="our own figures alone")
    parser.add_argument("--fer", type=Path, default=FOLDER, help="where fer is installed, or is to be")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        work(args.worker)
        return
    ours = dict.fromkeys(OURS, Path(sys.executable))
    peers = {} if args.no_peers else dict.fromkeys(PEERS, fer_python(args.fer))
    workers = take_turns({**ours, **peers}, __file__, rounds=args.rounds)
    print(f"{platform.machine()}, {args.rounds} rounds of {CALLS} calls, medians; 640x480, one face")
    for name, worker in workers.items():
        spread = f"({min(worker.measured):.2f} to {max(worker.measured):.2f})"
        print(f"{name:28} {worker.median:8.2f} ms   {spread:20} {1000 / worker.median:7.1f} a second")
    for ours_name, theirs, wanted in RATIOS:
        if ours_name in workers and theirs in workers:
            ratio = median_ratio(workers[theirs].measured, workers[ours_name].measured)
            print(f"{ours_name} is {ratio:.1f} times as fast as {theirs} (wanted: {wanted})")


if __name__ == "__main__":
    main()
