"""The engine ray, on this machine: the same data set, and actors that are killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from scale_samples import KILLS, contents, dangerous_pictures, grey, portraits, rows_in, run_batch

__all__ = ["dangerous_pictures"]


def actors_below(parent: int) -> list[int]:
    """Processes of Ray's in which one of our actors is, by what they call themselves."""
    found = subprocess.run(["pgrep", "-f", "^ray::_Actor"], capture_output=True, text=True, check=False)
    return [int(pid) for pid in found.stdout.split() if is_below(int(pid), parent)]


def is_below(pid: int, ancestor: int) -> bool:
    while pid > 1:
        if pid == ancestor:
            return True
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except FileNotFoundError:
            return False
    return False


def test_ray_makes_the_same_data_set_while_its_actors_are_killed(tmp_path: Path, dangerous_pictures: None) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    portraits(source, 40)
    grey(source / "7.png", KILLS)
    command = [sys.executable, "-m", "mien", "batch", str(source), "--out", str(out), "--engine", "ray"]
    command += ["--workers", "2", "--shard-size", "4", "--model", "mien-m", "--detector", "haar"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        killed = 0
        while killed < 2 and process.poll() is None:
            there = len(list((out / "readings").glob("part-*")))
            actors = actors_below(process.pid)
            if there > 2 * killed and actors:
                os.kill(actors[killed % len(actors)], signal.SIGKILL)
                killed += 1
            time.sleep(0.1)
        said = process.communicate()[0]
        assert process.returncode == 0, said
    assert killed == 2
    assert "40 photos and videos: 39 rows, 1 failures" in said
    (failure,) = rows_in(out / "failures")
    assert (failure["input"], failure["stage"]) == (str(source / "7.png"), "process")
    run_batch(source, tmp_path / "local")
    assert contents(out) == contents(tmp_path / "local")


def test_an_address_without_a_cluster_is_one_sentence(tmp_path: Path) -> None:
    portraits(tmp_path / "in", 1)
    command = [sys.executable, "-m", "mien", "batch", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    command += ["--engine", "ray", "--ray-address", "auto", "--detector", "haar"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "expected a Ray cluster at auto, got none" in done.stderr
    assert "Traceback" not in done.stderr
