"""What mien answers: frozen values that know their taxonomy and turn into JSON as they stand.

Boxes and landmarks are in pixels of the picture that was read, x to the right and y down, the corner of the
picture at (0, 0). Probabilities lie in [0, 1] at full precision. Every `to_dict` holds plain Python numbers,
strings, lists and dicts only, and `from_dict` is its inverse.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from mien.taxonomy import TAXONOMIES

__all__ = [
    "NOTICE",
    "BoxXyxy",
    "Emotions",
    "Face",
    "FaceReading",
    "FrameReading",
    "Landmarks",
    "ReadOptions",
    "SourceResult",
]

NOTICE = "mien reports how a face looks to viewers, not what a person feels."
"""Shown wherever results are."""

Point = tuple[float, float]
BoxXyxy = tuple[float, float, float, float]


def _finite(name: str, values: Sequence[float], count: int) -> tuple[float, ...]:
    """`values` as plain floats, checked for number and finiteness."""
    plain = tuple(float(value) for value in values)
    if len(plain) != count or not all(map(math.isfinite, plain)):
        raise ValueError(f"{name} must be {count} finite numbers, got {plain}")
    return plain


def _share(name: str, value: float) -> float:
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} must lie in [0, 1], got {value}")
    return float(value)


@dataclass(frozen=True)
class Landmarks:
    """Five points of a face, each (x, y); left and right as the viewer sees them."""

    left_eye: Point
    right_eye: Point
    nose: Point
    mouth_left: Point
    mouth_right: Point

    def __post_init__(self) -> None:
        for name, point in asdict(self).items():
            object.__setattr__(self, name, _finite(name, point, 2))

    @property
    def roll_deg(self) -> float:
        """Angle of the eye line, in (-180, 180]; positive when the right eye (as seen) is lower."""
        return math.degrees(math.atan2(self.right_eye[1] - self.left_eye[1], self.right_eye[0] - self.left_eye[0]))

    def to_dict(self) -> dict[str, list[float]]:
        """Name of the point -> [x, y]."""
        return {field.name: list(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        return cls(**{field.name: tuple(values[field.name]) for field in fields(cls)})


@dataclass(frozen=True)
class Face:
    """A face that a detector found.

    Args:
        box_xyxy: Left, top, right, bottom; may reach beyond the picture.
        score: The detector's confidence in [0, 1]; scores of two detectors do not compare.
        landmarks: Five points; None from a detector that finds none.

    Raises:
        ValueError: a number is not finite, the box is inside out, or the score out of range.
    """

    box_xyxy: BoxXyxy
    score: float
    landmarks: Landmarks | None

    def __post_init__(self) -> None:
        box = _finite("box_xyxy", self.box_xyxy, 4)
        if box[0] > box[2] or box[1] > box[3]:
            raise ValueError(f"box_xyxy must be left, top, right, bottom, got {box}")
        object.__setattr__(self, "box_xyxy", box)
        object.__setattr__(self, "score", _share("score", self.score))

    @property
    def longer_side_px(self) -> float:
        """The larger of the box's width and height."""
        return max(self.box_xyxy[2] - self.box_xyxy[0], self.box_xyxy[3] - self.box_xyxy[1])

    def to_dict(self) -> dict[str, Any]:
        """Plain values, JSON-safe."""
        return {
            "box_xyxy": list(self.box_xyxy),
            "score": self.score,
            "landmarks": self.landmarks.to_dict() if self.landmarks else None,
        }


