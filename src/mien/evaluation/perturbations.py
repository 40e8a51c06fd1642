"""What happens to faces outside a laboratory, as pure functions on stored faces.

A stored face is all there is of its photo: what a moved, turned or larger crop would show beyond it is made up by
repeating the pixels at its edge, and what a sharper photo would hold is not there. So these are approximations; each
says of what. Random ones draw anew for every row from their seed, and for every level the same: a curve compares
like with like.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "JITTER",
    "PERTURBATIONS",
    "Perturbation",
    "brightness",
    "contrast",
    "crop_scale",
    "crop_shift",
    "gaussian_blur",
    "jitter",
    "jpeg",
    "noise",
    "occlusion",
    "resolution",
    "rotation",
]

Pixels = NDArray[np.uint8]


def brightness(pixels: Pixels, factor: float) -> Pixels:
    """Every grey value times `factor`, cut at white: less light, or an exposure too long."""
    return _to_grey(pixels * np.float32(factor))


def contrast(pixels: Pixels, factor: float) -> Pixels:
    """Distance of every pixel from its face's mean grey times `factor`: haze, or a screen in the sun."""
    mean = pixels.mean(axis=(1, 2), keepdims=True, dtype=np.float32)
    return _to_grey(mean + (pixels - mean) * np.float32(factor))


def gaussian_blur(pixels: Pixels, sigma_px: float) -> Pixels:
    """A lens out of focus; `sigma_px` in pixels of the stored face."""
    return _each(pixels, lambda face: cv2.GaussianBlur(face, (0, 0), sigma_px, borderType=cv2.BORDER_REPLICATE))


def jpeg(pixels: Pixels, quality: float) -> Pixels:
    """Through JPEG and back, at the stored size; in a larger photo the same quality harms a face less."""
    options = [cv2.IMWRITE_JPEG_QUALITY, round(quality)]

    def there_and_back(face: Pixels) -> Pixels:
        decoded = cv2.imdecode(cv2.imencode(".jpg", face, options)[1], cv2.IMREAD_GRAYSCALE)
        return np.asarray(decoded, np.uint8)

    return _each(pixels, there_and_back)


def resolution(pixels: Pixels, side_px: float) -> Pixels:
    """A face of `side_px` in its photo: scaled there and back, by area when it shrinks and linearly when it grows."""
    size = (round(side_px), round(side_px))

    def there_and_back(face: Pixels) -> Pixels:
        there = cv2.resize(face, size, interpolation=_shrink_or_grow(size[0], face.shape[0]))
        return np.asarray(
            cv2.resize(there, face.shape[::-1], interpolation=_shrink_or_grow(face.shape[0], size[0])), np.uint8
        )

    return _each(pixels, there_and_back)


def rotation(pixels: Pixels, degrees: float, *, seed: int = 0) -> Pixels:
    """A head tilted by `degrees` to either side; the corners are made up."""
    angle = math.radians(degrees) * np.random.default_rng(seed).choice([-1.0, 1.0], len(pixels))
    return _seen_through(pixels, angle=angle)


def crop_shift(pixels: Pixels, share: float, *, seed: int = 0) -> Pixels:
    """A crop moved by a share of its side in any direction; what comes into sight is made up."""
    direction = np.random.default_rng(seed).uniform(0, 2 * math.pi, len(pixels))
    return _seen_through(pixels, move=share * np.stack([np.cos(direction), np.sin(direction)], axis=1))


def crop_scale(pixels: Pixels, factor: float) -> Pixels:
    """A crop whose side is `factor` times as long; above 1 what comes into sight is made up."""
    return _seen_through(pixels, scale=np.full(len(pixels), factor))


def jitter(pixels: Pixels, share: float, *, seed: int = 0) -> Pixels:
    """A detector's box that is moved in x and in y and scaled by up to `share` of its side, evenly drawn."""
    random = np.random.default_rng(seed)
    move = share * random.uniform(-1, 1, (len(pixels), 2))
    return _seen_through(pixels, move=move, scale=1 + share * random.uniform(-1, 1, len(pixels)))


def occlusion(pixels: Pixels, share: float, *, seed: int = 0) -> Pixels:
    """A square of the face's mean grey over a share of its area, anywhere in it: a hand, a cup, another head."""
    changed = pixels.copy()
    height, width = pixels.shape[1:]
    tall, wide = (round(length * math.sqrt(share)) for length in (height, width))
    places = np.random.default_rng(seed).random((len(pixels), 2))
    for face, (down, across) in zip(changed, places, strict=True):
        top, left = round(down * (height - tall)), round(across * (width - wide))
        face[top : top + tall, left : left + wide] = round(float(face.mean()))
    return changed


