"""Persons of a table joined where the tracker saw two, and parted where it saw one.

Only `track_id` changes. The steady probabilities stay as they were read: a joined track's begin anew where its second
part begins.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from mien.errors import DataError
from mien.tables.columns import Row

__all__ = ["merged", "split", "tracks_of"]


def merged(rows: Iterable[Row], into: Mapping[int, int], *, where: str) -> Iterator[Row]:
    """The rows with some tracks renamed, as by `{3: 1}` where track 3 is the person of track 1.

    Args:
        rows: The faces of a frame one after the other.
        where: The table, for the message.

    Raises:
        DataError: both are seen in one frame, which cannot be one person; the first such frame is named.
    """
    for (source, index), group in groupby(rows, key=lambda row: (row["input"], row["frame"])):
        seen: dict[int, int] = {}  # new track -> old
        for row in group:
            track = row.get("track_id")
            if track is None:
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


def split(rows: Iterable[Row], track_id: int, *, at_s: float, new_id: int) -> Iterator[Row]:
    """The rows with one track called `new_id` from a time on."""
    for row in rows:
        time_s = row.get("timestamp")
        is_later = row.get("track_id") == track_id and time_s is not None and time_s >= at_s
        yield {**row, "track_id": new_id} if is_later else row


def tracks_of(rows: Iterable[Row]) -> dict[int, int]:
    """Track -> how many rows it has, by track."""
    counts: dict[int, int] = {}
    for row in rows:
        if row.get("track_id") is not None:
            counts[row["track_id"]] = counts.get(row["track_id"], 0) + 1
    return dict(sorted(counts.items()))
