"""Any number of photos and videos, one after the other, into the files of one run."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.analyzer import Analyzer
from mien.batch.journal import Journal, forget, has_segments
from mien.batch.outputs import VideoOutputs, folders_for
from mien.batch.video import Progress, VideoPart, VideoReading, VideoTask
from mien.classifier import EmotionClassifier
from mien.errors import DataError, MediaError, MissingExtraError
from mien.media.downloads import download
from mien.media.finding import is_video
from mien.media.photos import load_photo
from mien.results import FrameReading, SourceResult, StreamOptions
from mien.sinks.photos import AnnotatedPhotoSink, CsvSink, FrequencySink, JsonSink
from mien.sinks.sink import Sink
from mien.sinks.tables import TableSink
from mien.summary.summarizer import Summary
from mien.taxonomy import TAXONOMIES
from mien.writing import remove_unfinished

__all__ = ["Batch", "BatchOptions", "Outcome"]

_JOURNALS = ".mien-unfinished"

Source = Path | str
Tell = Callable[[str, Progress], None]


@dataclass(frozen=True)
class BatchOptions:
    """How a batch is read, and what is written of it.

    Args:
        part: Which frames of the videos are read.
        stream: How they are read together.
        outputs: Which files are written of each video.
        tables: Formats of the researchers' table, such as ".csv"; None for ".csv" where there is a video, and for the
            photos' own table where there is none.
        columns: Whose column names the table has.
        max_pixels: Photos that claim more are refused.
        save_every_s: What was read of a video is kept this often.
        resume: Go on with a run that was interrupted (True), forget it (False), or refuse where there is one (None).
    """

    part: VideoPart = field(default_factory=VideoPart)
    stream: StreamOptions = field(default_factory=StreamOptions)
    outputs: VideoOutputs = field(default_factory=VideoOutputs)
    tables: tuple[str, ...] | None = None
    columns: str = "native"
    max_pixels: int = 100_000_000
    save_every_s: float = 5.0
    resume: bool | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of one photo or video.

    Args:
        source: As it was named.
        is_video: Whether it was taken for a video.
        reading: Of a photo; None if it could not be read.
        summary: Of a video, as far as it could be read; None if nothing could.
        error: What is wrong with it; None if nothing is.
    """

    source: str
    is_video: bool
    reading: FrameReading | None = None
    summary: Summary | None = None
    error: str | None = None


