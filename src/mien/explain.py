"""Where the evidence for a reading lies: which parts of a face move a model's answer, and which way.

Only answers are asked for, no gradients and no layers, so that any classifier can be explained, as it ships. Parts of
the face are blurred at random, many times (as in RISE, Petsiuk et al. 2018, arXiv 1806.07421), and a linear model of
the label's log-odds in what was left sharp gives each part its weight (as in LIME, Ribeiro et al. 2016, arXiv
1602.04938). Blurring takes the detail away and keeps the light; a grey or black patch would add edges of its own.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mien.card import InputSpec
from mien.classifier import Classifier
from mien.faces.align import crop_place, face_crop
from mien.preprocess import to_input
from mien.results import Face
from mien.taxonomy import TAXONOMIES

__all__ = ["CELLS", "Explanation", "explain", "overlay"]

CELLS = 8
"""The face is divided into this many cells along each side; finer ones take more masks to tell from chance."""

_BATCH = 64
_SURE = 1e-9  # log-odds are cut here, at about 20 either way


@dataclass(frozen=True, eq=False)
class Explanation:
    """What moves one answer.

    Args:
        label: The label that is explained.
        taxonomy: Name of its label set.
        probability: Of the label, on the face as it is.
        blurred: Of the label, with the whole face blurred: what is left without evidence.
        evidence: `(side_px, side_px)` float32, over the crop as the model sees it: by how much the label's log-odds
            rise, averaged over what else is sharp, when the cell about a pixel is sharp rather than blurred;
            0.7 doubles the odds, -0.7 halves them.
        masks: How many blurred faces were read.
    """

    label: str
    taxonomy: str
    probability: float
    blurred: float
    evidence: NDArray[np.float32]
    masks: int

    @property
    def legend(self) -> str:
        """What a picture of the evidence shows and does not, in words."""
        strongest = math.exp(float(np.abs(self.evidence).max()))
        return (
            f'Red: detail there speaks for "{self.label}" ({self.probability:.0%}); blue: against it. At the '
            f"strongest place it moves the odds by a factor of {strongest:.1f}; with the whole face blurred "
            f"{self.blurred:.0%} would be left. Measured by blurring parts of the face {self.masks:,} times. It shows "
            "what moves this model's answer, not whether the answer is right, nor what the person feels."
        )


def explain(
    classifier: Classifier,
    crop: NDArray[np.uint8],
    *,
    label: str | None = None,
    labels: str | None = None,
    masks: int = 1024,
    seed: int = 0,
) -> Explanation:
    """Find where in a face crop the evidence for a label lies.

    Two maps of the same face from different seeds correlate at 0.98 with 1,024 masks, at 0.94 with 400 (mean of ten
    faces of FER-2013, mien-m). The time is that of reading as many faces.

    Args:
        classifier: Whose answer to explain.
        crop: `(height, width, 3)` RGB or `(height, width)` grey uint8, framed as the classifier wants it.
        label: The label to explain; None takes the most probable.
        labels: Name of the label set; None takes the classifier's first.
        masks: How many blurred faces to read; twice the number of cells is the least.
        seed: Of the masks; the same seed gives the same map.

    Raises:
        ValueError: a crop of another shape or type, an unknown label or label set, or too few masks.

    Example:
        >>> from mien.classifier import EmotionClassifier
        >>> face = np.random.default_rng(0).integers(0, 256, (48, 48)).astype(np.uint8)
        >>> explanation = explain(EmotionClassifier.load(), face, label="happy", masks=128)
        >>> explanation.label, explanation.evidence.shape
        ('happy', (48, 48))
    """
    if masks < 2 * CELLS**2:
        raise ValueError(f"masks must be {2 * CELLS**2} or more, to weigh {CELLS**2} cells, got {masks}")
    spec = classifier.card.input
    (face,) = to_input([crop], spec)
    hidden = cv2.GaussianBlur(face, (0, 0), spec.side_px / 6, borderType=cv2.BORDER_REPLICATE)
    whole, without = classifier.classify([face, np.asarray(hidden, np.uint8)], labels=labels)
    column = TAXONOMIES[whole.taxonomy].index(whole.top if label is None else label)
    sharp = _choices(masks, seed=seed)
    spread = _spread(spec)
    odds: list[float] = []
    for start in range(0, masks, _BATCH):
        batch = list(_partly_blurred(face, np.asarray(hidden, np.uint8), sharp[start : start + _BATCH], spread))
        odds += [_log_odds(answer.values[column]) for answer in classifier.classify(batch, labels=labels)]
    weights, *_ = np.linalg.lstsq(sharp - 0.5, np.array(odds) - np.mean(odds), rcond=None)
    return Explanation(
        label=TAXONOMIES[whole.taxonomy].labels[column],
        taxonomy=whole.taxonomy,
        probability=whole.values[column],
        blurred=without.values[column],
        evidence=(spread @ weights.reshape(CELLS, CELLS) @ spread.T).astype(np.float32),
        masks=masks,
    )


def _choices(masks: int, *, seed: int) -> NDArray[np.float64]:
    """Which cells are sharp, `(masks, cells)` of 0 and 1; every second row is the other's opposite.

    In such pairs whatever acts alike in both ways, as blur as such does, cancels.
    """
    first = np.random.default_rng(seed).integers(0, 2, (-(-masks // 2), CELLS**2))
    pairs = np.stack([first, 1 - first], axis=1).reshape(-1, CELLS**2)
    return np.asarray(pairs[:masks], np.float64)


def _spread(spec: InputSpec) -> NDArray[np.float64]:
    """`(side_px, CELLS)`: how much each cell along a side counts at each pixel; linear between their middles."""
    place = (np.arange(spec.side_px) + 0.5) / spec.side_px * CELLS - 0.5
    near = np.clip(place, 0, CELLS - 1)[:, None] - np.arange(CELLS)
    return np.asarray(np.maximum(0.0, 1.0 - np.abs(near)), np.float64)


def _partly_blurred(
    face: NDArray[np.uint8], hidden: NDArray[np.uint8], sharp: NDArray[np.float64], spread: NDArray[np.float64]
) -> Iterator[NDArray[np.uint8]]:
    for cells in sharp:
        share = spread @ cells.reshape(CELLS, CELLS) @ spread.T
        yield np.rint(hidden + share * (face.astype(np.float64) - hidden)).astype(np.uint8)


def _log_odds(probability: float) -> float:
    kept = min(max(probability, _SURE), 1 - _SURE)
    return math.log(kept / (1 - kept))


_PANEL_PX = 480
_LARGEST_WIDTH_PX = 960
_TEXT_PX = 17
_FOR_RGB, _AGAINST_RGB = (213, 60, 0), (0, 100, 200)


def overlay(
    frame_rgb: NDArray[np.uint8], face: Face, explanation: Explanation, *, crop_scale: float
) -> NDArray[np.uint8]:
    """Draw the evidence on the photo: the whole photo, the face by itself, and the legend below.

    Args:
        frame_rgb: `(height, width, 3)` uint8, the photo.
        face: The face that was explained, in pixels of the photo.
        explanation: Of the crop that `face_crop` makes of it.
        crop_scale: That the crop was made with.

    Returns:
        `(height, width, 3)` uint8, a picture of its own: 480 pixels high, and the legend.
    """
    height, width = frame_rgb.shape[:2]
    size = min(_PANEL_PX / height, _LARGEST_WIDTH_PX / width)
    size_wh = (max(1, round(width * size)), max(1, round(height * size)))
    photo = _resized(frame_rgb, size_wh)
    side = len(explanation.evidence)
    from_pixels = np.array([[1 / side, 0, 0.5 / side], [0, 1 / side, 0.5 / side], [0, 0, 1]])  # centre to share
    there = np.diag([size_wh[0] / width, size_wh[1] / height]) @ crop_place(face, scale=crop_scale) @ from_pixels
    there[:, 2] -= 0.5
    around = cv2.warpAffine(explanation.evidence, there, size_wh, flags=cv2.INTER_LINEAR, borderValue=0)
    corners = there @ np.array(
        [[-0.5, side - 0.5, side - 0.5, -0.5], [-0.5, -0.5, side - 0.5, side - 0.5], [1, 1, 1, 1]]
    )
    crop = _resized(face_crop(frame_rgb, face, scale=crop_scale), (_PANEL_PX, _PANEL_PX))
    grey = np.repeat(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)  # as the model sees it
    close = cv2.resize(explanation.evidence, (_PANEL_PX, _PANEL_PX), interpolation=cv2.INTER_CUBIC)
    strongest = max(float(np.abs(explanation.evidence).max()), 1e-9)
    panels = [
        _tinted(picture, np.asarray(evidence, np.float32) / strongest)
        for picture, evidence in ((photo, around), (np.asarray(grey, np.uint8), close))
    ]
    cv2.polylines(panels[0], [np.rint(16 * corners.T).astype(np.int32)], True, (255, 255, 255), 1, cv2.LINE_AA, 4)
    return _with_legend(panels, explanation.legend)


def _resized(picture: NDArray[np.uint8], size_wh: tuple[int, int]) -> NDArray[np.uint8]:
    shrinks = size_wh[0] < picture.shape[1]
    return np.asarray(
        cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC), np.uint8
    )


def _tinted(picture_rgb: NDArray[np.uint8], strength: NDArray[np.floating]) -> NDArray[np.uint8]:
    """The picture under red where `strength` is positive and blue where it is negative; -1 to 1."""
    cover = 0.7 * np.minimum(np.abs(strength), 1.0)[..., None]
    colour = np.where(strength[..., None] > 0, np.array(_FOR_RGB), np.array(_AGAINST_RGB))
    mixed = np.rint(picture_rgb + cover * (colour - picture_rgb))
    return np.asarray(mixed, np.uint8)


def _with_legend(panels: list[NDArray[np.uint8]], legend: str) -> NDArray[np.uint8]:
    """The panels side by side on white, and the legend under them."""
    gap = _TEXT_PX // 2
    width = sum(panel.shape[1] for panel in panels) + gap * (len(panels) - 1)
    font = ImageFont.load_default(_TEXT_PX)
    lines = [""]
    for word in legend.split():
        longer = f"{lines[-1]} {word}".lstrip()
        lines[-1:] = [longer] if font.getlength(longer) <= width - 2 * gap else [lines[-1], word]
    page = Image.new("RGB", (width, _PANEL_PX + round(1.35 * _TEXT_PX * len(lines)) + 2 * gap), "white")
    left = 0
    for panel in panels:
        page.paste(Image.fromarray(panel), (left, (_PANEL_PX - panel.shape[0]) // 2))
        left += panel.shape[1] + gap
    ink = ImageDraw.Draw(page)
    for index, line in enumerate(lines):
        ink.text((gap, _PANEL_PX + gap + round(1.35 * _TEXT_PX * index)), line, "black", font)
    return np.asarray(page)
