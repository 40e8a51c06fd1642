"""Every column of the table: its name, what it holds, its unit and range; and the names that other tools use.

A style renames columns and nothing else, but for two conventions of OpenFace: frames count from 1, and the
confidence of a row without a face is 0.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, Literal

from mien.errors import DataError
from mien.results import Landmarks
from mien.taxonomy import FERPLUS, TAXONOMIES, Taxonomy

__all__ = ["STYLES", "Column", "Row", "columns_of", "names_in", "recognised"]

Row = dict[str, Any]
"""One row by native column name; a cell that is None, or not there, is empty."""

_NAMED = 5  # columns that a message names

Kind = Literal["text", "whole", "real"]


@dataclass(frozen=True)
class Column:
    """One column of the table.

    Args:
        name: Its native name.
        kind: What its cells hold.
        unit: Unit and range, such as "px" or "0..1".
        meaning: One sentence.
    """

    name: str
    kind: Kind
    unit: str
    meaning: str


_WHERE = (
    Column("input", "text", "", "the video or photo, as it was named"),
    Column("frame", "whole", "from 0", "number of the frame in its video"),
    Column("timestamp", "real", "s", "presentation time of the frame; empty for a photo"),
    Column("face_idx", "whole", "from 0", "number of the face in its frame; empty without a face"),
    Column("track_id", "whole", "from 0", "the person, the same through the video; empty without a face"),
    Column("success", "whole", "0 or 1", "1 where there is a face"),
    Column("FaceScore", "real", "0..1", "the detector's confidence; scores of two detectors do not compare"),
    Column("FaceRectX", "real", "px", "left edge of the face's box; 0 is the left of the frame"),
    Column("FaceRectY", "real", "px", "upper edge of the box; 0 is the top of the frame"),
    Column("FaceRectWidth", "real", "px", "width of the box"),
    Column("FaceRectHeight", "real", "px", "height of the box"),
    Column("FrameWidth", "whole", "px", "width of the frame"),
    Column("FrameHeight", "whole", "px", "height of the frame"),
)
_DOUBT = (
    Column("certainty", "real", "0..1", "calibrated probability that the most probable emotion of this frame is right"),
    Column("unsure", "whole", "0 or 1", "1 where something speaks against taking that emotion for an answer"),
    Column("not_a_face", "real", "0..1", "share of viewers expected to say that this is no face"),
    Column("unknown", "real", "0..1", "share of viewers expected to say that they cannot tell"),
    Column(
        "plausible", "text", "", "the emotions that may be right, with spaces between: 9 of 10 times one of them is"
    ),
    Column("doubts", "text", "", "why the reading is unsure, with spaces between; empty where it is sure"),
)

_GEOMETRY = {
    "mouth_opening": "between the lips, inside",
    "mouth_width": "between the corners of the mouth",
    "left_brow_height": "from the middle of the left eye, as the viewer sees it, up to its brow",
    "right_brow_height": "from the middle of the right eye, as the viewer sees it, up to its brow",
    "left_eye_opening": "between the lids of the left eye, as the viewer sees it",
    "right_eye_opening": "between the lids of the right eye, as the viewer sees it",
}


def columns_of(taxonomy: Taxonomy) -> tuple[Column, ...]:
    """The columns of readings in a label set, in order.

    Example:
        >>> [column.name for column in columns_of(FERPLUS)][13:15]
        ['neutral', 'happy']
    """
    return (
        *_WHERE,
        *(
            Column(label, "real", "0..1", f"probability of {label} by this frame alone; the emotions sum to 1")
            for label in taxonomy.labels
        ),
        *(
            Column(f"{label}_smooth", "real", "0..1", f"probability of {label} along the track; they sum to 1 too")
            for label in taxonomy.labels
        ),
        *_DOUBT,
        *(
            Column(f"{label}_viewers", "real", "0..1", f"share of viewers expected to say {label}")
            for label in FERPLUS.labels
        ),
        *(
            Column(
                f"{point.name}_{axis}",
                "real",
                "px",
                f"{axis} of the {point.name.replace('_', ' ')}, as the viewer sees it",
            )
            for point in fields(Landmarks)
            for axis in "xy"
        ),
        *(
            Column(f"geometry_{name}", "real", "distance between the eyes", f"{meaning}; empty unless asked for")
            for name, meaning in _GEOMETRY.items()
        ),
    )


def _emotions(names: Mapping[str, str]) -> dict[str, str]:
    return {**names, **{f"{label}_smooth": f"{name}_smooth" for label, name in names.items()}}


STYLES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "native": {},
        "py-feat": _emotions({"angry": "anger", "happy": "happiness", "sad": "sadness"}),
        "py-feat-v2": _emotions(
            {
                **{label: label.capitalize() for taxonomy in TAXONOMIES.values() for label in taxonomy.labels},
                "angry": "Anger",
            }
        ),
        "openface": {"track_id": "face_id", "FaceScore": "confidence"},
    }
)
"""Name of a column style -> native name -> the style's, where they differ.

"py-feat" has the names of py-feat 0.x, which its `read_feat` takes for every file without valence and arousal;
"py-feat-v2" those of py-feat's second model; "openface" those of OpenFace 2, frames counted from 1.
"""


def names_in(style: str, taxonomy: Taxonomy) -> dict[str, str]:
    """Native name -> name in a style, of every column in order.

    Raises:
        ValueError: an unknown style.
    """
    if style not in STYLES:
        raise ValueError(f"expected a column style of {', '.join(STYLES)}, got {style!r}")
    return {column.name: STYLES[style].get(column.name, column.name) for column in columns_of(taxonomy)}


def recognised(header: Iterable[str], *, where: str) -> tuple[Taxonomy, str]:
    """The label set and the style of a table, by the names of its columns in any order.

    Args:
        where: The file, for the message.

    Raises:
        DataError: columns are missing; those of the nearest layout are named.
    """
    given = set(header)
    missing = {
        (taxonomy.name, style): set(names_in(style, taxonomy).values()) - given
        for taxonomy in sorted(TAXONOMIES.values(), key=len, reverse=True)
        for style in STYLES
    }
    (labels, style), lacking = min(missing.items(), key=lambda layout: len(layout[1]))
    if lacking:
        some = ", ".join(sorted(lacking)[:_NAMED]) + (" and more" if len(lacking) > _NAMED else "")
        raise DataError(f"{where}: expected the columns of a readings table that mien wrote, got one without {some}")
    return TAXONOMIES[labels], style
