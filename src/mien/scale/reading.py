"""One item -> rows of the table, or a failure: what every worker does, whatever engine it runs on."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from typing import Any, Self

from mien.analyzer import Analyzer
from mien.batch.video import VideoPart
from mien.errors import MediaError, MissingExtraError
from mien.faces.registry import default_detector, load_detector
from mien.media.finding import is_video
from mien.media.photos import load_photo
from mien.media.videos import open_video
from mien.results import SourceResult, StreamOptions
from mien.scale.fetching import Fetched
from mien.scale.seams import Span
from mien.streaming import StreamReader
from mien.tables.columns import Row
from mien.tables.rows import rows_of

__all__ = ["Failure", "ReadSettings", "records_of"]

_IN_MEMORY = "the photo in memory: "  # how the loader begins its sentences


@dataclass(frozen=True)
class ReadSettings:
    """How every file is read: what must be the same for the rows to be the same.

    Args:
        model: Name of an embedded model, or a model file that every worker finds.
        detector: Name of the detector.
        labels: Name of the label set; None takes the model's first.
        min_face_px: As `Analyzer` takes it.
        balance: As `Analyzer` takes it.
        max_pixels: Photos that claim more are refused.
        part: Which frames of videos are read.
        stream: How they are read together.
        piece_s: Longer videos are read in pieces of about this length; 0 reads every video in one.
    """

    model: str
    detector: str
    labels: str | None = None
    min_face_px: float = 0.0
    balance: float = 0.0
    max_pixels: int = 100_000_000
    part: VideoPart = field(default_factory=VideoPart)
    stream: StreamOptions = field(default_factory=StreamOptions)
    piece_s: float = 0.0

    @classmethod
    def here(cls, **settings: Any) -> Self:
        """With the detector that is the default on this machine, where none is named."""
        return cls(**{**settings, "detector": settings.get("detector") or default_detector()})

    def analyzer(self) -> Analyzer:
        """On one thread: there is a worker for every core.

        Raises:
            ValueError: an unknown detector or label set, or a number out of range.
            WeightsError: a model or detector that is not on this machine.
        """
        return Analyzer(
            model=self.model,
            detector=load_detector(self.detector, threads=1),
            labels=self.labels,
            min_face_px=self.min_face_px,
            balance=self.balance,
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        return cls(**{**values, "part": VideoPart(**values["part"]), "stream": StreamOptions(**values["stream"])})


@dataclass(frozen=True)
class Failure:
    """That an item could not be read, or not to its end.

    Args:
        input: What results call it.
        stage: "fetch": its bytes could not be had; "decode": they are no picture or video, or not a whole one;
            "process": reading it killed the process that did, again and again.
        error: One sentence.
    """

    input: str
    stage: str
    error: str


def records_of(
    fetched: Fetched, analyzer: Analyzer, settings: ReadSettings, *, span: Span | None, tell: Callable[[], None]
) -> Iterator[Row | Failure]:
    """The rows of an item as they come; a failure is the last.

    Args:
        fetched: The item.
        analyzer: As `settings` makes it.
        settings: How to read.
        span: Of a video, the piece to read, with what is read besides; None for all of it.
        tell: Called after every frame.
    """
    item = fetched.item
    if fetched.error is not None:
        yield Failure(item.source, "fetch", fetched.error)
        return
    place = fetched.path if fetched.path is not None else item.source
    try:
        if is_video(place, fetched.content):
            yield from _rows_of_video(fetched, analyzer, settings, span, tell)
        else:
            source = fetched.content if fetched.content is not None else place
            frame_rgb = load_photo(source, max_pixels=settings.max_pixels)
            yield from rows_of(SourceResult(item.source, analyzer.read(frame_rgb), None))
    except (MediaError, MissingExtraError) as error:
        told = str(error).removeprefix(_IN_MEMORY).replace(str(place), item.source)
        yield Failure(item.source, "decode", told if item.source in told else f"{item.source}: {told}")


def _rows_of_video(
    fetched: Fetched, analyzer: Analyzer, settings: ReadSettings, span: Span | None, tell: Callable[[], None]
) -> Iterator[Row]:
    part = settings.part
    if span is not None:
        part = replace(part, start_s=span.read_from_s, end_s=span.read_to_s)
    with fetched.on_disk() as path, open_video(path, **asdict(part), threads=1) as video:
        session = analyzer.session(settings.stream)
        first = next(video, None)
        if first is not None:  # so that a piece detects in the frames in which one pass does
            session.restore(replace(session.state(), frames_read=first.index // (part.every_frames or 1)))
        frames = video if first is None else chain([first], video)
        with StreamReader(frames, session) as reader:
            for _, reading in reader:
                tell()
                yield from rows_of(SourceResult(fetched.item.source, reading, None))
        if span is not None and video.damaged_at_s is not None:
            raise MediaError(
                f"{path}: expected a whole video, got one with parts that cannot be decoded, one at"
                f" {video.damaged_at_s:.1f} s: the rest was read; copy or export it again"
            )