@dataclass(frozen=True)
class Emotions:
    """How one face looks to viewers, as probabilities over a taxonomy.

    Args:
        taxonomy: Name of the label set, a key of `TAXONOMIES`.
        values: One probability per label in the taxonomy's order; they sum to 1.
        unknown: Share of viewers expected to say "cannot tell"; None from a model that does not know.
        not_a_face: Share of viewers expected to say "this is no face"; None likewise.

    Raises:
        ValueError: an unknown taxonomy, a wrong number of values, or values that are no probabilities.

    Example:
        >>> emotions = Emotions("fer2013", (0, 0, 0, 0.75, 0, 0, 0.25), unknown=0.01, not_a_face=0.0)
        >>> emotions.top, emotions.probabilities["neutral"]
        ('happy', 0.25)
    """

    taxonomy: str
    values: tuple[float, ...]
    unknown: float | None
    not_a_face: float | None

    def __post_init__(self) -> None:
        if self.taxonomy not in TAXONOMIES:
            raise ValueError(f"unknown taxonomy {self.taxonomy!r}: expected one of {', '.join(TAXONOMIES)}")
        values = _finite("values", self.values, len(TAXONOMIES[self.taxonomy]))
        if min(values) < 0 or abs(sum(values) - 1) > 1e-6:
            raise ValueError(f"values must be probabilities that sum to 1, got {values}")
        object.__setattr__(self, "values", values)
        for name in ("unknown", "not_a_face"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else _share(name, value))

    @property
    def probabilities(self) -> dict[str, float]:
        """Label -> probability, in the taxonomy's order."""
        return dict(zip(TAXONOMIES[self.taxonomy].labels, self.values, strict=True))

    @property
    def top(self) -> str:
        """The most probable label; the first in the taxonomy's order on a tie."""
        return TAXONOMIES[self.taxonomy].labels[self.values.index(max(self.values))]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, JSON-safe; `top` is included for readers and ignored by `from_dict`."""
        return {
            "taxonomy": self.taxonomy,
            "top": self.top,
            "probabilities": self.probabilities,
            "unknown": self.unknown,
            "not_a_face": self.not_a_face,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        labels = TAXONOMIES[values["taxonomy"]].labels
        return cls(
            taxonomy=values["taxonomy"],
            values=tuple(values["probabilities"][label] for label in labels),
            unknown=values["unknown"],
            not_a_face=values["not_a_face"],
        )


@dataclass(frozen=True)
class FaceReading(Face):
    """A face in a picture and how it looks; its box lies within the picture.

    Args:
        emotions: What this picture alone says.
        track_id: Which person of the video or stream, from 0 in the order of first sight; None in a photo.
        smooth: The emotions made steady along the track, up to and with this frame; None in a photo.
    """

    emotions: Emotions
    track_id: int | None = None
    smooth: Emotions | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, JSON-safe."""
        return {
            **super().to_dict(),
            "emotions": self.emotions.to_dict(),
            "track_id": self.track_id,
            "smooth": self.smooth.to_dict() if self.smooth else None,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        return cls(
            box_xyxy=tuple(values["box_xyxy"]),
            score=values["score"],
            landmarks=Landmarks.from_dict(values["landmarks"]) if values["landmarks"] else None,
            emotions=Emotions.from_dict(values["emotions"]),
            track_id=values["track_id"],
            smooth=Emotions.from_dict(values["smooth"]) if values["smooth"] else None,
        )


@dataclass(frozen=True)
class ReadOptions:
    """What a reading was made with; it comes back in every result.

    Args:
        detector: Name of the face detector.
        labels: Name of the label set.
        min_face_px: Faces whose box is smaller on its longer side are left out; raise it to ignore a crowd.
        min_visible: Faces of whose box less than this share lies in the picture are left out; 0 keeps all.
        max_not_a_face: Boxes that more than this share of viewers would call no face are left out; 1 keeps all.
        crop_scale: Side of the square crop over the longer side of the box.

    Raises:
        ValueError: a number out of range.
    """

    detector: str
    labels: str
    min_face_px: float
    min_visible: float
    max_not_a_face: float
    crop_scale: float

    def __post_init__(self) -> None:
        if not self.min_face_px >= 0:
            raise ValueError(f"min_face_px must be 0 or more, got {self.min_face_px}")
        if not 0.1 <= self.crop_scale <= 10:
            raise ValueError(f"crop_scale must lie in 0.1..10, got {self.crop_scale}")
        _share("min_visible", self.min_visible)
        _share("max_not_a_face", self.max_not_a_face)


@dataclass(frozen=True)
class FrameReading:
    """Every face of one picture.

    Args:
        size_wh: Width and height of the picture in pixels.
        faces: In the detector's order; empty when there is none.
        options: What it was read with.
        model: Name of the model, from its card.
        model_sha256: SHA-256 of the model file.
        index: Number of the frame in its video or stream, from 0; 0 for a photo.
        time_s: Presentation time of the frame in its video or stream, in seconds; None for a photo.
    """

    size_wh: tuple[int, int]
    faces: tuple[FaceReading, ...]
    options: ReadOptions
    model: str
    model_sha256: str
    index: int = 0
    time_s: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, JSON-safe."""
        return {
            "size_wh": list(self.size_wh),
            "faces": [face.to_dict() for face in self.faces],
            "options": asdict(self.options),
            "model": self.model,
            "model_sha256": self.model_sha256,
            "index": self.index,
            "time_s": self.time_s,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        return cls(
            size_wh=(values["size_wh"][0], values["size_wh"][1]),
            faces=tuple(FaceReading.from_dict(face) for face in values["faces"]),
            options=ReadOptions(**values["options"]),
            model=values["model"],
            model_sha256=values["model_sha256"],
            index=values["index"],
            time_s=values["time_s"],
        )


@dataclass(frozen=True)
class SourceResult:
    """What came of one photo, or of one frame of a video, among many: its reading, or why there is none.

    Args:
        source: The photo or video as it was named.
        reading: Its faces; None if it could not be read.
        error: One sentence that says why not; None if it was read. For a video it comes after the frames that
            could be read.

    Raises:
        ValueError: both or neither of reading and error are given.
    """

    source: str
    reading: FrameReading | None
    error: str | None

    def __post_init__(self) -> None:
        if (self.reading is None) == (self.error is None):
            raise ValueError(f"{self.source}: expected either a reading or an error, got both or neither")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, JSON-safe."""
        return {
            "source": self.source,
            "reading": self.reading.to_dict() if self.reading else None,
            "error": self.error,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        reading = values["reading"]
        return cls(values["source"], FrameReading.from_dict(reading) if reading else None, values["error"])