class Batch:
    """One run over photos and videos.

    Args:
        sources: Files and addresses, as `find_media` gives them.
        analyzer: Reads the faces.
        out: Where the files go; None writes none.
        options: How, and what is written.

    Raises:
        DataError: an interrupted run is there, and `resume` does not say what to do with it.
    """

    def __init__(self, sources: Sequence[Source], analyzer: Analyzer, out: Path | None, options: BatchOptions) -> None:
        self._sources, self._analyzer, self._out, self._options = tuple(sources), analyzer, out, options
        self._reports: list[Path] = []
        self._videos = tuple(source for source in sources if is_video(source))
        self._folders = folders_for(self._videos, out) if out is not None else {}
        self._journals = out / _JOURNALS if out is not None and self._videos else None
        if self.can_resume and self._journals is not None:
            if options.resume is None:
                raise DataError(
                    f"{out}: expected a folder for a new run, got one with a run that was interrupted: "
                    "go on with it with --resume, or forget it with --no-resume"
                )
            if not options.resume:
                forget(self._journals)

    @property
    def can_resume(self) -> bool:
        """Whether what was read of a video is kept, to go on with."""
        return self._journals is not None and has_segments(self._journals)

    @property
    def reports(self) -> tuple[Path, ...]:
        """The reports that were written, in the order of the videos."""
        return tuple(self._reports)

    def outcomes(
        self, *, is_stopped: Callable[[], bool] = lambda: False, tell: Tell | None = None
    ) -> Iterator[Outcome]:
        """Read all, one after the other; the files are complete when the last outcome has been taken.

        Args:
            is_stopped: Asked after every frame and photo: True ends the run with all that was read.
            tell: Takes the source and how far it is, after every frame of a video.

        Raises:
            DiskFullError: there is no room for the files.
        """
        with ExitStack() as stack:
            self._open_sinks(stack)
            for source in self._sources:
                if is_stopped():
                    break
                read = self._read_video if source in self._videos else self._read_photo
                try:
                    yield read(source, is_stopped, tell or _say_nothing)
                except _StoppedError:  # while something was fetched, of which nothing has been read
                    break
        if self._journals is not None and not is_stopped():
            forget(self._journals)

    def _open_sinks(self, stack: ExitStack) -> None:
        self._tables: list[TableSink] = []
        self._photo_sinks: list[Sink] = []
        if self._out is None:
            return
        self._out.mkdir(parents=True, exist_ok=True)
        if self._options.resume is not None:
            for folder in (self._out, *self._folders.values()):
                remove_unfinished(folder)
        options, taxonomy = self._options, TAXONOMIES[self._analyzer.options.labels]
        tables = options.tables if options.tables is not None else (".csv",) if self._videos else ()
        self._tables = [
            TableSink(
                self._out / f"readings{suffix}",
                taxonomy,
                columns=options.columns,
                model_licence=self._analyzer.classifier.card.licence,
            )
            for suffix in tables
        ]
        if len(self._videos) < len(self._sources):
            photos = [source for source in self._sources if isinstance(source, Path)]
            self._photo_sinks = [
                AnnotatedPhotoSink(self._out, photos=photos),
                JsonSink(self._out / "readings.json"),
                FrequencySink(self._out / "frequency.csv", taxonomy),
            ]
            if not self._tables:
                self._photo_sinks.append(CsvSink(self._out / "readings.csv", taxonomy))
        for sink in (*self._tables, *self._photo_sinks):
            stack.enter_context(sink)

    def _read_photo(self, source: Source, is_stopped: Callable[[], bool], tell: Tell) -> Outcome:
        frame_rgb: NDArray[np.uint8] | None = None
        try:
            with self._file_of(source, is_stopped, tell) as path:
                frame_rgb = load_photo(path, max_pixels=self._options.max_pixels)
            result = SourceResult(str(source), self._analyzer.read(frame_rgb), None)
        except (MediaError, MissingExtraError) as error:
            result = SourceResult(str(source), None, str(error))
        for sink in (*self._tables, *self._photo_sinks):
            sink.write(result, frame_rgb)
        return Outcome(result.source, is_video=False, reading=result.reading, error=result.error)

    def _read_video(self, source: Source, is_stopped: Callable[[], bool], tell: Tell) -> Outcome:
        name, options = str(source), self._options
        task = VideoTask(
            name=name,
            part=options.part,
            stream=options.stream,
            outputs=options.outputs,
            folder=self._folders.get(source),
            journal=Journal(self._journals / self._key(source)) if self._journals is not None else None,
            save_every_s=options.save_every_s,
        )
        reading = VideoReading(
            task,
            self._analyzer,
            sinks=self._tables,
            describe=lambda facts: self._describe(name, facts),
            is_stopped=is_stopped,
            tell=lambda progress: tell(name, progress),
        )
        summary: Summary | None = None
        error: str | None = None
        if task.end is not None:
            summary, error = reading.again(task.end)
        else:
            try:
                with self._file_of(source, is_stopped, tell) as path:
                    summary, error = reading.read(path)
            except (MediaError, MissingExtraError) as failure:
                error = str(failure) if name in str(failure) else f"{name}: {failure}"
        if summary is not None and task.folder is not None and options.outputs.report:
            self._reports.append(task.folder / "report.html")
        if error is not None:
            for table in self._tables:
                table.write(SourceResult(name, None, error), None)
        return Outcome(name, is_video=True, summary=summary, error=error)

    @contextmanager
    def _file_of(self, source: Source, is_stopped: Callable[[], bool], tell: Tell) -> Iterator[Path]:
        """The file to read; one from the web is removed afterwards, unless an interrupted run will want it again."""
        if isinstance(source, Path):
            yield source
            return

        def told(arrived: int, expected: int | None) -> None:
            if is_stopped():
                raise _StoppedError
            tell(source, Progress("fetching", 0, arrived / expected if expected else None))

        with ExitStack() as stack:
            if self._journals is None:
                folder = Path(stack.enter_context(TemporaryDirectory(prefix="mien-")))
            else:
                folder = self._journals / self._key(source) / "fetched"
            path = download(source, folder, told=told)
            try:
                yield path
            except MediaError as error:
                raise type(error)(str(error).replace(str(path), source)) from error
        if not is_stopped():
            shutil.rmtree(folder, ignore_errors=True)

    def _describe(self, name: str, facts: dict[str, Any]) -> None:
        for table in self._tables:
            table.describe(name, **facts)

    def _key(self, source: Source) -> str:
        """What must be the same for the readings to be the same."""
        about = source.stat() if isinstance(source, Path) and source.exists() else None
        classifier = self._analyzer.classifier
        profile = classifier.profile if isinstance(classifier, EmotionClassifier) else None
        identity = (
            version("mien"),
            str(source),
            (about.st_size, about.st_mtime_ns) if about is not None else None,
            asdict(self._options.part),
            asdict(self._options.stream),
            asdict(self._analyzer.options),
            classifier.sha256,
            profile.to_json() if profile is not None else None,
        )
        return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:24]


class _StoppedError(Exception):
    """The run is to end, and a transfer with it."""


def _say_nothing(source: str, progress: Progress) -> None:
    """Nobody wants to know."""
