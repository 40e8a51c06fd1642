"""What one video amounts to, as files: the summary in JSON, the frequency of each emotion in CSV."""

import csv
import json
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mien.errors import DataError
from mien.results import FrameReading, SourceResult
from mien.summary.episodes import Episode
from mien.summary.summarizer import Summarizer, Summary
from mien.taxonomy import Taxonomy
from mien.writing import replacing

__all__ = ["SummarySink", "VideoFrequencySink", "VideoSink"]


class VideoSink:
    """A file on one video, written once all of it has been read.

    Args:
        path: The file to write; its folder is made.

    Raises:
        DataError: a second video comes; each needs a sink of its own.
        ValueError: a photo comes, or time runs backwards.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.source: str | None = None
        self._summarizer = Summarizer()

    def write(self, result: SourceResult, frame_rgb: NDArray[np.uint8] | None) -> None:
        """Take the next frame; a result without a reading, where a video broke off, changes nothing."""
        self.source = self.source or result.source
        if result.source != self.source:
            raise DataError(f"{self.path}: expected the frames of {self.source} alone, got one of {result.source}")
        if result.reading is not None:
            self._take(result.reading, self._summarizer.add(result.reading), frame_rgb)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._unfinished = stack.enter_context(replacing(self.path))
            stack.push(self._finish_unless_failed)
            self._open = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def _finish_unless_failed(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._finish(self._summarizer.finish(), self._unfinished)

    def _take(self, reading: FrameReading, ended: tuple[Episode, ...], frame_rgb: NDArray[np.uint8] | None) -> None:
        """See one frame, and the episodes that ended with it."""

    def _finish(self, summary: Summary, file: Path) -> None:
        """Write the file, which gets its name afterwards."""
        raise NotImplementedError


class SummarySink(VideoSink):
    """A video's summary in JSON: per person and overall, shares of time, mean probabilities, episodes."""

    def _finish(self, summary: Summary, file: Path) -> None:
        document = {"input": self.source, **summary.to_dict()}
        text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
        file.write_text(text + "\n", "utf-8", "backslashreplace")


class VideoFrequencySink(VideoSink):
    """`emotion,frames,seconds`: how often the faces of a video look like each emotion, all persons together.

    Every label stands in order, also one that was never seen; then `unsure`, where no emotion is counted, and
    `no_face` for the frames without one.

    Args:
        path: The file to write; its folder is made.
        taxonomy: The label set of the readings.
    """

    def __init__(self, path: str | Path, taxonomy: Taxonomy) -> None:
        super().__init__(path)
        self.taxonomy = taxonomy

    def _finish(self, summary: Summary, file: Path) -> None:
        looks = summary.overall
        with file.open("w", encoding="utf-8", newline="") as text:
            rows = csv.writer(text)
            rows.writerow(("emotion", "frames", "seconds"))
            for label in self.taxonomy.labels:
                rows.writerow((label, looks.emotion_frames.get(label, 0), looks.emotions.get(label, 0.0)))
            rows.writerow(("unsure", looks.unsure_frames, looks.unsure_seconds))
            rows.writerow(("no_face", summary.frames_without_face, summary.seconds_without_face))
