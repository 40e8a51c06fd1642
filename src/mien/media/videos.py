"""Videos as people have them: files in, upright RGB frames with their true times out.

Frames come by presentation time, one by one and in order, so that a long video takes no more memory than a short one.
Times are those that the file holds (and ffprobe prints): a video may start later than at 0, and its frames may be
unevenly spaced. What cannot be decoded is left out, and said once all else has been read.
"""

from collections.abc import Generator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from math import inf, isfinite
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from mien.errors import MediaError, MediaTooLargeError
from mien.media.decoding import Decoded, Decoder

if TYPE_CHECKING:
    from av import VideoFrame

__all__ = ["VIDEO_SUFFIXES", "Frame", "Place", "Video", "VideoInfo", "open_video"]

VIDEO_SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("mp4", "m4v", "mov", "qt", "3gp", "3g2", "mkv", "webm", "avi", "mpg", "mpeg", "vob", "ts", "mts", "m2ts"),
        *("wmv", "asf", "flv", "f4v", "ogv", "mxf", "dv", "mjpeg", "mjpg", "y4m", "nut"),
    )
)
"""What counts as a video in a folder, lower case. GIF is not among them: `find_photos` takes it."""

_MOST_PIXELS = 100_000_000


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a video or stream.

    Args:
        index: Its number in the video, from 0; frames that were passed over count.
        time_s: Its presentation time in seconds.
        pixels_rgb: `(height, width, 3)` uint8, upright.
    """

    index: int
    time_s: float
    pixels_rgb: NDArray[np.uint8]


@dataclass(frozen=True)
class Place:
    """Behind which frame to go on with a video.

    Args:
        index: Its number in the video.
        time_s: Its presentation time in seconds.
        damaged_at_s: The time of what could not be decoded before it, if anything.
    """

    index: int
    time_s: float
    damaged_at_s: float | None = None


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a video before it is read.

    Args:
        size_wh: Width and height of its frames in pixels, upright, with square pixels, scaled by `max_side_px`.
        fps: Frames per second, on average; None if unknown.
        time_base: The unit of its times in seconds: each is a whole multiple of it.
        start_s: Presentation time of its first frame.
        duration_s: Length in seconds; None if unknown.
        frame_count: Number of frames as the header says it; None if it does not.
        has_audio: Whether there is sound.
        codec: Name of the video codec, such as "h264".
    """

    size_wh: tuple[int, int]
    fps: float | None
    time_base: Fraction
    start_s: float
    duration_s: float | None
    frame_count: int | None
    has_audio: bool
    codec: str


def open_video(
    path: str | Path,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    every_s: float | None = None,
    every_frames: int | None = None,
    max_side_px: int | None = None,
    after: Place | None = None,
    threads: int = 0,
) -> "Video":
    """Open a video to read its frames in order.

    Args:
        path: The file; what it is called does not matter.
        start_s: Leave out frames before this presentation time; what lies before is decoded only if it must be.
        end_s: Leave out frames from this presentation time on.
        every_s: Take the first frame of every such span of time, counted from `start_s` or the video's start.
        every_frames: Take the frames whose index is a multiple of this.
        max_side_px: Scale frames down so that the longer side is at most this.
        after: A frame that was read earlier with the same arguments: go on behind it.
        threads: That decode; 0 for one on every core.

    Returns:
        An iterator of `Frame`, and a context manager that closes the file. Where part of the video cannot be
        decoded, the iterator raises `MediaError` after the last frame that can.

    Raises:
        MediaError: there is no such file, it is no video, it has no picture in it, or it is damaged throughout.
        MediaTooLargeError: it claims frames of more than 100 million pixels.
        MissingExtraError: PyAV is not installed.
        ValueError: a number out of range, or both `every_s` and `every_frames`.
    """
    selection = _Selection(start_s, end_s, every_s, every_frames, after)
    if max_side_px is not None and max_side_px < 1:
        raise ValueError(f"max_side_px must be 1 or more, got {max_side_px}")
    decoder = Decoder(Path(path), threads=threads)
    try:
        return Video(decoder, selection, max_side_px)
    except BaseException:
        decoder.close()
        raise


@dataclass(frozen=True)
class _Selection:
    """Which frames are wanted; the arguments of `open_video`."""

    start_s: float | None
    end_s: float | None
    every_s: float | None
    every_frames: int | None
    after: Place | None

    def __post_init__(self) -> None:
        for name, value in (("start_s", self.start_s), ("end_s", self.end_s)):
            if value is not None and not isfinite(value):
                raise ValueError(f"{name} must be a finite number of seconds, got {value}")
        if self.start_s is not None and self.end_s is not None and self.start_s >= self.end_s:
            raise ValueError(f"end_s must be after start_s, got {self.start_s} to {self.end_s}")
        if self.every_s is not None and self.every_frames is not None:
            raise ValueError("expected every_s or every_frames, got both")
        if self.every_s is not None and not 1e-6 <= self.every_s < inf:
            raise ValueError(f"every_s must be a microsecond or more, got {self.every_s}")
        if self.every_frames is not None and self.every_frames < 1:
            raise ValueError(f"every_frames must be 1 or more, got {self.every_frames}")

    def span(self, time_s: Fraction, video_start_s: Fraction) -> int | None:
        """Which span of `every_s` a time lies in; None where every frame is wanted."""
        if self.every_s is None:
            return None
        from_s = video_start_s if self.start_s is None else _exactly(self.start_s)
        return (time_s - from_s) // _exactly(self.every_s)


