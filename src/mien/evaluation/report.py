"""An evaluation as files: figures to read by machine and by eye, and one page that holds them all.

`metrics.json`, `classification_report.txt` and `predictions.csv` come first and need nothing beyond the core; the
pictures and `report.html` need matplotlib. Where robustness was measured, `robustness.json` and `robustness.csv` join
them, and the page gets a section. Each file appears at once and whole.
"""

import base64
import csv
import html
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mien.evaluation.figures import confusion_png, mistakes_png, reliability_png, risk_coverage_png, robustness_png
from mien.evaluation.judge import VIEWS, Evaluation
from mien.evaluation.metrics import percent_interval
from mien.evaluation.robustness import (
    APPROXIMATION,
    COLUMNS,
    Robustness,
    faces_read,
    robustness_csv,
    robustness_rows,
)
from mien.evaluation.scores import DoubtScores, Scores
from mien.results import NOTICE
from mien.writing import replacing

__all__ = ["classification_report", "headline", "predictions_csv", "sides", "write_report"]

_PICTURES = {
    "confusion.png": "Confusion matrix",
    "reliability.png": "Reliability",
    "risk_coverage.png": "Risk and coverage",
    "mistakes.png": "Worst mistakes",
}


def write_report(evaluation: Evaluation, folder: Path, *, robustness: Robustness | None = None) -> Path:
    """Write everything about an evaluation.

    Args:
        evaluation: What to write.
        folder: Made if absent; files of an earlier evaluation are replaced.
        robustness: Of the same model, where it was measured.

    Returns:
        The path of the page, `report.html`.

    Raises:
        MissingExtraError: matplotlib is not installed; the files that do not need it have been written.
    """
    _write(folder / "metrics.json", _json(evaluation.to_dict()))
    _write(folder / "classification_report.txt", classification_report(evaluation).encode())
    _write(folder / "predictions.csv", predictions_csv(evaluation).encode())
    if robustness is not None:
        _write(folder / "robustness.json", _json(robustness.to_dict()))
        _write(folder / "robustness.csv", robustness_csv(robustness).encode())
    pictures = {
        "confusion.png": confusion_png(evaluation.full),
        "reliability.png": reliability_png(evaluation.full),
        "risk_coverage.png": risk_coverage_png(evaluation.full, evaluation.clean),
        "mistakes.png": mistakes_png(evaluation),
    }
    if robustness is not None:
        pictures["robustness.png"] = robustness_png(robustness)
    for name, content in pictures.items():
        _write(folder / name, content)
    page = folder / "report.html"
    _write(page, _page(evaluation, pictures, robustness).encode())
    return page


def _json(values: dict[str, Any]) -> bytes:
    return f"{json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False)}\n".encode()


def _write(path: Path, content: bytes) -> None:
    with replacing(path) as unfinished:
        unfinished.write_bytes(content)


def sides(evaluation: Evaluation) -> Iterator[tuple[str, Scores]]:
    """The scores with and, where there is a drop list, without its rows, each with its heading."""
    yield "All rows", evaluation.full
    if evaluation.clean is not None:
        yield "Without the rows on the drop list", evaluation.clean


def headline(scores: Scores) -> dict[str, str]:
    """The scores of all classes together, name -> text with its 95 % interval where it has one."""
    curve, (low, high) = scores.risk_coverage, scores.ece_by_chance
    lines = {
        "rows": f"{scores.n:,}",
        "accuracy": f"{scores.accuracy:.2%} {percent_interval(scores.accuracy_interval)}",
        "true label among the first two": f"{scores.top2_accuracy:.2%}",
        "balanced accuracy": f"{scores.balanced_accuracy:.2%}",
        "macro F1": f"{scores.macro_f1:.4f}",
        "accuracy on the surest 80 %": f"{curve.accuracy_at(0.8):.2%}",
        "area under risk-coverage": f"{curve.aurc:.4f}",
        "ECE at temperature 1": f"{scores.before.ece:.4f}",
        f"ECE at temperature {scores.temperature:.4g}": f"{scores.after.ece:.4f} (by chance {low:.4f} to {high:.4f})",
        "NLL": f"{scores.nll:.4f}",
        "Brier": f"{scores.brier:.4f}",
    }
    if scores.doubt is not None:
        lines |= _promises(scores.doubt)
    if scores.votes is not None:
        votes = scores.votes
        lines[f"NLL to the votes, {votes.answers} answers"] = f"{votes.nll:.4f} (floor {votes.entropy:.4f})"
        lines[f"Brier to the votes, {votes.answers} answers"] = f"{votes.brier:.4f}"
    return lines


def _promises(doubt: DoubtScores) -> dict[str, str]:
    """What the card promises of doubt, as it came true."""
    sets, sure = doubt.plausible, doubt.sure
    lines = {
        "ECE of the certainty": f"{doubt.certainty.ece:.4f}",
        "true label among the plausible": (
            f"{sets.coverage:.2%} {percent_interval(sets.coverage_interval)}, promised {doubt.plausible_promised:.0%}"
        ),
        "plausible labels, mean": f"{sets.mean_size:.3f} ({sets.single:.1%} of the faces have one)",
    }
    if sure is not None:
        lines["sure answers"] = f"{sure.answered:.2%} of the rows"
        lines["accuracy of the sure answers"] = (
            "–"
            if sure.accuracy is None
            else f"{sure.accuracy:.2%} {percent_interval(sure.accuracy_interval)}, promised {doubt.sure_promised:.2%}"
        )
    return lines


