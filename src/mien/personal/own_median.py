"""A baseline without anybody's help: the median face of the files that are read, taken for one person's neutral face.

It is right where a person is neutral at least half of the time, and takes the edge off every expression where not.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from mien.classifier import EmotionClassifier
from mien.errors import ProfileError
from mien.faces.align import face_crop
from mien.personal.answers import Answers, answers_of
from mien.personal.baseline import fit_baseline
from mien.profiles import Profile
from mien.session import FaceReader, Found

__all__ = ["own_median"]

NAME, SOURCE = "auto", "the median of these files"


def own_median(reader: FaceReader, frames_rgb: Iterable[NDArray[np.uint8]]) -> Profile:
    """The profile of the one person whom most of these pictures show.

    Args:
        reader: Finds faces and holds the model, such as an `Analyzer`.
        frames_rgb: Each `(height, width, 3)` uint8 RGB; spread over what is to be read.

    Raises:
        ProfileError: the reader has no model file, too few pictures show one face, or more of them show several.
    """
    if not isinstance(reader.classifier, EmotionClassifier):
        raise ProfileError("a baseline needs a model file, got a classifier of your own")
    answers: list[Answers] = []
    crowds = 0
    for frame_rgb in frames_rgb:
        faces = Found.by(reader, frame_rgb).faces
        crowds += len(faces) > 1
        if len(faces) == 1:
            crop = face_crop(frame_rgb, faces[0], scale=reader.options.crop_scale)
            answers.append(answers_of(reader.classifier, [crop]))
    if crowds > len(answers):
        raise ProfileError(
            f"a baseline of the files' own median needs one person, got {crowds} pictures with several and "
            f"{len(answers)} with one: make a profile of each with mien personalize"
        )
    if not answers:
        raise ProfileError("a baseline of the files' own median needs faces, got none")
    baseline = fit_baseline(Answers.joined(answers), source=SOURCE)
    return Profile(NAME, reader.classifier.card.name, reader.classifier.sha256, baseline)
