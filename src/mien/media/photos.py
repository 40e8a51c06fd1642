"""Photos as people have them: files in, upright RGB pixels out.

A photo is refused by its header before it is decoded, and converted in bands, so that reading one takes no more
memory than its decoder, the decoded picture, the result and a little. Everything that can be wrong with a file is a
`MediaError` that names it.
"""

import io
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from mien.errors import MediaError, MediaTooLargeError

__all__ = ["PHOTO_SUFFIXES", "load_photo"]

PHOTO_SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("jpg", "jpeg", "jpe", "jfif", "mpo", "png", "apng", "webp", "gif", "bmp", "dib", "tif", "tiff"),
        *("avif", "heic", "heif", "jp2", "j2k", "jpf", "jpx", "pbm", "pgm", "ppm", "pnm"),
    )
)
"""What counts as a photo in a folder, lower case. HEIC is among them so that one in a folder is never passed over
in silence where Pillow cannot read it."""

# In the order they are tried. Others that Pillow reads are no photos, have no signature to know them by, or run
# another program (EPS). HEIF is there once an application has registered it with Pillow.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF", "JPEG2000", "PPM")

_ORIENTATION, _BITS_PER_SAMPLE, _PHOTOMETRIC, _SAMPLE_FORMAT = 274, 258, 262, 339  # TIFF and EXIF tags
_BAND_PIXELS = 1 << 20

