"""Every kind of video that people have, good and broken; ffprobe and ffmpeg are the judges."""

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import SharedMedia
from mien.errors import MediaError, MediaTooLargeError, MissingExtraError
from mien.media import videos
from mien.media.videos import Frame, Place, open_video
from video_samples import Pixels, evenly, grey_frame, index_of, noisy_frame, write_video

UNEVEN = [Fraction(time) for time in ("0", "0.04", "0.08", "0.5", "0.52", "1", "2", "2.04", "2.08", "2.12")]


def read(path: Path, **selection: Any) -> list[Frame]:
    with open_video(path, **selection) as video:
        return list(video)


def read_until_error(path: Path) -> tuple[list[Frame], str]:
    """The frames before the error, and its sentence."""
    frames = []
    with open_video(path) as video:
        while True:
            try:
                frames.append(next(video))
            except MediaError as error:
                return frames, str(error)


def probed_times_s(path: Path) -> list[float]:
    """The presentation times as ffprobe prints them."""
    arguments = ["-v", "quiet", "-select_streams", "v:0", "-show_entries", "frame=best_effort_timestamp_time"]
    done = subprocess.run(["ffprobe", *arguments, "-of", "json", str(path)], capture_output=True, check=True)
    return [float(frame["best_effort_timestamp_time"]) for frame in json.loads(done.stdout)["frames"]]


