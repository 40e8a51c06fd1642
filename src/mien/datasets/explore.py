"""A data set at a glance: how many of what, what the faces look like, how far viewers agree.

Each picture is a PNG file, and one HTML page holds them all.
"""

import base64
import html
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mien.datasets.faceset import UNLABELLED, FaceSet
from mien.datasets.ferplus import majority_labels
from mien.errors import MissingExtraError
from mien.taxonomy import COLOURS_RGB, FERPLUS, Taxonomy
from mien.writing import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["PAGE", "class_counts", "explore", "vote_entropy_bits"]

PAGE = "explore.html"

_DPI = 110
_SAMPLES = 14
_GAP_PX = 4
_NAMED_ROWS = 200
_SPLIT_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#777777")


def explore(faces: FaceSet, folder: str | Path, *, seed: int = 0) -> Path:
    """Draw a data set.

    Args:
        faces: At least one row.
        folder: Made if absent; `classes.png`, `samples.png`, `mean_faces.png`, with votes also
            `classes_by_votes.png` and `vote_entropy.png`, and `explore.html` in it are replaced.
        seed: Seed of the draw of samples.

    Returns:
        The path of the page.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    folder = Path(folder)
    pictures = {
        "classes.png": ("How many of what", _draw_classes(faces, faces.labels, faces.taxonomy)),
        "samples.png": (f"{_SAMPLES} faces of each, drawn at random", _draw_samples(faces, seed)),
        "mean_faces.png": ("The mean of all faces of each", _draw_means(faces)),
    }
    if faces.votes is not None:
        if faces.taxonomy != FERPLUS:
            figure = _draw_classes(faces, majority_labels(faces.votes), FERPLUS)
            pictures["classes_by_votes.png"] = ("How many of what, by the viewers' clear majority", figure)
        pictures["vote_entropy.png"] = ("How far viewers agree", _draw_entropy(faces, faces.votes))
    drawn = {name: (caption, _png(figure)) for name, (caption, figure) in pictures.items()}
    for name, (_, content) in drawn.items():
        with replacing(folder / name) as unfinished:
            unfinished.write_bytes(content)
    with replacing(folder / PAGE) as unfinished:
        unfinished.write_text(_page(faces, drawn), "utf-8")
    return folder / PAGE


def class_counts(faces: FaceSet, labels: NDArray[np.int64], taxonomy: Taxonomy) -> dict[str, list[int]]:
    """Split -> rows of each class in the taxonomy's order, then rows without a label."""
    wanted = [*range(len(taxonomy)), UNLABELLED]
    return {split: [int((labels[faces.split == split] == label).sum()) for label in wanted] for split in faces.splits}


