"""The product in one sentence: find the faces, frame them as the model was trained, say how they look."""

import copy
import math
from collections.abc import Generator, Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mien.classifier import DEFAULT_MODEL, Classifier, EmotionClassifier
from mien.errors import ProfileError
from mien.faces.align import face_crop
from mien.faces.detector import Detector
from mien.faces.mesh import FaceMesh
from mien.faces.registry import default_detector, for_video, load_detector
from mien.media.videos import Frame, open_video
from mien.profiles import Profile
from mien.results import BoxXyxy, Emotions, Face, FaceReading, FrameReading, ReadOptions, StreamOptions
from mien.session import Session
from mien.streaming import StreamReader

__all__ = ["Analyzer"]

_LIKELY_SCORE = 0.5


class Analyzer:
    """Reads pictures; one instance may be shared by any number of threads.

    Args:
        model: Name of an embedded model, a model file, or a classifier of your own.
        detector: "mtcnn", "yunet" or "haar", or a detector of your own; None takes YuNet where it has been
            pulled and MTCNN, which needs no download, elsewhere.
        labels: Name of the label set, such as "ferplus" or "fer2013"; None takes the model's first.
        min_face_px: Leave out faces whose box is smaller than this on its longer side.
        min_visible: Leave out faces of whose box less than this share lies in the picture: half a face says little.
        max_not_a_face: Leave out boxes that more than this share of viewers would call no face; 1 keeps all. At 0.1
            0.4 % of the faces that no viewer doubted are lost (2,280 rows of FER-2013 kept aside in training). The less
            sure the detector, the surer the model has to be: what counts is the share to the power of the detector's
            score, so that of a box with 0.5 no more than 0.01 may say so. With a model that does not tell, boxes below
            0.5 are left out.
        crop_scale: Side of the crop over the longer side of the box; None takes what the model was trained on.
        balance: How far to favour rare emotions, in 0..1: raise it to find more of them, at the price of more wrong
            answers; `docs/doubt.md` has what each step finds and costs.
        geometry: Also measure each face's geometry, from dense landmarks; takes one and a half times as long as reading
            its emotions (`docs/geometry.md`).

    Raises:
        ValueError: an unknown detector or label set, a number out of range, or a balance for a model whose card does
            not say how frequent its labels are.
        WeightsError: a model, detector or landmark file that is absent or not what it should be.

    Example:
        >>> analyzer = Analyzer()
        >>> analyzer.read(np.zeros((120, 160, 3), np.uint8)).faces
        ()
    """

    def __init__(
        self,
        *,
        model: str | Path | Classifier = DEFAULT_MODEL,
        detector: str | Detector | None = None,
        labels: str | None = None,
        min_face_px: float = 0,
        min_visible: float = 0.75,
        max_not_a_face: float = 0.1,
        crop_scale: float | None = None,
        balance: float = 0.0,
        geometry: bool = False,
    ) -> None:
        self._mesh = FaceMesh() if geometry else None
        self._own: tuple[Analyzer, int] | None = None  # who reads one person's face alone
        self.classifier = EmotionClassifier.load(model) if isinstance(model, str | Path) else model
        if detector is None:
            detector = default_detector()
        self.detector = load_detector(detector) if isinstance(detector, str) else detector
        card = self.classifier.card
        self.options = ReadOptions(
            detector=self.detector.name,
            labels=(card.head(labels) if labels is not None else card.heads[0]).taxonomy,
            min_face_px=min_face_px,
            min_visible=min_visible,
            max_not_a_face=max_not_a_face,
            crop_scale=card.input.crop_scale if crop_scale is None else crop_scale,
            balance=balance,
        )
        if balance and card.head(self.options.labels).frequencies is None:
            raise ValueError(f"the card of {card.name} does not say how frequent its labels are: leave balance at 0")

    def with_profile(self, profile: Profile | None, *, person: int | None = None) -> Self:
        """The same analyzer, nothing loaded again, that reads one person; None reads anyone.

        Args:
            profile: As `mien personalize` makes it. Its name comes back in every reading's options.
            person: Of a video or stream, the only person whose face is read with it; None for every face.

        Raises:
            ProfileError: it was made with another model, or the classifier is one of your own.
        """
        if not isinstance(self.classifier, EmotionClassifier):
            raise ProfileError("a profile needs a model file, got a classifier of your own: read without the profile")
        other = copy.copy(self)
        other._own = None
        if profile is not None and person is not None:
            other._own = self.with_profile(profile), person
            other.options = replace(self.options, profile=f"{profile.summary}, for person {person} alone")
            return other
        other.classifier = self.classifier.with_profile(profile)
        other.options = replace(self.options, profile=profile.summary if profile is not None else None)
        return other

    def read(self, frame_rgb: NDArray[np.uint8]) -> FrameReading:
        """Every face of a picture and how it looks.

        Args:
            frame_rgb: `(height, width, 3)` uint8 RGB of any size.

        Returns:
            Faces in the detector's order; none when there is none.

        Raises:
            ValueError: the picture has another shape or type.
        """
        if frame_rgb.ndim != 3 or frame_rgb.shape[2] != 3 or frame_rgb.dtype != np.uint8:
            raise ValueError(
                f"frame_rgb must be (height, width, 3) uint8 RGB, got {frame_rgb.shape} {frame_rgb.dtype}: "
                "mien.load_photo makes one from any picture file"
            )
        faces = self.read_faces(frame_rgb, self.detector.detect(frame_rgb))
        return FrameReading(
            size_wh=(frame_rgb.shape[1], frame_rgb.shape[0]),
            faces=tuple(face for face in faces if face is not None),
            options=self.options,
            model=self.classifier.card.name,
            model_sha256=self.classifier.sha256,
        )

    def read_faces(self, frame_rgb: NDArray[np.uint8], faces: Sequence[Face]) -> list[FaceReading | None]:
        """How each of these faces of a picture looks; no detection.

        Args:
            frame_rgb: `(height, width, 3)` uint8 RGB.
            faces: In its pixels.

        Returns:
            One answer per face, in order; None for a face that the options leave out.
        """
        height, width = frame_rgb.shape[:2]
        wanted = [
            face.longer_side_px >= self.options.min_face_px
            and _area(_within(face.box_xyxy, width, height)) >= self.options.min_visible * _area(face.box_xyxy)
            for face in faces
        ]
        crops = [
            face_crop(frame_rgb, face, scale=self.options.crop_scale)
            for face, want in zip(faces, wanted, strict=True)
            if want
        ]
        answers = iter(self.read_crops(crops))
        readings: list[FaceReading | None] = []
        for face, want in zip(faces, wanted, strict=True):
            emotions = next(answers) if want else None
            if emotions is None or not self._takes_for_face(face, emotions):
                readings.append(None)
            else:
                box_xyxy = _within(face.box_xyxy, width, height)
                geometry = None if self._mesh is None else self._mesh.measure(frame_rgb, face)
                readings.append(FaceReading(box_xyxy, face.score, face.landmarks, emotions, geometry=geometry))
        return readings

    def _takes_for_face(self, face: Face, emotions: Emotions) -> bool:
        """Whether detector and model together say so: the less sure the one, the surer the other has to be."""
        if emotions.not_a_face is None:
            return face.score >= _LIKELY_SCORE or self.options.max_not_a_face == 1
        return math.pow(emotions.not_a_face, face.score) <= self.options.max_not_a_face

    def session(self, options: StreamOptions | None = None) -> Session:
        """A reader of one video or stream, frame by frame: people keep their number, readings are steady.

        Args:
            options: How; None takes `StreamOptions()`.

        Example:
            >>> session = Analyzer(detector="mtcnn").session()
            >>> session.read(np.zeros((120, 160, 3), np.uint8), time_s=0.04).faces
            ()
        """
        session = Session(self, self._quick_detector, options)
        if self._own is not None:
            reader, person = self._own
            session.read_with(reader, person=person)
        return session

    @cached_property
    def _quick_detector(self) -> Detector:
        """Looks at the frames of streams."""
        return for_video(self.detector)

    def read_video(
        self,
        path: str | Path,
        *,
        start_s: float | None = None,
        end_s: float | None = None,
        every_s: float | None = None,
        every_frames: int | None = None,
        max_side_px: int | None = None,
        options: StreamOptions | None = None,
    ) -> Generator[FrameReading]:
        """Every frame of a video and the faces in it, one reading per frame, in order, as they are asked for.

        It takes the same memory for a minute as for an hour. `close()` stops it early.

        Args:
            path: The file.
            start_s: Leave out frames before this presentation time.
            end_s: Leave out frames from this presentation time on.
            every_s: Take one frame in every such span of time.
            every_frames: Take the frames whose index is a multiple of this.
            max_side_px: Scale frames down so that the longer side is at most this; boxes are in the scaled pixels.
            options: How people are followed and readings made steady; None takes `StreamOptions()`.

        Raises:
            MediaError: there is no such file or no video in it; from the generator, after the last reading: the rest
                is damaged.
            MissingExtraError: PyAV is not installed.
            ValueError: a number out of range.

        Example:
            >>> for reading in Analyzer(detector="mtcnn").read_video("examples/astronaut.mp4"):
            ...     if reading.index % 25 == 0:
            ...         print(reading.time_s, [(face.track_id, face.smooth.top) for face in reading.faces])
            0.0 []
            1.0 [(0, 'happy')]
            2.0 [(0, 'happy')]
        """
        video = open_video(
            path, start_s=start_s, end_s=end_s, every_s=every_s, every_frames=every_frames, max_side_px=max_side_px
        )
        return (reading for _, reading in self.read_frames(video, options))

    def read_frames(
        self, frames: Iterable[Frame], options: StreamOptions | None = None
    ) -> Generator[tuple[Frame, FrameReading]]:
        """Every frame of a video or stream with its reading, in order; decoding and reading overlap in threads.

        Args:
            frames: In order, as `mien.media.videos.open_video` gives them; closed at the end if they can be.
            options: How people are followed and readings made steady; None takes `StreamOptions()`.

        Raises:
            MediaError: after the last frame: the rest cannot be read.
            ValueError: a frame that is no picture, or time that runs backwards.
        """
        with StreamReader(frames, self.session(options)) as reader:
            yield from reader

    def read_crops(self, crops: Sequence[NDArray[np.uint8]]) -> list[Emotions]:
        """How each face crop looks; no detection.

        Args:
            crops: `(height, width, 3)` RGB or `(height, width)` grey, uint8: upright faces, cut close to the face
                as a detector's box is.

        Returns:
            One result per crop, in order.
        """
        return self.classifier.classify(crops, labels=self.options.labels, balance=self.options.balance)


def _within(box_xyxy: BoxXyxy, width: int, height: int) -> BoxXyxy:
    """The part of a box that lies in the picture."""
    x0, y0, x1, y1 = box_xyxy
    return (min(max(x0, 0.0), width), min(max(y0, 0.0), height), min(max(x1, 0.0), width), min(max(y1, 0.0), height))


def _area(box_xyxy: BoxXyxy) -> float:
    x0, y0, x1, y1 = box_xyxy
    return (x1 - x0) * (y1 - y0)
