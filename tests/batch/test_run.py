"""Batches: mixed sources, bad ones among them, and runs that stop and go on to the same files."""

import csv
import json
import os
import shutil
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import mien
from fakes import FakeClassifier, FakeDetector
from mien.batch import journal, video
from mien.batch.outputs import Animation, VideoOutputs
from mien.batch.run import Batch, BatchOptions, Outcome
from mien.batch.video import Progress, VideoPart
from mien.errors import DataError
from mien.media.finding import find_media
from mien.media.videos import open_video
from mien.results import Face, StreamOptions
from video_samples import evenly, noisy_frame, write_video
from web_samples import serving

FACE = Face((4.0, 4.0, 44.0, 44.0), 0.9, None)
FREQUENT = BatchOptions(save_every_s=0)


class CountingDetector(FakeDetector):
    """Counts the pictures it was shown; finds no face in dark ones."""

    shown = 0

    def detect(self, frame_rgb: NDArray[np.uint8]) -> tuple[Face, ...]:
        self.shown += 1
        return self.faces if np.median(frame_rgb) > 40 else ()


def analyzer() -> mien.Analyzer:
    return mien.Analyzer(model=FakeClassifier(), detector=CountingDetector(FACE))


def run(
    folder: Path, out: Path, options: BatchOptions, *, stop_after: int | None = None, detect: list[int] | None = None
) -> list[Outcome]:
    """A batch over a folder, stopped after so many frames; `detect` takes how often the detector was asked."""
    seen = 0

    def count(*_: object) -> None:
        nonlocal seen
        seen += 1

    reader = analyzer()
    batch = Batch(find_media([folder]), reader, out, options)
    outcomes = list(batch.outcomes(is_stopped=lambda: stop_after is not None and seen >= stop_after, tell=count))
    if detect is not None:
        assert isinstance(reader.detector, CountingDetector)
        detect.append(reader.detector.shown)
    return outcomes


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def contents(out: Path) -> dict[str, object]:
    """Every file's bytes; of H.264, which x264 does not always write alike, the times of the frames."""
    files = {path.relative_to(out).as_posix(): path for path in out.rglob("*") if path.is_file()}
    return {name: times_s(path) if path.suffix == ".mp4" else path.read_bytes() for name, path in files.items()}


