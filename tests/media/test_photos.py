"""Every kind of photo that people have, good and broken; most of them made here."""

import io
import os
import struct
import subprocess
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageSequence, WebPImagePlugin, features

from conftest import SharedMedia
from mien.errors import MediaError, MediaTooLargeError
from mien.media import photos
from mien.media.photos import PHOTO_SUFFIXES, load_photo

Pixels = NDArray[np.uint8]
ORIENTATION = 274


def scene(width: int = 40, height: int = 24) -> Pixels:
    """A picture that looks different from every side: two ramps and a bright corner."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.linspace(0, 250, width).astype(np.uint8)
    pixels[..., 1] = np.linspace(0, 250, height).astype(np.uint8)[:, None]
    pixels[: height // 3, : width // 3] = 255
    return pixels


def grey_scene() -> Pixels:
    return scene()[..., 0]


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def assert_close(pixels: Pixels, expected: Pixels, tolerance: float) -> None:
    assert pixels.shape == expected.shape
    assert np.abs(pixels.astype(int) - expected.astype(int)).mean() <= tolerance


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *, depth: int, rows: bytes, before_end: bytes = b"") -> bytes:
    """A grey PNG made by hand."""
    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    body = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(rows, 9)) + before_end
    return b"\x89PNG\r\n\x1a\n" + body + png_chunk(b"IEND", b"")


def tiff(width: int, height: int, *, bits: int, data: bytes, photometric: int = 1, sample_format: int = 1) -> bytes:
    """An uncompressed little-endian grey TIFF made by hand."""
    tags = [(256, width), (257, height), (258, bits), (259, 1), (262, photometric), (273, 8 + 2 + 12 * 10 + 4)]
    tags += [(277, 1), (278, height), (279, len(data)), (339, sample_format)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", 0) + data


# ---------------------------------------------------------------- what reads right


INVERSE = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("kind", "options", "tolerance"),
    [
        ("PNG", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("JPEG", {"quality": 95, "subsampling": 0}, 4),
    ],
)
def test_turns_all_eight_orientations_upright(
    orientation: int, kind: str, options: dict[str, Any], tolerance: float
) -> None:
    stored = Image.fromarray(scene())
    method = INVERSE[orientation]
    stored = stored if method is None else stored.transpose(method)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    assert_close(load_photo(encoded(stored, kind, exif=exif, **options)), scene(), tolerance)


def test_reads_an_orientation_that_stands_after_the_pixels() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 3
    rows = b"".join(b"\0" + bytes(row) for row in grey_scene()[::-1, ::-1])
    data = png(40, 24, depth=8, rows=rows, before_end=png_chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")))
    assert np.array_equal(load_photo(data)[..., 0], grey_scene())


@pytest.mark.parametrize("orientation", [0, 9, 4711])
def test_an_impossible_orientation_is_none(orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    assert np.array_equal(load_photo(encoded(Image.fromarray(scene()), "PNG", exif=exif)), scene())


def test_turns_a_large_picture_band_by_band() -> None:
    wide = np.random.default_rng(0).integers(0, 256, (700, 3000), np.uint8)  # two bands
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    pixels = load_photo(encoded(Image.fromarray(wide), "PNG", exif=exif))
    assert np.array_equal(pixels[..., 1], np.rot90(wide, -1))


LOSSLESS = [("PNG", {}), ("BMP", {}), ("PPM", {}), ("TIFF", {}), ("WEBP", {"lossless": True}), ("JPEG2000", {})]


@pytest.mark.parametrize(("kind", "options"), LOSSLESS)
def test_lossless_kinds_keep_every_pixel(kind: str, options: dict[str, Any]) -> None:
    pixels = load_photo(encoded(Image.fromarray(scene()), kind, **options))
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    assert pixels.flags.writeable
    assert np.array_equal(pixels, scene())


@pytest.mark.parametrize(
    ("kind", "options"), [("JPEG", {}), ("JPEG", {"progressive": True}), ("WEBP", {}), ("GIF", {})]
)
def test_lossy_kinds_come_close(kind: str, options: dict[str, Any]) -> None:
    assert_close(load_photo(encoded(Image.fromarray(scene()), kind, **options)), scene(), 12)


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_reads_avif_and_turns_it() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    stored = Image.fromarray(scene(64, 48)).transpose(Image.Transpose.ROTATE_90)
    assert_close(load_photo(encoded(stored, "AVIF", quality=90, exif=exif)), scene(64, 48), 8)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA"])
def test_grey_palette_and_alpha(mode: str) -> None:
    grey = Image.fromarray(grey_scene())
    expected = np.repeat(grey_scene()[..., None], 3, axis=2)
    assert np.array_equal(load_photo(encoded(grey.convert(mode), "PNG")), expected)


def test_one_bit_is_black_and_white() -> None:
    pixels = load_photo(encoded(Image.fromarray(grey_scene() > 100), "PNG"))
    assert np.array_equal(pixels[..., 2], np.where(grey_scene() > 100, 255, 0))


@pytest.mark.parametrize(("kind", "tolerance"), [("JPEG", 8), ("TIFF", 1)])
def test_cmyk_is_not_a_negative(kind: str, tolerance: float) -> None:
    assert_close(load_photo(encoded(Image.fromarray(scene()).convert("CMYK"), kind)), scene(), tolerance)


def test_transparency_is_laid_on_white() -> None:
    rgba = np.zeros((1, 3, 4), np.uint8)
    rgba[0, :, 0] = 200
    rgba[0, :, 3] = 0, 128, 255
    pixels = load_photo(encoded(Image.fromarray(rgba), "PNG"))
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert_close(pixels[:, 1:2], np.array([[[227, 127, 127]]], np.uint8), 1)
    assert pixels[0, 2].tolist() == [200, 0, 0]


@pytest.mark.parametrize("transparency", [1, b"\xff\x00\xff"])
@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_transparent_palette_entry_is_white(transparency: int | bytes, kind: str) -> None:
    picture = Image.new("P", (3, 1))
    picture.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    picture.putdata([0, 1, 2])
    if kind == "GIF" and isinstance(transparency, bytes):
        transparency = 1  # GIF knows one transparent entry only
    pixels = load_photo(encoded(picture, kind, transparency=transparency))
    assert pixels[0].tolist() == [[10, 20, 30], [255, 255, 255], [70, 80, 90]]


def test_a_transparent_grey_value_is_white() -> None:
    pixels = load_photo(encoded(Image.fromarray(np.array([[0, 7, 9]], np.uint8)), "PNG", transparency=7))
    assert pixels[0, :, 0].tolist() == [0, 255, 9]


DEEP = np.array([[0, 1 << 12, 1 << 15, (1 << 16) - 1]], np.uint16)


UINT32, FLOAT32 = DEEP.astype("<u4"), DEEP.astype("<f4")
DEEP_FILES = {
    "PNG": encoded(Image.fromarray(DEEP), "PNG"),
    "TIFF": encoded(Image.fromarray(DEEP), "TIFF"),
    "PGM": b"P5 4 1 65535 " + DEEP.astype(">u2").tobytes(),
    "TIFF 12 bits": tiff(4, 1, bits=12, data=bytes.fromhex("000100 800fff")),
    "TIFF negative": tiff(4, 1, bits=16, data=(65535 - DEEP).tobytes(), photometric=0),
    "TIFF signed 16": tiff(4, 1, bits=16, data=(DEEP >> 1).astype("<i2").tobytes(), sample_format=2),
    "TIFF signed 32": tiff(4, 1, bits=32, data=DEEP.astype("<i4").tobytes(), sample_format=2),
    "TIFF unsigned 32 with 16 in use": tiff(4, 1, bits=32, data=UINT32.tobytes()),
    "TIFF unsigned 32 with 31 in use": tiff(4, 1, bits=32, data=(UINT32 << 15).tobytes()),
    "TIFF unsigned 32": tiff(4, 1, bits=32, data=(UINT32 << 16).tobytes()),
    "TIFF float to 65535": tiff(4, 1, bits=32, data=FLOAT32.tobytes(), sample_format=3),
    "TIFF float to 255": tiff(4, 1, bits=32, data=(FLOAT32 / 257).tobytes(), sample_format=3),
    "TIFF float to 1": tiff(4, 1, bits=32, data=(FLOAT32 / 65535).tobytes(), sample_format=3),
}


@pytest.mark.parametrize("kind", DEEP_FILES)
def test_more_than_eight_bits_are_scaled_by_their_range(kind: str) -> None:
    pixels = load_photo(DEEP_FILES[kind])
    assert pixels.shape == (1, 4, 3)
    assert_close(pixels[..., 0], np.array([[0, 16, 128, 255]], np.uint8), 0.5)


def test_a_dark_16_bit_photo_stays_dark() -> None:
    assert load_photo(encoded(Image.fromarray(DEEP // 16), "PNG")).max() == 16


def test_floating_point_that_is_no_number_is_black() -> None:
    values = np.array([np.nan, np.inf, -np.inf, -3, 0.5, 1], "<f4")
    pixels = load_photo(tiff(6, 1, bits=32, data=values.tobytes(), sample_format=3))
    assert pixels[0, :, 0].tolist() == [0, 0, 0, 0, 128, 255]


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF", "MPO"])
def test_the_first_of_several_frames_is_read(kind: str) -> None:
    frames = [Image.fromarray(scene()), Image.new("RGB", (40, 24), "blue"), Image.new("RGB", (40, 24), "red")]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    assert sum(1 for _ in ImageSequence.Iterator(Image.open(io.BytesIO(data)))) == 3
    assert_close(load_photo(data), scene(), 12)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 10_000), (10_000, 1), (10_000, 30), (2, 3)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_extreme_sizes(width: int, height: int, kind: str) -> None:
    assert load_photo(encoded(Image.new("RGB", (width, height), "white"), kind)).shape == (height, width, 3)


@pytest.mark.parametrize(
    "name", ["photo.png", "photo.JPG", "photo", "photo.txt", "表情 😀 ünï\n.jpg", "-", "~", "[1]*.jpg"]
)
def test_the_name_does_not_matter(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(encoded(Image.fromarray(scene()), "BMP"))
    assert np.array_equal(load_photo(path), scene())
    assert np.array_equal(load_photo(str(path)), scene())


def test_long_paths(tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*["d" * 200] * 8)
    folder.mkdir(parents=True)
    path = folder / ("n" * 240 + ".bmp")
    path.write_bytes(encoded(Image.fromarray(scene()), "BMP"))
    assert np.array_equal(load_photo(path), scene())


def test_reads_streams_from_their_start_and_leaves_them_open() -> None:
    stream = io.BytesIO(encoded(Image.fromarray(scene()), "PNG"))
    stream.read(9)
    assert np.array_equal(load_photo(stream), scene())
    assert not stream.closed


def test_reads_a_pipe() -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as stream:
        with os.fdopen(write_end, "wb") as sender:
            sender.write(encoded(Image.fromarray(scene()), "PNG"))
        assert np.array_equal(load_photo(stream), scene())


@pytest.mark.parametrize("source", [io.StringIO("text"), np.zeros((4, 4, 3), np.uint8), None])
def test_what_is_no_source_is_a_type_error(source: Any) -> None:
    with pytest.raises(TypeError, match="expected a path, bytes or a binary stream, got"):
        load_photo(source)


# ---------------------------------------------------------------- what does not


BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "got an empty file: copy it again"),
    "text": ("Grüße, this is no photo".encode() * 9, "got text: check what it is"),
    "text cut inside a letter": (b"x" * 63 + "ü".encode(), "got text: check what it is"),
    "random": (np.random.default_rng(1).bytes(5000), "got data of an unknown kind"),
    "zeros": (bytes(5000), "got data of an unknown kind"),
    "one byte": (b"P", "got text"),
    "video": (b"\0\0\0 ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(200), "got a video"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200), "got a HEIC picture, .*: save it as JPEG"),
    "JPEG header": (encoded(Image.fromarray(scene()), "JPEG")[:20], "expected a whole JPEG picture, got one that is"),
    "PNG header": (encoded(Image.fromarray(scene()), "PNG")[:33], "expected a whole PNG picture, got one that is"),
    "wrong checksum": (
        encoded(Image.fromarray(scene()), "PNG").replace(b"IDAT", b"IDAX"),
        "expected a whole PNG picture, got one that is cut off or damaged",
    ),
    "no pixels": (png(0, 5, depth=8, rows=b""), "expected a whole PNG picture"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_photo_gives_one_sentence_that_names_it(tmp_path: Path, kind: str) -> None:
    data, sentence = BAD[kind]
    path = tmp_path / "holiday.jpg"
    path.write_bytes(data)
    with pytest.raises(MediaError, match=sentence) as caught:
        load_photo(path)
    assert str(caught.value).startswith(f"{path}: expected a ")
    assert "\n" not in str(caught.value)
    with pytest.raises(MediaError, match="the photo in memory: expected a "):
        load_photo(data)


def test_what_cannot_be_opened_gives_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MediaError, match=r"nowhere\.jpg: expected a photo, got no such file: check the name"):
        load_photo(tmp_path / "nowhere.jpg")
    with pytest.raises(MediaError, match="got a folder: name the photos in it"):
        load_photo(tmp_path)
    with pytest.raises(MediaError, match=r"got a path that cannot be opened .*too long"):
        load_photo("n" * 5000)
    with pytest.raises(MediaError, match=r"got a path that cannot be opened .*null"):
        load_photo("a\0b.jpg")
    closed = tmp_path / "closed.jpg"
    closed.touch()

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")  # root, who runs these tests in places, may read anything

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(MediaError, match=r"closed\.jpg: expected a photo, got a file that may not be read"):
        load_photo(closed)


def test_a_stream_that_breaks_is_a_media_error() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 100:
                raise OSError(5, "Input/output error")
            return super().read(size)

    with pytest.raises(MediaError, match="Input/output error"):
        load_photo(Broken(encoded(Image.fromarray(scene(400, 240)), "JPEG")))


WHOLE: dict[str, bytes] = {
    kind: encoded(Image.fromarray(scene(90, 70)), kind)
    for kind in ("JPEG", "PNG", "BMP", "PPM", "GIF", "TIFF", "WEBP", "JPEG2000")
}
WHOLE["progressive JPEG"] = encoded(Image.fromarray(scene(90, 70)), "JPEG", progressive=True)
WHOLE["TIFF with LZW"] = encoded(Image.fromarray(scene(90, 70)), "TIFF", compression="tiff_lzw")


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 0.9])
def test_a_photo_cut_short_is_never_half_read(kind: str, share: float) -> None:
    data = WHOLE[kind]
    with pytest.raises(MediaError):
        load_photo(data[: int(len(data) * share)])


@given(
    kind=st.sampled_from(sorted(WHOLE)),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=12),
)
def test_damage_either_reads_or_is_a_media_error(kind: str, changes: list[tuple[float, int]]) -> None:
    damaged = bytearray(WHOLE[kind])
    for place, value in changes:
        damaged[int(place * len(damaged))] = value
    try:
        pixels = load_photo(bytes(damaged), max_pixels=1_000_000)
    except MediaError:
        return
    assert pixels.ndim == 3
    assert pixels.shape[2] == 3
    assert pixels.dtype == np.uint8


@given(st.binary(max_size=300))
def test_any_bytes_either_read_or_are_a_media_error(data: bytes) -> None:
    with pytest.raises(MediaError):
        load_photo(data)


# ---------------------------------------------------------------- size and memory


def test_the_limit_is_the_number_of_pixels_in_the_header() -> None:
    data = encoded(Image.fromarray(scene(40, 24)), "PNG")
    assert load_photo(data, max_pixels=40 * 24).shape == (24, 40, 3)
    with pytest.raises(MediaTooLargeError, match="expected at most 959 pixels, got 40 x 24 = 960: scale it down or"):
        load_photo(data, max_pixels=40 * 24 - 1)
    with pytest.raises(ValueError, match="max_pixels must be 1 or more, got 0"):
        load_photo(data, max_pixels=0)


def test_the_limit_may_be_beyond_the_one_of_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    monkeypatch.setattr(photos, "_BAND_PIXELS", 80)  # as small beside the limit as they are
    assert load_photo(encoded(Image.fromarray(scene()), "PNG")).shape == (24, 40, 3)  # neither its error nor warning
    assert Image.MAX_IMAGE_PIXELS == 100


def test_a_reader_of_pillow_that_asks_for_itself_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(image: ImageFile.ImageFile) -> None:
        raise Image.DecompressionBombError("Image size exceeds limit of 200 pixels")

    monkeypatch.setattr(WebPImagePlugin.WebPImageFile, "load", ask)  # as it does from Pillow 13 on
    with pytest.raises(MediaTooLargeError, match=r"expected a picture that Pillow decodes.*limit of 200 pixels"):
        load_photo(encoded(Image.fromarray(scene()), "WEBP"))


def claim(kind: str) -> bytes:
    """A small file that claims at least 144 million pixels."""
    if kind == "PNG claim":
        return png(60_000, 60_000, depth=8, rows=b"\0")
    if kind == "PNG bomb":
        return png(12_000, 12_000, depth=1, rows=bytes(1501 * 12_000))
    if kind == "GIF claim":
        return b"GIF89a" + struct.pack("<HH", 60_000, 60_000) + b"\0\0\0," + bytes(4) + b"\x60\xea" * 2 + b"\0\2\0;"
    if kind == "BMP claim":
        return b"BM" + struct.pack("<IIIIiiHHIIiiII", 54, 0, 54, 40, 60_000, 60_000, 1, 24, 0, 0, 0, 0, 0, 0)
    if kind == "PPM claim":
        return b"P6 60000 60000 255 "
    if kind == "JPEG claim":
        small = encoded(Image.fromarray(scene(16, 16)), "JPEG")
        size = small.index(b"\xff\xc0") + 5
        return small[:size] + struct.pack(">HH", 60_000, 60_000) + small[size + 4 :]
    return tiff(60_000, 60_000, bits=8, data=b"")


MEASURE = """
import re, sys
from pathlib import Path
from mien.media.photos import load_photo

