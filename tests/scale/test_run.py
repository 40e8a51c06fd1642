"""Whole runs on this machine: what is read, what is kept after a death, and who is named for one."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest

from mien.analyzer import Analyzer
from mien.classifier import EmotionClassifier
from mien.errors import DataError, EngineError
from mien.faces.haar import Haar
from mien.media.photos import load_photo
from mien.results import SourceResult
from mien.scale.engines import InlineEngine, LocalEngine
from mien.scale.run import ScaleRun
from mien.tables.columns import Row
from mien.tables.files import read_table
from mien.tables.rows import rows_of
from scale_samples import (
    CLIP,
    HANGS,
    KILLS,
    KILLS_ONCE,
    SETTINGS,
    contents,
    dangerous_pictures,
    grey,
    portraits,
    rows_in,
    run_batch,
)

__all__ = ["dangerous_pictures"]


def filled(row: Row) -> Row:
    return {name: value for name, value in row.items() if value is not None}


def test_photos_and_videos_become_the_rows_that_one_process_reads(tmp_path: Path) -> None:
    source = tmp_path / "in"
    paths = portraits(source, 9)
    (source / "text.jpg").write_text("no photo")
    (source / "clip.mp4").write_bytes(CLIP.read_bytes())
    out = tmp_path / "out"
    manifest = run_batch(source, out).manifest
    assert manifest is not None
    analyzer = Analyzer(model=EmotionClassifier.load("mien-m"), detector=Haar())
    expected = [
        row for path in paths for row in rows_of(SourceResult(str(path), analyzer.read(load_photo(path)), None))
    ]
    for reading in analyzer.read_video(source / "clip.mp4"):
        expected += rows_of(SourceResult(str(source / "clip.mp4"), reading, None))

    def order(row: Row) -> tuple[str, int, int]:
        return row["input"], row["frame"], row.get("face_idx") or 0

    rows = sorted(map(filled, rows_in(out / "readings")), key=order)
    assert rows == sorted(map(filled, expected), key=order)
    (failure,) = rows_in(out / "failures")
    assert (failure["input"], failure["stage"]) == (str(source / "text.jpg"), "decode")
    assert failure["error"].startswith(f"{source / 'text.jpg'}: expected a photo")
    assert (manifest["inputs"], manifest["rows"], manifest["failures"]) == (11, len(expected), 1)
    assert json.loads((out / "_manifest.json").read_text("utf-8")) == manifest
    assert manifest["is_complete"]
    part = read_table(out / "readings" / "part-000000.parquet")
    assert [result.source for result in part.results()] == [str(path) for path in paths[:4]]


def test_a_file_that_kills_is_named_and_one_that_was_there_by_chance_is_read(
    tmp_path: Path, dangerous_pictures: None
) -> None:
    source = tmp_path / "in"
    paths = portraits(source, 12)
    poison = [grey(source / "3.png", KILLS), grey(source / "4.png", KILLS), grey(source / "11.png", KILLS)]
    grey(source / "6.png", KILLS_ONCE)
    run_batch(source, tmp_path / "out", shard_size=12)
    failures = rows_in(tmp_path / "out" / "failures")
    assert [failure["input"] for failure in failures] == [str(path) for path in poison]
    assert {failure["stage"] for failure in failures} == {"process"}
    assert f"but 3 processes that did so were killed by signal {signal.SIGSEGV}: leave it out" in failures[0]["error"]
    read = [row["input"] for row in rows_in(tmp_path / "out" / "readings")]
    assert read == [str(path) for path in paths if path not in poison]


def test_a_file_that_never_ends_is_named(tmp_path: Path, dangerous_pictures: None) -> None:
    source = tmp_path / "in"
    portraits(source, 3)
    grey(source / "1.png", HANGS)
    run_batch(source, tmp_path / "out", stall_s=3, workers=1)
    (failure,) = rows_in(tmp_path / "out" / "failures")
    assert failure["input"] == str(source / "1.png")
    assert len(rows_in(tmp_path / "out" / "readings")) == 2


def test_a_run_that_is_killed_goes_on_without_reading_twice(tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    portraits(source, 40)
    run_batch(source, tmp_path / "unbroken")
    command = [sys.executable, "-m", "mien", "batch", str(source), "--out", str(out), "--workers", "2"]
    command += ["--shard-size", "4", "--model", "mien-m", "--detector", "haar"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while len(list((out / "readings").glob("part-*"))) < 3 and process.poll() is None:
            time.sleep(0.02)
        process.kill()
    times = {path: path.stat().st_mtime_ns for path in (out / "readings").glob("part-*")}
    assert 3 <= len(times) <= 10
    run = run_batch(source, out)
    assert set(times) >= {out / "readings" / f"part-{name}.parquet" for name in run.there}
    assert all(path.stat().st_mtime_ns == before for path, before in times.items())
    ours, theirs = contents(out), contents(tmp_path / "unbroken")
    assert {name: part for name, part in ours.items() if name != "_manifest.json"} == {
        name: part for name, part in theirs.items() if name != "_manifest.json"
    }
    assert json.loads(ours["_manifest.json"])["parts"] == json.loads(theirs["_manifest.json"])["parts"]


def test_another_run_is_not_mixed_in(tmp_path: Path) -> None:
    portraits(tmp_path / "in", 1)
    run_batch(tmp_path / "in", tmp_path / "out")
    other = replace(SETTINGS, min_face_px=20, labels="fer2013")
    with pytest.raises(DataError, match=r"got one with another \(labels, min_face_px, order, taxonomy\)"):
        ScaleRun(str(tmp_path / "in"), str(tmp_path / "out"), other)


def test_results_and_sources_in_memory(tmp_path: Path) -> None:
    fs = fsspec.filesystem("memory")
    for path in portraits(tmp_path, 3):
        fs.pipe_file(f"/scale-in/{path.name}", path.read_bytes())
    fs.pipe_file("/scale-in/clip.mp4", CLIP.read_bytes())
    run = ScaleRun("memory://scale-in", "memory://scale-out", SETTINGS)
    with InlineEngine(SETTINGS, "memory://scale-out") as engine:
        counts = [count for count in run.counts(engine) if count is not None]
    assert [count.inputs for count in counts] == [3, 1]
    assert run.manifest is not None
    assert run.manifest["failures"] == 0
    assert fs.ls("/scale-out/readings", detail=False) == [
        "/scale-out/readings/part-000000.parquet",
        "/scale-out/readings/part-000001.parquet",
    ]
    fs.rm("/scale-in", recursive=True)
    fs.rm("/scale-out", recursive=True)


def test_results_that_cannot_be_written_end_the_run_with_a_sentence(tmp_path: Path) -> None:
    portraits(tmp_path / "in", 2)
    run = ScaleRun(str(tmp_path / "in"), str(tmp_path / "out"), SETTINGS)
    (tmp_path / "out" / "readings").write_text("in the way")
    with (
        LocalEngine(SETTINGS, str(tmp_path / "out"), workers=1, stall_s=300) as engine,
        pytest.raises(EngineError, match="readings"),
    ):
        list(run.counts(engine))


def test_workers_end_with_who_asked(tmp_path: Path) -> None:
    portraits(tmp_path / "in", 60)
    command = [sys.executable, "-m", "mien", "batch", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    with subprocess.Popen([*command, "--workers", "1", "--model", "mien-m"], stdout=subprocess.DEVNULL) as process:
        children: list[int] = []
        while not children and process.poll() is None:
            found = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False)
            children = [int(pid) for pid in found.stdout.split()]
            time.sleep(0.05)
        assert children
        process.kill()
    while any(is_alive(pid) for pid in children):  # the test's own limit ends it
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return b"\0" in Path(f"/proc/{pid}/cmdline").read_bytes()  # a zombie has none
