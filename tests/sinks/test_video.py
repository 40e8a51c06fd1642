"""Annotated videos as ffprobe sees them: the same times, the same sound, what was drawn where it was drawn."""

import json
import resource
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence

from conftest import SharedMedia
from mien.draw import draw
from mien.errors import MissingExtraError
from mien.media.videos import open_video
from mien.results import Emotions, FaceReading, FrameReading, ReadOptions, SourceResult
from mien.sinks.sink import Sink
from mien.sinks.video import AnimationSink, AnnotatedVideoSink, video_suffix
from video_samples import evenly, write_video

UNEVEN = [Fraction(time) for time in ("0", "0.04", "0.08", "0.5", "0.52", "1", "2", "2.04", "2.08", "2.12")]
OPTIONS = ReadOptions("mtcnn", "fer2013", 0, 0.75, 0.1, 1.0)
HAPPY = Emotions("fer2013", (0.02, 0, 0, 0.9, 0.03, 0.02, 0.03))


def annotate(source: Path, *sinks: Sink, **selection: Any) -> list[FrameReading]:
    """Run a video with one made-up face through sinks."""
    readings = []
    with open_video(source, **selection) as video:
        width, height = video.info.size_wh
        face = FaceReading((width * 0.3, height * 0.3, width * 0.7, height * 0.9), 0.9, None, HAPPY)
        for frame in video:
            reading = FrameReading((width, height), (face,), OPTIONS, "mien-m", "0" * 64, frame.index, frame.time_s)
            for sink in sinks:
                sink.write(SourceResult(str(source), reading, None), frame.pixels_rgb)
            readings.append(reading)
    return readings


def info_of(source: Path, **selection: Any) -> Any:
    with open_video(source, **selection) as video:
        return video.info


