"""A video at a glance, as one picture."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.results import FrameReading
from mien.sinks.charts import save_png, timeline_chart
from mien.sinks.summaries import VideoSink
from mien.summary.curves import Curves
from mien.summary.episodes import Episode
from mien.summary.summarizer import Summary

__all__ = ["TimelineSink"]


class TimelineSink(VideoSink):
    """A PNG of one video: per person the steady probabilities stacked along time, and below them a ribbon.

    The ribbon shows the steady label, grey where the reading is unsure; nothing is drawn where the person is out of
    sight. The persons seen longest are shown.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        self._curves = Curves()

    def _take(self, reading: FrameReading, ended: tuple[Episode, ...], frame_rgb: NDArray[np.uint8] | None) -> None:
        self._curves.add(reading)

    def _finish(self, summary: Summary, file: Path) -> None:
        title = Path(self.source or "no video").name
        save_png(timeline_chart(title, summary, self._curves.finish()), file)
