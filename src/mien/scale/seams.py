"""A long video in pieces that are read apart, and joined as if it had been read at once.

Pieces meet at key frames. Each is read from some seconds before its start, so that persons and their steady emotions
are known when it begins, to a little behind its end, so that who appears there is known to stay. Rows outside of it
only serve to see who is who: a person whose boxes lie on those of a person of the piece before, in the frames that both
read, is that one; whoever is nobody's is new, and numbers go on as in one pass.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from mien.faces.association import overlaps
from mien.media.decoding import Decoder
from mien.results import StreamOptions
from mien.tables.columns import Row

__all__ = ["Span", "joined_rows", "spans_of"]

_SAME_FACE_IOU = 0.5
_WARM_UP_S = 3.0  # beyond what persons are remembered: what was steady before counts for nothing by then


@dataclass(frozen=True)
class Span:
    """A piece of a video.

    Args:
        start_s: Its rows begin here, ...
        end_s: ... and end before; None for the end of the video.
        read_from_s: It is read from here ...
        read_to_s: ... to here; None for the end of the video.
    """

    start_s: float
    end_s: float | None
    read_from_s: float
    read_to_s: float | None

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        return cls(**values)

    def holds(self, time_s: float) -> bool:
        """Whether a time lies in it."""
        return self.start_s <= time_s and (self.end_s is None or time_s < self.end_s)


def spans_of(path: Path, piece_s: float, stream: StreamOptions) -> tuple[Span, ...]:
    """The pieces of a video, each of about `piece_s` or longer where key frames are far apart; one where it is short.

    Args:
        path: The video; its packets are walked through and not decoded.
        piece_s: How long.
        stream: How it is read.

    Raises:
        MediaError: it cannot be opened.
    """
    decoder = Decoder(path, threads=1)
    try:
        if decoder.duration_s is not None and decoder.duration_s < 1.5 * piece_s:
            return (Span(float(decoder.start_s), None, float(decoder.start_s), None),)
        key_frames_s = [float(time_s) for time_s in decoder.key_frames_s()]
        start_s, end_s = float(decoder.start_s), float(decoder.reached_s)
    finally:
        decoder.close()
    starts_s = [start_s]
    for time_s in key_frames_s:
        if time_s - starts_s[-1] >= piece_s and end_s - time_s >= piece_s / 2:
            starts_s.append(time_s)
    lead_s, tail_s = stream.memory_s + stream.birth_s + _WARM_UP_S, stream.birth_s + 1.0
    spans = []
    for number, begin_s in enumerate(starts_s):
        until_s = starts_s[number + 1] if number + 1 < len(starts_s) else None
        from_s = max((time_s for time_s in key_frames_s if time_s <= begin_s - lead_s), default=start_s)
        spans.append(Span(begin_s, until_s, from_s, None if until_s is None else until_s + tail_s))
    return tuple(spans)


def joined_rows(pieces: Iterable[Sequence[Row]], spans: Sequence[Span]) -> Iterator[Row]:
    """The rows of the whole video, in order, every person with one number throughout.

    Args:
        pieces: The rows of each, those outside of it too, in order.
        spans: Of the pieces.
    """
    before: Sequence[Row] = ()
    next_id = 0
    for rows, span in zip(pieces, spans, strict=True):
        names = _same_persons(before, rows)
        kept = [row for row in rows if span.holds(row["timestamp"])]
        for person in sorted({row["track_id"] for row in kept if row.get("track_id") is not None} - set(names)):
            names[person] = next_id
            next_id += 1
        before = [{**row, "track_id": names.get(row.get("track_id"))} for row in rows]
        yield from (row for row in before if span.holds(row["timestamp"]))


def _same_persons(before: Sequence[Row], rows: Sequence[Row]) -> dict[int | None, int]:
    """Person of these rows -> person of those before, by where they are in the frames of both."""
    earlier: dict[int, list[Row]] = {}
    for row in before:
        if row["track_id"] is not None:
            earlier.setdefault(row["frame"], []).append(row)
    votes: Counter[tuple[int, int]] = Counter()
    for row in rows:
        others = earlier.get(row["frame"], [])
        if row.get("track_id") is None or not others:
            continue
        shares = overlaps([_box(row)], [_box(other) for other in others])[0]
        if shares.max() >= _SAME_FACE_IOU:
            votes[row["track_id"], others[int(shares.argmax())]["track_id"]] += 1
    names: dict[int | None, int] = {}
    for (person, same), _ in votes.most_common():
        if person not in names and same not in names.values():
            names[person] = same
    return names


def _box(row: Row) -> tuple[float, float, float, float]:
    left, top = row["FaceRectX"], row["FaceRectY"]
    return (left, top, left + row["FaceRectWidth"], top + row["FaceRectHeight"])
