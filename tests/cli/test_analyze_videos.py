"""`mien analyze` on videos as a user runs it: every file asked for, signals, full disks, real media."""

import csv
import json
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from conftest import SharedMedia
from mien.batch.run import Batch, BatchOptions
from mien.batch.video import VideoPart
from mien.cli.app import app
from mien.media import downloads
from mien.media.videos import open_video
from mien.results import NOTICE, StreamOptions
from mien.tables.files import read_table
from video_samples import evenly, write_video
from web_samples import Web, serving

EXAMPLES = Path(__file__).parents[2] / "examples"
CLIP = EXAMPLES / "astronaut.mp4"


def invoke(*arguments: str | Path) -> Result:
    """The command in this process."""
    return CliRunner().invoke(app, ["analyze", *map(str, arguments)], env={"COLUMNS": "200"}, catch_exceptions=False)


def start(*arguments: str | Path, cwd: Path, **options: Any) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "mien", "analyze", *map(str, arguments)],
        cwd=cwd,
        env={
            "PATH": "/usr/bin:/bin",
            "MIEN_CACHE": str(cwd / "cache"),
            "PYTHONUTF8": "1",
            "PYTHONDONTWRITEBYTECODE": "1",  # on a full disk it would be half of a file, which breaks later imports
            "PYTHONPATH": ":".join(sys.path),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def names(out: Path) -> set[str]:
    return {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}


def probed_times_s(path: Path) -> list[float]:
    """The presentation times as ffprobe prints them."""
    arguments = ["-v", "quiet", "-select_streams", "v:0", "-show_entries", "frame=best_effort_timestamp_time"]
    done = subprocess.run(["ffprobe", *arguments, "-of", "json", str(path)], capture_output=True, check=True)
    return [float(frame["best_effort_timestamp_time"]) for frame in json.loads(done.stdout)["frames"]]


def test_a_video_to_the_files_of_every_day(tmp_path: Path) -> None:
    done = invoke(CLIP, "--out", tmp_path, "--detector", "mtcnn")
    assert done.exit_code == 0
    assert "happy 100%" in done.stdout
    assert NOTICE in done.stdout
    assert f"{tmp_path}/astronaut/report.html" in done.stderr
    assert names(tmp_path) == {
        *("readings.csv", "readings.csv.meta.json"),
        *("astronaut/report.html", "astronaut/summary.json", "astronaut/frequency.csv"),
    }
    table = rows(tmp_path / "readings.csv")
    assert [float(row["timestamp"]) for row in table] == pytest.approx(probed_times_s(CLIP), abs=1e-6)
    alone = [row for row in table if row["success"] == "0"]
    assert alone[0]["frame"] == "0"
    assert all(row["track_id"] == row["happy"] == row["happy_smooth"] == "" for row in alone)
    assert {row["track_id"] for row in table if row["success"] == "1"} == {"0"}


def test_every_file_that_can_be_asked_for(tmp_path: Path) -> None:
    formats = ["--table", "csv", "--table", "parquet", "--table", "jsonl", "--columns", "py-feat"]
    pictures = ["--video", "--gif", "0:01-0:01.5", "--webp", "1-1.5", "--timeline", "--key-frames"]
    texts = ["--subtitles", "srt", "--subtitles", "vtt", "--no-report"]
    arguments: list[str | Path] = [CLIP, EXAMPLES / "astronaut.jpg", "--out", tmp_path, *formats, *pictures, *texts]
    assert invoke(*arguments, "--detector", "mtcnn").exit_code == 0
    tables = {f"readings.{suffix}{meta}" for suffix in ("csv", "parquet", "jsonl") for meta in ("", ".meta.json")}
    of_video = ("annotated.mp4", "animation.gif", "animation.webp", "timeline.png", "subtitles.srt", "subtitles.vtt")
    of_photos = {"readings.json", "frequency.csv", "astronaut.jpg"}
    of_each = {f"astronaut/{name}" for name in (*of_video, "summary.json", "frequency.csv")}
    assert names(tmp_path) == tables | of_photos | of_each
    read = [list(read_table(tmp_path / f"readings.{suffix}").rows()) for suffix in ("csv", "parquet", "jsonl")]
    assert read[0] == read[1] == read[2]
    assert len(read[0]) == 76
    assert "happiness" in rows(tmp_path / "readings.csv")[0]
    with open_video(tmp_path / "astronaut" / "annotated.mp4") as video:
        assert [frame.time_s for frame in video] == pytest.approx(probed_times_s(CLIP), abs=1e-6)


@pytest.mark.parametrize(
    ("arguments", "part", "stream"),
    [
        ((), VideoPart(), StreamOptions()),
        (("--start", "1:00", "--end", "1:02:03.5"), VideoPart(60, 3723.5), StreamOptions()),
        (("--every", "0.2s"), VideoPart(every_s=0.2), StreamOptions(detect_every=1)),
        (("--every", "5", "--detect-every", "2"), VideoPart(every_frames=5), StreamOptions(detect_every=2)),
        (("--max-side", "640"), VideoPart(max_side_px=640), StreamOptions()),
        (("--smooth", "average"), VideoPart(), StreamOptions(smoothing="average", smoothing_s=0.3)),
        (("--smooth", "average:0.5"), VideoPart(), StreamOptions(smoothing="average", smoothing_s=0.5)),
        (("--smooth", "filter"), VideoPart(), StreamOptions(smoothing="filter", smoothing_s=0.075, hold=0)),
        (("--smooth", "none"), VideoPart(), StreamOptions(smoothing="none", smoothing_s=0, hold=0)),
    ],
)
def test_options_say_what_is_read_and_how(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], part: VideoPart, stream: StreamOptions
) -> None:
    given: list[BatchOptions] = []

    class Seen(Batch):
        def __init__(self, sources: Any, analyzer: Any, out: Any, options: BatchOptions) -> None:
            given.append(options)
            super().__init__(sources, analyzer, out, options)

        def outcomes(self, **_: object) -> Any:
            return iter(())

    monkeypatch.setattr("mien.cli.analyze.Batch", Seen)
    assert invoke(CLIP, *arguments).exit_code == 0
    assert (given[0].part, given[0].stream) == (part, stream)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--start", "soon"),
        ("--start", "5", "--end", "4"),
        ("--every", "0.2"),
        ("--every", "0s"),
        ("--every", "s"),
        ("--max-side", "0"),
        ("--smooth", "much"),
        ("--smooth", "average:long"),
        ("--detect-every", "0"),
        ("--out", "x", "--table", "xls"),
        ("--out", "x", "--columns", "mine"),
        ("--out", "x", "--subtitles", "txt"),
        ("--out", "x", "--gif", "3"),
        ("--out", "x", "--webp", "3-2"),
        ("--table", "csv"),
        ("--video",),
        ("--gif", "0-1"),
        ("--resume",),
    ],
)
def test_wrong_usage_is_named_and_ends_with_status_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    done = invoke(CLIP, *arguments)
    assert done.exit_code == 2
    assert arguments[-2 if len(arguments) > 1 else -1] in done.stderr or "--end" in done.stderr
    assert not names(tmp_path)


