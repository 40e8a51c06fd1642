"""What `mien bench` leaves behind: JSON, a page of tables, a picture."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mien.benchmark.machine import machine_line
from mien.errors import MissingExtraError
from mien.writing import replacing

__all__ = ["accuracy_table", "markdown", "speed_plot", "speed_table", "write_benchmark"]

_TITLES = {"ferplus": "FER+, 8 emotions", "fer2013": "FER-2013, 7 emotions"}

Results = Mapping[str, Any]
"""A `Benchmark` as `to_dict` has it, or as it was read back from its file."""


def write_benchmark(results: Results, out: Path) -> None:
    """Write `bench.json`, `bench.md` and, where matplotlib is installed, `bench.png` into a folder.

    Raises:
        DiskFullError: there was no room.
    """
    out.mkdir(parents=True, exist_ok=True)
    with replacing(out / "bench.json") as unfinished:
        unfinished.write_text(json.dumps(results, indent=2) + "\n", "utf-8")
    tables = [table for table in (accuracy_table(results), speed_table(results)) if len(table) > 1]
    page = "\n\n".join(["# mien bench", machine_line(results["machine"]) + ".", *map(markdown, tables)])
    with replacing(out / "bench.md") as unfinished:
        unfinished.write_text(page + "\n", "utf-8")
    if results["speeds"]:
        with replacing(out / "bench.png") as unfinished:
            speed_plot(results, unfinished)


def accuracy_table(results: Results) -> list[list[str]]:
    """A row per network, a column per label set; the first row is the head."""
    found = results["accuracies"]
    label_sets = list(dict.fromkeys(one["labels"] for one in found))
    rows = {name: {one["labels"]: one for one in found if one["system"] == name} for name in _systems(found)}
    heads = [next(one for one in found if one["labels"] == labels) for labels in label_sets]
    has_clean = any(one["clean_rows"] is not None for one in found)
    head = ["right, %"]
    for one in heads:
        head.append(f"{_TITLES.get(one['labels'], one['labels'])} (n = {one['rows']:,})")
        head += [f"no copy in Training (n = {one['clean_rows']:,})"] * has_clean
    table = [head]
    for name, by_labels in rows.items():
        cells = [name]
        for labels in label_sets:
            one = by_labels.get(labels)
            cells.append("" if one is None else _share(one["accuracy"], one["interval"]))
            cells += ["" if one is None else f"{100 * one['clean_accuracy']:.1f}"] * has_clean
        table.append(cells)
    return table


def speed_table(results: Results) -> list[list[str]]:
    """A row per system, the fastest first; the first row is the head."""
    table = [
        [
            results["photo"] or "faces alone",
            "ms a photo",
            "slowest and fastest round",
            "photos a second",
            "s from start to first reading",
        ]
    ]
    for one in sorted(results["speeds"], key=lambda one: float(one["ms"])):
        low, high = one["range_ms"]
        rate = 1000 / one["ms"]
        table.append(
            [one["system"], f"{one['ms']:.1f}", f"{low:.1f} to {high:.1f}", f"{rate:.0f}", f"{one['start_s']:.1f}"]
        )
    return table


def speed_plot(results: Results, path: Path) -> None:
    """A bar per system, the fastest on top, on a scale of powers of ten.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("the picture of a benchmark", extra="data") from error
    speeds = sorted(results["speeds"], key=lambda one: -float(one["ms"]))
    figure = Figure(figsize=(7.5, 0.8 + 0.32 * len(speeds)), layout="constrained")
    axes = figure.add_subplot()
    colours = ["#0b7a75" if one["system"].startswith("mien") else "#999999" for one in speeds]
    bars = axes.barh([one["system"] for one in speeds], [one["ms"] for one in speeds], color=colours)
    axes.bar_label(bars, labels=[f"{one['ms']:.1f}" for one in speeds], padding=3)
    axes.set(xscale="log", xlabel="milliseconds a photo (less is better)")
    axes.margins(x=0.15)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, format="png", dpi=120)


def markdown(table: Sequence[Sequence[str]]) -> str:
    """Rows as a table, the first as its head; all but the first column to the right."""
    marks = ["---", *["--:"] * (len(table[0]) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (table[0], marks, *table[1:]))


def _systems(found: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(one["system"] for one in found))


def _share(share: float, interval: Sequence[float]) -> str:
    return f"{100 * share:.1f} ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})"
