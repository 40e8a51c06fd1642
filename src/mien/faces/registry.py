"""The detectors by name."""

from collections.abc import Callable

from mien.faces.detector import Detector
from mien.faces.haar import Haar
from mien.faces.mtcnn import Mtcnn
from mien.faces.yunet import Yunet
from mien.weights import is_present

__all__ = ["DETECTORS", "default_detector", "for_video", "load_detector"]

DETECTORS: dict[str, Callable[[], Detector]] = {"mtcnn": Mtcnn, "yunet": Yunet, "haar": Haar}


def load_detector(name: str) -> Detector:
    """A detector, its weights loaded.

    Args:
        name: A key of `DETECTORS`.

    Raises:
        ValueError: no such name.
        WeightsError: its weights are absent or not what they should be.
    """
    if name not in DETECTORS:
        raise ValueError(f"unknown detector {name!r}: expected one of {', '.join(DETECTORS)}")
    return DETECTORS[name]()


def default_detector() -> str:
    """YuNet once it has been pulled, else MTCNN, which needs no download."""
    return "yunet" if is_present("yunet") else "mtcnn"


def for_video(detector: Detector) -> Detector:
    """The same detector as videos want it, where it can be had so: no second looks, because the next frame is one, and
    one thread, because the other cores have other frames to work on.
    """
    return type(detector)(retries=False, threads=1) if isinstance(detector, Mtcnn | Yunet) else detector
