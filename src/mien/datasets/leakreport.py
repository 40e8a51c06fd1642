"""What was found about copies in a data set, for people and for programs."""

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.datasets.droplist import write_drop_list
from mien.datasets.faceset import TRAINING, UNLABELLED, UNSPLIT, FaceSet
from mien.datasets.leaks import Leaks, conflicting_groups
from mien.writing import replacing

__all__ = ["DROP_FILE", "drop_rows", "summarise", "summary_text", "write_leaks"]

DROP_FILE = "drop.csv"


def drop_rows(faces: FaceSet, leaks: Leaks, *, training_copies: bool = False) -> list[tuple[str, str, str]]:
    """What a drop list should name: (split, name, reason) of each row.

    Args:
        faces: The set that was searched.
        leaks: What was found.
        training_copies: Also name Training's own copies, all of a group but its first row.

    Returns:
        Rows outside Training that have a copy in Training, in the order of `faces`, and Training's copies.
    """
    names, splits = faces.names.tolist(), faces.split.tolist()
    rows = []
    for row in np.flatnonzero(leaks.leaked).tolist():
        partner = int(leaks.partner[row])
        what = f"{_kind(leaks, row, partner)} of {splits[partner]} {names[partner]} ({leaks.likeness[row]:.3f})"
        rows.append((splits[row], names[row], what))
    if training_copies:
        first: dict[int, int] = {}
        for row in np.flatnonzero(np.isin(faces.split, [TRAINING, UNSPLIT])).tolist():
            kept = first.setdefault(int(leaks.near[row]), row)
            if kept != row:
                rows.append((splits[row], names[row], f"{_kind(leaks, row, kept)} of {splits[kept]} {names[kept]}"))
    return rows


def summarise(faces: FaceSet, leaks: Leaks) -> dict[str, Any]:
    """The counts, JSON-safe."""
    rows = np.arange(len(faces))
    sizes = np.bincount(leaks.near, minlength=len(faces))
    return {
        "source": faces.source,
        "rows": len(faces),
        "splits": {split: int((faces.split == split).sum()) for split in faces.splits},
        "correlation": leaks.correlation,
        "different_pictures": int(len(faces) - (leaks.exact != rows).sum()),
        "groups": int((sizes > 1).sum()),
        "largest_group": int(sizes.max(initial=0)),
        "with_copy": [
            {"of": split, "in": other, "exact": exact, "exact_or_near": either}
            for (split, other), (exact, either) in leaks.across.items()
        ],
        "outside_training_with_copy_in_training": int(leaks.leaked.sum()),
        "conflicting_labels": {
            "rows_in_exact_groups": int(conflicting_groups(leaks.exact, faces.labels).sum()),
            "rows_in_all_groups": int(conflicting_groups(leaks.near, faces.labels).sum()),
        },
        "constant_images": {split: int((leaks.constant & (faces.split == split)).sum()) for split in faces.splits},
    }


def summary_text(summary: dict[str, Any]) -> str:
    """The counts as a few lines to read."""
    splits = ", ".join(f"{split} {rows:,}" for split, rows in summary["splits"].items())
    copies = (
        f"{summary['groups']:,} groups of copies, the largest of {summary['largest_group']:,}; "
        f"{summary['different_pictures']:,} pictures differ to the pixel; thumbnails of 16x16 that correlate by "
        f"{summary['correlation']:g} count as near"
    )
    lines = [f"{summary['source']}: {summary['rows']:,} rows ({splits})", f"{'copies':<22}{copies}"]
    for entry in summary["with_copy"]:
        where = f"{entry['of']} itself" if entry["of"] == entry["in"] else entry["in"]
        share = entry["exact_or_near"] / summary["splits"][entry["of"]]
        lines.append(
            f"{entry['of']:<22}{entry['exact']:,} rows have an exact copy in {where}, {entry['exact_or_near']:,} an "
            f"exact or near one ({share:.1%})"
        )
    conflicts = summary["conflicting_labels"]
    of_exact, of_all = conflicts["rows_in_exact_groups"], conflicts["rows_in_all_groups"]
    lines.append(f"{'conflicting labels':<22}{of_exact:,} rows among exact copies, {of_all:,} among all")
    constant = ", ".join(f"{split} {count}" for split, count in summary["constant_images"].items())
    lines.append(f"{'constant images':<22}{constant}")
    return "\n".join(lines)


def write_leaks(faces: FaceSet, leaks: Leaks, folder: str | Path, *, training_copies: bool = False) -> Path:
    """Write `groups.csv`, `constant.csv`, `summary.txt`, `summary.json` and the drop list `drop.csv`.

    Args:
        faces: The set that was searched.
        leaks: What was found.
        folder: Made if absent; files of these names in it are replaced.
        training_copies: The drop list names Training's own copies too.

    Returns:
        The path of the drop list.
    """
    folder = Path(folder)
    summary = summarise(faces, leaks)
    for name, text in (("summary.txt", summary_text(summary)), ("summary.json", json.dumps(summary, indent=2))):
        with replacing(folder / name) as unfinished:
            unfinished.write_text(text + "\n", "utf-8")
    header = ("group", "split", "name", "label", "exact_group", "labels_conflict")
    _write_table(folder / "groups.csv", header, _group_rows(faces, leaks))
    constant = ((faces.split[row], faces.names[row], _label(faces, row)) for row in np.flatnonzero(leaks.constant))
    _write_table(folder / "constant.csv", ("split", "name", "label"), constant)
    write_drop_list(folder / DROP_FILE, drop_rows(faces, leaks, training_copies=training_copies))
    return folder / DROP_FILE


def _group_rows(faces: FaceSet, leaks: Leaks) -> Iterator[tuple[Any, ...]]:
    """One line per row that has a copy, group by group; `exact_group` is the same for pictures equal to the pixel."""
    is_member = _has_company(leaks.near)
    is_exact = _has_company(leaks.exact)
    conflict = conflicting_groups(leaks.near, faces.labels)
    members = np.flatnonzero(is_member)
    _, number = np.unique(leaks.near[members], return_inverse=True)
    for index in np.argsort(number, kind="stable"):
        row = members[index]
        yield (
            number[index] + 1,
            faces.split[row],
            faces.names[row],
            _label(faces, row),
            faces.names[leaks.exact[row]] if is_exact[row] else "",
            "yes" if conflict[row] else "no",
        )


def _has_company(group: NDArray[np.intp]) -> NDArray[np.bool_]:
    """`(n,)`: rows whose group has another member."""
    return np.asarray(np.bincount(group, minlength=len(group))[group] > 1)


def _kind(leaks: Leaks, row: int, other: int) -> str:
    return "exact copy" if leaks.exact[row] == leaks.exact[other] else "near copy"


def _label(faces: FaceSet, row: np.intp) -> str:
    label = int(faces.labels[row])
    return "" if label == UNLABELLED else faces.taxonomy.labels[label]


def _write_table(path: Path, header: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
    with replacing(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
