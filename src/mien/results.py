"""What mien answers: frozen values that know their taxonomy and turn into JSON as they stand.

Boxes and landmarks are in pixels of the picture that was read, x to the right and y down, the corner of the
picture at (0, 0). Probabilities lie in [0, 1] at full precision. Every `to_dict` holds plain Python numbers,
strings, lists and dicts only, and `from_dict` is its inverse.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self, get_args

from mien.taxonomy import FERPLUS_VOTES, NOT_A_FACE, TAXONOMIES, UNKNOWN

__all__ = [
    "DOUBTS",
    "NOTICE",
    "SMOOTHINGS",
    "BoxXyxy",
    "Doubt",
    "Emotions",
    "Face",
    "FaceReading",
    "FrameReading",
    "Geometry",
    "Landmarks",
    "ReadOptions",
    "Smoothing",
    "SourceResult",
    "StreamOptions",
]

NOTICE = "mien reports how a face looks to viewers, not what a person feels."
"""Shown wherever results are."""

Doubt = Literal["low_certainty", "not_a_face", "too_small", "too_dark", "too_blurred"]
"""Why a reading is unsure."""

DOUBTS: tuple[Doubt, ...] = get_args(Doubt)
"""All of them, in the order that `Emotions.doubts` keeps."""

Smoothing = Literal["average", "exponential", "filter", "none"]
"""How readings are made steady along a track."""

SMOOTHINGS: tuple[Smoothing, ...] = get_args(Smoothing)

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


def _distribution(name: str, values: Sequence[float], count: int) -> tuple[float, ...]:
    """`values` as plain floats, checked to be `count` probabilities that sum to 1."""
    plain = _finite(name, values, count)
    if min(plain) < 0 or abs(sum(plain) - 1) > 1e-6:
        raise ValueError(f"{name} must be probabilities that sum to 1, got {plain}")
    return plain


def _in_order(name: str, words: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """`words`, each once and in the order of `known`."""
    if not set(words) <= set(known):
        raise ValueError(f"{name} must be some of {', '.join(known)}, got {', '.join(words)}")
    return tuple(word for word in known if word in words)


@dataclass(frozen=True)
class Landmarks:
    """Five points of a face, each (x, y); left and right as the viewer sees them."""

    left_eye: Point
    right_eye: Point
    nose: Point
    mouth_left: Point
    mouth_right: Point

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, _finite(field.name, getattr(self, field.name), 2))

    @property
    def points(self) -> tuple[Point, ...]:
        """The five, in the order of the fields."""
        return (self.left_eye, self.right_eye, self.nose, self.mouth_left, self.mouth_right)

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
class Geometry:
    """Distances in a face, in units of the distance between the middles of its eyes; not action units.

    Left and right as the viewer sees them. They depend on the face that somebody has as well as on what it shows:
    compare a person with themselves.

    Args:
        mouth_opening: Between the lips, inside.
        mouth_width: Between the corners of the mouth.
        left_brow_height: From the middle of the eye up to the middle of the brow.
        right_brow_height: Likewise.
        left_eye_opening: Between the lids.
        right_eye_opening: Likewise.
    """

    mouth_opening: float
    mouth_width: float
    left_brow_height: float
    right_brow_height: float
    left_eye_opening: float
    right_eye_opening: float

    def __post_init__(self) -> None:
        names = [field.name for field in fields(self)]
        values = _finite("geometry", [getattr(self, name) for name in names], len(names))
        for name, value in zip(names, values, strict=True):
            object.__setattr__(self, name, value)

    def to_dict(self) -> dict[str, float]:
        """Name of the distance -> its value."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        return cls(**{field.name: values[field.name] for field in fields(cls)})


