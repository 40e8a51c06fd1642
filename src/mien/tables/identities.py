"""Persons of a table joined where the tracker saw two, and parted where it saw one.

Only `track_id` changes, and only in one input, since every video numbers its persons from 0. The steady probabilities
stay as they were read: a joined track's begin anew where its second part begins.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from mien.errors import DataError
from mien.tables.columns import Row

__all__ = ["Track", "merged", "split", "tracks_of"]


@dataclass
class Track:
    """One person of one input, as far as a table shows it.

    Args:
        rows: In how many rows.
        first_s: Presentation time of the first of them.
        last_s: Of the last.
    """

    rows: int
    first_s: float
    last_s: float


def tracks_of(rows: Iterable[Row]) -> dict[str, dict[int, Track]]:
    """Input, in order of appearance -> track, in order -> what the table shows of it."""
    inputs: dict[str, dict[int, Track]] = {}
    for row in rows:
        tracks = inputs.setdefault(row["input"], {})
        time_s = row.get("timestamp")
        if row.get("track_id") is None or time_s is None:
            continue
        track = tracks.setdefault(row["track_id"], Track(0, time_s, time_s))
        track.rows += 1
        track.last_s = time_s
    return {source: dict(sorted(tracks.items())) for source, tracks in inputs.items()}


def merged(rows: Iterable[Row], into: Mapping[int, int], *, source: str, where: str) -> Iterator[Row]:
    """The rows with some tracks of one input renamed, as by `{3: 1}` where track 3 is the person of track 1.

    Args:
        rows: The faces of a frame one after the other.
        source: The input whose tracks they are.
        where: The table, for the message.

    Raises:
        DataError: both are seen in one frame, which cannot be one person; the first such frame is named.
    """
    for (name, index), group in groupby(rows, key=lambda row: (row["input"], row["frame"])):
        seen: dict[int, int] = {}  # new track -> old
        for row in group:
            track = row.get("track_id")
            if track is None or name != source:
                yield row
                continue
            target = into.get(track, track)
            if target in seen:
                raise DataError(
                    f"{where}: tracks {seen[target]} and {track} are both seen in frame {index} of {source}: "
                    "two faces cannot be one person, so split one of them first"
                )
            seen[target] = track
            yield {**row, "track_id": target}


def split(rows: Iterable[Row], track_id: int, *, source: str, at_s: float, new_id: int) -> Iterator[Row]:
    """The rows with one track of one input called `new_id` from a time on."""
    for row in rows:
        time_s = row.get("timestamp")
        is_it = row["input"] == source and row.get("track_id") == track_id
        yield {**row, "track_id": new_id} if is_it and time_s is not None and time_s >= at_s else row
