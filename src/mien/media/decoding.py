"""A video file to decoded frames, each with its number and its exact presentation time.

Only what PyAV decodes is given out; what it cannot is noted, and `check_whole` says so.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from mien.errors import MediaError, MissingExtraError
from mien.media.photos import advice_on, kind_of, unopenable

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

__all__ = ["Decoded", "Decoder"]

# Playlists and the like are not among them: those name other files and addresses, which libav would open.
_FORMATS = (
    "mov,matroska,avi,gif,apng,mpegts,mpeg,mpegvideo,flv,ogg,asf,mxf,dv,mjpeg,yuv4mpegpipe,nut,ivf,h264,hevc,m4v,"
    "mp3,wav,flac,aac,caf"  # sound alone, to say that it is
)
# Each packet of these is one frame, so that packets can be counted instead of decoded.
_ONE_FRAME_A_PACKET = frozenset({"h264", "hevc", "vp9", "av1", "libdav1d", "mjpeg", "mpeg4", "prores", "ffv1"})
_LONGEST_GROUP_BYTES = 64_000_000
_SHORT_BY_S = 0.5  # a video that ends this much before its header says has been cut off


@dataclass(frozen=True, eq=False)
class Decoded:
    """A frame as the decoder gives it, not yet turned or converted."""

    index: int
    time_s: Fraction
    picture: "VideoFrame"


class Decoder:
    """The frames of one file.

    Args:
        path: The video.
        threads: That decode; 0 for one on every core.

    Attributes:
        container: The open file.
        stream: Its picture.
        unit_s: Times are whole multiples of this.
        start_s: When its header says that it starts.
        duration_s: How long its header says that it is; None if it does not.
        damaged_at_s: The time of the first piece that could not be decoded; None while there was none.

    Raises:
        MediaError: there is no such file, it is no video, or there is no picture in it.
        MissingExtraError: PyAV is not installed.
    """

    def __init__(self, path: Path, *, threads: int = 0) -> None:
        self.name = str(path)
        self.container = _opened(path)
        try:
            self.stream = _picture_stream(self.container, self.name, threads)
        except MediaError:
            self.container.close()
            raise
        self.unit_s = self.stream.time_base or Fraction(1, 1000)
        self.start_s = (self.stream.start_time or 0) * self.unit_s
        self.duration_s = _duration_s(self.stream, self.unit_s)
        self.damaged_at_s: Fraction | None = None
        self.reached_s = self.start_s
        self._passed_over = 0  # packets before the first that is decoded
        self._given_s: list[Fraction] = []  # times of those that were, until the first wanted frame is there

    def frames(self, from_s: Fraction | None, *, index: int | None = None) -> Generator[Decoded]:
        """The frames from `from_s` on, or all; times never run backwards.

        Args:
            from_s: What lies before is decoded only as far as it must be.
            index: Number of the first of them, where it is known.
        """
        number = 0 if from_s is None else index
        before = 0  # frames decoded and not wanted
        for time_s, picture in self._pictures(from_s):
            if from_s is not None and time_s < from_s:
                before += 1
                continue
            if number is None:
                earlier = sum(given_s < time_s for given_s in self._given_s)
                number = self._passed_over + earlier if self._passed_over else before
            self._given_s.clear()
            yield Decoded(number, time_s, picture)
            number += 1

    def _pictures(self, from_s: Fraction | None) -> Iterator[tuple[Fraction, "VideoFrame"]]:
        """What comes out of the decoder, in order of time."""
        from av.error import FFmpegError

        for packet in self._packets(from_s):
            at_s = self.reached_s if packet.pts is None else packet.pts * self.unit_s
            if packet.size and not packet.is_discard:
                self._given_s.append(at_s)
            try:
                pictures = packet.decode()
            except FFmpegError:
                self._note_damage(at_s)
                continue
            for picture in pictures:
                time_s = self.reached_s if picture.pts is None else picture.pts * self.unit_s
                if picture.is_corrupt or time_s < self.reached_s:
                    self._note_damage(time_s)
                if time_s >= self.reached_s:
                    self.reached_s = time_s
                    yield time_s, picture

    def key_frames_s(self) -> Iterator[Fraction]:
        """Times of the frames from which decoding can begin; the file is walked through and not decoded."""
        for packet in self._demuxed():
            if packet.pts is not None:
                self.reached_s = max(self.reached_s, packet.pts * self.unit_s)
                if packet.is_keyframe:
                    yield packet.pts * self.unit_s

    def check_whole(self, frame_s: float) -> None:
        """Say that something is missing of a video that has been decoded to its end.

        Args:
            frame_s: How long the last frame stays.

        Raises:
            MediaError: something could not be decoded, or it ends before its header says.
        """
        reached_s = float(self.reached_s - self.start_s) + frame_s
        if self.duration_s is not None and reached_s < float(self.duration_s) - max(_SHORT_BY_S, frame_s):
            raise MediaError(
                f"{self.name}: expected a video of {float(self.duration_s):.1f} s, got one that breaks off at"
                f" {reached_s:.1f} s: what is before was read; copy or export it again for the rest"
            )
        if self.damaged_at_s is not None:
            raise MediaError(
                f"{self.name}: expected a whole video, got one with parts that cannot be decoded, the first at"
                f" {float(self.damaged_at_s):.1f} s: the rest was read; copy or export it again"
            )

    def close(self) -> None:
        """Close the file."""
        self.container.close()

    def _note_damage(self, time_s: Fraction) -> None:
        if self.damaged_at_s is None:
            self.damaged_at_s = time_s

    def _packets(self, from_s: Fraction | None) -> Iterator["Packet[VideoStream]"]:
        """Every packet from the last keyframe that is not after `from_s`; those before are counted."""
        packets = self._demuxed()
        if from_s is None or self.stream.codec_context.name not in _ONE_FRAME_A_PACKET:
            yield from packets
            return
        group: list[Packet[VideoStream]] = []
        group_bytes = 0
        for packet in packets:
            if packet.is_keyframe and packet.pts is not None and packet.pts * self.unit_s <= from_s:
                self._passed_over += sum(not earlier.is_discard for earlier in group)
                group.clear()
                group_bytes = 0
            group.append(packet)
            group_bytes += packet.size
            if packet.pts is None or group_bytes > _LONGEST_GROUP_BYTES:
                break  # the end, or no way to tell what may be passed over
            if packet.is_keyframe and packet.pts * self.unit_s > from_s:
                break
        yield from group
        yield from packets

    def _demuxed(self) -> Iterator["Packet[VideoStream]"]:
        """The packets of the picture up to the end of the file, or of what can be read of it."""
        from av.error import FFmpegError

        try:
            yield from self.container.demux(self.stream)
        except FFmpegError:
            self._note_damage(self.reached_s)


def _opened(path: Path) -> "InputContainer":
    """The file, read by its content alone and with no other file or address."""
    try:
        import av
    except ImportError as error:
        raise MissingExtraError("reading videos", extra="video") from error

    try:
        with path.open("rb") as file:
            start = file.read(64)
    except (OSError, ValueError) as error:
        raise unopenable(str(path), error, kind="video") from error
    try:
        # the prefix, since libav would take "concat:x" for a command
        return av.open(f"file:{path}", options={"format_whitelist": _FORMATS, "protocol_whitelist": "file"})
    except (av.error.FFmpegError, OSError) as error:
        kind = kind_of(start)
        if kind == "a video":
            raise MediaError(
                f"{path}: expected a whole video, got one that is cut off or damaged: copy or export it again"
            ) from error
        raise MediaError(
            f"{path}: expected a video (MP4, MOV, MKV, WebM, AVI, GIF, ...), got {kind}: {advice_on(start)}"
        ) from error


def _picture_stream(container: "InputContainer", name: str, threads: int) -> "VideoStream":
    """The first stream of moving pictures; a cover of a song is none."""
    from av.stream import Disposition

    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic and stream.codec_context is not None:
            stream.thread_type = "AUTO"  # decode on every core, ahead of what is read
            stream.codec_context.thread_count = threads
            return stream
    kind = "sound alone" if container.streams.audio else "a file without pictures"
    raise MediaError(f"{name}: expected a video, got {kind}: leave it out")


def _duration_s(stream: "VideoStream", unit_s: Fraction) -> Fraction | None:
    """How long the picture lasts; of the whole file, which may be longer than its picture, nothing is concluded."""
    if stream.duration is not None:
        return stream.duration * unit_s
    tag = stream.metadata.get("DURATION", "")  # Matroska: 00:00:05.120000000
    hours, colon, rest = tag.partition(":")
    minutes, second_colon, seconds = rest.partition(":")
    if colon and second_colon:
        try:
            return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
        except ValueError:
            return None
    return None