@dataclass(frozen=True)
class Face:
    """A face that a detector found.

    Args:
        box_xyxy: Left, top, right, bottom; may reach beyond the picture.
        score: The detector's confidence in [0, 1]; scores of two detectors do not compare, but below 0.5 it doubts.
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
    """How one face looks to viewers: the decision over a taxonomy, what viewers would say, and how far to trust it.

    What is not known is None or empty, as in a value made by hand or by a model whose card promises nothing.
    `docs/doubt.md` says what each part promises and does not, with figures.

    Args:
        taxonomy: Name of the label set, a key of `TAXONOMIES`.
        values: The decision: one probability per label in the taxonomy's order, that it is the right one; they
            sum to 1.
        votes: What viewers would say, whatever label set was asked for: the share of viewers expected to give each
            answer of `FERPLUS_VOTES`, in its order; they sum to 1.
        certainty: Probability that `top` is right: in "ferplus", that it is what most viewers say, where most agree
            on an emotion.
        plausible: The labels that may be right, in the taxonomy's order: the right one is among them in nine faces
            of ten. Holds `top`, or nothing where nothing is promised.
        doubts: Why not to take `top` for an answer, in the order of `DOUBTS`; empty if nothing speaks against it.

    Raises:
        ValueError: an unknown taxonomy, label or doubt, a wrong number of values, values that are no probabilities,
            or plausible labels without `top`.

    Example:
        >>> emotions = Emotions("fer2013", (0, 0, 0, 0.75, 0, 0, 0.25), certainty=0.75, plausible=("happy", "neutral"))
        >>> emotions.top, emotions.probabilities["neutral"], emotions.unsure
        ('happy', 0.25, False)
    """

    taxonomy: str
    values: tuple[float, ...]
    votes: tuple[float, ...] | None = None
    certainty: float | None = None
    plausible: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()

    def __post_init__(self) -> None:
        if self.taxonomy not in TAXONOMIES:
            raise ValueError(f"unknown taxonomy {self.taxonomy!r}: expected one of {', '.join(TAXONOMIES)}")
        labels = TAXONOMIES[self.taxonomy].labels
        object.__setattr__(self, "values", _distribution("values", self.values, len(labels)))
        if self.votes is not None:
            object.__setattr__(self, "votes", _distribution("votes", self.votes, len(FERPLUS_VOTES)))
        if self.certainty is not None:
            object.__setattr__(self, "certainty", _share("certainty", self.certainty))
        object.__setattr__(self, "plausible", _in_order("plausible", self.plausible, labels))
        object.__setattr__(self, "doubts", _in_order("doubts", self.doubts, DOUBTS))
        if self.plausible and self.top not in self.plausible:
            raise ValueError(f"plausible must hold the most probable label {self.top!r}, got {self.plausible}")

    @property
    def probabilities(self) -> dict[str, float]:
        """Label -> probability, in the taxonomy's order."""
        return dict(zip(TAXONOMIES[self.taxonomy].labels, self.values, strict=True))

    @property
    def top(self) -> str:
        """The most probable label; the first in the taxonomy's order on a tie."""
        return TAXONOMIES[self.taxonomy].labels[self.values.index(max(self.values))]

    @property
    def unsure(self) -> bool:
        """Whether anything speaks against taking `top` for an answer."""
        return bool(self.doubts)

    @property
    def viewers(self) -> dict[str, float] | None:
        """Answer -> share of viewers expected to give it, in the order of `FERPLUS_VOTES`; None if not known."""
        return None if self.votes is None else dict(zip(FERPLUS_VOTES, self.votes, strict=True))

    @property
    def unknown(self) -> float | None:
        """Share of viewers expected to say "cannot tell"; None if not known."""
        return None if self.votes is None else self.votes[FERPLUS_VOTES.index(UNKNOWN)]

    @property
    def not_a_face(self) -> float | None:
        """Share of viewers expected to say "this is no face"; None if not known."""
        return None if self.votes is None else self.votes[FERPLUS_VOTES.index(NOT_A_FACE)]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, JSON-safe; `top` and `unsure` are included for readers and ignored by `from_dict`."""
        return {
            "taxonomy": self.taxonomy,
            "top": self.top,
            "probabilities": self.probabilities,
            "viewers": self.viewers,
            "certainty": self.certainty,
            "plausible": list(self.plausible),
            "unsure": self.unsure,
            "doubts": list(self.doubts),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        labels = TAXONOMIES[values["taxonomy"]].labels
        viewers = values["viewers"]
        return cls(
            taxonomy=values["taxonomy"],
            values=tuple(values["probabilities"][label] for label in labels),
            votes=None if viewers is None else tuple(viewers[answer] for answer in FERPLUS_VOTES),
            certainty=values["certainty"],
            plausible=tuple(values["plausible"]),
            doubts=tuple(values["doubts"]),
        )


@dataclass(frozen=True)
class FaceReading(Face):
    """A face in a picture and how it looks; its box lies within the picture.

    Args:
        emotions: What this picture alone says.
        track_id: Which person of the video or stream, from 0 in the order of first sight; None in a photo.
        smooth: The emotions made steady along the track, up to and with this frame; None in a photo.
        geometry: Distances in the face; None where they were not asked for, or could not be measured.
    """

    emotions: Emotions
    track_id: int | None = None
    smooth: Emotions | None = None
    geometry: Geometry | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, JSON-safe."""
        return {
            **super().to_dict(),
            "emotions": self.emotions.to_dict(),
            "track_id": self.track_id,
            "smooth": self.smooth.to_dict() if self.smooth else None,
            "geometry": self.geometry.to_dict() if self.geometry else None,
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
            geometry=Geometry.from_dict(values["geometry"]) if values.get("geometry") else None,
        )