class Video:
    """The frames of one video, to be iterated once; made by `open_video`.

    Attributes:
        info: What is known of it beforehand.
    """

    def __init__(self, decoder: Decoder, selection: _Selection, max_side_px: int | None) -> None:
        self._decoder, self._selection = decoder, selection
        after_s: Fraction | None = None
        if selection.after is None:
            from_s = None if selection.start_s is None else _exactly(selection.start_s)
            self._decoded = decoder.frames(from_s)
        else:
            place = selection.after
            after_s = round(Fraction(place.time_s) / decoder.unit_s) * decoder.unit_s
            from_s = after_s + decoder.unit_s
            decoder.damaged_at_s = None if place.damaged_at_s is None else Fraction(place.damaged_at_s)
            self._decoded = decoder.frames(from_s, index=place.index + 1)
        first = next(self._decoded, None)
        if first is None and from_s is None:
            raise MediaError(
                f"{decoder.name}: expected a video with frames, got none that can be decoded: copy or export it again"
            )
        self.info, self._conversion = _described(decoder, first, max_side_px)
        self._frames = self._selected(first, after_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Frame:
        return next(self._frames)

    @property
    def damaged_at_s(self) -> float | None:
        """The time of the first piece up to here that could not be decoded; None if there is none."""
        return None if self._decoder.damaged_at_s is None else float(self._decoder.damaged_at_s)

    @property
    def decoded_s(self) -> float:
        """The time up to which pictures have come out of the decoder, wanted or not."""
        return float(self._decoder.reached_s)

    def close(self) -> None:
        """Close the file; there are no more frames."""
        self._frames.close()
        self._decoded.close()
        self._decoder.close()

    def _selected(self, first: Decoded | None, after_s: Fraction | None) -> Generator[Frame]:
        """The frames that are wanted; then, what is wrong with the video."""
        selection, video_start_s = self._selection, self._decoder.start_s
        end_s = None if selection.end_s is None else _exactly(selection.end_s)
        last_span = None if after_s is None else selection.span(after_s, video_start_s)
        found = after_s is not None
        for decoded in chain(() if first is None else (first,), self._decoded):
            if end_s is not None and decoded.time_s >= end_s:
                break
            span = selection.span(decoded.time_s, video_start_s)
            if decoded.index % (selection.every_frames or 1) or (span is not None and span == last_span):
                continue
            last_span, found = span, True
            yield Frame(decoded.index, float(decoded.time_s), self._conversion.pixels_rgb(decoded.picture))
        else:
            self._decoder.check_whole(1 / self.info.fps if self.info.fps else 0.0)
        if not found:
            start_s, ends_s = self.info.start_s, self.info.start_s + (self.info.duration_s or 0)
            raise MediaError(
                f"{self._decoder.name}: expected frames from {selection.start_s or 0:g} s to"
                f" {selection.end_s or inf:g} s, got a video from {start_s:g} s to {ends_s:g} s: choose a part of it"
            )


@dataclass(frozen=True)
class _Conversion:
    """How the pictures of a video become upright RGB with square pixels."""

    width: int  # before it is turned
    height: int
    orientation: tuple[bool, bool, bool]  # swap the sides, then mirror the columns, then the rows

    def pixels_rgb(self, picture: "VideoFrame") -> NDArray[np.uint8]:
        scaled = (picture.width, picture.height) != (self.width, self.height)
        pixels = picture.reformat(
            width=self.width, height=self.height, format="rgb24", interpolation="AREA" if scaled else None
        ).to_ndarray()
        swap, mirror, flip = self.orientation
        if swap:
            pixels = pixels.swapaxes(0, 1)
        pixels = pixels[:: -1 if flip else 1, :: -1 if mirror else 1]
        return cast(NDArray[np.uint8], np.ascontiguousarray(pixels))


def _described(decoder: Decoder, first: Decoded | None, max_side_px: int | None) -> tuple[VideoInfo, _Conversion]:
    """What is known of a video, and how its pictures are to be converted."""
    stream = decoder.stream
    width, height = (stream.width, stream.height) if first is None else (first.picture.width, first.picture.height)
    if width * height > _MOST_PIXELS:
        raise MediaTooLargeError(
            f"{decoder.name}: expected frames of at most {_MOST_PIXELS:,} pixels, got {width} x {height}: scale it down"
        )
    aspect = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
    shown_width = width * float(aspect) if aspect and 0.1 < aspect < 10 else float(width)
    scale = 1.0 if max_side_px is None else min(1.0, max_side_px / max(shown_width, height))
    orientation = _orientation(first.picture) if first else (False, False, False)
    conversion = _Conversion(max(1, round(shown_width * scale)), max(1, round(height * scale)), orientation)
    size_wh = (conversion.width, conversion.height)
    fps = stream.average_rate or stream.guessed_rate
    info = VideoInfo(
        size_wh=size_wh[::-1] if conversion.orientation[0] else size_wh,
        fps=float(fps) if fps else None,
        time_base=decoder.unit_s,
        start_s=float(decoder.start_s),
        duration_s=None if decoder.duration_s is None else float(decoder.duration_s),
        frame_count=stream.frames or None,
        has_audio=bool(decoder.container.streams.audio),
        codec=stream.codec_context.name,
    )
    return info, conversion


def _orientation(picture: "VideoFrame") -> tuple[bool, bool, bool]:
    """Whether to swap the sides, mirror the columns and flip the rows, by the display matrix.

    Its first two rows map stored (x, y) to shown (a x + c y, b x + d y); multiples of a quarter turn are honoured,
    mirrored or not.
    """
    matrix: Any = picture.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return False, False, False
    a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5].tolist()
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return False, a < 0, d < 0
    return True, c < 0, b < 0


def _exactly(seconds: float) -> Fraction:
    """The decimal number that a float was meant to be: 0.2 is a fifth."""
    return Fraction(seconds).limit_denominator(1_000_000)
