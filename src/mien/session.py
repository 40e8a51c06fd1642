"""One video or stream, frame by frame: people keep their number, and their readings are steady."""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from mien.classifier import Classifier
from mien.faces.detector import Detector
from mien.faces.picture import require_rgb
from mien.faces.tracking import Tracked, Tracker
from mien.results import Emotions, Face, FaceReading, FrameReading, ReadOptions, StreamOptions
from mien.smoothing import Steady
from mien.taxonomy import TAXONOMIES

__all__ = ["FaceReader", "Found", "Session", "SessionState"]

_PATIENCE_S = 1.0


class FaceReader(Protocol):
    """What a session needs of an `Analyzer`."""

    options: ReadOptions
    classifier: Classifier
    detector: Detector

    def read_faces(self, frame_rgb: NDArray[np.uint8], faces: Sequence[Face]) -> list[FaceReading | None]:
        """One answer per face, in order; None for a face that the options leave out."""
        ...


@dataclass(frozen=True)
class Found:
    """The faces that a detector finds in one frame, and how each looks; boxes may reach beyond the frame."""

    faces: tuple[Face, ...]
    readings: tuple[FaceReading, ...]

    @classmethod
    def by(cls, reader: FaceReader, frame_rgb: NDArray[np.uint8], *, detector: Detector | None = None) -> Self:
        """The faces that the reader's detector finds, or another one, and that the reader's options keep."""
        faces = (detector or reader.detector).detect(frame_rgb)
        readings = reader.read_faces(frame_rgb, faces)
        kept = [(face, reading) for face, reading in zip(faces, readings, strict=True) if reading is not None]
        return cls(tuple(face for face, _ in kept), tuple(reading for _, reading in kept))


@dataclass(frozen=True)
class SessionState:
    """What a session remembers of the frames that it has read."""

    tracker: Tracker
    steady: dict[int, Steady]
    next_index: int
    frames_read: int
    patient_from_s: float


