"""One video on its way through an analyzer into its files and into those of the run."""

import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mien.analyzer import Analyzer
from mien.batch.journal import End, Journal, Standing
from mien.batch.outputs import VideoOutputs
from mien.errors import DataError, MediaError
from mien.media.videos import Frame, Place, Video, VideoInfo, open_video
from mien.results import FrameReading, SourceResult, StreamOptions
from mien.sinks.sink import Sink
from mien.streaming import StreamReader
from mien.summary.summarizer import Summarizer, Summary
from mien.taxonomy import TAXONOMIES

__all__ = ["Progress", "VideoPart", "VideoReading", "VideoTask"]

_NO_PICTURE = np.zeros((0, 0, 3), np.uint8)


@dataclass(frozen=True)
class VideoPart:
    """Which frames of a video are read, and how large; as `open_video` takes it."""

    start_s: float | None = None
    end_s: float | None = None
    every_s: float | None = None
    every_frames: int | None = None
    max_side_px: int | None = None


@dataclass(frozen=True)
class Progress:
    """How far a video is.

    Args:
        stage: Whether it is fetched from the web or read.
        frames: Frames that were read now, those of an earlier run not counted.
        share: Of what is fetched, or of the part that is read, in [0, 1]; None if its length is unknown.
    """

    stage: Literal["fetching", "reading"]
    frames: int
    share: float | None


@dataclass(frozen=True)
class VideoTask:
    """What is to be done with a video.

    Args:
        name: What results call it.
        part: Which frames are read.
        stream: How they are read together.
        outputs: Which files are written of it.
        folder: Where they go; None for none.
        journal: What was read of it earlier, and where to keep what is read now; None to keep nothing.
        save_every_s: How often to keep it.
    """

    name: str
    part: VideoPart
    stream: StreamOptions
    outputs: VideoOutputs
    folder: Path | None
    journal: Journal | None
    save_every_s: float

    @property
    def end(self) -> End | None:
        """How it ended, if it was read to its end and all its files were written as they are wanted now."""
        end = self.journal.last if self.journal is not None else None
        if not isinstance(end, End) or self.folder is None or end.choice != self.choice:
            return None
        return end if all((self.folder / name).is_file() for name in end.files) else None

    @property
    def choice(self) -> str:
        """What decides which files are written, and where."""
        return f"{self.folder}: {self.outputs}"