def peak():  # not ru_maxrss, which a process inherits from the one that started it
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

limit = int(sys.argv[2])
before = peak()
try:
    outcome = str(load_photo(sys.argv[1], max_pixels=limit).shape)
except ValueError as error:
    outcome = type(error).__name__
print(outcome, peak() - before, sep=";")
"""


def outcome_and_memory(path: Path, *, max_pixels: int = 100_000_000) -> tuple[str, int]:
    """What `load_photo` gives in a process of its own, and by how many bytes it grew that process at most."""
    if not Path("/proc/self/status").exists():
        pytest.skip("needs Linux to measure memory")
    command = [sys.executable, "-W", "error", "-c", MEASURE, str(path), str(max_pixels)]
    outcome, grown = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split(";")
    return outcome, int(grown)


@pytest.mark.parametrize(
    "kind", ["PNG claim", "PNG bomb", "GIF claim", "BMP claim", "PPM claim", "JPEG claim", "TIFF claim"]
)
def test_a_bomb_is_refused_before_it_takes_memory(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(claim(kind))
    outcome, grown = outcome_and_memory(path)
    assert outcome == "MediaTooLargeError"
    assert grown < 12e6


@pytest.mark.parametrize(
    ("kind", "mode", "bytes_per_pixel"), [("JPEG", "RGB", 7), ("JPEG", "L", 4), ("PNG", "RGBA", 7)]
)
def test_a_large_photo_takes_no_more_memory_than_said(
    tmp_path: Path, kind: str, mode: str, bytes_per_pixel: int
) -> None:
    path = tmp_path / "large"
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    Image.new("RGBA", (6000, 4000), (9, 99, 199, 50)).convert(mode).save(path, kind, exif=exif)
    outcome, grown = outcome_and_memory(path)
    assert outcome == "(6000, 4000, 3)"
    assert grown < bytes_per_pixel * 24e6 + 40e6  # the conversion works in bands of a fixed size


# ---------------------------------------------------------------- what Pillow does to the process, and does not here


def odd_but_good() -> dict[str, bytes]:
    """Photos that read well and of which Pillow warns."""
    picture = Image.fromarray(scene())
    exif = Image.Exif()
    exif[ORIENTATION] = 1
    exif[0x010F] = "a camera with a long name"
    jpeg = encoded(picture, "JPEG", exif=exif.tobytes()[:-20])
    mpo = encoded(picture, "MPO", save_all=True, append_images=[picture])
    tagged = tiff(4, 1, bits=16, data=DEEP.tobytes())
    tagged = tagged.replace(struct.pack("<HHII", 339, 4, 1, 1), struct.pack("<HHII", 296, 4, 2, 8))
    return {"cut EXIF": jpeg, "odd MPO": mpo.replace(b"MPF\0II*\0", b"MPF\0II*\1"), "odd tag": tagged}


@pytest.mark.parametrize("kind", ["cut EXIF", "odd MPO", "odd tag"])
def test_no_warning_escapes(kind: str) -> None:
    data = odd_but_good()[kind]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Image.open(io.BytesIO(data)).getexif()
        assert caught, "Pillow no longer warns of this: find a photo of which it does"
        caught.clear()
        load_photo(data)
    assert not caught


def test_eight_threads_read_side_by_side_and_leave_the_filters_alone() -> None:
    photos = [*WHOLE.values(), *odd_but_good().values()]
    alone = [load_photo(data) for data in photos]
    filters = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(load_photo, photos * 8))
    assert all(np.array_equal(one, other) for one, other in zip(alone * 8, together, strict=True))
    assert list(warnings.filters) == filters


def test_every_photo_suffix_is_lower_case() -> None:
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in PHOTO_SUFFIXES)


# ---------------------------------------------------------------- real photos


def test_the_real_photos_read_or_fail_as_the_manifest_expects(shared_media: SharedMedia) -> None:
    photos = {name: row["expect"] for name, row in shared_media.manifest.items() if not name.startswith("videos/")}
    assert len(photos) > 100
    read = {name: outcome_of(shared_media.path(name)) for name in photos}
    for name, outcome in read.items():
        if isinstance(outcome, MediaError):
            assert "error" in photos[name], f"{outcome}, but the manifest expects {photos[name]}"
            assert str(outcome).startswith(f"{shared_media.path(name)}: expected ")
        else:
            assert not photos[name].startswith("clear error"), f"{name} was read"
            if name in shared_media.faces:
                assert [outcome.shape[1], outcome.shape[0]] == shared_media.faces[name]["size"]


def outcome_of(path: Path) -> Pixels | MediaError:
    try:
        return load_photo(path)
    except MediaError as error:
        return error


ASTRONAUT = [f"exif_orient_{number}.jpg" for number in range(1, 9)]
ASTRONAUT += ["cmyk.jpg", "palette.png", "palette.gif", "progressive.jpg", "photo.webp", "photo.tif", "upper.JPG"]
ASTRONAUT += ["no_extension", "ünïcode name 表情 😀.jpg"]


@pytest.mark.parametrize("name", ASTRONAUT)
def test_the_real_astronaut_is_the_same_in_every_disguise(shared_media: SharedMedia, name: str) -> None:
    astronaut = load_photo(shared_media.path("images/astronaut.png"))
    assert_close(load_photo(shared_media.path(f"images/{name}")), astronaut, 8)


@pytest.mark.parametrize("name", ["grey8.jpg", "grey16.png"])
def test_the_real_astronaut_in_grey(shared_media: SharedMedia, name: str) -> None:
    grey = Image.fromarray(load_photo(shared_media.path("images/astronaut.png"))).convert("L")
    assert_close(load_photo(shared_media.path(f"images/{name}")), np.asarray(grey.convert("RGB")), 2)


@pytest.mark.parametrize("name", ["huge_claim.png", "bomb_16k.png"])
def test_the_real_bombs_take_no_memory(shared_media: SharedMedia, name: str) -> None:
    outcome, grown = outcome_and_memory(shared_media.path(f"bad/{name}"))
    assert outcome == "MediaTooLargeError"
    assert grown < 12e6
