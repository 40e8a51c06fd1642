"""What was seen under each condition of an experiment, by a list of events."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from mien.errors import DataError
from mien.results import FrameReading
from mien.summary.summarizer import Looks, Summarizer, Summary
from mien.summary.times import seconds_of
from mien.taxonomy import Taxonomy

__all__ = ["Conditions", "Event", "by_condition", "condition_header", "condition_rows", "read_events"]


@dataclass(frozen=True)
class Event:
    """A span of the video with a name; several events may share one.

    Args:
        start_s: Presentation time of its begin.
        end_s: Of its end, which is no longer part of it.
        label: Name of the condition.
        input: The video that it is of, as its readings name it or by its file's name; None for every video.

    Raises:
        ValueError: it does not begin before it ends, or has no label.
    """

    start_s: float
    end_s: float
    label: str
    input: str | None = None

    def __post_init__(self) -> None:
        if not self.start_s < self.end_s:
            raise ValueError(f"expected an event that begins before it ends, got {self.start_s} s to {self.end_s} s")
        if not self.label:
            raise ValueError("expected an event with a label, got none")

    def is_of(self, source: str) -> bool:
        """Whether it belongs to a video, by the name that its readings have."""
        return self.input is None or self.input in (source, PurePath(source).name)

    def covers(self, time_s: float) -> bool:
        """Whether a frame at this time belongs to it."""
        return self.start_s <= time_s < self.end_s


def read_events(path: str | Path) -> tuple[Event, ...]:
    """Events from a CSV with the columns start, end and label, in order of start.

    Times are seconds, or mm:ss, or hh:mm:ss, with decimals. A column input says which video an event is of, where it is
    not empty. Other columns are not looked at.

    Raises:
        DataError: a column is missing, or a line is no event; the line is named.
    """
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            columns = [name.strip().lower() for name in rows.fieldnames or ()]
            if not {"start", "end", "label"} <= set(columns):
                raise DataError(f"{path}: expected the columns start, end, label, got {', '.join(columns) or 'none'}")
            rows.fieldnames = columns
            events = [_event(row, f"{path}, line {rows.line_num}") for row in rows]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: expected a CSV file in UTF-8: {error}") from error
    return tuple(sorted(events, key=lambda event: (event.start_s, event.end_s)))


def _event(row: dict[str, str | None], where: str) -> Event:
    try:
        return Event(
            seconds_of(row["start"] or ""),
            seconds_of(row["end"] or ""),
            (row["label"] or "").strip(),
            (row.get("input") or "").strip() or None,
        )
    except ValueError as error:
        raise DataError(f"{where}: {error}") from error


class Conditions:
    """`by_condition` for readings that come one at a time.

    Args:
        events: The conditions' spans.
        exclusions: Spans to leave out of every condition, each (start, end) in seconds.
    """

    def __init__(self, events: Iterable[Event], *, exclusions: Iterable[tuple[float, float]] = ()) -> None:
        self._spans: dict[str, list[Event]] = {}
        for event in sorted(events, key=lambda event: event.start_s):
            self._spans.setdefault(event.label, []).append(event)
        self._excluded = tuple(exclusions)
        self._summarizers = {label: Summarizer() for label in self._spans}

    def add(self, reading: FrameReading) -> None:
        """Take the next reading.

        Raises:
            ValueError: a reading without a time, or time that runs backwards.
        """
        time_s = reading.time_s
        is_out = time_s is not None and any(start <= time_s < end for start, end in self._excluded)
        for label, summarizer in self._summarizers.items():
            if time_s is not None and (is_out or not any(event.covers(time_s) for event in self._spans[label])):
                summarizer.skip(time_s)
            else:
                summarizer.add(reading)

    def finish(self) -> dict[str, Summary]:
        """Each condition's summary, in the order in which the conditions first begin."""
        return {label: summarizer.finish() for label, summarizer in self._summarizers.items()}


def by_condition(
    readings: Iterable[FrameReading],
    events: Iterable[Event],
    *,
    exclusions: Iterable[tuple[float, float]] = (),
) -> dict[str, Summary]:
    """Each condition's summary, in the order in which the conditions first begin.

    A frame counts for every event that covers its time, until the next frame. Frames under no event count nowhere.

    Args:
        readings: Of one video, in order of time; they are taken one by one and not kept.
        events: The conditions' spans.
        exclusions: Spans to leave out of every condition, each (start, end) in seconds.

    Raises:
        ValueError: a reading without a time, or time that runs backwards.
    """
    conditions = Conditions(events, exclusions=exclusions)
    for reading in readings:
        conditions.add(reading)
    return conditions.finish()


def condition_header(taxonomy: Taxonomy) -> tuple[str, ...]:
    """Names of the columns of `condition_rows`."""
    return (
        *("input", "condition", "track_id", "frames", "seconds"),
        *(f"{label}_share" for label in taxonomy.labels),
        "unsure_share",
        *(f"{label}_mean" for label in taxonomy.labels),
        "episodes",
    )


def condition_rows(
    source: str, summaries: Mapping[str, Summary], taxonomy: Taxonomy
) -> Iterator[tuple[str | int | float | None, ...]]:
    """The conditions of one video as rows: for each all persons together, then every person.

    `track_id` is None in the row of all together. `seconds` is for how long faces were seen, and the shares, which sum
    to 1 with `unsure_share`, are shares of it by steady label; the means are of what each frame alone says. Both are
    None where nobody was seen.

    Args:
        source: The video, as its readings name it.
        summaries: As `by_condition` gives them.
        taxonomy: The label set of the readings.
    """
    for condition, summary in summaries.items():
        episodes = sum(len(track.episodes) for track in summary.tracks)
        yield (source, condition, None, *_cells(summary.overall, taxonomy), episodes)
        for track in summary.tracks:
            yield (source, condition, track.track_id, *_cells(track.looks, taxonomy), len(track.episodes))


def _cells(looks: Looks, taxonomy: Taxonomy) -> tuple[int | float | None, ...]:
    if not looks.frames:
        return (0, 0.0, *(None for _ in range(2 * len(taxonomy) + 1)))
    shares, means = looks.shares, looks.mean_probabilities
    return (
        *(looks.frames, looks.seconds),
        *(shares[label] for label in taxonomy.labels),
        looks.unsure_share,
        *(means[label] for label in taxonomy.labels),
    )
