"""One person shows faces: which of them can be used, and what they teach."""

import numpy as np
from numpy.typing import NDArray

from mien.classifier import EmotionClassifier
from mien.errors import ProfileError
from mien.faces.align import face_crop
from mien.personal.answers import Answers, answers_of
from mien.personal.learning import learn_profile
from mien.preprocess import to_input
from mien.profiles import Profile
from mien.quality import measure_quality
from mien.results import Doubt
from mien.session import FaceReader

__all__ = ["MIN_FACE_PX", "Sitting"]

MIN_FACE_PX = 40
"""Smaller faces say too little of a person's own look."""

_NO_FACE = "no face: look at the camera"
_REMEDIES: dict[Doubt, str] = {
    "too_dark": "the face is too dark: turn to the light",
    "too_blurred": "the face is blurred: hold still, and wipe the lens",
}


class Sitting:
    """One person's faces, gathered picture by picture; only what the model answers is kept of them.

    Args:
        reader: Finds faces and holds the model, such as an `Analyzer`.

    Raises:
        ProfileError: the reader has no model file.
    """

    def __init__(self, reader: FaceReader) -> None:
        if not isinstance(reader.classifier, EmotionClassifier):
            raise ProfileError("a profile needs a model file, got a classifier of your own")
        self._reader, self._classifier = reader, reader.classifier
        self._answers: list[Answers] = []
        self.emotions: list[str] = []

    def take(self, frame_rgb: NDArray[np.uint8], emotion: str) -> str | None:
        """Take the face of a picture as an example, if it can be used.

        Args:
            frame_rgb: `(height, width, 3)` uint8 RGB with one face.
            emotion: What it shows.

        Returns:
            None if it was taken; else why not, and what to do, in a few words.
        """
        faces = self._reader.detector.detect(frame_rgb)
        if len(faces) != 1:
            return _NO_FACE if not faces else f"{len(faces)} faces: be alone in the picture"
        crop = face_crop(frame_rgb, faces[0], scale=self._reader.options.crop_scale)
        if max(crop.shape[:2]) < MIN_FACE_PX:
            return f"the face is {max(crop.shape[:2])} px small: come closer"
        (doubts,) = measure_quality(to_input([crop], self._classifier.card.input), [max(crop.shape[:2])]).doubts()
        if doubts:
            return _REMEDIES[doubts[0]]
        if self._reader.read_faces(frame_rgb, faces) == [None]:
            return _NO_FACE
        self._answers.append(answers_of(self._classifier, [crop]))
        self.emotions.append(emotion)
        return None

    def __len__(self) -> int:
        return len(self.emotions)

    def forget(self, emotion: str | None = None) -> None:
        """Give up the examples of an emotion; None gives up all."""
        kept = [row for row, shown in enumerate(self.emotions) if emotion not in (None, shown)]
        self._answers = [self._answers[row] for row in kept]
        self.emotions = [self.emotions[row] for row in kept]

    def learn(self, name: str, *, source: str) -> Profile:
        """The profile that these faces make; see `learn_profile`.

        Raises:
            ProfileError: too few faces were taken, or what they teach would not help.
        """
        if not self._answers:
            raise ProfileError("a profile needs faces, got none that can be used: one face, near, and well lit")
        return learn_profile(
            name,
            Answers.joined(self._answers),
            self.emotions,
            model=self._classifier.card.name,
            model_sha256=self._classifier.sha256,
            source=source,
        )
