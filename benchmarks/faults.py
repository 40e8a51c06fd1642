"""Batches of videos killed at random moments and gone on with: `python benchmarks/faults.py [CLIPS] [--kills 200]`.

Every try is `mien analyze CLIPS --out ... --resume` in a process of its own that is killed with -9 at a random moment;
a batch that gets through before it is killed is compared, file by file, with one that nobody disturbed, and the next
batch begins. Without CLIPS: the sample clip, a damaged copy of it, and a photo between them.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from mien.cli.app import main as mien

EXAMPLES = Path(__file__).parents[1] / "examples"


def sample_batch(folder: Path) -> list[Path]:
    """The sample clip, a damaged copy, and a photo."""
    clip = EXAMPLES / "astronaut.mp4"
    damaged = bytearray(clip.read_bytes())
    damaged[len(damaged) // 2 : len(damaged) // 2 + 500] = bytes(500)
    (folder / "damaged.mp4").write_bytes(damaged)
    return [clip, EXAMPLES / "astronaut.jpg", folder / "damaged.mp4"]


def started(arguments: list[str]) -> int:
    """The command in a process of its own; forked, which saves it the second in which it would import everything."""
    process = os.fork()
    if process == 0:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        sys.argv = ["mien", *arguments]
        try:
            mien()
        except SystemExit as end:
            os._exit(end.code if isinstance(end.code, int) else 1)
        os._exit(0)
    return process


def status_of(process: int, *, kill_after_s: float | None) -> int | None:
    """The exit status of a process; None if it had to be killed."""
    deadline_s = float("inf") if kill_after_s is None else time.monotonic() + kill_after_s
    while time.monotonic() < deadline_s:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else None


def where_it_stands(out: Path) -> str:
    """What a killed batch was doing, by what it left."""
    journals = sorted(out.glob(".mien-unfinished/*"))
    saved = [journal for journal in journals if any(journal.glob("*.jsonl.gz"))]
    return f"{len(saved)} videos begun" if saved else "nothing kept yet"


def contents(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--detector", default="mtcnn")
    chosen = parser.parse_args()
    dice = random.Random(chosen.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = [str(clip) for clip in chosen.clips or sample_batch(folder)]
        options = ["--detector", chosen.detector, "--save-every", "0.05", "--timeline", "--subtitles", "vtt"]
        command = ["analyze", *clips, *options, "--out"]
        begun_s = time.monotonic()
        status = status_of(started([*command, str(folder / "undisturbed")]), kill_after_s=None)
        run_s = time.monotonic() - begun_s
        expected = contents(folder / "undisturbed")
        print(f"undisturbed: {run_s:.1f} s, exit status {status}, {len(expected)} files", flush=True)

        out, kills, batches, differing = folder / "disturbed", 0, 0, 0
        stood: Counter[str] = Counter()
        while kills < chosen.kills:
            process = started([*command, str(out), "--resume"])
            ended = status_of(process, kill_after_s=dice.uniform(0, 1.1 * run_s))
            if ended is None:
                kills += 1
                stood[where_it_stands(out)] += 1
                if kills % 20 == 0:
                    print(f"{kills} kills, {batches} batches, {differing} differ", flush=True)
                continue
            batches += 1
            found = contents(out)
            wrong = {name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)}
            if ended != status or wrong:
                differing += 1
                print(f"batch {batches}: exit status {ended}, differs in {sorted(wrong)}", flush=True)
            shutil.rmtree(out)
        ended = status_of(started([*command, str(out), "--resume"]), kill_after_s=None)
        batches += 1
        differing += ended != status or contents(out) != expected
    for place, count in sorted(stood.items()):
        print(f"  killed with {place}: {count}")
    print(f"{kills} kills, {batches} batches went on to their end, {differing} differ from the undisturbed one")
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