def ffmpeg_pixels(path: Path, shape: tuple[int, ...]) -> Pixels:
    """All frames as ffmpeg shows them, turned upright."""
    arguments = ["-v", "quiet", "-i", str(path), "-vsync", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    done = subprocess.run(["ffmpeg", *arguments], capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, *shape)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("videos")


@pytest.fixture(scope="module")
def uneven(folder: Path) -> Path:
    """A variable frame rate."""
    path = folder / "uneven.mp4"
    write_video(path, UNEVEN)
    return path


@pytest.fixture(scope="module")
def long(folder: Path) -> Path:
    """Fifty frames with a keyframe every tenth and pictures between that refer to later ones."""
    path = folder / "long.mp4"
    options = {"g": "10", "keyint_min": "10", "bf": "3", "sc_threshold": "0", "x264-params": "open-gop=1"}
    write_video(path, evenly(50), options=options)
    return path


# ---------------------------------------------------------------- what reads right


def test_frames_come_in_order_with_their_own_times(uneven: Path) -> None:
    frames = read(uneven)
    assert [frame.index for frame in frames] == list(range(len(UNEVEN)))
    assert [frame.time_s for frame in frames] == [float(time) for time in UNEVEN]
    assert [index_of(frame.pixels_rgb) for frame in frames] == list(range(len(UNEVEN)))
    assert probed_times_s(uneven) == [frame.time_s for frame in frames]


CONTAINERS = [
    ("a.mkv", "libx264", "yuv420p"),
    ("a.mov", "libx264", "yuv420p"),
    ("a.webm", "libvpx-vp9", "yuv420p"),
    ("a.avi", "mjpeg", "yuvj420p"),
    ("b.avi", "mpeg4", "yuv420p"),
    ("a.ts", "libx264", "yuv420p"),
    ("grey.mkv", "ffv1", "gray"),
    ("ten.mkv", "ffv1", "yuv420p10le"),
    ("a.gif", "gif", "rgb8"),
]


@pytest.mark.parametrize(("name", "codec", "pix_fmt"), CONTAINERS)
def test_every_container_gives_ffprobes_times(tmp_path: Path, name: str, codec: str, pix_fmt: str) -> None:
    path = tmp_path / name
    unit_s = Fraction(1, 25 if name.endswith("avi") else 100)
    write_video(path, evenly(12), codec=codec, pix_fmt=pix_fmt, unit_s=unit_s)
    frames = read(path)
    assert np.allclose([frame.time_s for frame in frames], probed_times_s(path), atol=1e-6)
    assert [frame.index for frame in frames] == list(range(12))
    if codec not in {"gif", "mpeg4", "libx264"}:  # as good as lossless
        assert [index_of(frame.pixels_rgb) for frame in frames] == list(range(12))


def test_a_transport_stream_starts_where_it_starts(tmp_path: Path) -> None:
    write_video(tmp_path / "a.ts", [Fraction(100) + time for time in evenly(5)])
    with open_video(tmp_path / "a.ts") as video:
        times_s = [frame.time_s for frame in video]
    assert video.info.start_s == times_s[0] >= 100
    assert np.allclose(times_s, probed_times_s(tmp_path / "a.ts"), atol=1e-6)


def test_the_header_is_told(uneven: Path, tmp_path: Path) -> None:
    with open_video(uneven) as video:
        info = video.info
    assert info.size_wh == (64, 48)
    assert (info.frame_count, info.has_audio, info.codec) == (len(UNEVEN), False, "h264")
    assert info.duration_s == pytest.approx(2.16, abs=0.1)
    write_video(tmp_path / "sound.mp4", evenly(5), audio_codec="aac")
    with open_video(tmp_path / "sound.mp4") as video:
        assert video.info.has_audio


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_turns_frames_upright_as_ffmpeg_does(tmp_path: Path, rotation: int) -> None:
    path = tmp_path / "turned.mp4"
    write_video(path, evenly(3), rotation=rotation)
    with open_video(path) as video:
        pixels = np.stack([frame.pixels_rgb for frame in video])
    size_wh = (64, 48) if rotation == 180 else (48, 64)
    assert video.info.size_wh == size_wh
    expected = ffmpeg_pixels(path, (size_wh[1], size_wh[0], 3))
    assert np.abs(pixels.astype(int) - expected).mean() < 1


def test_a_mirrored_display_matrix_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    class Picture:
        def __init__(self, *matrix: int) -> None:
            self.side_data = {"DISPLAYMATRIX": np.array([*matrix, 0, 0, 1 << 30], np.int32).tobytes()}

    one = 1 << 16
    stored = np.arange(6).reshape(2, 3)
    for matrix, shown in (
        ((one, 0, 0, 0, one, 0), stored),
        ((-one, 0, 0, 0, one, 0), stored[:, ::-1]),
        ((one, 0, 0, 0, -one, 0), stored[::-1]),
        ((0, one, 0, one, 0, 0), stored.T),
        ((0, -one, 0, one, 0, 0), np.rot90(stored)),
    ):
        swap, mirror, flip = videos._orientation(Picture(*matrix))  # type: ignore[arg-type]  # all that it looks at
        turned = (stored.T if swap else stored)[:: -1 if flip else 1, :: -1 if mirror else 1]
        assert np.array_equal(turned, shown)


@pytest.mark.parametrize("pix_fmt", ["yuv420p10le", "yuv444p", "gray", "yuvj420p"])
@pytest.mark.parametrize("size_wh", [(63, 47), (17, 9), (1, 1)])
def test_odd_sizes_and_depths_look_as_ffmpeg_shows_them(tmp_path: Path, pix_fmt: str, size_wh: tuple[int, int]) -> None:
    path = tmp_path / "odd.mkv"
    codec = "mjpeg" if pix_fmt == "yuvj420p" else "ffv1"
    write_video(path, evenly(3), codec=codec, pix_fmt=pix_fmt, size_wh=size_wh)
    pixels = np.stack([frame.pixels_rgb for frame in read(path)])
    expected = ffmpeg_pixels(path, (size_wh[1], size_wh[0], 3))
    assert np.abs(pixels.astype(int) - expected).mean() < 2
    assert pixels.flags.c_contiguous


def test_pixels_that_are_no_squares_are_stretched(tmp_path: Path) -> None:
    path = tmp_path / "wide.mp4"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(3, 2)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(grey_frame(0), "rgb24")))
        container.mux(stream.encode(None))
    with open_video(path) as video:
        assert next(video).pixels_rgb.shape == (48, 96, 3)
    assert video.info.size_wh == (96, 48)


@pytest.mark.parametrize(("max_side_px", "size_wh"), [(32, (32, 24)), (64, (64, 48)), (1000, (64, 48)), (1, (1, 1))])
def test_frames_are_scaled_down_and_never_up(uneven: Path, max_side_px: int, size_wh: tuple[int, int]) -> None:
    with open_video(uneven, max_side_px=max_side_px) as video:
        frame = next(video)
    assert video.info.size_wh == size_wh == frame.pixels_rgb.shape[1::-1]


def test_the_name_does_not_matter(uneven: Path, tmp_path: Path) -> None:
    names = ["photo.jpg", "concat:a|b.mp4", "表情 😀\n.txt", "-", "%03d.mp4"]
    if sys.platform == "linux":
        names.append(os.fsdecode(b"caf\xe9.mp4"))
    for name in names:
        (tmp_path / name).write_bytes(uneven.read_bytes())
        assert len(read(tmp_path / name)) == len(UNEVEN)