def classification_report(evaluation: Evaluation) -> str:
    """The scores as text: what was asked, all classes together, then each class."""
    parts = [*(f"{name}: {value}" for name, value in _facts(evaluation)), ""]
    for name, scores in sides(evaluation):
        parts += [name, "-" * len(name)]
        parts += [f"{key:<36}{value}" for key, value in headline(scores).items()]
        parts += ["", "".join(f"{title:>{width}}" for title, width in zip(_COLUMNS, _WIDTHS, strict=True))]
        parts += [
            "".join(f"{cell:>{width}}" for cell, width in zip(row, _WIDTHS, strict=True)) for row in _rows(scores)
        ]
        parts += ["", f"true label (rows) against reading (columns): {' '.join(scores.labels)}"]
        width = max(len(str(count)) for row in scores.confusion for count in row) + 2
        parts += [
            f"{label:>10}" + "".join(f"{count:>{width}}" for count in row)
            for label, row in zip(scores.labels, scores.confusion, strict=True)
        ]
        parts.append("")
    return "\n".join(parts)


def predictions_csv(evaluation: Evaluation) -> str:
    """Every answer, one row per face: name, true label, reading, how far to trust it, and all probabilities.

    Two of these files on the same rows are what `compare_on_same_rows` needs.
    """
    exam, labels = evaluation.exam, evaluation.exam.truth.taxonomy.labels
    decision, names = evaluation.decision, np.array(labels)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "true", "read", "on_drop_list", "certainty", "unsure", "plausible", *labels])
    for index, answer in enumerate(decision.values):
        on_list = exam.clean is not None and not exam.clean[index]
        true = labels[exam.truth.labels[index]]
        shares = (f"{share:.6g}" for share in answer)
        trust = (
            "" if decision.certainty is None else f"{decision.certainty[index]:.6g}",
            "" if decision.unsure is None else int(decision.unsure[index]),
            "" if decision.plausible is None else " ".join(names[decision.plausible[index]]),
        )
        writer.writerow([exam.faces.names[index], true, labels[answer.argmax()], int(on_list), *trust, *shares])
    return text.getvalue()


_COLUMNS = ("", "precision", "95 %", "recall", "95 %", "F1", "95 %", "rows")
_WIDTHS = (10, 11, 16, 9, 16, 8, 16, 7)


def _facts(evaluation: Evaluation) -> list[tuple[str, str]]:
    exam, model = evaluation.exam, evaluation.model
    return [
        ("protocol", f"{exam.truth.title}: {exam.truth.rule}"),
        ("model", f"{model['name']} {model['version']}, SHA-256 {model['sha256']}"),
        ("data", f"{exam.faces.source}, {exam.split}: {len(exam.faces):,} rows scored, {exam.left_out:,} left out"),
        ("views", VIEWS),
        *([("balance", f"{evaluation.balance:g}, towards rare labels")] if evaluation.balance else []),
        ("temperature", f"{evaluation.full.temperature:.4g}, from {evaluation.full.temperature_source}"),
    ]


def _rows(scores: Scores) -> Iterator[tuple[str, ...]]:
    """One row of `_COLUMNS` per class."""
    for label, one in scores.per_class.items():
        cells = [label]
        for value, interval in (
            (one.precision, one.precision_interval),
            (one.recall, one.recall_interval),
            (one.f1, one.f1_interval),
        ):
            cells += ["–", ""] if value is None else [f"{value:.3f}", f"{interval[0]:.3f}..{interval[1]:.3f}"]
        yield (*cells, str(one.support))


_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0 } th, td { padding: .15rem .7rem; border-bottom: 1px solid #ddd }
td { text-align: right; font-variant-numeric: tabular-nums } td:first-child, th:first-child { text-align: left }
img { max-width: 100%; height: auto } figure { margin: 1.5rem 0 } dt { font-weight: 600 } dd { margin: 0 0 .4rem 1rem }
"""


def _page(evaluation: Evaluation, pictures: dict[str, bytes], robustness: Robustness | None) -> str:
    """One HTML page with everything inside."""
    both = list(sides(evaluation))
    title = html.escape(f"{evaluation.model['name']}: {evaluation.exam.truth.title}")
    facts = "".join(f"<dt>{name}</dt><dd>{html.escape(value)}</dd>" for name, value in _facts(evaluation))
    columns = [headline(scores) for _, scores in both]
    totals = _table(("", *(name for name, _ in both)), [(key, *(c[key] for c in columns)) for key in columns[0]])
    classes = "".join(f"<h2>{name}, class by class</h2>{_table(_COLUMNS, list(_rows(s)))}" for name, s in both)
    images = "".join(_figure(pictures[name], caption) for name, caption in _PICTURES.items())
    changed = "" if robustness is None else _robustness_section(robustness, pictures["robustness.png"])
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body><h1>{title}</h1>'
        f"<dl>{facts}</dl>{totals}{classes}<h2>Pictures</h2>{images}{changed}<p>{html.escape(NOTICE)}</p></body></html>\n"
    )


def _robustness_section(result: Robustness, picture: bytes) -> str:
    about = f"Accuracy on {faces_read(result)}, changed in one way at a time. {APPROXIMATION}"
    table = _table(COLUMNS, robustness_rows(result))
    return f"<h2>Robustness</h2><p>{html.escape(about)}</p>{_figure(picture, 'Robustness')}{table}"


def _figure(picture: bytes, caption: str) -> str:
    inline = base64.b64encode(picture).decode()
    return f'<figure><img alt="{caption}" src="data:image/png;base64,{inline}"></figure>'


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    top = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{body}</table>"