def packets(path: Path, kind: str) -> list[tuple[float, float, str]]:
    """Presentation time, size and digest of every packet."""
    arguments = ["-v", "error", "-select_streams", kind, "-show_packets", "-show_data_hash", "md5", "-of", "json"]
    done = subprocess.run(["ffprobe", *arguments, str(path)], capture_output=True, check=True)
    return [
        (float(packet["pts_time"]), int(packet["size"]), packet["data_hash"])
        for packet in json.loads(done.stdout)["packets"]
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("annotated")


@pytest.fixture(scope="module")
def uneven(folder: Path) -> Path:
    """A variable frame rate with sound that is longer than the picture."""
    write_video(folder / "uneven.mp4", UNEVEN, size_wh=(160, 120), audio_codec="aac")
    return folder / "uneven.mp4"


def test_times_are_kept_and_the_sound_is_the_same_to_the_byte(uneven: Path, tmp_path: Path) -> None:
    target = tmp_path / "new" / "out.mp4"
    with AnnotatedVideoSink(target, uneven, info_of(uneven)) as sink:
        annotate(uneven, sink)
        assert not target.exists()
    assert [time_s for time_s, _, _ in packets(target, "v")] == [float(time) for time in UNEVEN]
    assert packets(target, "a") == packets(uneven, "a")
    assert [path.name for path in target.parent.iterdir()] == ["out.mp4"]
    with open_video(target) as video:
        assert [frame.time_s for frame in video] == [float(time) for time in UNEVEN]
        assert (video.info.codec, video.info.size_wh, video.info.has_audio) == ("h264", (160, 120), True)


@pytest.mark.parametrize("codec", ["libmp3lame", "pcm_s16le", "libvorbis", "ac3"])
def test_sound_of_any_kind_finds_a_container(tmp_path: Path, codec: str) -> None:
    source = tmp_path / "in.mkv"
    arguments = ["-f", "lavfi", "-i", "testsrc=s=64x48:d=1:r=10", "-f", "lavfi", "-i", "sine=d=1.5"]
    subprocess.run(["ffmpeg", "-v", "error", *arguments, "-c:a", codec, str(source)], check=True)
    target = tmp_path / f"out{video_suffix(source)}"
    with AnnotatedVideoSink(target, source, info_of(source)) as sink:
        annotate(source, sink)
    assert [(size, digest) for _, size, digest in packets(target, "a")] == [
        (size, digest) for _, size, digest in packets(source, "a")
    ]
    assert np.allclose(
        [time_s for time_s, _, _ in packets(target, "a")], [time_s for time_s, _, _ in packets(source, "a")], atol=0.002
    )


def test_sound_that_mp4_does_not_take_goes_into_another_container(tmp_path: Path) -> None:
    source = tmp_path / "in.avi"
    arguments = ["-f", "lavfi", "-i", "testsrc=s=64x48:d=1:r=10", "-f", "lavfi", "-i", "sine=d=1"]
    subprocess.run(["ffmpeg", "-v", "error", *arguments, "-c:a", "pcm_mulaw", str(source)], check=True)
    target = tmp_path / f"out{video_suffix(source)}"
    assert target.suffix == ".mov"
    with AnnotatedVideoSink(target, source, info_of(source)) as sink:
        annotate(source, sink)
    assert [packet[1:] for packet in packets(target, "a")] == [packet[1:] for packet in packets(source, "a")]


def test_a_part_starts_at_zero_with_its_own_sound(uneven: Path, tmp_path: Path) -> None:
    with AnnotatedVideoSink(tmp_path / "out.mp4", uneven, info_of(uneven), start_s=0.5, end_s=2.05) as sink:
        annotate(uneven, sink, start_s=0.5, end_s=2.05)
    times_s = [time_s for time_s, _, _ in packets(tmp_path / "out.mp4", "v")]
    assert times_s == pytest.approx([0, 0.02, 0.5, 1.5, 1.54])
    sound = packets(tmp_path / "out.mp4", "a")
    expected = [packet for packet in packets(uneven, "a") if 0.5 <= packet[0] < 2.05]
    assert [packet[1:] for packet in sound] == [packet[1:] for packet in expected]
    assert sound[0][0] == pytest.approx(expected[0][0] - 0.5, abs=1e-4)


@pytest.mark.parametrize(("size_wh", "rotation"), [((161, 119), 0), ((161, 120), 90), ((2, 2), 0)])
def test_what_was_drawn_is_what_is_seen(tmp_path: Path, size_wh: tuple[int, int], rotation: int) -> None:
    source, target = tmp_path / "in.mkv", tmp_path / "out.mp4"
    write_video(source, evenly(3), codec="ffv1", pix_fmt="yuv444p", size_wh=size_wh)
    if rotation:
        source = tmp_path / "in.mp4"
        write_video(source, evenly(3), pix_fmt="yuv444p", size_wh=size_wh, rotation=rotation)
    with AnnotatedVideoSink(target, source, info_of(source), quality=8) as sink:
        readings = annotate(source, sink)
    with open_video(source) as before, open_video(target) as after:
        width, height = before.info.size_wh
        assert after.info.size_wh == (width + width % 2, height + height % 2)
        for reading, original, shown in zip(readings, before, after, strict=True):
            expected = draw(original.pixels_rgb, reading)
            seen = shown.pixels_rgb[:height, :width]
            assert np.abs(seen.astype(int) - expected).mean() < 6  # colours are halved in resolution


def test_frames_that_could_not_be_read_or_share_a_time_add_nothing(uneven: Path, tmp_path: Path) -> None:
    with AnnotatedVideoSink(tmp_path / "out.mp4", uneven, info_of(uneven)) as sink:
        sink.write(SourceResult("uneven.mp4", None, "it broke off"), None)
        annotate(uneven, sink, end_s=0.1)
        annotate(uneven, sink, end_s=0.1)
    assert len(packets(tmp_path / "out.mp4", "v")) == 3


def interrupted(sink: Sink, source: Path) -> None:
    with sink:
        annotate(source, sink)
        raise KeyboardInterrupt


def test_an_error_leaves_what_was_there(uneven: Path, tmp_path: Path) -> None:
    for target in (tmp_path / "out.mp4", tmp_path / "out.gif"):
        target.write_text("from before")
        sink = (
            AnimationSink(target, info_of(uneven))
            if target.suffix == ".gif"
            else AnnotatedVideoSink(target, uneven, info_of(uneven))
        )
        with pytest.raises(KeyboardInterrupt):
            interrupted(sink, uneven)
        assert target.read_text() == "from before"
    assert len(list(tmp_path.iterdir())) == 2


FULL_DISK = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import test_video
from mien.sinks.video import AnnotatedVideoSink
source, target = Path(sys.argv[1]), Path(sys.argv[2])
try:
    with AnnotatedVideoSink(target, source, test_video.info_of(source), quality=1) as sink:
        test_video.annotate(source, sink)
except OSError as error:
    print(error.errno, end="")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a process's files")
def test_a_full_disk_leaves_no_half_file(uneven: Path, tmp_path: Path) -> None:
    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    code = FULL_DISK.format(tests=str(Path(__file__).parent))
    target = tmp_path / "out.mp4"
    done = subprocess.run(
        [sys.executable, "-B", "-c", code, str(uneven), str(target)],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        preexec_fn=limit,
        check=False,
    )
    assert done.stdout == "27", done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_an_animation_moves_as_the_video_does(uneven: Path, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"out{suffix}"
    with AnimationSink(target, info_of(uneven), max_side_px=80, max_fps=25) as sink:
        annotate(uneven, sink)
    with Image.open(target) as picture:
        assert picture.size == (80, 60)
        assert picture.info["loop"] == 0
        starts_ms = [0]
        for shown in ImageSequence.Iterator(picture):
            shown.load()
            starts_ms.append(starts_ms[-1] + shown.info["duration"])
    expected_ms = [0, 40, 80, 500, 1000, 2000, 2040, 2080, 2120]  # 520 follows too close
    if suffix == ".gif":
        assert starts_ms[:-1] == expected_ms
    else:  # WebP's encoder joins what looks the same
        assert len(starts_ms) > 5
        assert set(starts_ms[:-1]) <= set(expected_ms)


def test_an_animation_of_a_part_shows_what_was_drawn(uneven: Path, tmp_path: Path) -> None:
    with AnimationSink(tmp_path / "out.gif", info_of(uneven), start_s=1.0) as sink:
        (reading,) = annotate(uneven, sink, start_s=1.0, end_s=1.5)
    with open_video(uneven, start_s=1.0) as video, Image.open(tmp_path / "out.gif") as picture:
        expected = draw(next(video).pixels_rgb, reading)
        assert np.abs(np.asarray(picture.convert("RGB")).astype(int) - expected).mean() < 6


def test_an_animation_is_a_gif_or_a_webp(uneven: Path) -> None:
    with pytest.raises(ValueError, match=r"expected a name that ends in \.gif or \.webp"):
        AnimationSink("out.mp4", info_of(uneven))


def test_without_pyav_the_line_to_install_it_is_named(
    uneven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = info_of(uneven)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"mien\[video\]"), AnnotatedVideoSink(tmp_path / "a.mp4", uneven, info):
        pass
    assert list(tmp_path.iterdir()) == []


def test_the_sound_of_real_videos_is_untouched(shared_media: SharedMedia, tmp_path: Path) -> None:
    for name in ("one_face_smile.mp4", "face_then_none_hevc.mov"):
        source = shared_media.path(f"videos/{name}")
        target = tmp_path / f"{name}{video_suffix(source)}"
        with AnnotatedVideoSink(target, source, info_of(source, max_side_px=64)) as sink:
            readings = annotate(source, sink, max_side_px=64)
        assert [packet[1:] for packet in packets(target, "a")] == [packet[1:] for packet in packets(source, "a")]
        assert [packet[0] for packet in packets(target, "a")] == pytest.approx(
            [packet[0] for packet in packets(source, "a")], abs=1e-4
        )
        assert [packet[0] for packet in packets(target, "v")] == pytest.approx(
            [reading.time_s for reading in readings], abs=1e-5
        )
