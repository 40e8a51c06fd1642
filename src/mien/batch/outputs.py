"""Which files are written of one video, besides its rows in the table."""

import os
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mien.media.videos import VideoInfo
from mien.sinks.report.sink import ReportSink
from mien.sinks.sink import Sink
from mien.sinks.subtitles import SubtitleSink
from mien.sinks.summaries import SummarySink, VideoFrequencySink
from mien.sinks.timeline import TimelineSink
from mien.sinks.video import AnimationSink, AnnotatedVideoSink, video_suffix
from mien.taxonomy import Taxonomy

__all__ = ["Animation", "VideoOutputs", "folders_for"]

_LONGEST_STEM_BYTES = 200


@dataclass(frozen=True)
class Animation:
    """A picture that moves, of a part of a video.

    Args:
        suffix: ".gif" or ".webp".
        start_s: Presentation time of its start.
        end_s: Of its end.
    """

    suffix: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class VideoOutputs:
    """The files of one video: `summary.json` and `frequency.csv` always, the others as chosen.

    Args:
        report: `report.html`.
        key_frames: With pictures of faces in the report.
        timeline: `timeline.png`.
        subtitles: Suffixes: ".srt" and ".vtt" make `subtitles.srt` and `subtitles.vtt`.
        annotated: `annotated.mp4`, or `.mkv` or `.mov` where that takes the sound as it is.
        animations: `animation.gif` and `animation.webp`.
    """

    report: bool = True
    key_frames: bool = False
    timeline: bool = False
    subtitles: tuple[str, ...] = ()
    annotated: bool = False
    animations: tuple[Animation, ...] = ()

    @property
    def need_pictures(self) -> bool:
        """Whether the frames themselves are needed, and not only their readings."""
        return self.annotated or bool(self.animations) or (self.report and self.key_frames)

    def sinks(
        self,
        folder: Path,
        video: Path,
        info: VideoInfo,
        taxonomy: Taxonomy,
        *,
        start_s: float | None,
        end_s: float | None,
    ) -> dict[str, Sink]:
        """File name -> what writes it.

        Args:
            folder: Where the files go.
            video: The file that is read.
            info: What is known of it.
            taxonomy: The label set of the readings.
            start_s: Where the part that is read starts.
            end_s: Where it ends.

        Raises:
            MediaError: the annotated video cannot have the sound as it is.
        """
        sinks: dict[str, Sink] = {
            "summary.json": SummarySink(folder / "summary.json"),
            "frequency.csv": VideoFrequencySink(folder / "frequency.csv", taxonomy),
        }
        if self.report:
            sinks["report.html"] = ReportSink(folder / "report.html", key_frames=self.key_frames)
        if self.timeline:
            sinks["timeline.png"] = TimelineSink(folder / "timeline.png")
        for suffix in self.subtitles:
            sinks[f"subtitles{suffix}"] = SubtitleSink(folder / f"subtitles{suffix}")
        if self.annotated:
            name = f"annotated{video_suffix(video)}"
            sinks[name] = AnnotatedVideoSink(folder / name, video, info, start_s=start_s, end_s=end_s)
        for part in self.animations:
            name = f"animation{part.suffix}"
            sinks[name] = AnimationSink(folder / name, info, start_s=part.start_s, end_s=part.end_s)
        return sinks


def folders_for(sources: Iterable[Path | str], out: Path) -> dict[Path | str, Path]:
    """A folder of its own for each of these videos, in which none of them lies.

    Example:
        >>> folders = folders_for(["https://example.org/a/clip.mp4", Path("b/clip.mov")], Path("out"))
        >>> [folder.as_posix() for folder in folders.values()]
        ['out/clip', 'out/clip_2']
    """
    named = list(sources)
    taken = {_place(source.parent) for source in named if isinstance(source, Path)}
    folders: dict[Path | str, Path] = {}
    for source in named:
        stem = _stem(source)
        numbered = (out / f"{stem}{'' if number == 1 else f'_{number}'}" for number in count(1))
        folder = next(folder for folder in numbered if _place(folder) not in taken)
        taken.add(_place(folder))
        folders[source] = folder
    return folders


def _stem(source: Path | str) -> str:
    """What to call the folder of a video."""
    if isinstance(source, str):
        parts = urlsplit(source)
        name = Path(unquote(parts.path)).name
        # the name of a page says little: what follows it tells which
        source = Path(name if Path(name).suffix else f"{name} {parts.query}".strip() or str(parts.hostname))
    stem = re.sub(r'[\0-\x1f<>:"/\\|?*]', "_", source.stem).strip(" .")
    return stem.encode("utf-8", "surrogateescape")[:_LONGEST_STEM_BYTES].decode("utf-8", "ignore") or "video"


def _place(folder: Path) -> str:
    """What two folders have in common if they are one, on file systems that fold case too."""
    return unicodedata.normalize("NFC", os.path.realpath(folder)).casefold()
