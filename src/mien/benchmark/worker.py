"""The measured side of `mien bench`, a process for each system: `python worker.py --worker "TOOL, HOW" PHOTO`.

Run by its path, and by the other tools' interpreters too, so that nothing is imported before a system needs it.
`python worker.py --faces TOOL FACES.npy` prints what a tool's network reads in cut-out faces instead.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

__all__ = ["CALLS", "FACE_ALONE"]

CALLS = 20
"""Readings in a round; their median counts."""

FACE_ALONE = "the face alone"
"""How a system is named that reads a cut-out face, without looking for it."""


def mien_photo(how: str, photo: str) -> Callable[[], int]:
    """With one of mien's detectors."""
    import mien

    analyzer, frame_rgb = mien.Analyzer(detector=how), mien.load_photo(photo)
    return lambda: len(analyzer.read(frame_rgb).faces)


def mien_face(model: str) -> Callable[[], int]:
    """An embedded model alone; how long it takes does not depend on what the pixels show."""
    import numpy as np

    import mien

    classifier = mien.EmotionClassifier.load(model)
    crop = np.random.default_rng(0).integers(0, 256, (150, 150, 3)).astype(np.uint8)
    return lambda: len(classifier.classify([crop]))


def fer_photo(how: str, photo: str) -> Callable[[], int]:
    """The `fer` package, with Haar cascades (its default) or MTCNN."""
    import cv2
    from fer.fer import FER

    reader, frame_bgr = FER(mtcnn=how == "mtcnn"), cv2.imread(photo)
    return lambda: len(reader.detect_emotions(frame_bgr))


def deepface_photo(how: str, photo: str) -> Callable[[], int]:
    """DeepFace with one of its detectors."""
    import cv2
    from deepface import DeepFace

    frame_bgr = cv2.imread(photo)

    def read() -> int:
        options = {"actions": ["emotion"], "detector_backend": how, "enforce_detection": False, "silent": True}
        return sum(face["face_confidence"] > 0 for face in DeepFace.analyze(frame_bgr, **options))

    return read


def fer_faces(faces: Any) -> list[str]:
    """What `fer` reads in grey faces; its public method would first widen the box beyond a cut-out face."""
    import cv2
    import numpy as np
    from fer.fer import FER

    reader = FER()
    labels, answers = reader._get_labels(), []
    for start in range(0, len(faces), 64):
        large = np.stack([cv2.resize(face, (64, 64)) for face in faces[start : start + 64]]).astype(np.float32)
        answers += [labels[int(np.argmax(row))] for row in reader._classify_emotions((large / 255 - 0.5) * 2)]
    return answers


def deepface_faces(faces: Any) -> list[str]:
    """What DeepFace reads in grey faces, told that they are faces."""
    import numpy as np
    from deepface import DeepFace

    options = {"actions": ["emotion"], "detector_backend": "skip", "silent": True}
    frames = (np.repeat(face[:, :, None], 3, axis=2) for face in faces)
    return [DeepFace.analyze(frame_bgr, **options)[0]["dominant_emotion"] for frame_bgr in frames]


PHOTO: dict[str, Callable[[str, str], Callable[[], int]]] = {
    "mien": mien_photo,
    "fer": fer_photo,
    "deepface": deepface_photo,
}
FACES = {"fer": fer_faces, "deepface": deepface_faces}


def time_system(name: str, photo: str) -> None:
    """Answer every line on standard input with the milliseconds of a reading."""
    from turns import serve

    tool, how = name.split(", ")
    call = mien_face(tool) if how == FACE_ALONE else PHOTO[tool](how, photo)
    call()

    def measure() -> float:
        times_ms = []
        for _ in range(CALLS):
            start_s = time.perf_counter()
            call()
            times_ms.append(1000 * (time.perf_counter() - start_s))
        return statistics.median(times_ms)

    serve(measure)


def main(mode: str, name: str, path: str) -> None:
    """Time a system, or print what it reads."""
    if mode == "--worker":
        time_system(name, path)
        return
    import numpy as np

    print(json.dumps(FACES[name](np.load(path, allow_pickle=False))))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
