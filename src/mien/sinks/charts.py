"""Pictures of what was seen: emotions stacked along time, and beside each other per condition."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from mien.results import NOTICE
from mien.summary.curves import Curve
from mien.summary.summarizer import Looks, Summary, TrackSummary
from mien.summary.times import clock, ticks
from mien.taxonomy import COLOURS_RGB, TAXONOMIES

__all__ = ["conditions_chart", "save_png", "timeline_chart"]

Colour = tuple[int, int, int]

_WIDTH_PX, _MARGIN_PX = 1600, 56
_BAND_PX, _RIBBON_PX, _BAR_PX = 128, 14, 34
_MOST_PERSONS = 12
_PAPER, _INK, _QUIET, _RULE, _UNSURE = (255, 255, 255), (28, 30, 36), (106, 110, 120), (232, 233, 236), (176, 179, 186)
_FINE = 2  # drawn so many times larger and made small, for smooth edges


def timeline_chart(title: str, summary: Summary, curves: Sequence[Curve]) -> Image.Image:
    """Per person a band of the steady probabilities stacked along time, and a ribbon of the steady label.

    Args:
        title: Stands above, such as the video's name.
        summary: Of the video; the persons seen longest are shown.
        curves: Of the same video.
    """
    by_id = {curve.track_id: curve for curve in curves}
    longest = sorted(summary.tracks, key=lambda track: -track.looks.seconds)[:_MOST_PERSONS]
    shown = sorted(longest, key=lambda track: track.track_id)
    lane_px = _BAND_PX + _RIBBON_PX + 62
    canvas = _Canvas(_WIDTH_PX, 158 + lane_px * max(1, len(shown)) + 70)
    canvas.text(_MARGIN_PX, 40, title, size_px=30, bold=True)
    _legend(canvas, 92, _labels(summary))
    start_s, end_s = _extent(summary)
    axis = _Axis(start_s, end_s, _MARGIN_PX, _WIDTH_PX - _MARGIN_PX)
    top = 158
    for track in shown:
        canvas.text(_MARGIN_PX, top, f"Person {track.track_id}", size_px=19, bold=True)
        canvas.text(_WIDTH_PX - _MARGIN_PX, top, _in_words(track.looks), size_px=16, colour=_QUIET, right=True)
        _gridlines(canvas, axis, top + 30, _BAND_PX + _RIBBON_PX + 6, labelled=track is shown[-1])
        _band(canvas, axis, by_id[track.track_id], track, top=top + 30, labels=_labels(summary))
        top += lane_px
    if not shown:
        canvas.text(_MARGIN_PX, top, "No person was followed in this video.", size_px=19, colour=_QUIET)
    left_out = len(summary.tracks) - len(shown)
    note = f"{left_out} more seen for a shorter time are not shown.  " if left_out else ""
    canvas.text(_MARGIN_PX, canvas.height_px - 42, note + NOTICE, size_px=16, colour=_QUIET)
    return canvas.finished()


def conditions_chart(title: str, summaries: Mapping[str, Summary]) -> Image.Image:
    """A bar per condition: the share of the time seen by steady label, and unsure in grey.

    All persons together; where there are several, a narrower bar for each of them below.

    Args:
        title: Stands above, such as the video's name.
        summaries: By condition, in the order to show them.
    """
    several = len({track.track_id for summary in summaries.values() for track in summary.tracks}) > 1
    persons = {name: summary.tracks[:_MOST_PERSONS] if several else () for name, summary in summaries.items()}
    height_px = sum(_BAR_PX + 52 + (_BAR_PX // 2 + 8) * len(tracks) for tracks in persons.values())
    canvas = _Canvas(_WIDTH_PX, 150 + max(height_px, _BAR_PX + 52) + 60)
    labels = next((_labels(summary) for summary in summaries.values() if summary.taxonomy), ())
    canvas.text(_MARGIN_PX, 40, title, size_px=30, bold=True)
    _legend(canvas, 92, labels)
    top = 150
    for condition, summary in summaries.items():
        canvas.text(_MARGIN_PX, top, condition, size_px=19, bold=True)
        canvas.text(_WIDTH_PX - _MARGIN_PX, top, _in_words(summary.overall), size_px=16, colour=_QUIET, right=True)
        _share_bar(canvas, _MARGIN_PX, top + 28, _BAR_PX, summary.overall)
        top += _BAR_PX + 28
        for track in persons[condition]:
            top += 8
            canvas.text(_MARGIN_PX, top - 1, f"Person {track.track_id}", size_px=15, colour=_QUIET)
            _share_bar(canvas, _MARGIN_PX + 110, top, _BAR_PX // 2, track.looks)
            top += _BAR_PX // 2
        top += 24
    canvas.text(_MARGIN_PX, canvas.height_px - 42, NOTICE, size_px=16, colour=_QUIET)
    return canvas.finished()


def _share_bar(canvas: "_Canvas", left: float, top: float, height: float, looks: Looks) -> None:
    """The shares of the time seen beside each other, up to the right margin."""
    width = _WIDTH_PX - _MARGIN_PX - left
    canvas.box(left, top, left + width, top + height, _RULE)
    for label, share in [*looks.shares.items(), (None, looks.unsure_share)]:
        canvas.swatch(left, top, left + share * width, top + height, label)
        left += share * width


def save_png(picture: Image.Image, file: Path) -> None:
    """Write a chart with the notice in its comment, whatever the file is called."""
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", NOTICE)
    picture.save(file, "PNG", pnginfo=texts, optimize=True)


def _labels(summary: Summary) -> tuple[str, ...]:
    return TAXONOMIES[summary.taxonomy].labels if summary.taxonomy else ()


def _extent(summary: Summary) -> tuple[float, float]:
    """From the first sight of anybody, or 0 where that is near, to the last."""
    if not summary.tracks:
        return 0.0, 1.0
    first = min(track.first_s for track in summary.tracks)
    last = max(track.last_s for track in summary.tracks)
    start = 0.0 if first < 0.1 * last else first
    return start, max(last, start + 0.1)


def _in_words(looks: Looks) -> str:
    """Such as "12.3 s: happy 60 %, neutral 32 %, unsure 8 %"."""
    shares = sorted([*looks.shares.items(), ("unsure", looks.unsure_share)], key=lambda item: -item[1])
    parts = [f"{label} {share:.0%}" for label, share in shares[:3] if share >= 0.005]
    return f"{clock(looks.seconds)} seen" + (": " + ", ".join(parts) if parts else "")


class _Axis:
    """Time along the picture's width."""

    def __init__(self, start_s: float, end_s: float, left: float, right: float) -> None:
        self.start_s, self.end_s, self.left, self.right = start_s, end_s, left, right

    def x(self, time_s: float) -> float:
        return self.left + (time_s - self.start_s) / (self.end_s - self.start_s) * (self.right - self.left)