def vote_entropy_bits(votes: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Entropy of each row's votes over the ten columns, in bits; 0 where all viewers said the same.

    Example:
        >>> vote_entropy_bits(np.array([[10, 0, 0, 0], [5, 5, 0, 0], [1, 1, 1, 1]], np.uint8)).tolist()
        [0.0, 1.0, 2.0]
    """
    shares = votes / votes.sum(axis=1, keepdims=True)
    bits = -(shares * np.log2(shares, out=np.zeros_like(shares), where=shares > 0)).sum(axis=1)
    return np.asarray(np.abs(bits))  # no -0.0


def _draw_classes(faces: FaceSet, labels: NDArray[np.int64], taxonomy: Taxonomy) -> "Figure":
    counts = class_counts(faces, labels, taxonomy)
    figure = _figure(10, 4.2)
    axes = figure.add_subplot()
    width = 0.8 / len(counts)
    for index, (split, rows) in enumerate(counts.items()):
        total = max(1, sum(rows[:-1]))
        places = np.arange(len(taxonomy)) + (index - (len(counts) - 1) / 2) * width
        shares = [100 * count / total for count in rows[:-1]]
        colour = _SPLIT_COLOURS[index % len(_SPLIT_COLOURS)]
        bars = axes.bar(
            places, shares, width, color=colour, label=f"{split}: {total:,} with a label, {rows[-1]:,} without"
        )
        axes.bar_label(bars, [f"{count:,}" for count in rows[:-1]], fontsize=7, padding=1)
    axes.set_xticks(range(len(taxonomy)), taxonomy.labels)
    axes.set_ylabel("% of the split's labelled rows")
    axes.legend(fontsize=8)
    _plain(axes)
    return figure


def _draw_samples(faces: FaceSet, seed: int) -> "Figure":
    random = np.random.default_rng(seed)
    height, width = (side + _GAP_PX for side in faces.pixels.shape[1:])
    sheet = np.full((len(faces.taxonomy) * height, _SAMPLES * width), 255, np.uint8)
    for label in range(len(faces.taxonomy)):
        chosen = random.permutation(np.flatnonzero(faces.labels == label))[:_SAMPLES]
        for place, row in enumerate(chosen):
            top, left = label * height, place * width
            sheet[top : top + height - _GAP_PX, left : left + width - _GAP_PX] = faces.pixels[row]
    figure = _figure(12, 12 * sheet.shape[0] / sheet.shape[1])
    axes = _show(figure, sheet)
    axes.set_yticks(np.arange(len(faces.taxonomy)) * height + height / 2, faces.taxonomy.labels)
    return figure


def _draw_means(faces: FaceSet) -> "Figure":
    height, width = faces.pixels.shape[1:]
    step = width + _GAP_PX
    sheet = np.full((height, len(faces.taxonomy) * step), 255.0)
    captions = []
    for label, word in enumerate(faces.taxonomy.labels):
        rows = np.flatnonzero(faces.labels == label)
        captions.append(f"{word}\n{len(rows):,}")
        if len(rows):
            sheet[:, label * step : label * step + width] = faces.pixels[rows].mean(axis=0)
    figure = _figure(1.6 * len(faces.taxonomy), 2.2)
    axes = _show(figure, sheet)
    axes.set_xticks(np.arange(len(faces.taxonomy)) * step + width / 2, captions)
    return figure


def _show(figure: "Figure", sheet: NDArray[np.generic]) -> "Axes":
    """A sheet of grey faces without a frame; ticks are for captions."""
    axes = figure.add_subplot()
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=255)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_xticks([])
    axes.set_yticks([])
    return axes


def _draw_entropy(faces: FaceSet, votes: NDArray[np.uint8]) -> "Figure":
    bits = vote_entropy_bits(votes)
    figure = _figure(11, 4)
    spread, classes = figure.subplots(1, 2)
    for index, split in enumerate(faces.splits):
        chosen = bits[faces.split == split]
        colour = _SPLIT_COLOURS[index % len(_SPLIT_COLOURS)]
        share = np.full(len(chosen), 100 / len(chosen))
        name = f"{split}: mean {chosen.mean():.2f}"
        spread.hist(chosen, np.arange(0, 3.5, 0.125), weights=share, histtype="step", color=colour, label=name)
    spread.set(xlabel="entropy of a face's votes in bits; 0 where all said the same", ylabel="% of the faces")
    spread.legend(fontsize=8)
    majority = majority_labels(votes)
    words = [word for label, word in enumerate(FERPLUS.labels) if (majority == label).any()]
    per_class = [bits[majority == FERPLUS.index(word)] for word in words]
    classes.set_xlabel("entropy in bits, by the viewers' clear majority")
    if words:
        boxes = classes.boxplot(
            per_class, orientation="horizontal", tick_labels=words, showfliers=False, patch_artist=True
        )
        for box, word in zip(boxes["boxes"], words, strict=True):
            box.set_facecolor([channel / 255 for channel in COLOURS_RGB[word]])
    for axes in (spread, classes):
        _plain(axes)
    return figure


def _plain(axes: "Axes") -> None:
    axes.spines[["top", "right"]].set_visible(False)


def _figure(width_in: float, height_in: float) -> "Figure":
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("drawing a data set", extra="data") from error
    return Figure(figsize=(width_in, height_in), dpi=_DPI, layout="constrained")


def _png(figure: "Figure") -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0 } th, td { padding: .15rem .7rem; border-bottom: 1px solid #ddd }
td { text-align: right; font-variant-numeric: tabular-nums } td:first-child, th:first-child { text-align: left }
img { max-width: 100%; height: auto } figure { margin: 1.5rem 0 } figcaption { font-weight: 600 }
"""


def _page(faces: FaceSet, pictures: dict[str, tuple[str, bytes]]) -> str:
    """One page with everything inside."""
    title = html.escape(faces.source)
    counts = class_counts(faces, faces.labels, faces.taxonomy)
    head = "".join(f"<th>{html.escape(word)}</th>" for word in ("", *faces.taxonomy.labels, "no label", "all"))
    body = "".join(
        f"<tr><td>{html.escape(split)}</td>{''.join(f'<td>{count:,}</td>' for count in (*rows, sum(rows)))}</tr>"
        for split, rows in counts.items()
    )
    figures = "".join(
        f'<figure><figcaption>{html.escape(caption)}</figcaption><img alt="{html.escape(caption)}" '
        f'src="data:image/png;base64,{base64.b64encode(content).decode()}"></figure>'
        for caption, content in pictures.values()
    )
    skipped = [*faces.skipped[:_NAMED_ROWS]]
    if len(faces.skipped) > _NAMED_ROWS:
        skipped.append(f"and {len(faces.skipped) - _NAMED_ROWS:,} more")
    lists = _list("Rows left out because they cannot be used", skipped) + _list("Not here", list(faces.notes))
    size = " x ".join(map(str, faces.pixels.shape[1:]))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body><h1>{title}</h1>'
        f"<p>{len(faces):,} faces of {size} pixels, labels of {faces.taxonomy.name}.</p>"
        f"<table><tr>{head}</tr>{body}</table>{figures}{lists}</body></html>\n"
    )


def _list(title: str, sentences: list[str]) -> str:
    if not sentences:
        return ""
    items = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in sentences)
    return f"<h2>{title}</h2><ul>{items}</ul>"