def times_s(path: Path) -> list[float]:
    with open_video(path) as opened:
        return [frame.time_s for frame in opened]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos of 60 frames, the second damaged from its middle on; the first frames of each show nobody."""
    folder = tmp_path_factory.mktemp("clips")
    for name in ("1.mkv", "2.mkv"):
        options = {"g": "10", "bf": "0"}
        write_video(folder / name, evenly(60), audio_codec="aac", options=options, frame=noisy_frame)
    data = bytearray((folder / "2.mkv").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 2000] = bytes(2000)
    (folder / "2.mkv").write_bytes(data)
    return folder


EVERYTHING = VideoOutputs(
    key_frames=True,
    timeline=True,
    subtitles=(".srt", ".vtt"),
    annotated=True,
    animations=(Animation(".gif", 0.4, 0.8), Animation(".webp", 1.0, 9.0)),
)


def test_one_table_for_all_and_a_folder_for_each_video(clips: Path, tmp_path: Path) -> None:
    outcomes = run(clips, tmp_path, BatchOptions(outputs=EVERYTHING, tables=(".csv", ".jsonl")))
    assert [(Path(outcome.source).name, outcome.error is None) for outcome in outcomes] == [
        ("1.mkv", True),
        ("2.mkv", False),
    ]
    files = {
        *("summary.json", "frequency.csv", "report.html", "timeline.png", "subtitles.srt", "subtitles.vtt"),
        *("annotated.mp4", "animation.gif", "animation.webp"),
    }
    tables = {"readings.csv", "readings.csv.meta.json", "readings.jsonl", "readings.jsonl.meta.json"}
    assert set(contents(tmp_path)) == tables | {f"{number}/{name}" for number in "12" for name in files}
    table = rows(tmp_path / "readings.csv")
    whole = [row for row in table if row["input"].endswith("1.mkv")]
    assert [int(row["frame"]) for row in whole] == list(range(60))
    assert {row["success"] for row in whole[:5]} == {"0"}
    assert all(row["happy"] == "" and row["timestamp"] for row in whole[:5])
    assert {row["track_id"] for row in whole[10:]} == {"0"}
    meta = json.loads((tmp_path / "readings.csv.meta.json").read_text("utf-8"))
    one, two = meta["inputs"].values()
    assert (one["fps"], one["codec"], one["frames"], one.get("error")) == (25, "h264", 60, None)
    assert two["error"] == outcomes[1].error
    assert 0 < two["frames"] < 60
    summary = outcomes[0].summary
    assert summary is not None
    assert json.loads((tmp_path / "1" / "summary.json").read_text("utf-8"))["overall"] == summary.overall.to_dict()


@pytest.mark.parametrize("outputs", [VideoOutputs(), EVERYTHING], ids=["readings alone", "pictures too"])
@pytest.mark.parametrize("stops", [(7,), (1, 1, 1), (30, 25, 20), (59,), (60, 3), (75, 10)])
def test_a_run_that_stops_goes_on_to_the_same_files(
    clips: Path, tmp_path: Path, outputs: VideoOutputs, stops: tuple[int, ...]
) -> None:
    stream = StreamOptions(detect_every=3)
    options = BatchOptions(save_every_s=0, outputs=outputs, stream=stream)
    detections: list[int] = []
    run(clips, tmp_path / "unbroken", options, detect=detections)
    broken = BatchOptions(save_every_s=0, outputs=outputs, stream=stream, resume=True)
    for stop in stops:
        run(clips, tmp_path / "broken", broken, stop_after=stop, detect=detections)
        table = rows(tmp_path / "broken" / "readings.csv")  # complete, with what was read
        assert len({(row["input"], row["frame"]) for row in table}) == len(table)
        assert (tmp_path / "broken" / ".mien-unfinished").is_dir()
    run(clips, tmp_path / "broken", broken, detect=detections)
    assert contents(tmp_path / "broken") == contents(tmp_path / "unbroken")
    assert sum(detections[1:]) <= detections[0] + len(stops) * 12  # of the frames that were under way


def test_what_is_done_is_not_opened_again(clips: Path, tmp_path: Path) -> None:
    options = BatchOptions(save_every_s=0, resume=True)
    folder = tmp_path / "clips"
    shutil.copytree(clips, folder)
    run(folder, tmp_path / "out", options, stop_after=80)
    report = tmp_path / "out" / "1" / "report.html"
    before = report.stat().st_mtime_ns
    done = (folder / "1.mkv").stat()
    (folder / "1.mkv").write_bytes(bytes(done.st_size))
    os.utime(folder / "1.mkv", ns=(done.st_atime_ns, done.st_mtime_ns))
    outcomes = run(folder, tmp_path / "out", options)
    assert outcomes[0].error is None
    assert report.stat().st_mtime_ns == before
    assert len([row for row in rows(tmp_path / "out" / "readings.csv") if row["input"].endswith("1.mkv")]) == 60


def test_an_output_that_was_not_asked_for_before_is_made_from_what_was_read(clips: Path, tmp_path: Path) -> None:
    detections: list[int] = []
    run(clips, tmp_path / "unbroken", BatchOptions(outputs=EVERYTHING), detect=detections)
    run(clips, tmp_path / "out", FREQUENT, stop_after=80, detect=detections)
    run(clips, tmp_path / "out", BatchOptions(resume=True, outputs=EVERYTHING), detect=detections)
    assert contents(tmp_path / "out") == contents(tmp_path / "unbroken")
    assert detections[1] + detections[2] <= detections[0] + 12


def test_other_options_do_not_go_on_with_what_they_did_not_read(clips: Path, tmp_path: Path) -> None:
    run(clips, tmp_path, BatchOptions(save_every_s=0), stop_after=80)
    part = VideoPart(every_frames=10)
    run(clips, tmp_path, BatchOptions(save_every_s=0, resume=True, part=part))
    frames = [int(row["frame"]) for row in rows(tmp_path / "readings.csv") if row["input"].endswith("1.mkv")]
    assert frames == [0, 10, 20, 30, 40, 50]


def test_an_interrupted_run_is_not_written_over_without_a_word(clips: Path, tmp_path: Path) -> None:
    run(clips, tmp_path, FREQUENT, stop_after=20)
    before = contents(tmp_path)
    with pytest.raises(DataError, match=r"--resume, or forget it with --no-resume"):
        run(clips, tmp_path, FREQUENT)
    assert contents(tmp_path) == before
    (tmp_path / ".mien-0123.unfinished.csv").write_text("half", "utf-8")
    run(clips, tmp_path, BatchOptions(resume=False))
    assert not [name for name in contents(tmp_path) if name.startswith(".")]


@pytest.mark.parametrize("has_crashed_in", ["write", "add"])
def test_a_crash_at_any_place_loses_nothing(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_crashed_in: str
) -> None:
    run(clips, tmp_path / "unbroken", FREQUENT)
    calls = 0

    def crashing(wrapped: Callable[..., None], at: int) -> Callable[..., None]:
        def call(*args: object) -> None:
            nonlocal calls
            calls += 1
            if calls == at:
                raise RuntimeError("crash")
            wrapped(*args)

        return call

    owner = video.VideoReading if has_crashed_in == "write" else journal.Journal
    name = "_write" if has_crashed_in == "write" else "add"
    for at in (1, 31, 61, 62, 75):
        calls = 0
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, crashing(getattr(owner, name), at))
            with pytest.raises(RuntimeError, match="crash"):
                run(clips, tmp_path / str(at), FREQUENT)
        assert not (tmp_path / str(at) / "readings.csv").exists()
        run(clips, tmp_path / str(at), BatchOptions(resume=True))
        assert contents(tmp_path / str(at)) == contents(tmp_path / "unbroken")


def test_photos_and_videos_and_what_is_neither(clips: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    shutil.copy(clips / "1.mkv", folder / "clip.mkv")
    Image.new("RGB", (64, 48), "grey").save(folder / "photo.png")
    (folder / "text.mp4").write_text("no video")
    (folder / "text.jpg").write_text("no photo")
    write_video(folder / "one.mkv", [Fraction(0)])
    outcomes = run(folder, tmp_path / "out", BatchOptions())
    by_name = {Path(outcome.source).name: outcome for outcome in outcomes}
    assert {name for name, outcome in by_name.items() if outcome.error} == {"text.mp4", "text.jpg"}
    assert {name for name, outcome in by_name.items() if outcome.is_video} == {"clip.mkv", "one.mkv", "text.mp4"}
    table = rows(tmp_path / "out" / "readings.csv")
    (photo,) = [row for row in table if row["input"].endswith("photo.png")]
    assert (photo["timestamp"], photo["success"]) == ("", "1")
    assert len(json.loads((tmp_path / "out" / "readings.json").read_text("utf-8"))["photos"]) == 2
    assert (tmp_path / "out" / "photo.png").is_file()
    assert not (tmp_path / "out" / "text").exists()
    errors = {Path(name).name for name, facts in meta_inputs(tmp_path / "out").items() if "error" in facts}
    assert errors == {"text.mp4", "text.jpg"}


def test_without_pyav_photos_are_read_and_videos_named(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    shutil.copy(clips / "1.mkv", folder / "clip.mkv")
    Image.new("RGB", (64, 48), "grey").save(folder / "photo.png")
    monkeypatch.setitem(sys.modules, "av", None)
    video_outcome, photo_outcome = run(folder, tmp_path / "out", BatchOptions())
    assert video_outcome.error is not None
    assert video_outcome.error.startswith(f"{folder / 'clip.mkv'}: reading videos needs packages")
    assert photo_outcome.error is None
    assert (tmp_path / "out" / "photo.png").is_file()


def meta_inputs(out: Path) -> dict[str, dict[str, object]]:
    inputs: dict[str, dict[str, object]] = json.loads((out / "readings.csv.meta.json").read_text("utf-8"))["inputs"]
    return inputs


def test_photos_alone_keep_their_own_table(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("RGB", (64, 48), "grey").save(folder / "photo.png")
    run(folder, tmp_path / "out", BatchOptions())
    assert "source" in rows(tmp_path / "out" / "readings.csv")[0]
    run(folder, tmp_path / "as table", BatchOptions(tables=(".csv",), columns="py-feat"))
    assert "happiness" in rows(tmp_path / "as table" / "readings.csv")[0]


def test_an_animation_of_a_span_beyond_the_video_is_named_and_the_rest_is_written(clips: Path, tmp_path: Path) -> None:
    outputs = VideoOutputs(animations=(Animation(".gif", 50, 60), Animation(".webp", 0, 1)))
    outcome, _ = run(clips, tmp_path / "out", BatchOptions(outputs=outputs))
    assert outcome.error is not None
    assert "expected frames in the span of animation.gif, got none" in outcome.error
    names = {path.name for path in (tmp_path / "out" / "1").iterdir()}
    assert names == {"summary.json", "frequency.csv", "report.html", "animation.webp"}


def test_a_run_that_goes_on_with_another_span_makes_it(clips: Path, tmp_path: Path) -> None:
    def frequent(span: Animation) -> BatchOptions:
        return BatchOptions(save_every_s=0, resume=True, outputs=VideoOutputs(animations=(span,)))

    for stop_after, span, is_made in ((80, (50, 60), False), (10, (50, 60), False), (None, (0, 1), True)):
        outcome = run(clips, tmp_path, frequent(Animation(".gif", *span)), stop_after=stop_after)[0]
        assert (outcome.error is None) == is_made
        assert (tmp_path / "1" / "animation.gif").is_file() == is_made


def test_a_part_without_frames_leaves_no_files(clips: Path, tmp_path: Path) -> None:
    outcomes = run(clips, tmp_path / "out", BatchOptions(part=VideoPart(start_s=50)))
    assert all(outcome.error is not None and "choose a part of it" in outcome.error for outcome in outcomes)
    assert set(contents(tmp_path / "out")) == {"readings.csv", "readings.csv.meta.json"}


def test_what_was_fetched_is_not_fetched_again_after_a_stop(clips: Path, tmp_path: Path) -> None:
    with serving() as web:
        web.files["/1.mkv"] = ("video/x-matroska", (clips / "1.mkv").read_bytes())
        address = f"{web.url}/1.mkv"
        seen = 0

        def tell(source: str, progress: Progress) -> None:
            nonlocal seen
            seen += progress.stage == "reading"

        first = Batch([address], analyzer(), tmp_path, FREQUENT)
        list(first.outcomes(is_stopped=lambda: seen > 20, tell=tell))
        assert first.can_resume
        second = Batch([address], analyzer(), tmp_path, BatchOptions(resume=True))
        (outcome,) = second.outcomes()
        assert outcome.error is None
        assert [int(row["frame"]) for row in rows(tmp_path / "readings.csv")] == list(range(60))
        assert len(web.asked) == 1
    assert not any(name.startswith(".") for name in contents(tmp_path))


def test_a_stop_while_something_is_fetched_ends_the_run(tmp_path: Path) -> None:
    with serving() as web:
        web.files["/1.mkv"] = ("video/x-matroska", bytes(3_000_000))
        asked = 0

        def is_stopped() -> bool:
            nonlocal asked
            asked += 1
            return asked > 4

        assert list(Batch([f"{web.url}/1.mkv"], analyzer(), tmp_path, FREQUENT).outcomes(is_stopped=is_stopped)) == []
    assert rows(tmp_path / "readings.csv") == []