def _gridlines(canvas: "_Canvas", axis: _Axis, top: float, height: float, *, labelled: bool) -> None:
    for time_s in ticks(axis.start_s, axis.end_s, count=10):
        canvas.box(axis.x(time_s) - 0.5, top, axis.x(time_s) + 0.5, top + height, _RULE)
        if labelled:
            canvas.text(
                axis.x(time_s),
                top + height + 6,
                clock(time_s).removesuffix(".0"),
                size_px=15,
                colour=_QUIET,
                centred=True,
            )


def _band(
    canvas: "_Canvas", axis: _Axis, curve: Curve, track: TrackSummary, *, top: float, labels: tuple[str, ...]
) -> None:
    """Columns of one picture point each: stacked probabilities, and the label below."""
    colours = np.array([COLOURS_RGB[label] for label in labels], np.uint8)
    left, right = (round(axis.x(time_s) * _FINE) for time_s in (track.first_s, track.last_s))
    points = np.arange(left, max(right, left + 1))
    times_s = axis.start_s + (points / _FINE - axis.left) / (axis.right - axis.left) * (axis.end_s - axis.start_s)
    place = np.clip(np.searchsorted(curve.time_s, times_s, side="right") - 1, 0, None)
    in_sight = times_s < curve.end_s[place]
    height = _BAND_PX * _FINE
    share = (np.arange(height) + 0.5) / height  # from the bottom
    bounds = np.cumsum(curve.smooth[place], axis=1)
    stacked = (share[:, None, None] > bounds[None]).sum(axis=2).clip(max=len(labels) - 1)[::-1]
    canvas.columns(points[in_sight], round(top * _FINE), colours[stacked[:, in_sight]])
    label = curve.label[place][in_sight]
    ribbon = np.repeat(colours[label][None], _RIBBON_PX * _FINE, axis=0)
    hatching = _hatching(points[in_sight][None], np.arange(len(ribbon))[:, None])
    ribbon = np.where(label[None, :, None] < 0, hatching, ribbon)
    canvas.columns(points[in_sight], round((top + _BAND_PX + 6) * _FINE), ribbon)