def noise(pixels: Pixels, sigma: float, *, seed: int = 0) -> Pixels:
    """Gaussian noise of `sigma` grey values, each pixel by itself: a sensor in the dark."""
    drawn = np.random.default_rng(seed).standard_normal(pixels.shape, dtype=np.float32)
    return _to_grey(pixels + np.float32(sigma) * drawn)


@dataclass(frozen=True)
class Perturbation:
    """A way of changing faces, and how far to go.

    Args:
        name: What it is called in tables.
        unit: What its levels count.
        levels: From one end to the other.
        apply: From faces, a level and a seed to as many changed faces.
        draws: How many seeds to average over.
    """

    name: str
    unit: str
    levels: tuple[float, ...]
    apply: Callable[[Pixels, float, int], Pixels]
    draws: int = 1


JITTER = Perturbation(
    "detector jitter",
    "up to this share of the box, in place and in size",
    (0.05, 0.1),
    lambda pixels, level, seed: jitter(pixels, level, seed=seed),
    draws=3,
)
"""What a classifier must bear from any detector; 0.1 is the level to quote."""

PERTURBATIONS: tuple[Perturbation, ...] = (
    Perturbation("brightness", "times", (0.25, 0.5, 1.5, 2.0), lambda p, level, _: brightness(p, level)),
    Perturbation("contrast", "times", (0.2, 0.4, 0.7), lambda p, level, _: contrast(p, level)),
    Perturbation(
        "blur", "sigma in px of the stored face", (0.5, 1.0, 1.5, 2.0), lambda p, level, _: gaussian_blur(p, level)
    ),
    Perturbation("JPEG", "quality at the stored size", (60, 30, 15, 8), lambda p, level, _: jpeg(p, level)),
    Perturbation(
        "resolution", "side of the face in px", (96, 32, 24, 16, 12), lambda p, level, _: resolution(p, level)
    ),
    Perturbation("rotation", "degrees", (5, 10, 20, 30), lambda p, level, seed: rotation(p, level, seed=seed)),
    Perturbation(
        "crop shift", "share of the side", (0.05, 0.1, 0.15, 0.2), lambda p, level, s: crop_shift(p, level, seed=s)
    ),
    Perturbation("crop scale", "times the side", (0.8, 0.9, 1.1, 1.2, 1.35), lambda p, level, _: crop_scale(p, level)),
    Perturbation(
        "occlusion", "share of the area", (0.05, 0.1, 0.2, 0.3), lambda p, level, s: occlusion(p, level, seed=s)
    ),
    Perturbation("noise", "sigma in grey values of 255", (5, 10, 20, 40), lambda p, level, s: noise(p, level, seed=s)),
    JITTER,
)
"""Everything that `mien evaluate --robustness` tries."""


def _to_grey(values: NDArray[np.float32]) -> Pixels:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _each(pixels: Pixels, change: Callable[[Pixels], NDArray[np.generic]]) -> Pixels:
    changed = np.empty_like(pixels)
    for index, face in enumerate(pixels):
        changed[index] = change(face)
    return changed


def _shrink_or_grow(to_px: int, from_px: int) -> int:
    return cv2.INTER_AREA if to_px < from_px else cv2.INTER_LINEAR


def _seen_through(
    pixels: Pixels,
    *,
    angle: NDArray[np.float64] | None = None,
    scale: NDArray[np.float64] | None = None,
    move: NDArray[np.float64] | None = None,
) -> Pixels:
    """Each face through a crop of its own: turned (radians), scaled, and moved (shares of the side, x and y)."""
    n, height, width = pixels.shape
    angle = np.zeros(n) if angle is None else angle
    scale = np.ones(n) if scale is None else scale
    move = np.zeros((n, 2)) if move is None else move
    linear = scale[:, None, None] * np.moveaxis(
        np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]), -1, 0
    )
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    offset = centre - linear @ centre + move * (width, height)
    changed = np.empty_like(pixels)
    for index, face in enumerate(pixels):
        changed[index] = cv2.warpAffine(
            face,
            np.column_stack([linear[index], offset[index]]),
            (width, height),
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,  # linear would blur what is merely moved
            borderMode=cv2.BORDER_REPLICATE,
        )
    return changed
