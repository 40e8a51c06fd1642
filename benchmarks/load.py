"""How fast, and in how much memory, is FER-2013's CSV read: mien against pandas.read_csv and np.fromstring per row?

    python benchmarks/load.py fer2013.csv [--rounds 5] [--peer-python PYTHON]

Both sides end with the same pixels and labels, which is checked. Each reading is a process of its own, so that its
peak memory is its own; they take turns, and the medians count. The time is that of the reading alone, without the
imports; the memory is the peak of the process less what it had taken before. Processor seconds, of all threads, say
what each side costs where other work takes its turns. pandas is no dependency of mien: `pip install pandas` first, or
name the interpreter of an environment that has it.
"""

import argparse
import hashlib
import importlib
import json
import resource
import statistics
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

MODULES = {"mien": "mien.datasets.fer2013", "pandas": "pandas"}
TO_MB = 1e-6 if sys.platform == "darwin" else 1e-3  # of what getrusage counts in


def read_with_mien(reader: Any, path: Path) -> tuple[Any, Any]:
    faces = reader.read_csv(path)
    return faces.pixels, faces.labels


def read_with_pandas(pandas: Any, path: Path) -> tuple[Any, Any]:
    table = pandas.read_csv(path)
    rows = [np.fromstring(text, dtype=np.uint8, sep=" ") for text in table["pixels"]]
    return np.stack(rows).reshape(-1, 48, 48), table["emotion"].to_numpy(np.int64)


def measure(name: str, path: Path) -> dict[str, Any]:
    """Read once, in this process."""
    module = importlib.import_module(MODULES[name])
    warnings.simplefilter("ignore", DeprecationWarning)  # of fromstring, which is what people use
    before_mb = peak_mb()
    start_s, start_cpu_s = time.perf_counter(), time.process_time()
    pixels, labels = (read_with_mien if name == "mien" else read_with_pandas)(module, path)
    seconds, cpu_seconds = time.perf_counter() - start_s, time.process_time() - start_cpu_s
    taken_mb = peak_mb() - before_mb
    digest = hashlib.sha256(np.ascontiguousarray(pixels)).hexdigest() + hashlib.sha256(labels).hexdigest()
    times = {"seconds": seconds, "cpu_seconds": cpu_seconds}
    return {**times, "mb": taken_mb, "pixels_mb": pixels.nbytes / 1e6, "rows": len(pixels), "digest": digest}


def peak_mb() -> float:
    """The most memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * TO_MB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("csv", type=Path, help="Kaggle's fer2013.csv")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer-python", default=sys.executable, metavar="PYTHON", help="the interpreter with pandas")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--measure", choices=MODULES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.csv)))
        return
    if not options.csv.is_file():
        sys.exit(f"{options.csv} is not there: give the path of fer2013.csv (emotion,pixels,Usage) from Kaggle")
    pythons = {"mien": sys.executable, "pandas": options.peer_python}
    if subprocess.run([options.peer_python, "-c", "import pandas"], capture_output=True, check=False).returncode:
        sys.exit(f"{options.peer_python} has no pandas: pip install pandas, or name one that has with --peer-python")
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in MODULES}
    for turn in range(options.rounds + 1):
        for name, results in runs.items():
            command = [pythons[name], __file__, str(options.csv), "--measure", name]
            result = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
            if turn:  # the first is for the disk and the bytecode
                results.append(result)
    assert len({result["digest"] for results in runs.values() for result in results}) == 1, "the two sides differ"
    rows, pixels_mb = runs["mien"][0]["rows"], runs["mien"][0]["pixels_mb"]
    print(f"{options.csv.name}: {rows:,} rows, {pixels_mb:.1f} MB of pixels; medians of {options.rounds} rounds")
    for name, results in runs.items():
        seconds = [result["seconds"] for result in results]
        cpu_seconds = min(result["cpu_seconds"] for result in results)
        mb = statistics.median(result["mb"] for result in results)
        print(
            f"{name:<8}{statistics.median(seconds):.3f} s ({min(seconds):.3f} to {max(seconds):.3f}), "
            f"{cpu_seconds:.3f} s of processor at best, "
            f"peak {mb:.0f} MB, {mb / pixels_mb:.2f} times the pixels"
        )
    mien, pandas = ([result["seconds"] for result in runs[name]] for name in ("mien", "pandas"))
    by_median, by_best = statistics.median(pandas) / statistics.median(mien), min(pandas) / min(mien)
    print(f"mien is {by_median:.1f} times as fast; best round against best round {by_best:.1f} times")
    if options.json:
        options.json.write_text(json.dumps({"times_as_fast_as_pandas": by_median}), "utf-8")


if __name__ == "__main__":
    main()
