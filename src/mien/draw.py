"""A picture and its reading become an annotated picture.

Everything is laid over the pixels as a colour and how much of each pixel it covers, worked out from the exact
distance to a rounded rectangle: smooth at any size, and only the pixels near an edge are touched, so that a large
picture costs little more than its copy.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mien.results import Emotions, FaceReading, FrameReading
from mien.taxonomy import COLOURS_RGB

__all__ = ["draw"]

Colour = tuple[int, int, int]
Coverage = NDArray[np.float32]
Window = tuple[int, int, int, int]  # left, top, right, bottom in whole pixels

_WHITE, _BLACK, _INK = (255, 255, 255), (0, 0, 0), (16, 18, 24)
_PALE, _GREY = (190, 192, 198), (84, 86, 92)  # the grey of doubt is darker than that of "neutral"
_SMALLEST_TEXT_PX = 8
_PLAUSIBLE_NAMED = 3  # more of them say no more than "unsure"


def draw(frame_rgb: NDArray[np.uint8], reading: FrameReading) -> NDArray[np.uint8]:
    """Show a reading on the picture that was read.

    Each face gets a box in the colour of its most probable emotion, its landmarks, a tag such as "happy 93 %",
    and where there is room beside or below it, one bar per emotion. What does not fit the picture is left out. In a
    video the steady emotions are shown, and the tag begins with the number of the person, as in "#2 happy 93 %". A
    reading that is unsure is grey and says so, with what is plausible where there is room: "unsure: sad or neutral".

    Args:
        frame_rgb: `(height, width, 3)` uint8, RGB; stays as it is.

    Returns:
        A new picture of the same shape.

    Raises:
        ValueError: the picture is no RGB, or of another size than the one that was read.
    """
    if frame_rgb.dtype != np.uint8 or frame_rgb.ndim != 3 or frame_rgb.shape[2] != 3:
        raise ValueError(f"frame_rgb must be (height, width, 3) uint8, got {frame_rgb.shape} {frame_rgb.dtype}")
    height, width = frame_rgb.shape[:2]
    if (width, height) != tuple(reading.size_wh):
        raise ValueError(
            f"the reading is of a picture of {reading.size_wh}, got one of {(width, height)}: draw on that"
        )
    canvas = frame_rgb.copy()
    picture = Rect(0, 0, width, height)
    boxes = [Rect(*face.box_xyxy).within(picture) for face in reading.faces]
    for face, box in zip(reading.faces, boxes, strict=True):
        line_px = max(1, round(0.14 * _text_size(box, picture)))
        edge = box.grown(line_px / 2).within(picture)
        _outline(canvas, edge.grown(line_px / 2), 2 * line_px, _INK, opacity=0.4)
        _outline(canvas, edge, line_px, _colour(_shown(face)))
        _landmarks(canvas, face, line_px)
    taken = list(boxes)
    tags: list[tuple[Tag, Emotions, Rect]] = []
    for face, box in zip(reading.faces, boxes, strict=True):
        tag = _place_tag(_tag_texts(face), box, taken, picture)
        if tag is not None:
            taken.append(tag.rect)
            tags.append((tag, _shown(face), box))
    for tag, emotions, box in tags:
        panel = _place_panel(emotions, box, tag, taken, picture)
        if panel is not None:
            taken.append(panel.rect)
            _panel(canvas, panel, emotions)
    for tag, emotions, _ in tags:
        _tag(canvas, tag, _colour(emotions))
    return canvas


def _shown(face: FaceReading) -> Emotions:
    """The steady emotions where there are any, with the doubts of this frame."""
    return face.emotions if face.smooth is None else replace(face.smooth, doubts=face.emotions.doubts)


def _colour(emotions: Emotions) -> Colour:
    return _GREY if emotions.unsure else COLOURS_RGB[emotions.top]


def _tag_texts(face: FaceReading) -> list[str]:
    """What the tag may say, the best first."""
    emotions = _shown(face)
    person = "" if face.track_id is None else f"#{face.track_id} "
    if not emotions.unsure:
        return [f"{person}{emotions.top} {100 * emotions.probabilities[emotions.top]:.0f} %"]
    named = 1 <= len(emotions.plausible) <= _PLAUSIBLE_NAMED
    return [*([f"{person}unsure: {' or '.join(emotions.plausible)}"] if named else []), f"{person}unsure"]


def _text_size(box: "Rect", picture: "Rect") -> float:
    """Height of a face's text in pixels: by the size of the picture, less for a small face."""
    usual = 0.024 * math.sqrt(picture.width * picture.height)
    return min(1.2 * usual, max(0.5 * usual, box.width / 5.5))


