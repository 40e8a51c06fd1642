"""Rerun every figure that the README and docs/benchmarks.md state, and write them there: `make bench DATA=fer2013.csv`.

    python benchmarks/run_all.py --data fer2013.csv --votes fer2013new.csv [--only bench video ...]
    python benchmarks/run_all.py --check      # measures nothing: do the pages say what benchmarks/results.json holds?
    python benchmarks/run_all.py --write      # measures nothing: put what it holds into the pages

Results are kept in `benchmarks/results.json`, a section for each benchmark with the machine it ran on; a section that
is not run again keeps what it has. `fer` and Keras get environments of their own under `build/peers/` (about 4 GB),
where they can be installed. On two idle cores it took 12 minutes, with the peers installed and the whole path over all
faces done before (`--answers`: it goes on where it was stopped).
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fer_peer import FOLDER, fer_python
from page_blocks import filled, put_into
from photo import write_photo

from mien.benchmark.machine import describe_machine, machine_line
from mien.benchmark.report import accuracy_table, markdown, speed_plot, speed_table
from mien.benchmark.worker import FACE_ALONE
from mien.writing import replacing

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results.json"
PLOT = ROOT / "docs" / "pictures" / "benchmarks.png"

Results = Mapping[str, Any]


def commands(options: argparse.Namespace, folder: Path) -> dict[str, list[object]]:
    """Section -> the command that measures it and writes `SECTION.json` into the folder."""
    data: list[object] = ["--data", options.data, *(["--votes", options.votes] if options.votes else [])]
    peer = fer_python(options.fer)
    own = ["--peer-python", options.keras] if options.keras else []
    pandas = ["--peer-python", peer] if peer else []  # it comes with fer
    bench = ["-m", "mien", "bench", write_photo(folder / "photo.png"), *data, "--drop", folder / "drop.csv"]
    return {
        "bench": [*bench, *(["--peer-python", peer] if peer else []), "--out", folder],
        "endtoend": [ROOT / "benchmarks" / "endtoend.py", *data, "--out", options.answers],
        "video": [ROOT / "benchmarks" / "video.py", "--fer", options.fer],
        "train": [ROOT / "benchmarks" / "train.py", *own],
        "load": [ROOT / "benchmarks" / "load.py", options.data, *pandas],
        "install": [ROOT / "benchmarks" / "install.py"],
    }


def measure(options: argparse.Namespace) -> list[str]:
    """Run the sections and keep what they say; the names of those that failed, which keep what they had."""
    failed, machine = [], describe_machine()  # now: later its load is that of our own sections
    run("-m", "mien", "models", "pull", "yunet")  # without it the pages would say less than before
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run("-m", "mien", "data", "leaks", options.data, "--drop", folder / "drop.csv")
        for section, command in commands(options, folder).items():
            if options.only and section not in options.only:
                continue
            path = folder / f"{section}.json"
            try:
                run(*command, *([] if section == "bench" else ["--json", path]))
            except subprocess.CalledProcessError:
                failed.append(section)
                continue
            figures = json.loads(path.read_text("utf-8"))
            results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.is_file() else {}
            results[section] = {"machine": machine, **figures}
            with replacing(RESULTS) as unfinished:
                unfinished.write_text(json.dumps(results, indent=2) + "\n", "utf-8")
    return failed


def run(*command: object) -> None:
    """A Python command, shown."""
    words = [sys.executable, *map(str, command)]
    print("$", *words, flush=True)
    subprocess.run(words, check=True)


def readme_block(results: Results) -> str:
    """What the README says: how often right, and how fast beside others."""
    bench = results["bench"]
    accuracies = accuracy_table(bench)
    sizes = [f"{bench['model_mb'][row[0]]:.1f} MB" if row[0] in bench["model_mb"] else "" for row in accuracies[1:]]
    table = [[*accuracies[0], "file"], *([*row, size] for row, size in zip(accuracies[1:], sizes, strict=True))]
    head, *rows = speed_table(bench)
    rates = [["a photo of one face", *head[3:]], *([row[0], *row[3:]] for row in rows if FACE_ALONE not in row[0])]
    return "\n\n".join(markdown(one) for one in (table, rates) if len(one) > 1)


def page_block(results: Results) -> str:
    """What docs/benchmarks.md says: everything, each with its machine."""
    parts = []
    bench = results["bench"]
    where = f"Measured, where nothing else is said, on {machine_line(bench['machine'])}."
    parts += ["## How often right", where, markdown(accuracy_table(bench))]
    if "endtoend" in results:
        rows = [["faces to be found first, FER+", "right, %", "cut out, the same faces, %", "not found, %"]]
        for detector, one in results["endtoend"].items():
            if detector != "machine":
                shares = (100 * one[key] / one["pictures"] for key in ("right", "cut_out_right", "missed"))
                rows.append([f"{detector} (n = {one['pictures']:,})", *(f"{share:.1f}" for share in shares)])
        parts += [markdown(rows), *elsewhere(results["endtoend"], results)]
    if bench["speeds"]:
        picture = "![Milliseconds a photo, mien beside fer](pictures/benchmarks.png)"
        parts += ["## A photo", markdown(speed_table(bench)), picture]
    if "video" in results:
        rates = results["video"]["frames_per_s"].items()
        rows = [["a video", "frames a second"], *([name, f"{rate:.0f}"] for name, rate in rates)]
        parts += ["## A video", markdown(rows), *elsewhere(results["video"], results)]
    if "train" in results:
        rows = [["training, two threads", "images a second with mien", "with Keras", "times as fast"]]
        for network, rates in results["train"]["images_per_s"].items():
            ours, theirs = rates.get("mien"), rates.get("keras")
            ratio = f"{ours / theirs:.1f}" if ours and theirs else ""
            rows.append([network, *(f"{rate:.0f}" if rate else "" for rate in (ours, theirs)), ratio])
        parts += ["## Training", markdown(rows), *elsewhere(results["train"], results)]
    if "load" in results:
        times = results["load"]["times_as_fast_as_pandas"]
        parts += [
            f"FER-2013's CSV is read {times:.1f} times as fast as by pandas.",
            *elsewhere(results["load"], results),
        ]
    if "install" in results:
        one = results["install"]
        text = (
            f"The core is {one['packages']} packages, {one['mb']:.0f} MB; `mien analyze` takes {one['result_s']:.1f} s"
        )
        parts += ["## Installing", f"{text} from start to result.", *elsewhere(results["install"], results)]
    return "\n\n".join(parts)


def elsewhere(section: Results, results: Results) -> list[str]:
    """Where a section's figures come from, unless it is where the page's first are from."""
    same = section["machine"] == results["bench"]["machine"]
    return [] if same else [f"Measured on {machine_line(section['machine'])}."]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="FER-2013's CSV")
    parser.add_argument("--votes", type=Path, help="FER+'s votes")
    parser.add_argument("--only", nargs="+", metavar="SECTION", help="bench, endtoend, video, train, load, install")
    parser.add_argument("--fer", type=Path, default=FOLDER, help="where fer is installed, or is to be")
    parser.add_argument("--keras", type=Path, metavar="PYTHON", help="an interpreter with Keras and TensorFlow")
    parser.add_argument(
        "--answers", type=Path, default=ROOT / "build" / "endtoend", help="where the whole path goes on"
    )
    parser.add_argument("--check", action="store_true", help="measure nothing; exit 1 where a page says otherwise")
    parser.add_argument("--write", action="store_true", help="measure nothing; put the kept results into the pages")
    options = parser.parse_args()
    failed: list[str] = []
    if not (options.check or options.write):
        if options.data is None:
            parser.error("expected --data with FER-2013's CSV, or --check")
        failed = measure(options)
    results = json.loads(RESULTS.read_text("utf-8"))
    blocks = {ROOT / "README.md": readme_block(results), ROOT / "docs" / "benchmarks.md": page_block(results)}
    if options.check:
        stale = [
            page.name for page, block in blocks.items() if filled(page, "figures", block) != page.read_text("utf-8")
        ]
        sys.exit(f"not what {RESULTS.name} holds: {', '.join(stale)}: run {__file__} --write" if stale else 0)
    for page, block in blocks.items():
        put_into(page, "figures", block)
    if results["bench"]["speeds"]:
        with replacing(PLOT) as unfinished:
            speed_plot(results["bench"], unfinished)
    sys.exit(f"failed, and kept what they had: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