class Session:
    """Reads the frames of one stream in order; for several streams, make several.

    In its readings, `emotions` is what a frame says alone and `smooth` what is steady along the track. A face has
    no `track_id` until it has been seen for `birth_s` seconds: a fleeting false box never becomes a person.

    Args:
        reader: Finds and reads faces, as `Analyzer` does; may be shared between sessions and threads.
        quick_detector: Asked in the reader's detector's place, which then is asked only now and then.
        options: How; None takes `StreamOptions()`.
    """

    def __init__(self, reader: FaceReader, quick_detector: Detector, options: StreamOptions | None = None) -> None:
        self.options = options or StreamOptions()
        self._reader = reader
        self._own: tuple[FaceReader, int] | None = None  # who reads one person's face alone
        self._quick_detector = quick_detector
        self._tracker = Tracker(birth_s=self.options.birth_s, memory_s=self.options.memory_s)
        self.reset()

    def reset(self) -> None:
        """Forget everything, for another stream: the next person is 0, the next frame too."""
        self._tracker.reset()
        self._steady: dict[int, Steady] = {}
        self._next_index = 0
        self._frames_read = 0
        self._patient_from_s = -math.inf

    @property
    def frames_read(self) -> int:
        """How many frames were read."""
        return self._frames_read

    def state(self) -> SessionState:
        """What it remembers now; reading on does not change it."""
        return copy.deepcopy(
            SessionState(self._tracker, self._steady, self._next_index, self._frames_read, self._patient_from_s)
        )

    def restore(self, state: SessionState) -> None:
        """Go on from where a session with the same options was."""
        state = copy.deepcopy(state)
        self._tracker, self._steady = state.tracker, state.steady
        self._next_index, self._frames_read = state.next_index, state.frames_read
        self._patient_from_s = state.patient_from_s

    def read_with(self, reader: FaceReader, *, person: int | None = None) -> None:
        """Go on with another reader of the same labels, such as one with a profile; people keep their number.

        Args:
            reader: Reads faces; what the detector looks for stays the same.
            person: The only one whose face it reads, from when they are known; None gives it everybody's.
        """
        if person is None:
            self._reader = reader
        else:
            self._own = reader, person

    def read(self, frame_rgb: NDArray[np.uint8], *, time_s: float, index: int | None = None) -> FrameReading:
        """The faces of the stream's next frame.

        Args:
            frame_rgb: `(height, width, 3)` uint8 RGB.
            time_s: Its presentation time in seconds; must not run backwards.
            index: Its number in the stream; None counts the frames that were read.

        Raises:
            ValueError: the picture has another shape or type, or time runs backwards.
        """
        require_rgb(frame_rgb)
        found = self.look(frame_rgb) if self.is_due(self._frames_read) else None
        return self.advance(frame_rgb, time_s=time_s, index=index, found=found)[0]

    def is_due(self, position: int) -> bool:
        """Whether the detector is to look at the frame that is read as number `position`, counted from 0."""
        return position % self.options.detect_every == 0

    def look(self, frame_rgb: NDArray[np.uint8]) -> Found:
        """What the detector finds in a frame; depends on no other frame, so that it may be asked ahead."""
        return Found.by(self._reader, frame_rgb, detector=self._quick_detector)

    def advance(
        self, frame_rgb: NDArray[np.uint8], *, time_s: float, index: int | None = None, found: Found | None
    ) -> tuple[FrameReading, tuple[int, ...]]:
        """Read the next frame, given what the detector found in it; `read` does both.

        Args:
            frame_rgb: As for `read`.
            time_s: As for `read`.
            index: As for `read`.
            found: What `look` says of it; None where the detector was not due.

        Returns:
            The reading, and for each of its faces which track it is, whether it is a person yet or not.
        """
        all_seen = self._tracker.follow(frame_rgb, time_s=time_s)
        if found is None and not all_seen:
            found = self.look(frame_rgb)
        if found is not None and not found.faces:
            found = self._look_patiently(frame_rgb, time_s) or found
        tracked = self._tracker.step(frame_rgb, time_s=time_s, detected=found.faces if found else None)
        faces, keys = self._faces(frame_rgb, time_s, tracked, found.readings if found else ())
        reading = FrameReading(
            size_wh=(frame_rgb.shape[1], frame_rgb.shape[0]),
            faces=faces,
            options=self._reader.options,
            model=self._reader.classifier.card.name,
            model_sha256=self._reader.classifier.sha256,
            index=self._next_index if index is None else index,
            time_s=time_s,
            stream=self.options,
        )
        self._next_index = reading.index + 1
        self._frames_read += 1
        return reading, keys

    @property
    def people(self) -> dict[int, int | None]:
        """Track -> person, of those that are remembered; None where that is not sure yet."""
        return self._tracker.people

    def _look_patiently(self, frame_rgb: NDArray[np.uint8], time_s: float) -> Found | None:
        """The second looks that a photo gets; now and then where there is nobody, and as long as they find somebody.

        They find people who lie down and faces that are small or dark, and cost ten times as much.
        """
        if self._quick_detector is self._reader.detector or time_s < self._patient_from_s:
            return None
        found = Found.by(self._reader, frame_rgb)
        # at whole seconds, wherever reading began: pieces of a video look at the same frames as one pass
        self._patient_from_s = time_s if found.faces else (math.floor(time_s / _PATIENCE_S) + 1) * _PATIENCE_S
        return found

    def _faces(
        self, frame_rgb: NDArray[np.uint8], time_s: float, tracked: Sequence[Tracked], found: Sequence[FaceReading]
    ) -> tuple[tuple[FaceReading, ...], tuple[int, ...]]:
        """What is in sight, read, and the keys; faces that were detected in this frame have been read already."""
        followed = [seen for seen in tracked if seen.detection is None]
        read = self._reader.read_faces(frame_rgb, [seen.face for seen in followed])
        answers = dict(zip((seen.key for seen in followed), read, strict=True))
        answers |= {seen.key: found[seen.detection] for seen in tracked if seen.detection is not None}
        if self._own is not None:
            own, person = self._own
            for seen in tracked:
                if seen.track_id == person and answers[seen.key] is not None:
                    (answers[seen.key],) = own.read_faces(frame_rgb, [seen.face])
        labels = TAXONOMIES[self._reader.options.labels].labels
        self._steady = {key: self._steady.get(key) or Steady(self.options, labels) for key in self._tracker.people}
        faces, keys = [], []
        for seen in tracked:
            answer = answers[seen.key]
            if answer is None:
                continue
            values = self._steady[seen.key].update(time_s=time_s, probabilities=np.array(answer.emotions.values))
            smooth = Emotions(answer.emotions.taxonomy, tuple(values.tolist()))
            faces.append(replace(answer, track_id=seen.track_id, smooth=smooth))
            keys.append(seen.key)
        return tuple(faces), tuple(keys)