# A view of the upright picture in which the stored rows and columns run as they do in the file, by orientation.
_STORED_VIEW: Mapping[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = MappingProxyType(
    {
        2: lambda upright: upright[:, ::-1],
        3: lambda upright: upright[::-1, ::-1],
        4: lambda upright: upright[::-1],
        5: lambda upright: upright.swapaxes(0, 1),
        6: lambda upright: upright[:, ::-1].swapaxes(0, 1),
        7: lambda upright: upright[::-1, ::-1].swapaxes(0, 1),
        8: lambda upright: upright[::-1].swapaxes(0, 1),
    }
)

T = TypeVar("T")
# Pillow warns about what does not concern a reader (a cut thumbnail, an odd tag), and the interpreter's warning
# filters belong to the whole process: one thread at a time changes them.
_QUIET = threading.Lock()


def load_photo(source: str | Path | bytes | BinaryIO, *, max_pixels: int = 100_000_000) -> NDArray[np.uint8]:
    """Read one photo as it is meant to be seen.

    Turned upright by its EXIF orientation; the first frame or page of several; transparency on white; more than
    8 bits scaled to 8 by the range of the format (12 or 16 bits, and for 32-bit integers and floating point the
    smallest of 1, 8, 16 and 31 bits that holds the brightest pixel). What the file is called does not matter.

    Args:
        source: A file, its bytes, or a binary stream, which is read from its start and not closed.
        max_pixels: A picture whose header claims more is refused before it is decoded. Decoding takes about
            8 bytes of memory per pixel, 10 for AVIF and 16 for WebP.

    Returns:
        `(height, width, 3)` uint8, RGB.

    Raises:
        MediaTooLargeError: it claims more than `max_pixels`.
        MediaError: there is no such file, it is no photo, or it is damaged; half a photo is damaged.
    """
    if max_pixels < 1:
        raise ValueError(f"max_pixels must be 1 or more, got {max_pixels}")
    name = _name_of(source)
    with _opened(source, name) as stream:
        image = _read_header(stream, name, max_pixels)
        try:
            # TIFF reads its tags, and warns of them, while it decodes; the others decode side by side.
            _quietly(image.load) if image.format == "TIFF" else image.load()
            # Only now: a PNG may carry its EXIF at the end, and a TIFF is turned by Pillow itself.
            orientation = _quietly(image.getexif).get(_ORIENTATION, 1)
            return _upright_rgb(image, orientation)
        except Image.DecompressionBombError as error:
            raise _beyond_pillow(name, error) from error
        except Exception as error:
            raise _undecodable(name, image.format, error) from error


def _name_of(source: str | Path | bytes | BinaryIO) -> str:
    """What messages call it."""
    if isinstance(source, str | Path):
        return str(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "the photo in memory"


@contextmanager
def _opened(source: object, name: str) -> Iterator[BinaryIO]:
    """`source` as a stream that can seek; closed afterwards only if it was opened here."""
    if isinstance(source, bytes | bytearray | memoryview):
        yield io.BytesIO(source)
    elif isinstance(source, str | Path):
        with ExitStack() as stack:
            try:
                file = stack.enter_context(Path(source).open("rb"))
            except (OSError, ValueError) as error:
                raise unopenable(name, error) from error
            yield file if file.seekable() else io.BytesIO(file.read())
    elif isinstance(source, io.TextIOBase) or not hasattr(source, "read"):
        raise TypeError(f"expected a path, bytes or a binary stream, got {type(source).__name__}")
    else:
        stream = cast(BinaryIO, source)
        yield stream if stream.seekable() else io.BytesIO(stream.read())


def _read_header(stream: BinaryIO, name: str, max_pixels: int) -> ImageFile.ImageFile:
    """The photo in `stream`, not yet decoded, and not larger than `max_pixels`.

    `PIL.Image.open` would do, but for its limit on pixels, which is one for the whole process and no argument.
    """
    stream.seek(0)
    start = stream.read(64)
    kind, factory = _quietly(lambda: _reader_for(start))
    if factory is None:
        raise MediaError(
            f"{name}: expected a photo (JPEG, PNG, WebP, TIFF, ...), got {kind_of(start)}: {advice_on(start)}"
        )
    stream.seek(0)
    try:
        image = _quietly(lambda: factory(stream, ""))  # given a name, Pillow would map the file into memory
    except Image.DecompressionBombError as error:
        raise _beyond_pillow(name, error) from error
    except Exception as error:
        raise _undecodable(name, kind, error) from error
    width, height = image.size
    if width * height > max_pixels:
        raise MediaTooLargeError(
            f"{name}: expected at most {max_pixels:,} pixels, got {width} x {height} = {width * height:,}:"
            " scale it down or raise max_pixels"
        )
    return image


def _reader_for(start: bytes) -> tuple[str | None, Callable[[BinaryIO, str], ImageFile.ImageFile] | None]:
    """The name and the reader of the format whose signature `start` shows; None if it shows none."""
    Image.preinit()
    for kind in _FORMATS:
        if kind not in Image.OPEN:
            Image.init()
        factory, accept = Image.OPEN.get(kind, (None, None))
        # accept answers with a string where it knows the format but was built without it
        if factory is not None and accept is not None and accept(start[:16].ljust(16, b"\0")) is True:
            return kind, factory
    return None, None


def has_photo_signature(start: bytes) -> bool:
    """Whether a file that starts so is a photo of a kind that is read."""
    return _quietly(lambda: _reader_for(start))[1] is not None


def moves(picture: Path | BinaryIO) -> bool:
    """Whether a picture has several frames to show one after the other; one that cannot be read has none."""

    def has_several() -> bool:
        with Image.open(picture) as image:
            return bool(getattr(image, "is_animated", False))

    try:
        return _quietly(has_several)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False


def _upright_rgb(image: Image.Image, orientation: int) -> NDArray[np.uint8]:
    """The pixels of a decoded picture as 8-bit RGB, turned, band by band."""
    width, height = image.size
    turned = orientation in (5, 6, 7, 8)
    upright = np.empty((width, height, 3) if turned else (height, width, 3), np.uint8)
    stored = _STORED_VIEW[orientation](upright) if orientation in _STORED_VIEW else upright
    brightest = _brightest(image) if image.mode == "F" or image.mode.startswith("I") else None
    for rows, band in _bands(image):
        if brightest is not None:
            stored[rows] = _eight_bits(_deep_values(image, band), brightest)[:, :, None]
        elif band.has_transparency_data:
            coloured = band.convert("RGBA")
            white = Image.new("RGB", band.size, "white")
            white.paste(coloured, mask=coloured)
            stored[rows] = np.asarray(white)
        else:
            stored[rows] = np.asarray(band.convert("RGB"))
    return upright


def _bands(image: Image.Image) -> Iterator[tuple[slice, Image.Image]]:
    """The picture in horizontal bands of about a million pixels, with the rows of each."""
    width, height = image.size
    step = max(1, _BAND_PIXELS // width)
    for top in range(0, height, step):
        bottom = min(top + step, height)
        yield slice(top, bottom), image.crop((0, top, width, bottom))


def _tag(image: Image.Image, tag: int, default: int) -> int:
    """A TIFF tag's first value; `default` where there is none or the file is no TIFF."""
    value: Any = getattr(image, "tag_v2", {}).get(tag, default)
    return int(value[0] if isinstance(value, tuple) else value)


def _deep_values(image: Image.Image, band: Image.Image) -> NDArray[Any]:
    """Grey values of a band with more than 8 bits; what is not finite is black."""
    values: NDArray[Any] = np.asarray(band)
    if image.mode == "F":
        values = np.where(np.isfinite(values), values, 0)
    if image.mode == "I" and (_tag(image, _BITS_PER_SAMPLE, 0), _tag(image, _SAMPLE_FORMAT, 1)) == (32, 1):
        values = values.view(np.uint32)  # Pillow has no unsigned 32 bits and reads them as signed
    if image.mode.startswith("I;16") and _tag(image, _PHOTOMETRIC, 1) == 0:
        values = np.iinfo(np.uint16).max - values  # stored as a negative, which Pillow turns only at 8 bits
    return values


def _brightest(image: Image.Image) -> float:
    """The value that is white in a picture with more than 8 bits."""
    bits = _tag(image, _BITS_PER_SAMPLE, 16)
    if image.mode.startswith("I;16"):
        return float(2**bits - 1)
    if image.mode == "I" and bits == 16:
        return float(2**15 - 1 if _tag(image, _SAMPLE_FORMAT, 1) == 2 else 2**16 - 1)
    largest = max(float(_deep_values(image, band).max()) for _, band in _bands(image))
    whites = (1.0, 255.0, 65535.0, 2.0**31 - 1) if image.mode == "F" else (255.0, 65535.0, 2.0**31 - 1)
    return next((white for white in whites if largest <= white), largest)


def _eight_bits(values: NDArray[Any], brightest: float) -> NDArray[np.uint8]:
    """`values` in 0..`brightest` as 0..255, rounded."""
    shares = np.clip(values.astype(np.float32) / np.float32(brightest), 0, 1)
    rounded: NDArray[np.uint8] = np.rint(shares * 255).astype(np.uint8)
    return rounded


def _quietly(step: Callable[[], T]) -> T:
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return step()


def kind_of(start: bytes) -> str:
    """What a file that is no photo is, by its first bytes."""
    if not start:
        return "an empty file"
    if start[4:8] == b"ftyp":
        if any(brand in start for brand in (b"heic", b"heix", b"hevc", b"mif1")):
            return "a HEIC picture, which Pillow does not read here"
        return "an AVIF picture, which Pillow does not read here" if b"avif" in start else "a video"
    if all(byte >= 32 or byte in b"\t\n\r" for byte in start) and not _is_binary(start):
        return "text"
    return "data of an unknown kind"


def _is_binary(start: bytes) -> bool:
    """Whether bytes are no UTF-8, but for a character cut at their end."""
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start < len(start) - 3
    return False


def advice_on(start: bytes) -> str:
    """What to do with a file that is no photo, by its first bytes."""
    if not start:
        return "copy it again"
    return "save it as JPEG" if start[4:8] == b"ftyp" else "check what it is, or leave it out"


def unopenable(name: str, error: OSError | ValueError, *, kind: str = "photo") -> MediaError:
    """Why a file cannot be opened, and what to do."""
    if isinstance(error, FileNotFoundError):
        return MediaError(f"{name}: expected a {kind}, got no such file: check the name")
    if isinstance(error, IsADirectoryError) or is_folder(Path(name)):
        return MediaError(
            f"{name}: expected a {kind}, got a folder: name the {kind}s in it, and see that it can be read"
        )
    if isinstance(error, PermissionError):
        return MediaError(f"{name}: expected a {kind}, got a file that may not be read: change its permissions")
    reason = getattr(error, "strerror", None) or error
    return MediaError(f"{name}: expected a {kind}, got a path that cannot be opened ({reason}): check the name")


def _undecodable(name: str, kind: str | None, error: Exception) -> MediaError:
    """That a photo cannot be decoded, with the reason where it is one that people can read."""
    reason = f" ({error})" if isinstance(error, OSError | ValueError | MemoryError) and str(error) else ""
    return MediaError(
        f"{name}: expected a whole {kind} picture, got one that is cut off or damaged{reason}: copy or export it again"
    )


def _beyond_pillow(name: str, error: Exception) -> MediaTooLargeError:
    """Some of Pillow's readers keep to its own limit, whatever ours is."""
    return MediaTooLargeError(
        f"{name}: expected a picture that Pillow decodes, got too large a one ({error}): scale it down"
    )


def is_folder(path: Path) -> bool:
    """Whether it is a folder; what cannot be looked at is none."""
    try:
        return path.is_dir()
    except OSError:  # a name too long, a folder above it that may not be entered
        return False