def _hatching(x: NDArray[np.int64], y: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Grey stripes at fine picture points: what is unsure."""
    striped = (x + y) % (6 * _FINE) < 2 * _FINE
    return np.where(striped[..., None], np.array(_UNSURE, np.uint8), np.array(_RULE, np.uint8))


def _legend(canvas: "_Canvas", top: float, labels: Sequence[str]) -> None:
    left = float(_MARGIN_PX)
    for label in [*labels, None]:
        canvas.swatch(left, top + 3, left + 16, top + 19, label)
        left += 24 + canvas.text(left + 24, top, label or "unsure", size_px=17) + 28


class _Canvas:
    """White paper, measured in picture points of the finished picture."""

    def __init__(self, width_px: int, height_px: int) -> None:
        self.height_px = height_px
        self._picture = Image.new("RGB", (width_px * _FINE, height_px * _FINE), _PAPER)
        self._draw = ImageDraw.Draw(self._picture)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        corners = [round(value * _FINE) for value in (left, top, right, bottom)]
        if corners[2] > corners[0]:
            self._draw.rectangle((corners[0], corners[1], corners[2] - 1, corners[3] - 1), fill=colour)

    def swatch(self, left: float, top: float, right: float, bottom: float, label: str | None) -> None:
        """A box in the colour of a label; hatched for None, which is unsure."""
        if label is not None:
            self.box(left, top, right, bottom, COLOURS_RGB[label])
        elif right > left:
            x, y = (np.arange(round(low * _FINE), round(high * _FINE)) for low, high in ((left, right), (top, bottom)))
            self.columns(x, int(y[0]), _hatching(x[None], y[:, None]))

    def text(
        self,
        x: float,
        top: float,
        text: str,
        *,
        size_px: int,
        colour: Colour = _INK,
        bold: bool = False,
        right: bool = False,
        centred: bool = False,
    ) -> float:
        """Write a line; what comes back is its width."""
        font = ImageFont.load_default(size_px * _FINE)
        width = self._draw.textlength(text, font)
        left = x * _FINE - (width if right else width / 2 if centred else 0)
        self._draw.text((left, top * _FINE), text, fill=colour, font=font, stroke_width=0.6 if bold else 0)
        return width / _FINE

    def columns(self, points: NDArray[np.int64], top: int, pixels: NDArray[np.uint8]) -> None:
        """Lay columns of fine picture points, `(height, len(points), 3)`, at whole places from the left."""
        if not len(points):
            return
        left, right = int(points[0]), int(points[-1]) + 1
        area = (left, top, right, top + len(pixels))
        under = np.array(self._picture.crop(area))
        under[:, points - left] = pixels
        self._picture.paste(Image.fromarray(under), area)

    def finished(self) -> Image.Image:
        return self._picture.reduce(_FINE)
