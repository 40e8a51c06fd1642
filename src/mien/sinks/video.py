"""The frames of a video with their readings drawn on them: as a video with its sound, as a GIF, as a WebP.

Times are those of the source: each frame stays as long as it does there, however unevenly. Memory does not grow with
the length.
"""

import io
import math
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.draw import draw
from mien.errors import MediaError, MissingExtraError
from mien.media.videos import VideoInfo
from mien.results import NOTICE, SourceResult
from mien.writing import replacing

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import OutputContainer

__all__ = ["AnimationSink", "AnnotatedVideoSink", "video_suffix"]

_GIF_UNIT_S = Fraction(1, 100)
_WEBP_UNIT_S = Fraction(1, 1000)
_CONTAINERS = {".mp4": "mp4", ".mkv": "matroska", ".mov": "mov"}
_BT709, _LIMITED = 1, 1  # colours of HD video, as players take them to be


class _MovingSink:
    """Encodes the annotated frames of one video into a file that is renamed into place once it is complete.

    Without a frame there is no file.

    Args:
        path: The file to write; its folder is made.
        info: What is known of the video, from `open_video` with the same `max_side_px` as the frames.
        unit_s: The unit of the times in the file.
        shift_s: What is taken off every time.
    """

    def __init__(self, path: str | Path, info: VideoInfo, *, unit_s: Fraction, shift_s: float) -> None:
        self.path, self.info = Path(path), info
        self._unit_s, self._shift_s = unit_s, shift_s
        self._last_pts: int | None = None

    def __enter__(self) -> Self:
        try:
            import av
        except ImportError as error:
            raise MissingExtraError("writing videos", extra="video") from error

        with ExitStack() as stack:
            unfinished = stack.enter_context(replacing(self.path))
            stack.callback(self._remove_if_empty, unfinished)
            self._container = stack.enter_context(av.open(f"file:{unfinished}", "w", options=self._options()))
            self._stream = self._begin(self._container, stack)
            stack.push(self._end_unless_failed)
            self._open = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def write(self, result: SourceResult, frame_rgb: NDArray[np.uint8] | None) -> None:
        """Add one frame; what could not be read adds nothing, and neither does a second frame at one time."""
        if result.reading is None or result.reading.time_s is None or frame_rgb is None:
            return
        pts = round((Fraction(result.reading.time_s) - Fraction(self._shift_s)) / self._unit_s)
        if self._last_pts is not None and pts <= self._last_pts:
            return
        self._last_pts = pts
        picture = self._picture(draw(frame_rgb, result.reading))
        picture.pts, picture.time_base = pts, self._unit_s
        picture.duration = round((1 / Fraction(self.info.fps or 25)) / self._unit_s)  # counts for the last one
        self._before(result.reading.time_s)
        self._container.mux(self._stream.encode(picture))

    def _end_unless_failed(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            if self._last_pts is not None:
                self._container.mux(self._stream.encode(None))
            self._end()

    def _remove_if_empty(self, unfinished: Path) -> None:
        """A file without a frame is none."""
        if self._last_pts is None:
            unfinished.unlink(missing_ok=True)

    def _options(self) -> dict[str, str]:
        """Of the file as a whole."""
        return {}

    def _begin(self, container: "OutputContainer", stack: ExitStack) -> Any:
        """Add the streams; returns the one for the frames."""
        raise NotImplementedError

    def _picture(self, annotated_rgb: NDArray[np.uint8]) -> "VideoFrame":
        """As the encoder takes it."""
        raise NotImplementedError

    def _before(self, time_s: float) -> None:
        """Write what comes before the frame of this time."""

    def _end(self) -> None:
        """Write what comes after the last frame."""


class AnnotatedVideoSink(_MovingSink):
    """The video once more, with its readings drawn: H.264, the same times, the same sound, packet by packet.

    Args:
        path: The file to write, of the kind that `video_suffix` names; its folder is made.
        source: The video that is read, for its sound.
        info: What is known of it, from `open_video` with the same `max_side_px` as the frames.
        start_s: First presentation time of the part that is read; the written part then starts at 0.
        end_s: Presentation time at which the part that is read ends.
        quality: x264's constant rate factor: lower is better and larger.
    """

    def __init__(
        self,
        path: str | Path,
        source: str | Path,
        info: VideoInfo,
        *,
        start_s: float | None = None,
        end_s: float | None = None,
        quality: int = 20,
    ) -> None:
        super().__init__(path, info, unit_s=info.time_base, shift_s=start_s or 0.0)
        self.source = Path(source)
        self._range_s = (start_s, end_s)
        self._quality = quality
        self._sound: _Sound | None = None

    def _options(self) -> dict[str, str]:
        if self.path.suffix == ".mkv":
            return {}
        # in milliseconds, as usual, the start of the sound could not be told as exactly as it is in the source
        return {"movie_timescale": str(math.lcm(self._unit_s.denominator, 44_100, 48_000))}

    def _begin(self, container: "OutputContainer", stack: ExitStack) -> Any:
        container.metadata["comment"] = NOTICE
        # no picture refers to a later one, so that the file holds the times as they are given
        options = {"preset": "veryfast", "crf": str(self._quality), "bf": "0"}
        stream: Any = container.add_stream("libx264", rate=_rate(self.info), options=options)
        stream.width, stream.height = (side + side % 2 for side in self.info.size_wh)
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = stream.time_base = self._unit_s
        context = stream.codec_context
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        context.color_range = _LIMITED
        if self.info.has_audio:
            self._sound = _Sound(self.source, container, *self._range_s)
            stack.callback(self._sound.close)
        return stream

    def _picture(self, annotated_rgb: NDArray[np.uint8]) -> "VideoFrame":
        from av import VideoFrame

        height, width = annotated_rgb.shape[:2]
        if height % 2 or width % 2:  # H.264 stores colours for two by two pixels
            annotated_rgb = np.pad(annotated_rgb, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        return VideoFrame.from_ndarray(annotated_rgb, "rgb24").reformat(
            format="yuv420p", dst_colorspace=_BT709, dst_color_range=_LIMITED
        )

    def _before(self, time_s: float) -> None:
        if self._sound is not None:
            self._sound.copy(until_s=time_s)

    def _end(self) -> None:
        if self._sound is not None:
            self._sound.copy(until_s=None)


class AnimationSink(_MovingSink):
    """The annotated frames as a GIF or WebP picture that moves and starts again at its end.

    Args:
        path: The file to write, `.gif` or `.webp`; its folder is made.
        info: What is known of the video, from `open_video` with the same `max_side_px` as the frames.
        start_s: Frames before this presentation time are left out.
        end_s: Frames from this presentation time on are left out.
        max_side_px: Frames are scaled down so that the longer side is at most this.
        max_fps: Frames that follow closer than this are left out.

    Raises:
        ValueError: another suffix.
    """

    def __init__(
        self,
        path: str | Path,
        info: VideoInfo,
        *,
        start_s: float | None = None,
        end_s: float | None = None,
        max_side_px: int = 480,
        max_fps: float = 12.5,
    ) -> None:
        self.is_gif = Path(path).suffix.lower() == ".gif"
        if not self.is_gif and Path(path).suffix.lower() != ".webp":
            raise ValueError(f"expected a name that ends in .gif or .webp, got {path}")
        unit_s = _GIF_UNIT_S if self.is_gif else _WEBP_UNIT_S
        super().__init__(path, info, unit_s=unit_s, shift_s=info.start_s if start_s is None else start_s)
        self._from_s, self._until_s = -math.inf if start_s is None else start_s, math.inf if end_s is None else end_s
        self._every_s = 0.999 / max_fps
        scale = min(1.0, max_side_px / max(info.size_wh))
        self._size_wh = max(1, round(info.size_wh[0] * scale)), max(1, round(info.size_wh[1] * scale))
        self._last_s: float | None = None

    def write(self, result: SourceResult, frame_rgb: NDArray[np.uint8] | None) -> None:
        """Add one frame, unless it lies outside or follows too close."""
        time_s = result.reading.time_s if result.reading else None
        if time_s is None or not self._from_s <= time_s < self._until_s:
            return
        if self._last_s is not None and time_s - self._last_s < self._every_s:
            return
        self._last_s = time_s
        super().write(result, frame_rgb)

    def _options(self) -> dict[str, str]:
        return {"loop": "0"}  # without end

    def _begin(self, container: "OutputContainer", stack: ExitStack) -> Any:
        options = {} if self.is_gif else {"quality": "80"}
        codec, pix_fmt = ("gif", "pal8") if self.is_gif else ("libwebp_anim", "yuv420p")
        stream: Any = container.add_stream(codec, rate=_rate(self.info), options=options)
        stream.width, stream.height = self._size_wh
        stream.pix_fmt = pix_fmt
        stream.codec_context.time_base = stream.time_base = self._unit_s
        return stream

    def _picture(self, annotated_rgb: NDArray[np.uint8]) -> "VideoFrame":
        from av import VideoFrame

        picture = Image.fromarray(annotated_rgb)
        if picture.size != self._size_wh:
            picture = picture.resize(self._size_wh, Image.Resampling.BICUBIC)
        if not self.is_gif:
            return VideoFrame.from_ndarray(np.asarray(picture), "rgb24").reformat(format="yuv420p")
        few = picture.quantize(256, dither=Image.Dither.NONE)
        palette_argb = np.full((256, 4), 255, np.uint8)
        colours = np.array(few.getpalette(), np.uint8).reshape(-1, 3)
        palette_argb[: len(colours), 1:] = colours
        with_palette: Any = (np.asarray(few), palette_argb)  # what PyAV takes and its types do not say
        return VideoFrame.from_ndarray(with_palette, "pal8")


class _Sound:
    """Copies the packets of the sound as they are, in step with the frames.

    Args:
        source: The video that has it.
        container: Where the packets go; a stream is added to it for each of the source's.
        start_s: Packets before this presentation time are left out, and the times of the others count from it.
        end_s: Packets from this presentation time on are left out.
    """

    def __init__(self, source: Path, container: "OutputContainer", start_s: float | None, end_s: float | None) -> None:
        import av

        self._start_s, self._end_s = start_s, end_s
        self._container = container
        self._source = av.open(f"file:{source}")
        streams = self._source.streams.audio
        self._targets = {stream.index: container.add_stream_from_template(stream) for stream in streams}
        self._packets = self._source.demux(*streams)
        self._next: Packet[Any] | None = None

    def close(self) -> None:
        self._source.close()

    def copy(self, *, until_s: float | None) -> None:
        """Write the packets that play before a time of the source; None writes all that are left."""
        while (packet := self._next or self._read()) is not None:
            assert packet.pts is not None
            time_s = float(packet.pts * packet.time_base)
            if until_s is not None and time_s >= until_s:
                self._next = packet
                return
            self._next = None
            if (self._start_s is None or time_s >= self._start_s) and (self._end_s is None or time_s < self._end_s):
                shift = round(Fraction(self._start_s or 0) / packet.time_base)
                packet.pts, packet.dts = packet.pts - shift, (packet.dts or packet.pts) - shift
                packet.stream = self._targets[packet.stream_index]
                self._container.mux(packet)

    def _read(self) -> "Packet[Any] | None":
        """The next packet with a time; None at the end, or where the source breaks off."""
        from av.error import FFmpegError

        try:
            return next((packet for packet in self._packets if packet.pts is not None), None)
        except FFmpegError:
            return None


def video_suffix(source: str | Path) -> str:
    """Which kind of file takes an annotated copy of a video with its sound as it is: ".mp4" where it does.

    Raises:
        MediaError: none does.
    """
    import av

    with av.open(f"file:{source}") as container:
        codecs = {stream.codec.name for stream in container.streams.audio}
    for suffix, kind in _CONTAINERS.items():
        with av.open(io.BytesIO(), "w", format=kind) as target:
            if codecs <= target.supported_codecs:
                return suffix
    raise MediaError(
        f"{source}: expected sound that a video file can hold as it is, got {', '.join(codecs)}: leave out the"
        " annotated video, or convert the sound first"
    )


def _rate(info: VideoInfo) -> Fraction:
    """Frames per second, as encoders want to know it; the times are given with each frame."""
    return Fraction(info.fps or 25).limit_denominator(1001)