class Rect(NamedTuple):
    """Left, top, right, bottom in pixels; the corner of the picture is (0, 0)."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    def grown(self, by: float) -> "Rect":
        return Rect(self.left - by, self.top - by, self.right + by, self.bottom + by)

    def within(self, other: "Rect") -> "Rect":
        """The part that lies in `other`; without area at its border if nothing does."""
        left, right = (min(max(x, other.left), other.right) for x in (self.left, self.right))
        top, bottom = (min(max(y, other.top), other.bottom) for y in (self.top, self.bottom))
        return Rect(left, top, right, bottom)

    def moved_into(self, other: "Rect") -> "Rect":
        """Moved sideways as little as needed to lie in `other`."""
        by = max(other.left - self.left, 0) or min(other.right - self.right, 0)
        return self._replace(left=self.left + by, right=self.right + by)

    def overlap(self, others: Iterable["Rect"]) -> float:
        """Area in common with each of `others`, summed."""
        shared = (self.within(other) for other in others)
        return sum(rect.width * rect.height for rect in shared)


class Tag(NamedTuple):
    rect: Rect
    text: str
    text_px: int


class Panel(NamedTuple):
    rect: Rect
    text_px: int
    label_width: float


def _place_tag(texts: Sequence[str], box: Rect, taken: Sequence[Rect], picture: Rect) -> Tag | None:
    """The first text that hides nothing, else the last where it hides least of faces and tags."""
    tags = [tag for text in texts if (tag := _place_text(text, box, taken, picture))]
    return next((tag for tag in tags if tag.rect.overlap(taken) == 0), tags[-1] if tags else None)


def _place_text(text: str, box: Rect, taken: Sequence[Rect], picture: Rect) -> Tag | None:
    """Above the box, else below, else inside it; where it hides least of faces and tags."""
    text_px = max(_SMALLEST_TEXT_PX, round(_text_size(box, picture)))
    text_height, text_width = _text(text, text_px).shape
    width, height, gap = text_width + 0.9 * text_px, text_height + 0.3 * text_px, 0.2 * text_px
    corners = [
        (left, top)
        for top in (box.top - gap - height, box.bottom + gap, box.top + gap)
        for left in (box.left, box.right - width)
    ]
    spots = [Rect(left, top, left + width, top + height).moved_into(picture) for left, top in corners]
    spots = [spot for spot in spots if spot.within(picture) == spot]
    return Tag(min(spots, key=lambda spot: spot.overlap(taken)), text, text_px) if spots else None


def _place_panel(emotions: Emotions, box: Rect, tag: Tag, taken: Sequence[Rect], picture: Rect) -> Panel | None:
    """Right of the box, else left, below or above; None where it would hide anything or dwarf the face."""
    text_px = max(_SMALLEST_TEXT_PX, round(0.75 * _text_size(box, picture)))
    label_width = max(_text(label, text_px).shape[1] for label in emotions.probabilities)
    height = (len(emotions.values) * 1.3 + 0.8) * text_px
    bare, gap = label_width + 1.5 * text_px, 0.35 * text_px
    wide, slim = bare + 5 * text_px, max(bare + 2.5 * text_px, box.width)
    if height > 1.6 * box.height:
        return None
    for left, top, width in (
        (box.right + gap, box.top, wide),
        (box.left - gap - wide, box.top, wide),
        (box.left, max(box.bottom, tag.rect.bottom) + gap, slim),
        (box.left, min(box.top, tag.rect.top) - gap - height, slim),
    ):
        rect = Rect(left, top, left + width, top + height)
        if rect.within(picture) == rect and rect.overlap(taken) == 0:
            return Panel(rect, text_px, label_width)
    return None


def _landmarks(canvas: NDArray[np.uint8], face: FaceReading, line_px: float) -> None:
    if face.landmarks is None:
        return
    radius = max(1.0, min(0.014 * face.longer_side_px, 1.5 * line_px))
    for x, y in face.landmarks.to_dict().values():
        dot = Rect(x, y, x, y).grown(radius)
        _fill(canvas, dot.grown(0.4 * radius), _INK, opacity=0.5, radius=1.4 * radius)
        _fill(canvas, dot, _WHITE, radius=radius)


def _tag(canvas: NDArray[np.uint8], tag: Tag, colour: Colour) -> None:
    rect, text_px = tag.rect, tag.text_px
    _fill(canvas, rect, colour, radius=0.32 * text_px)
    ink = _BLACK if _luminance(colour) > 0.179 else _WHITE  # where black and white contrast alike (WCAG 2)
    _write(canvas, tag.text, ink, left=rect.left + 0.45 * text_px, top=rect.top + 0.15 * text_px, text_px=text_px)


def _panel(canvas: NDArray[np.uint8], panel: Panel, emotions: Emotions) -> None:
    """Label and bar of every emotion on a dark ground."""
    rect, text_px = panel.rect, panel.text_px
    _fill(canvas, rect, _INK, opacity=0.62, radius=0.4 * text_px)
    start, end = rect.left + panel.label_width + text_px, rect.right - 0.5 * text_px
    for row, (label, probability) in enumerate(emotions.probabilities.items()):
        middle = rect.top + (0.4 + 1.3 * (row + 0.5)) * text_px
        ink = _WHITE if label == emotions.top and not emotions.unsure else _PALE
        top = middle - _text(label, text_px).shape[0] / 2
        _write(canvas, label, ink, left=rect.left + 0.5 * text_px, top=top, text_px=text_px)
        thick = 0.22 * text_px
        _fill(canvas, Rect(start, middle - thick, end, middle + thick), _WHITE, opacity=0.16, radius=thick)
        length = probability * (end - start)
        bar = Rect(start, middle - thick, start + length, middle + thick)
        _fill(canvas, bar, _GREY if emotions.unsure else COLOURS_RGB[label], radius=min(thick, length / 2))


def _luminance(colour: Colour) -> float:
    """Relative luminance of an sRGB colour in [0, 1], as WCAG 2 defines it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (value / 255 for value in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@lru_cache(maxsize=32)
def _font(text_px: int) -> ImageFont.FreeTypeFont:
    """The font that Pillow carries."""
    font = ImageFont.load_default(text_px)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


@lru_cache(maxsize=256)
def _text(text: str, text_px: int) -> NDArray[np.uint8]:
    """How much of each pixel a line of text covers, of 255; as high for every text of one size."""
    font = _font(4 * text_px)  # drawn large and made small: small letters snap to pixels and stand unevenly
    ascent, descent = font.getmetrics()
    picture = Image.new("L", (math.ceil(font.getlength(text)), ascent + descent))
    ImageDraw.Draw(picture).text((0, 0), text, 255, font)
    return np.asarray(picture.reduce(4))


def _write(canvas: NDArray[np.uint8], text: str, colour: Colour, *, left: float, top: float, text_px: int) -> None:
    _lay(canvas, round(left), round(top), _text(text, text_px).astype(np.float32) / np.float32(255), colour)


def _fill(canvas: NDArray[np.uint8], rect: Rect, colour: Colour, *, radius: float, opacity: float = 1.0) -> None:
    window = _pixels(rect.grown(1), canvas)
    _lay(canvas, window[0], window[1], opacity * _coverage(rect, radius, window), colour)


def _outline(canvas: NDArray[np.uint8], rect: Rect, line_px: float, colour: Colour, *, opacity: float = 1.0) -> None:
    """The border of `rect`, `line_px` wide and inside it, with round corners."""
    radius = min(3 * line_px, rect.width / 4, rect.height / 4)
    inner = rect.grown(-line_px)
    for window in _border(_pixels(rect.grown(1), canvas), math.ceil(max(radius, line_px)) + 2):
        cover = _coverage(rect, radius, window)
        if inner.width > 0 and inner.height > 0:
            cover = cover - _coverage(inner, max(0.0, radius - line_px), window)
        _lay(canvas, window[0], window[1], opacity * cover, colour)


def _pixels(rect: Rect, canvas: NDArray[np.uint8]) -> Window:
    """The whole pixels of the picture that `rect` touches."""
    height, width = canvas.shape[:2]
    inside = rect.within(Rect(0, 0, width, height))
    return math.floor(inside.left), math.floor(inside.top), math.ceil(inside.right), math.ceil(inside.bottom)


def _border(window: Window, reach: int) -> list[Window]:
    """The pixels of a window up to `reach` from its border, as four windows that share none."""
    left, top, right, bottom = window
    upper, left_end = min(top + reach, bottom), min(left + reach, right)
    lower, right_start = max(bottom - reach, upper), max(right - reach, left_end)
    sides = [(left, upper, left_end, lower), (right_start, upper, right, lower)]
    return [(left, top, right, upper), (left, lower, right, bottom), *sides]


def _coverage(rect: Rect, radius: float, window: Window) -> Coverage:
    """Share of each pixel of a window that a rounded rectangle covers, from its centre's distance to the edge."""
    left, top, right, bottom = window
    x = np.abs(np.arange(left, right, dtype=np.float32) + 0.5 - (rect.left + rect.right) / 2) - rect.width / 2 + radius
    y = np.abs(np.arange(top, bottom, dtype=np.float32) + 0.5 - (rect.top + rect.bottom) / 2) - rect.height / 2 + radius
    outside = np.hypot(np.maximum(x, 0)[None, :], np.maximum(y, 0)[:, None])
    inside = np.minimum(np.maximum(x[None, :], y[:, None]), 0)
    cover: Coverage = np.clip(0.5 - (outside + inside - radius), 0, 1, dtype=np.float32)
    return cover


def _lay(canvas: NDArray[np.uint8], left: int, top: int, cover: Coverage, colour: Colour) -> None:
    """Blend a colour into the picture in place; what lies outside is cut off."""
    height, width = canvas.shape[:2]
    cover = cover[max(0, -top) : max(0, height - top), max(0, -left) : max(0, width - left)]
    left, top = max(0, left), max(0, top)
    under = canvas[top : top + cover.shape[0], left : left + cover.shape[1]]
    under[...] = np.rint(under + cover[..., None] * (np.array(colour, np.float32) - under))
