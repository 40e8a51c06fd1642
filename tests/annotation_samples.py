"""Made faces in a label store."""

import cv2
import numpy as np

from mien.annotation.store import FoundFace, LabelStore

MODEL = {"model": "mien-m", "model_sha256": "0" * 64}


PICTURE = cv2.imencode(".jpg", np.full((32, 32, 3), 90, np.uint8))[1].tobytes()


def found(count: int, *, source: str = "clip.mp4", side_px: int = 48, seed: int = 0) -> list[FoundFace]:
    """Noise in place of faces, a second apart."""
    pixels = np.random.default_rng(seed).integers(0, 256, (count, side_px, side_px)).astype(np.uint8)
    return [FoundFace(source, float(at), (0, 0, 48, 48), face, PICTURE) for at, face in enumerate(pixels)]


def filled(store: LabelStore, count: int) -> LabelStore:
    """The store with so many faces, numbered from 1."""
    store.add("clip.mp4", found(count), done=True)
    return store
