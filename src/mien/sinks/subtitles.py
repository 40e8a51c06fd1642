"""Episodes as subtitles: SRT or WebVTT, to watch beside the video."""

from pathlib import Path

from mien.errors import DataError
from mien.results import NOTICE
from mien.sinks.summaries import VideoSink
from mien.summary.summarizer import Summary

__all__ = ["SubtitleSink"]

_NOTICE_S = 3.0
_SEPARATORS = {".srt": ",", ".vtt": "."}


class SubtitleSink(VideoSink):
    """One cue per episode, such as "happy 83 %", its person named where there are several; the notice comes first.

    Args:
        path: The file to write, in .srt or .vtt; its folder is made.

    Raises:
        DataError: the suffix is another.
    """

    SUFFIXES = tuple(_SEPARATORS)

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        if self.path.suffix.lower() not in self.SUFFIXES:
            raise DataError(f"{path}: expected a name that ends in {' or '.join(self.SUFFIXES)}")
        self._separator = _SEPARATORS[self.path.suffix.lower()]

    def _finish(self, summary: Summary, file: Path) -> None:
        cues = [(0.0, _NOTICE_S, NOTICE)]
        several = len(summary.tracks) > 1
        for track in summary.tracks:
            person = f"Person {track.track_id}: " if several else ""
            cues += [
                (episode.onset_s, episode.end_s, f"{person}{episode.label} {episode.peak:.0%}")
                for episode in track.episodes
            ]
        cues.sort(key=lambda cue: cue[0])
        blocks = ["WEBVTT\n\n"] if self._separator == "." else []
        blocks += [
            f"{number}\n{self._time(start_s)} --> {self._time(end_s)}\n{text}\n\n"
            for number, (start_s, end_s, text) in enumerate(cues, start=1)
        ]
        file.write_text("".join(blocks), "utf-8", newline="\n")

    def _time(self, seconds: float) -> str:
        milliseconds = round(seconds * 1000)
        minutes, milliseconds = divmod(milliseconds, 60_000)
        hours, minutes = divmod(minutes, 60)
        whole, milliseconds = divmod(milliseconds, 1000)
        return f"{hours:02d}:{minutes:02d}:{whole:02d}{self._separator}{milliseconds:03d}"
