"""One video or stream, frame by frame: people keep their number, and their readings are steady."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mien.classifier import Classifier
from mien.faces.detector import Detector
from mien.faces.tracking import Tracked, Tracker
from mien.results import Emotions, Face, FaceReading, FrameReading, ReadOptions, StreamOptions
from mien.smoothing import Steady

__all__ = ["FaceReader", "Session"]


class FaceReader(Protocol):
    """What a session needs of an `Analyzer`."""

    options: ReadOptions
    classifier: Classifier
    detector: Detector

    def read_faces(self, frame_rgb: NDArray[np.uint8], faces: Sequence[Face]) -> list[FaceReading | None]:
        """One answer per face, in order; None for a face that the options leave out."""
        ...


class Session:
    """Reads the frames of one stream in order; for several streams, make several.

    In its readings, `emotions` is what a frame says alone and `smooth` what is steady along the track. A face has
    no `track_id` until it has been seen for `birth_s` seconds: a fleeting false box never becomes a person.

    Args:
        reader: Finds and reads faces, as `Analyzer` does; may be shared between sessions and threads.
        options: How; None takes `StreamOptions()`.
    """

    def __init__(self, reader: FaceReader, options: StreamOptions | None = None) -> None:
        self.options = options or StreamOptions()
        self._reader = reader
        self._tracker = Tracker(birth_s=self.options.birth_s, memory_s=self.options.memory_s)
        self.reset()

    def reset(self) -> None:
        """Forget everything, for another stream: the next person is 0, the next frame too."""
        self._tracker.reset()
        self._steady: dict[int, Steady] = {}
        self._next_index = 0
        self._until_detection = 0

    def read(self, frame_rgb: NDArray[np.uint8], *, time_s: float, index: int | None = None) -> FrameReading:
        """The faces of the stream's next frame.

        Args:
            frame_rgb: `(height, width, 3)` uint8 RGB.
            time_s: Its presentation time in seconds; must not run backwards.
            index: Its number in the stream; None counts the frames that were read.

        Raises:
            ValueError: the picture has another shape or type, or time runs backwards.
        """
        if frame_rgb.ndim != 3 or frame_rgb.shape[2] != 3 or frame_rgb.dtype != np.uint8 or frame_rgb.size == 0:
            raise ValueError(
                f"frame_rgb must be (height, width, 3) uint8 RGB and not empty, got {frame_rgb.shape} {frame_rgb.dtype}"
            )
        all_seen = self._tracker.follow(frame_rgb, time_s=time_s)
        found: list[FaceReading] | None = None
        detected: list[Face] | None = None
        if self._until_detection == 0 or not all_seen:
            self._until_detection = self.options.detect_every
            faces = self._reader.detector.detect(frame_rgb)
            answers = self._reader.read_faces(frame_rgb, faces)
            kept = [(face, answer) for face, answer in zip(faces, answers, strict=True) if answer is not None]
            detected, found = [face for face, _ in kept], [answer for _, answer in kept]
        self._until_detection -= 1
        tracked = self._tracker.step(frame_rgb, time_s=time_s, detected=detected)
        reading = FrameReading(
            size_wh=(frame_rgb.shape[1], frame_rgb.shape[0]),
            faces=self._faces(frame_rgb, time_s, tracked, found or []),
            options=self._reader.options,
            model=self._reader.classifier.card.name,
            model_sha256=self._reader.classifier.sha256,
            index=self._next_index if index is None else index,
            time_s=time_s,
            stream=self.options,
        )
        self._next_index = reading.index + 1
        return reading

    def _faces(
        self, frame_rgb: NDArray[np.uint8], time_s: float, tracked: Sequence[Tracked], found: Sequence[FaceReading]
    ) -> tuple[FaceReading, ...]:
        """What is in sight, read; faces that were detected in this frame have been read already."""
        followed = [seen for seen in tracked if seen.detection is None]
        read = self._reader.read_faces(frame_rgb, [seen.face for seen in followed])
        answers = dict(zip((seen.key for seen in followed), read, strict=True))
        answers |= {seen.key: found[seen.detection] for seen in tracked if seen.detection is not None}
        self._steady = {key: self._steady.get(key) or Steady(self.options) for key in self._tracker.keys}
        faces = []
        for seen in tracked:
            answer = answers[seen.key]
            if answer is None:
                continue
            values = self._steady[seen.key].update(time_s=time_s, probabilities=np.array(answer.emotions.values))
            smooth = Emotions(answer.emotions.taxonomy, tuple(values.tolist()))
            faces.append(replace(answer, track_id=seen.track_id, smooth=smooth))
        return tuple(faces)
