"""What a whole table shares, in a JSON file beside it: `readings.csv` has `readings.csv.meta.json`.

It says which model, detector and options made the readings, what every column means, and what each input was, so that
a table found years later explains itself.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

from mien.errors import DataError
from mien.results import NOTICE, FrameReading, ReadOptions, SourceResult, StreamOptions
from mien.tables.columns import columns_of, names_in
from mien.taxonomy import Taxonomy

__all__ = ["Provenance", "ReadWith", "columns_meta", "read_sidecar", "sidecar_path"]

_LICENCE = "Apache-2.0"


def sidecar_path(table: str | Path) -> Path:
    """Where the sidecar of a table lies."""
    return Path(f"{table}.meta.json")


def read_sidecar(table: str | Path) -> dict[str, Any] | None:
    """The sidecar of a table; None if there is none.

    Raises:
        DataError: it is no sidecar that mien wrote.
    """
    path = sidecar_path(table)
    try:
        meta = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise DataError(f"{path}: expected the JSON that belongs to {table}: {error}") from error
    if not isinstance(meta, dict) or "mien" not in meta:
        raise DataError(f"{path}: expected the JSON that mien wrote beside {table}, got something else")
    return meta


@dataclass(frozen=True)
class ReadWith:
    """What all readings of a table were made with."""

    options: ReadOptions
    model: str
    model_sha256: str
    stream: StreamOptions | None

    @classmethod
    def from_sidecar(cls, meta: Mapping[str, Any] | None, taxonomy: Taxonomy, *, where: str) -> Self:
        """As a sidecar says it; "unknown" and options that leave nothing out where there is none.

        Args:
            taxonomy: The label set of the table.
            where: The table, for the message.

        Raises:
            DataError: the sidecar's options are none.
        """
        meta = meta or {}
        unknown = ReadOptions("unknown", taxonomy.name, min_face_px=0, min_visible=0, max_not_a_face=1, crop_scale=1)
        model = meta.get("model") or {}
        try:
            return cls(
                options=ReadOptions(**meta["options"]) if meta.get("options") else unknown,
                model=str(model.get("name", "unknown")),
                model_sha256=str(model.get("sha256", "unknown")),
                stream=StreamOptions(**meta["stream"]) if meta.get("stream") else None,
            )
        except (TypeError, ValueError) as error:
            raise DataError(f"{sidecar_path(where)}: expected the options of a reading: {error}") from error


class Provenance:
    """Gathers what the sidecar says, from the results as they come and from what the caller knows besides.

    Args:
        model_licence: Licence of the model, from its card.
    """

    def __init__(self, *, model_licence: str | None = None) -> None:
        self.model_licence = model_licence
        self._first: FrameReading | None = None
        self._inputs: dict[str, dict[str, Any]] = {}

    def describe(self, source: str, **facts: Any) -> None:
        """Add facts on an input, such as `fps` and `time_base` as its file states them, or how it was smoothed."""
        self._inputs.setdefault(source, {}).update(facts)

    def observe(self, result: SourceResult) -> None:
        """Take the next result."""
        facts = self._inputs.setdefault(result.source, {})
        if result.reading is None:
            facts["error"] = result.error
            return
        self._first = self._first or result.reading
        facts["frames"] = facts.get("frames", 0) + 1
        if result.reading.time_s is not None:
            facts.setdefault("first_s", result.reading.time_s)
            facts["last_s"] = result.reading.time_s

    def to_dict(self, taxonomy: Taxonomy, style: str) -> dict[str, Any]:
        """The sidecar's content, JSON-safe."""
        reading = self._first
        model = {"name": reading.model, "sha256": reading.model_sha256} if reading else {}
        return {
            "mien": version("mien"),
            "notice": NOTICE,
            "licence": {"software": _LICENCE, "model": self.model_licence},
            "model": model or None,
            "options": asdict(reading.options) if reading else None,
            "stream": asdict(reading.stream) if reading and reading.stream else None,
            "labels": {"taxonomy": taxonomy.name, "order": list(taxonomy.labels)},
            "inputs": {source: _with_rate(facts) for source, facts in self._inputs.items()},
            "time": "timestamp is the presentation time of the frame in seconds; a frame lasts until the next",
            **columns_meta(taxonomy, style),
        }


def columns_meta(taxonomy: Taxonomy, style: str) -> dict[str, Any]:
    """The part of a sidecar that tells what the columns are called and what they hold."""
    names = names_in(style, taxonomy)
    columns = {names[column.name]: column for column in columns_of(taxonomy)}
    described = {name: {"unit": column.unit, "meaning": column.meaning} for name, column in columns.items()}
    if style == "openface":
        described["frame"]["unit"] = "from 1"
    return {"columns_style": style, "columns": described}


def _with_rate(facts: dict[str, Any]) -> dict[str, Any]:
    """With the frames read per second, measured by their times; not what the file states."""
    frames, span_s = facts.get("frames", 0), facts.get("last_s", 0) - facts.get("first_s", 0)
    return {**facts, "frames_per_s": (frames - 1) / span_s} if frames > 1 and span_s > 0 else facts