def test_a_batch_goes_on_past_what_cannot_be_read(tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    write_video(folder / "a.mkv", evenly(10))
    whole = CLIP.read_bytes()
    (folder / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("no video")
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac", str(folder / "sound.mp4")], check=True
    )
    write_video(folder / "z.mkv", evenly(10))
    done = invoke(folder, folder / "absent.mp4", "--out", tmp_path / "out", "--detector", "mtcnn")
    assert done.exit_code == 1
    complaints = [line for line in done.stderr.splitlines() if line.startswith("mien: ") and "expected" in line]
    assert len(complaints) == 5
    for name in ("cut.mp4", "empty.mp4", "text.mp4", "sound.mp4", "absent.mp4"):
        assert sum(name in line for line in complaints) == 1
    assert {Path(row["input"]).name for row in rows(tmp_path / "out" / "readings.csv")} == {"a.mkv", "z.mkv"}


def test_json_holds_summaries_and_no_file_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    document = json.loads(invoke(CLIP, "--json", "--detector", "mtcnn", "--end", "1.5").stdout)
    (video,) = document["videos"]
    assert video["summary"]["tracks"][0]["looks"]["shares"]["happy"] > 0.9
    assert (video["error"], document["photos"]) == (None, [])
    assert not names(tmp_path)


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clip thirty times over: longer than a test wants to wait."""
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-stream_loop", "29", "-i", str(CLIP), "-c", "copy", str(path)], check=True
    )
    return path


def wait_for(condition: Callable[[], object], process: subprocess.Popen[str]) -> None:
    for _ in range(1200):
        if condition():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    pytest.fail("nothing happened for a minute")


def test_ctrl_c_completes_the_files_and_resume_goes_on(long_clip: Path, tmp_path: Path) -> None:
    arguments = (long_clip, "--out", "out", "--detector", "mtcnn", "--save-every", "0.1", "--end", "30", "--video")
    process = start(*arguments, cwd=tmp_path)
    wait_for(lambda: list(tmp_path.glob("out/.mien-unfinished/*/*.jsonl.gz")), process)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "stopped by Ctrl-C: what was read is kept; --resume goes on" in said
    assert "Traceback" not in said
    table = rows(tmp_path / "out" / "readings.csv")
    assert [int(row["frame"]) for row in table] == list(range(len(table)))
    assert 0 < len(table) < 750
    with open_video(tmp_path / "out" / "long" / "annotated.mp4") as video:
        assert len(list(video)) == len(table)

    again = start(*arguments, cwd=tmp_path)
    _, said = again.communicate(timeout=120)
    assert again.returncode == 1
    assert "go on with it with --resume, or forget it with --no-resume" in said
    assert len(said.strip().splitlines()) == 1

    resumed = start(*arguments, "--resume", cwd=tmp_path)
    _, said = resumed.communicate(timeout=240)
    assert resumed.returncode == 0, said
    table = rows(tmp_path / "out" / "readings.csv")
    assert [int(row["frame"]) for row in table] == list(range(750))
    assert not [name for name in names(tmp_path / "out") if ".mien" in name]


@pytest.mark.parametrize("extra", [(), ("--video",), ("--table", "parquet"), ("--table", "jsonl")])
def test_a_full_disk_is_one_sentence_and_no_half_file(tmp_path: Path, extra: tuple[str, ...]) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (16_000, 16_000))

    process = start(CLIP, "--out", "out", "--detector", "mtcnn", *extra, cwd=tmp_path, preexec_fn=limit)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    sentences = [line for line in said.strip().splitlines() if "models pull" not in line]
    assert len(sentences) == 1, said
    assert "expected room for what is written to out" in sentences[0]
    assert names(tmp_path / "out") <= {"astronaut/summary.json", "astronaut/frequency.csv"}


def test_real_videos_give_what_their_manifest_expects(shared_media: SharedMedia, tmp_path: Path) -> None:
    videos = [name for name in shared_media.manifest if name.startswith("videos/")]
    done = invoke(
        *(shared_media.path(name) for name in videos), "--out", tmp_path / "out", "--detector", "mtcnn", "--end", "1"
    )
    assert done.exit_code == 1
    assert "Traceback" not in done.stderr
    table: dict[str, list[dict[str, str]]] = {}
    for row in rows(tmp_path / "out" / "readings.csv"):
        table.setdefault(row["input"], []).append(row)
    for name in videos:
        expected, path = shared_media.manifest[name]["expect"], shared_media.path(name)
        frames = table.get(str(path), [])
        if expected == "clear error":
            assert f"mien: {path}: expected" in done.stderr
            assert not frames
        elif expected == "ok":
            by_frame = {row["frame"]: row for row in frames}
            wanted = [time_s for time_s in probed_times_s(path) if time_s < 1]
            assert [float(row["timestamp"]) for row in by_frame.values()] == pytest.approx(wanted, abs=1e-5), name
            assert {Path(row["input"]).name for row in frames} == {path.name}
    none = table[str(shared_media.path("videos/no_face_audio.mp4"))]
    assert {row["success"] for row in none} == {"0"}
    assert all(row["face_idx"] == row["track_id"] == row["neutral"] == "" for row in none)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(downloads, "_FIRST_WAIT_S", 0.01)
    with serving() as web:
        web.files["/clip.mp4"] = ("video/mp4", CLIP.read_bytes())
        web.files["/photo.jpg"] = ("image/jpeg", (EXAMPLES / "astronaut.jpg").read_bytes())
        web.files["/broken.mp4"] = ("video/mp4", CLIP.read_bytes()[:20_000])
        web.files["/page"] = ("text/html", b"<html><body>Nothing to see</body></html>")
        yield web


def test_addresses_are_read_like_files_and_nothing_is_left_of_them(web: Web, tmp_path: Path) -> None:
    addresses = [f"{web.url}/{name}" for name in ("clip.mp4", "photo.jpg", "broken.mp4", "page", "absent.mp4")]
    done = invoke(*addresses, "--out", tmp_path / "out", "--detector", "mtcnn")
    assert done.exit_code == 1
    complaints = [line for line in done.stderr.splitlines() if ": expected" in line]
    assert [line.split(": ")[1] for line in complaints] == addresses[2:]
    table = rows(tmp_path / "out" / "readings.csv")
    assert {row["input"] for row in table} == set(addresses[:2])
    assert len(table) == 76
    assert names(tmp_path / "out") == {
        *("readings.csv", "readings.csv.meta.json", "readings.json", "frequency.csv", "photo.jpg"),
        *("clip/report.html", "clip/summary.json", "clip/frequency.csv"),
    }


def test_without_a_folder_for_results_addresses_leave_nothing(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    done = invoke(f"{web.url}/clip.mp4", "--json", "--detector", "mtcnn", "--every", "1s")
    assert json.loads(done.stdout)["videos"][0]["summary"]["frames"] == 3
    assert not names(tmp_path)