class VideoReading:
    """Reads one video from where its journal stands, and writes all that is to be written of it in one pass.

    Args:
        task: What is to be done.
        analyzer: Reads the faces.
        sinks: Those of the run, which take this video's readings too.
        describe: Takes what the video's file states.
        is_stopped: Asked after every frame: True ends the reading with all that was read.
        tell: Takes how far it is, after every frame.
    """

    def __init__(
        self,
        task: VideoTask,
        analyzer: Analyzer,
        *,
        sinks: Sequence[Sink],
        describe: Callable[[dict[str, Any]], None],
        is_stopped: Callable[[], bool],
        tell: Callable[[Progress], None],
    ) -> None:
        self._task, self._analyzer = task, analyzer
        self._sinks, self._describe = list(sinks), describe
        self._is_stopped, self._tell = is_stopped, tell
        self._summarizer = Summarizer()
        self._has_begun = False
        self._was_stopped = False
        self._unsaved: list[FrameReading] = []

    def again(self, end: End) -> tuple[Summary, str | None]:
        """What an earlier run read, for the sinks of this one; the video and its own files are left alone."""
        assert self._task.journal is not None
        self._describe(end.facts)
        for reading in self._task.journal.readings():
            self._write(reading, None)
        return self._summarizer.finish(), self._complaint(end)

    def read(self, path: Path) -> tuple[Summary, str | None]:
        """Read the video to its end, or until it is stopped.

        Returns:
            What its readings amount to; and what is wrong with it, if anything: then all that can be read was read.

        Raises:
            MediaError: nothing of it can be read.
        """
        task = self._task
        error: str | None = None
        files: tuple[str, ...] = ()
        with ExitStack() as stack:
            video = stack.enter_context(self._opened(path))
            facts = _facts(video.info)
            try:
                for reading, pixels_rgb in stack.enter_context(closing(self._readings(video))):
                    if not self._has_begun:
                        files = self._begin(path, video.info, facts, stack)
                    self._write(reading, pixels_rgb)
            except MediaError as failure:
                if not self._has_begun:
                    raise
                error = str(failure).replace(str(path), task.name)
        made = tuple(name for name in files if task.folder is not None and (task.folder / name).is_file())
        missing = tuple(name for name in files if name not in made)
        end = End(error, facts, made, missing, task.choice)
        if task.journal is not None and not self._was_stopped:
            task.journal.add(self._unsaved, end)
        return self._summarizer.finish(), error if self._was_stopped else self._complaint(end)

    @property
    def _last(self) -> Standing | End | None:
        """Where an earlier run got to."""
        return self._task.journal.last if self._task.journal is not None else None

    @property
    def _pictures_needed(self) -> bool:
        return self._task.folder is not None and self._task.outputs.need_pictures

    def _opened(self, path: Path) -> Video:
        """The video, behind what has been read, unless the pictures of that are needed once more."""
        last = self._last
        is_behind = isinstance(last, Standing) and not self._pictures_needed
        after = Place(*last.stream.last, last.damaged_at_s) if isinstance(last, Standing) and is_behind else None
        return open_video(path, **asdict(self._task.part), after=after)

    def _begin(self, path: Path, info: VideoInfo, facts: dict[str, Any], stack: ExitStack) -> tuple[str, ...]:
        """Open the video's own files, now that there is something to write; their names."""
        task = self._task
        own: dict[str, Sink] = {}
        if task.folder is not None:
            taxonomy = TAXONOMIES[self._analyzer.options.labels]
            own = task.outputs.sinks(
                task.folder, path, info, taxonomy, start_s=task.part.start_s, end_s=task.part.end_s
            )
        for sink in own.values():
            self._sinks.append(stack.enter_context(sink))
        self._describe(facts)
        self._has_begun = True
        return tuple(own)

    def _complaint(self, end: End) -> str | None:
        """What is wrong with the video, or with what was wanted of it."""
        if end.error is not None or not end.missing:
            return end.error
        missing = ", ".join(end.missing)
        return f"{self._task.name}: expected frames in the span of {missing}, got none: choose a span of the video"

    def _write(self, reading: FrameReading, pixels_rgb: NDArray[np.uint8] | None) -> None:
        result = SourceResult(self._task.name, reading, None)
        for sink in self._sinks:
            sink.write(result, pixels_rgb)
        self._summarizer.add(reading)

    def _readings(self, video: Video) -> Generator[tuple[FrameReading, NDArray[np.uint8] | None]]:
        """What was read earlier, and then what is read now; each with its picture where that is needed."""
        task, last = self._task, self._last
        for reading in task.journal.readings() if task.journal is not None else ():
            yield reading, self._frame_of(reading, video).pixels_rgb
        if isinstance(last, End):
            if last.error is not None:
                raise MediaError(last.error)
            return
        state = last.stream if last is not None else None
        held = [self._frame_of(reading, video) for reading, _ in state.held] if state is not None else []
        frames = _UntilStopped(video)
        with StreamReader(frames, self._analyzer.session(task.stream), state=state, held=held) as reader:
            saved_s = time.monotonic()
            for number, (frame, reading) in enumerate(reader, start=1):
                yield reading, frame.pixels_rgb
                self._tell(Progress("reading", number, self._share(frame.time_s, video.info)))
                if frames.is_stopped:
                    continue  # the last few, which were under way
                frames.is_stopped = self._was_stopped = self._is_stopped()
                if task.journal is None:
                    continue
                self._unsaved.append(reading)
                if frames.is_stopped or time.monotonic() - saved_s > task.save_every_s:
                    stands = reader.state()
                    assert stands is not None
                    task.journal.add(self._unsaved, Standing(stands, video.damaged_at_s))
                    self._unsaved.clear()
                    saved_s = time.monotonic()

    def _frame_of(self, reading: FrameReading, video: Video) -> Frame:
        """The frame that an earlier run read, if its picture is needed.

        Raises:
            DataError: the video has another one there.
        """
        if not self._pictures_needed:
            assert reading.time_s is not None
            return Frame(reading.index, reading.time_s, _NO_PICTURE)
        frame = next(video, None)
        if frame is None or frame.index != reading.index:
            raise DataError(
                f"{self._task.name}: expected the video that was read before, got another: run with --no-resume"
            )
        return frame

    def _share(self, time_s: float, info: VideoInfo) -> float | None:
        part = self._task.part
        start_s = max(part.start_s or 0.0, info.start_s)
        end_s = min(part.end_s or math.inf, math.inf if info.duration_s is None else info.start_s + info.duration_s)
        return min((time_s - start_s) / (end_s - start_s), 1.0) if start_s < end_s < math.inf else None


class _UntilStopped:
    """A video's frames, until nobody wants more."""

    def __init__(self, video: Video) -> None:
        self._video = video
        self.is_stopped = False

    def __iter__(self) -> Iterator[Frame]:
        while not self.is_stopped:
            frame = next(self._video, None)
            if frame is None:
                return
            yield frame

    def close(self) -> None:
        self._video.close()


def _facts(info: VideoInfo) -> dict[str, Any]:
    """What a video's file states, for the sidecar."""
    return {
        "fps": info.fps,
        "time_base": str(info.time_base),
        "start_s": info.start_s,
        "duration_s": info.duration_s,
        "codec": info.codec,
        "has_audio": info.has_audio,
    }
