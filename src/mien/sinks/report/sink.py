"""The report as a sink of one video."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.results import FaceReading, FrameReading
from mien.sinks.report.page import Report, page
from mien.sinks.summaries import VideoSink
from mien.summary.conditions import Conditions, Event
from mien.summary.curves import Curves
from mien.summary.episodes import Episode
from mien.summary.summarizer import Summary

__all__ = ["ReportSink"]

_PICTURE_PX = 192
_MARGIN = 0.25  # of the box, around the face in a key frame


class ReportSink(VideoSink):
    """A self-contained HTML page of one video, which opens from disk and loads nothing.

    Args:
        path: The file to write; its folder is made.
        key_frames: Also show each episode's face at its apex; then the page holds pictures of people.
        events: Spans to shade and to tell apart in a table.
    """

    def __init__(self, path: str | Path, *, key_frames: bool = False, events: Sequence[Event] = ()) -> None:
        super().__init__(path)
        self.key_frames = key_frames
        self.events = tuple(events)
        self._curves = Curves()
        self._conditions = Conditions(self.events)
        self._reading: FrameReading | None = None
        self._apexes: dict[int, tuple[float, NDArray[np.uint8]]] = {}  # track -> time and face of its open episode
        self._pictures: dict[Episode, bytes] = {}

    def _take(self, reading: FrameReading, ended: tuple[Episode, ...], frame_rgb: NDArray[np.uint8] | None) -> None:
        self._reading = self._reading or reading
        self._curves.add(reading)
        self._conditions.add(reading)
        if not self.key_frames:
            return
        for episode in ended:
            self._keep(episode)
        for face in reading.faces if frame_rgb is not None else ():
            assert reading.time_s is not None
            if face.track_id is not None and self._summarizer.episodes.at_apex(face.track_id, reading.time_s):
                assert frame_rgb is not None
                self._apexes[face.track_id] = reading.time_s, _face_picture(frame_rgb, face)

    def _finish(self, summary: Summary, file: Path) -> None:
        for track in summary.tracks:
            for episode in track.episodes:
                self._keep(episode)
        report = Report(
            title=Path(self.source or "no video").name,
            summary=summary,
            curves=self._curves.finish(),
            reading=self._reading,
            pictures=self._pictures,
            events=self.events,
            conditions=self._conditions.finish(),
        )
        file.write_text(page(report), "utf-8")

    def _keep(self, episode: Episode) -> None:
        """Keep the picture of an episode's apex, if that is the last one taken of its person."""
        time_s, picture = self._apexes.get(episode.track_id, (None, None))
        if time_s == episode.apex_s and picture is not None:
            stream = io.BytesIO()
            Image.fromarray(picture).save(stream, "JPEG", quality=80)
            self._pictures[episode] = stream.getvalue()


def _face_picture(frame_rgb: NDArray[np.uint8], face: FaceReading) -> NDArray[np.uint8]:
    """The face with some of what is around it, as a small square or what of it lies in the picture."""
    x0, y0, x1, y1 = face.box_xyxy
    half = face.longer_side_px * (0.5 + _MARGIN)
    height, width = frame_rgb.shape[:2]
    left, right = (round(min(max((x0 + x1) / 2 + side, 0), width)) for side in (-half, half))
    top, bottom = (round(min(max((y0 + y1) / 2 + side, 0), height)) for side in (-half, half))
    picture = Image.fromarray(frame_rgb[top : max(bottom, top + 1), left : max(right, left + 1)])
    picture.thumbnail((_PICTURE_PX, _PICTURE_PX))
    return np.asarray(picture)
