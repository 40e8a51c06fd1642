"""Photo to readings beside the `fer` package, and what was wanted of it: `python benchmarks/photo.py`.

One picture of 640x480 with one face of about 140 px, found and read; `mien bench` measures. `fer` gets an environment
of its own under build/peers/fer (TensorFlow and torch, about 2 GB); where it cannot be installed, that is said and our
own figures stand alone.
"""

import argparse
import tempfile
from pathlib import Path

import cv2
from fer_peer import FOLDER, fer_python

from mien.benchmark.machine import machine_line
from mien.benchmark.measuring import run_benchmark
from mien.benchmark.worker import FACE_ALONE
from mien.classifier import DEFAULT_MODEL

PORTRAIT = Path(__file__).resolve().parents[1] / "examples" / "astronaut.jpg"
WANTED = (("mien, yunet", "fer, haar", 3), ("mien, yunet", "fer, mtcnn", 10), ("mien, mtcnn", "fer, mtcnn", 2))
WANTED_MS = (f"{DEFAULT_MODEL}, {FACE_ALONE}", 1.5)


def write_photo(path: Path) -> Path:
    """The sample photo as a picture of 640x480."""
    cv2.imwrite(str(path), cv2.resize(cv2.imread(str(PORTRAIT)), (640, 640), interpolation=cv2.INTER_AREA)[:480])
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="turns of every system")
    parser.add_argument("--no-peers", action="store_true", help="our own figures alone")
    parser.add_argument("--fer", type=Path, default=FOLDER, help="where fer is installed, or is to be")
    args = parser.parse_args()
    peer = None if args.no_peers else fer_python(args.fer)
    with tempfile.TemporaryDirectory() as folder:
        photo = write_photo(Path(folder) / "photo.png")
        results = run_benchmark(photo=photo, peer_pythons=[peer] if peer else [], rounds=args.rounds)
    print(machine_line(results.machine))
    ms = {speed.system: speed.ms for speed in results.speeds}
    for speed in results.speeds:
        print(f"{speed.system:28} {speed.ms:8.2f} ms   ({speed.range_ms[0]:.2f} to {speed.range_ms[1]:.2f})")
    for ours, theirs, wanted in WANTED:
        if {ours, theirs} <= ms.keys():
            print(f"{ours} is {ms[theirs] / ms[ours]:.1f} times as fast as {theirs} (wanted: {wanted})")
    name, most_ms = WANTED_MS
    print(f"{name}: {ms[name]:.2f} ms on one thread (wanted: {most_ms})")


if __name__ == "__main__":
    main()