@dataclass(frozen=True)
class ReadOptions:
    """What a reading was made with; it comes back in every result.

    Args:
        detector: Name of the face detector.
        labels: Name of the label set.
        min_face_px: Faces whose box is smaller on its longer side are left out; raise it to ignore a crowd.
        min_visible: Faces of whose box less than this share lies in the picture are left out; 0 keeps all.
        max_not_a_face: Boxes that more than this share of viewers would call no face, that share to the power of the
            detector's score, are left out; 1 keeps all.
        crop_scale: Side of the square crop over the longer side of the box.
        profile: Whose personal profile moved the emotions, and what it holds; None for the general model alone.
        balance: How far rare emotions are favoured: 0 decides for the most probable one, 1 as if all were equally
            frequent.

    Raises:
        ValueError: a number out of range.
    """

    detector: str
    labels: str
    min_face_px: float
    min_visible: float
    max_not_a_face: float
    crop_scale: float
    profile: str | None = None
    balance: float = 0.0

    def __post_init__(self) -> None:
        if not self.min_face_px >= 0:
            raise ValueError(f"min_face_px must be 0 or more, got {self.min_face_px}")
        if not 0.1 <= self.crop_scale <= 10:
            raise ValueError(f"crop_scale must lie in 0.1..10, got {self.crop_scale}")
        _share("min_visible", self.min_visible)
        _share("max_not_a_face", self.max_not_a_face)
        _share("balance", self.balance)


@dataclass(frozen=True)
class StreamOptions:
    """How the frames of a video or stream are read together; it comes back in every result.

    Args:
        detect_every: The detector looks at every so many frames, and at once where a face was lost sight of; between
            them faces are followed by what the picture shows. 1 detects on every frame.
        smoothing: "average" over a window, "exponential" forgetting, "filter" (a hidden Markov model, which knows how
            long expressions last) or "none".
        smoothing_s: The window of "average" (0.3 is as steady as the default), the half-life of "exponential", the
            time in which the readings of "filter" count once (0.075): raise it for steadier readings, lower it for
            faster ones.
        hold: The steady label changes only when another is ahead of it by this much; 0 changes at once.
        birth_s: A face becomes a person, with a number, once it has been seen for this long (see `Tracker`).
        memory_s: A person who is out of sight for longer comes back as another one.

    Raises:
        ValueError: a number out of range or an unknown smoothing.
    """

    detect_every: int = 5
    smoothing: Smoothing = "exponential"
    smoothing_s: float = 0.15
    hold: float = 0.15
    birth_s: float = 0.3
    memory_s: float = 2.0

    def __post_init__(self) -> None:
        if self.smoothing not in SMOOTHINGS:
            raise ValueError(f"smoothing must be one of {', '.join(SMOOTHINGS)}, got {self.smoothing!r}")
        if not self.detect_every >= 1:
            raise ValueError(f"detect_every must be 1 or more, got {self.detect_every}")
        for name in ("smoothing_s", "birth_s", "memory_s"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be 0 or more seconds, got {getattr(self, name)}")
        _share("hold", self.hold)


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
        stream: How it was read together with its neighbours; None for a photo.
    """

    size_wh: tuple[int, int]
    faces: tuple[FaceReading, ...]
    options: ReadOptions
    model: str
    model_sha256: str
    index: int = 0
    time_s: float | None = None
    stream: StreamOptions | None = None

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
            "stream": asdict(self.stream) if self.stream else None,
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
            stream=StreamOptions(**values["stream"]) if values["stream"] else None,
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
