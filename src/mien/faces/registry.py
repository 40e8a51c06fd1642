"""The detectors by name."""

from collections.abc import Callable

from mien.faces.detector import Detector
from mien.faces.haar import Haar
from mien.faces.mtcnn import Mtcnn
from mien.faces.session import THREADS
from mien.faces.yunet import Yunet
from mien.weights import is_present

__all__ = ["DETECTORS", "default_detector", "for_video", "load_detector"]

DETECTORS: dict[str, Callable[..., Detector]] = {"mtcnn": Mtcnn, "yunet": Yunet, "haar": Haar}


def load_detector(name: str, *, threads: int = THREADS) -> Detector:
    """A detector, its weights loaded.

    Args:
        name: A key of `DETECTORS`.
        threads: Of its networks; Haar has none.

    Raises:
        ValueError: no such name.
        WeightsError: its weights are absent or not what they should be.
    """
    if name not in DETECTORS:
        raise ValueError(f"unknown detector {name!r}: expected one of {', '.join(DETECTORS)}")
    kind = DETECTORS[name]
    return kind() if kind is Haar else kind(threads=threads)


def default_detector() -> str:
    """YuNet once it has been pulled, else MTCNN, which needs no download."""
    return "yunet" if is_present("yunet") else "mtcnn"


def for_video(detector: Detector) -> Detector:
    """The same detector as videos want it, where it can be had so.

    No second looks, because the next frame is one; one thread, because the other cores have other frames to work on;
    and a smaller picture, which costs half. In 26 hand-checked photos, faces measured at 640, YuNet still finds all 74
    from 32 px on and 20 of 23 smaller ones; MTCNN 73 instead of 74, and 20 instead of 21.
    """
    if isinstance(detector, Yunet):
        return Yunet(retries=False, longer_side_px=416, threads=1)
    if isinstance(detector, Mtcnn):
        return Mtcnn(retries=False, longer_side_px=480, threads=1)
    return detector