# ---------------------------------------------------------------- which frames


@settings(max_examples=40)
@given(
    start=st.none() | st.integers(-5, 55),
    length=st.none() | st.integers(1, 60),
    every=st.none() | st.integers(1, 9),
    by_time=st.booleans(),
)
def test_a_selection_is_what_its_words_say(
    long: Path, start: int | None, length: int | None, every: int | None, by_time: bool
) -> None:
    """Times in 25ths of a second, which no float holds exactly."""
    end = None if length is None else (start or 0) + length
    wanted = [number for number in range(50) if (start or 0) <= number and (end is None or number < end)]
    if every is not None and by_time:
        first_of = {(number - (start or 0)) // every: number for number in reversed(wanted)}
        wanted = sorted(first_of.values())
    elif every is not None:
        wanted = [number for number in wanted if number % every == 0]
    selection = {
        "start_s": None if start is None else start / 25,
        "end_s": None if end is None else end / 25,
        "every_s": every / 25 if every is not None and by_time else None,
        "every_frames": every if not by_time else None,
    }
    if not wanted:
        with pytest.raises(MediaError, match="choose a part of it"):
            read(long, **selection)
        return
    frames = read(long, **selection)
    assert [frame.index for frame in frames] == wanted
    assert [index_of(frame.pixels_rgb) for frame in frames] == wanted
    for stop in (0, len(frames) // 2, len(frames) - 1):
        last = frames[stop]
        rest = read(long, **selection, after=Place(last.index, last.time_s))
        assert [(frame.index, frame.time_s) for frame in rest] == [
            (frame.index, frame.time_s) for frame in frames[stop + 1 :]
        ]
        assert all(np.array_equal(a.pixels_rgb, b.pixels_rgb) for a, b in zip(rest, frames[stop + 1 :], strict=True))


def test_spans_of_uneven_frames(uneven: Path) -> None:
    assert [frame.time_s for frame in read(uneven, every_s=0.5)] == [0, 0.5, 1, 2]
    assert [frame.time_s for frame in read(uneven, every_s=0.5, start_s=0.06)] == [0.08, 1, 2, 2.08]


def test_what_lies_before_is_not_decoded(long: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_video(long, start_s=1.9) as video:
        assert next(video).index == 48
        assert video._decoder._passed_over >= 30


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ({"start_s": 2.0, "end_s": 1.0}, "end_s must be after start_s"),
        ({"start_s": float("nan")}, "start_s must be a finite number"),
        ({"end_s": float("inf")}, "end_s must be a finite number"),
        ({"every_s": 0.0}, "every_s must be a microsecond or more"),
        ({"every_frames": 0}, "every_frames must be 1 or more"),
        ({"every_frames": 2, "every_s": 1.0}, "expected every_s or every_frames, got both"),
        ({"max_side_px": 0}, "max_side_px must be 1 or more"),
    ],
)
def test_impossible_selections_are_refused(uneven: Path, selection: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        open_video(uneven, **selection)


def test_a_closed_video_has_no_more_frames(long: Path) -> None:
    with open_video(long) as video:
        next(video)
    assert list(video) == []


# ---------------------------------------------------------------- what does not


BAD: list[tuple[str, bytes, str]] = [
    ("zero", b"", "expected a video .*, got an empty file: copy it again"),
    ("text", b"no video at all\n" * 50, "expected a video .*, got text: check what it is"),
    ("playlist", b"#EXTM3U\n#EXTINF:1,\nother.ts\n", "expected a video .*, got text"),
    ("concat", b"ffconcat version 1.0\nfile other.mp4\n", "expected a video .*, got text"),
    ("noise", np.random.default_rng(0).bytes(9000), "expected a video .*, got data of an unknown kind"),
]


@pytest.mark.parametrize(("name", "data", "message"), BAD)
def test_what_is_no_video_is_one_sentence(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    path = tmp_path / f"{name}.mp4"
    path.write_bytes(data)
    with pytest.raises(MediaError, match=message) as caught:
        open_video(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_absent_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="expected a video, got no such file"):
        open_video(tmp_path / "absent.mp4")
    with pytest.raises(MediaError, match="expected a video, got a folder"):
        open_video(tmp_path)


def test_sound_alone_is_no_video_even_with_a_cover(tmp_path: Path) -> None:
    path = tmp_path / "song.m4a"
    arguments = ["-f", "lavfi", "-i", "sine=d=1", "-f", "lavfi", "-i", "color=s=32x32:d=0.04", "-map", "0", "-map", "1"]
    cover = ["-c:v", "mjpeg", "-disposition:v", "attached_pic", "-f", "mp4", str(path)]
    subprocess.run(["ffmpeg", "-v", "quiet", *arguments, *cover], check=True)
    with pytest.raises(MediaError, match="expected a video, got sound alone"):
        open_video(path)


@pytest.fixture(scope="module")
def noisy(folder: Path) -> Path:
    """Sixty frames with a keyframe every tenth, the index of the file at its start."""
    write_video(folder / "noisy.mp4", evenly(60), frame=noisy_frame, options={"g": "10", "crf": "20"})
    with av.open(str(folder / "noisy.mp4")) as source:
        copy_video(source, folder / "faststart.mp4")
    return folder / "faststart.mp4"


def copy_video(source: Any, path: Path) -> None:
    """The same packets in another container, an MP4 with its index first."""
    options = {"movflags": "faststart"} if path.suffix == ".mp4" else {}
    with av.open(str(path), "w", options=options) as copy:
        stream = copy.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_video_that_is_cut_off_gives_what_is_there_and_says_so(tmp_path: Path, noisy: Path, suffix: str) -> None:
    whole, path = tmp_path / f"whole{suffix}", tmp_path / f"cut{suffix}"
    with av.open(str(noisy)) as source:
        copy_video(source, whole)
    data = whole.read_bytes()
    path.write_bytes(data[: int(len(data) * 0.6)])
    frames, message = read_until_error(path)
    assert 20 < len(frames) < 45
    assert [index_of(frame.pixels_rgb) for frame in frames[:20]] == list(range(20))
    assert "was read" in message


def test_a_hole_in_the_middle_is_said_after_the_rest(tmp_path: Path, noisy: Path) -> None:
    data = bytearray(noisy.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 3000] = bytes(3000)
    path = tmp_path / "hole.mp4"
    path.write_bytes(data)
    frames, message = read_until_error(path)
    assert 30 < len(frames) <= 60
    assert frames[-1].time_s == 59 / 25
    assert "expected a whole video, got one with parts that cannot be decoded" in message


def test_what_is_wrong_behind_the_selection_does_not_matter(tmp_path: Path, noisy: Path) -> None:
    path = tmp_path / "cut.mp4"
    path.write_bytes(noisy.read_bytes()[: noisy.stat().st_size // 2])
    assert len(read(path, end_s=0.4)) == 10


def test_frames_of_absurd_size_are_refused(uneven: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(videos, "_MOST_PIXELS", 64 * 48 - 1)
    with pytest.raises(MediaTooLargeError, match="got 64 x 48"):
        open_video(uneven)


def test_without_pyav_the_line_to_install_it_is_named(uneven: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match=r'pip install "mien\[video\]"'):
        open_video(uneven)


def test_importing_the_module_does_not_load_pyav() -> None:
    code = "import sys, mien, mien.media.videos; sys.exit('av' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# ---------------------------------------------------------------- real ones


def test_real_videos_read_as_the_manifest_says(shared_media: SharedMedia) -> None:
    names = [name for name in shared_media.manifest if name.startswith("videos/")]
    assert len(names) > 20
    for name in names:
        path, expected = shared_media.path(name), shared_media.manifest[name]["expect"]
        if expected == "clear error":
            with pytest.raises(MediaError):
                open_video(path)
        elif "bad_" in name:
            frames, message = read_until_error(path)
            assert len(frames) > 50
            assert "read" in message
        else:
            frames = read(path, max_side_px=64)
            assert np.allclose([frame.time_s for frame in frames], probed_times_s(path), atol=1e-6), name


def test_the_real_rotated_video_is_the_upright_one(shared_media: SharedMedia) -> None:
    upright = read(shared_media.path("videos/one_face.mp4"), end_s=0.1)
    turned = read(shared_media.path("videos/one_face_rot90_meta.mp4"), end_s=0.1)
    assert np.abs(upright[0].pixels_rgb.astype(int) - turned[0].pixels_rgb).mean() < 6
