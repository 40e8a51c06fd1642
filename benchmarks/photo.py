"""Photo to readings, in milliseconds, beside the `fer` package: run `python benchmarks/photo.py`.

One picture of 640x480 with one face, detection and classification, on two cores. Every system runs in a process of
its own; they take turns, round by round, so that a slower or busier machine is slow for all of them. `fer` gets an
environment of its own under build/peers/fer (TensorFlow and torch, about 2 GB); where it cannot be installed, the
table says so and gives our own figures alone.

`fer`'s MTCNN mode needs facenet-pytorch, which pins a torch older than the one here and a torchvision that has no
build for it: it is installed without its pins, and the two torchvision functions it calls (`to_tensor`, which that
path does not reach, and `batched_nms`) are stood in for, the latter by OpenCV's compiled NMS.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PEER_ENV = ROOT / "build" / "peers" / "fer"
PHOTO = ROOT / "examples" / "astronaut.jpg"
CALLS = 20

PEER_PACKAGES = [
    *["torch==2.13.0", "tensorflow-cpu==2.21.0", "opencv-contrib-python-headless==4.14.0.94", "setuptools<81"],
    *["pandas", "requests", "tqdm", "moviepy<2", "ffmpeg-python", "matplotlib", "pillow"],
]
PEER_UNPINNED = ["fer==25.10.3", "facenet-pytorch==2.6.0"]
STAND_IN = {
    "__init__.py": "",
    "transforms/__init__.py": "",
    "transforms/functional.py": "",
    "ops/__init__.py": "",
    "ops/boxes.py": '''
import cv2
import numpy as np
import torch


def batched_nms(boxes, scores, idxs, iou_threshold):
    """Indices kept, best first; boxes of different idxs do not suppress each other."""
    if boxes.numel() == 0:
        return torch.empty(0, dtype=torch.int64)
    xyxy = boxes.detach().numpy().astype(np.float64)
    xywh = np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1)
    kept = cv2.dnn.NMSBoxesBatched(xywh, scores.detach().numpy(), idxs.numpy().astype(np.int32), -1e9, iou_threshold)
    return torch.as_tensor(np.asarray(kept, np.int64))
''',
}


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
    """Inside a worker: answer every line on standard input with the milliseconds of some calls."""
    call = {**OURS, **PEERS}[name]()
    faces = call()
    print(json.dumps({"ready": name, "faces": faces}), flush=True)
    for _ in sys.stdin:
        times = []
        for _ in range(CALLS):
            start = time.perf_counter()
            call()
            times.append(1000 * (time.perf_counter() - start))
        print(json.dumps(statistics.median(times)), flush=True)


def peer_python() -> Path | None:
    """The peer's interpreter, installed now if need be; None where that fails."""
    python = PEER_ENV / "bin" / "python"
    if not (PEER_ENV / "installed").exists():
        print(f"installing fer into {PEER_ENV} ...", file=sys.stderr)
        try:
            subprocess.run([sys.executable, "-m", "venv", str(PEER_ENV)], check=True)
            pip = [str(python), "-m", "pip", "install", "--quiet"]
            subprocess.run([*pip, *PEER_PACKAGES], check=True)
            subprocess.run([*pip, "--no-deps", *PEER_UNPINNED], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"fer could not be installed: {error}", file=sys.stderr)
            return None
        library = next((PEER_ENV / "lib").glob("python3*")) / "site-packages" / "torchvision"
        for name, text in STAND_IN.items():
            (library / name).parent.mkdir(parents=True, exist_ok=True)
            (library / name).write_text(text, "utf-8")
        (PEER_ENV / "installed").touch()
    return python


class Worker:
    """A process that times one system when asked."""

    def __init__(self, name: str, python: Path) -> None:
        self.name = name
        self.times_ms: list[float] = []
        self.process = subprocess.Popen(
            [str(python), "-W", "ignore", __file__, "--worker", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def answer(self) -> Any:
        """The next JSON line; None when the process is gone. Lines that are not JSON are its library's chatter."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                return json.loads(line)
            except json.JSONDecodeError:
                continue
        return None

    def round(self) -> None:
        """Let it make its calls once."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        self.times_ms.append(self.answer())

    @property
    def median_ms(self) -> float:
        return statistics.median(self.times_ms)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help=f"turns of every system, each of {CALLS} calls")
    parser.add_argument("--no-peers", action="store_true", help="our own figures alone")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        work(args.worker)
        return
    python = None if args.no_peers else peer_python()
    wanted = [(name, Path(sys.executable)) for name in OURS] + [(name, python) for name in PEERS if python]
    workers = {}
    for name, interpreter in wanted:
        assert interpreter is not None
        worker = Worker(name, interpreter)
        ready = worker.answer()
        if ready is None:
            print(f"{name}: could not be run here")
        else:
            workers[name] = worker
    for _ in range(args.rounds):
        for worker in workers.values():
            worker.round()
    print(f"{platform.machine()}, {args.rounds} rounds of {CALLS} calls, medians; 640x480, one face")
    for name, worker in workers.items():
        low, high = min(worker.times_ms), max(worker.times_ms)
        spread = f"({low:.2f} to {high:.2f})"
        print(f"{name:28} {worker.median_ms:8.2f} ms   {spread:20} {1000 / worker.median_ms:7.1f} a second")
    for ours, theirs, wanted_ratio in RATIOS:
        if ours in workers and theirs in workers:
            ratios = [b / a for a, b in zip(workers[ours].times_ms, workers[theirs].times_ms, strict=True)]
            print(f"{ours} is {statistics.median(ratios):.1f} times as fast as {theirs} (wanted: {wanted_ratio})")
    for worker in workers.values():
        worker.process.terminate()


if __name__ == "__main__":
    main()
