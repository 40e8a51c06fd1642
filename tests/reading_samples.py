"""Readings of videos made by hand, for tests of what becomes of readings."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mien.results import Doubt, Emotions, FaceReading, FrameReading, Landmarks, ReadOptions, SourceResult, StreamOptions
from mien.taxonomy import TAXONOMIES

OPTIONS = ReadOptions("mtcnn", "ferplus", 0, 0.75, 0.1, 1.0)
STREAM = StreamOptions()
POINTS = Landmarks((0.1, 0.2), (30.5, 0.25), (15.0, 1 / 3), (2.0, 40.0), (28.0, 41.0))


def emotions_of(
    top: str, share: float = 2 / 3, *, taxonomy: str = "ferplus", doubts: tuple[Doubt, ...] = ()
) -> Emotions:
    labels = TAXONOMIES[taxonomy].labels
    rest = (1 - share) / (len(labels) - 1)
    values = tuple(share if label == top else rest for label in labels)
    votes = (0.9, *([0.1 / 9] * 9))
    return Emotions(taxonomy, values, votes, certainty=share, plausible=(top,), doubts=doubts)


def face_of(
    top: str,
    share: float = 2 / 3,
    *,
    track_id: int | None = 0,
    taxonomy: str = "ferplus",
    smooth: str | None = None,
    doubts: tuple[Doubt, ...] = (),
) -> FaceReading:
    """A face whose frame alone says `top`, and its track `smooth` or, left out, the same."""
    steady = emotions_of(smooth or top, share, taxonomy=taxonomy)
    return FaceReading(
        (1.5, 2.0, 31.25, 1 / 3 + 40),
        0.1 + 0.2,
        POINTS,
        emotions_of(top, share, taxonomy=taxonomy, doubts=doubts),
        track_id,
        None if track_id is None else Emotions(taxonomy, steady.values),
    )


def frame(time_s: float | None, *faces: FaceReading, index: int = 0) -> FrameReading:
    labels = faces[0].emotions.taxonomy if faces else OPTIONS.labels
    stream = None if time_s is None else STREAM
    return FrameReading((64, 48), faces, replace(OPTIONS, labels=labels), "mien-m", "f" * 64, index, time_s, stream)


def video(looks: Sequence[str | None], *, step_s: float = 0.1, share: float = 2 / 3) -> list[FrameReading]:
    """One person, a label a frame: None is no face, "?" an unsure reading."""
    readings = []
    for index, look in enumerate(looks):
        faces = (
            () if look is None else (face_of("sad", doubts=("too_dark",)),) if look == "?" else (face_of(look, share),)
        )
        readings.append(frame(index * step_s, *faces, index=index))
    return readings


def results(source: str, readings: Sequence[FrameReading]) -> Iterator[SourceResult]:
    for reading in readings:
        yield SourceResult(source, reading, None)
