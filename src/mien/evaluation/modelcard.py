"""A model's card as a page: everything that the file says of itself, and what was measured of it.

The page holds nothing that is not in the file, so that it can be made again anywhere, offline: `mien models card`.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mien.card import Head, ModelCard, Trust
from mien.doubt import answers_votes
from mien.evaluation.robustness import APPROXIMATION
from mien.results import NOTICE

__all__ = ["model_page", "recorded"]

_KEPT = ("protocol", "rule", "views", "labels", "data")
_LEFT_OUT = {"reliability_before", "reliability_after", "labels", "protocol"}


def recorded(metrics: Mapping[str, Any], robustness: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What goes on a card of an evaluation: its figures, without the points of its curves.

    Args:
        metrics: What `mien evaluate` wrote as `metrics.json`.
        robustness: What it wrote as `robustness.json`, if it did.

    Raises:
        KeyError: something else.
    """
    values = {key: metrics[key] for key in _KEPT}
    source = Path(metrics["data"]["source"]).name  # a card travels: whose folder it was is not told
    values["data"] = {**metrics["data"], "source": source}
    for side in ("full", "clean"):
        if side in metrics:
            values[side] = _without_curves(metrics[side])
    if robustness is not None:
        values["robustness"] = {key: robustness[key] for key in ("faces", "of_faces", "unchanged", "curves")}
    return values


def _without_curves(scores: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in scores.items() if key not in _LEFT_OUT}
    curve = scores["risk_coverage"]
    kept["risk_coverage"] = {key: curve[key] for key in ("aurc", "accuracy_at_80_percent")}
    if "doubt" in scores:
        kept["doubt"] = {key: value for key, value in scores["doubt"].items() if key != "certainty_reliability"}
    return kept


def model_page(card: ModelCard, *, sha256: str, size_bytes: int) -> str:
    """The card as Markdown.

    Args:
        card: Of the file.
        sha256: Of the file.
        size_bytes: Of the file.
    """
    parts = [
        f"# Model card: {card.name}",
        f"This page is `mien models card {card.name}`: all of it is in the model file.",
        _identity(card, sha256=sha256, size_bytes=size_bytes),
        f"## Data and training\n\n{card.data}\n\n{_training(card)}",
    ]
    if card.evaluations:
        parts += [
            f"## Scores\n\n{_scores(card.evaluations)}",
            f"## Emotion by emotion\n\n{_emotions(card.evaluations)}",
        ]
    parts.append(f"## Doubt\n\n{_doubt(card)}")
    parts += [
        f"## Robustness: {one['protocol']}\n\n{_robustness(one)}" for one in card.evaluations if "robustness" in one
    ]
    parts += [
        f"## {title}\n\n{text}"
        for title, text in (
            ("What it is for", card.intended_use),
            ("What it is not for", card.misuse),
            ("What it cannot do", card.limits),
            ("What was not measured", card.not_measured),
            ("Law", card.law),
        )
        if text
    ]
    parts.append(NOTICE)
    return "\n\n".join(parts) + "\n"


def _identity(card: ModelCard, *, sha256: str, size_bytes: int) -> str:
    arithmetic = card.training.get("arithmetic")
    rows = [
        ("name, version", f"{card.name} {card.version}"),
        ("file", f"{size_bytes / 1e6:.2f} MB" + (f", {arithmetic}" if arithmetic else "")),
        ("SHA-256", f"`{sha256}`"),
        ("parameters", f"{card.parameters:,}"),
        (
            "input",
            f"{card.input.side_px}x{card.input.side_px} grey, a square {card.input.crop_scale:g} times a face's box",
        ),
        *(("answers", _answers(head)) for head in card.heads),
        ("licence of the weights", card.licence),
    ]
    return _table(("", ""), rows)


def _answers(head: Head) -> str:
    words = f"{head.taxonomy}" + (f", and {', '.join(head.extra).replace('_', ' ')}" if head.extra else "")
    return f"{words}: what ten viewers would say" if answers_votes(head) else words


def _training(card: ModelCard) -> str:
    lines = []
    for member in card.training.get("members", ()):
        versions = ", ".join(f"{name} {version}" for name, version in member.get("versions", {}).items())
        known = {
            "started": str(member.get("started", ""))[:10],
            "seed": member.get("seed"),
            "machine": member.get("machine"),
            "from": member.get("start", {}).get("run") if member.get("start") else None,
        }
        facts = ", ".join(f"{name} {value}" for name, value in known.items() if value not in (None, ""))
        lines.append(f"- run {member.get('run', 'without a name')}: {facts}" + (f" ({versions})" if versions else ""))
    return (
        "\n".join(["Trained as the recipes in the file's card say (`mien models --json`):", "", *lines])
        if lines
        else ""
    )


def _sides(evaluations: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every set of rows that was scored, with its name."""
    for one in evaluations:
        yield f"{one['protocol']}, {one['data']['split']}", one["full"]
        if "clean" in one:
            yield "the same, clean", one["clean"]


def _scores(evaluations: Sequence[Mapping[str, Any]]) -> str:
    head = ("", "rows", "accuracy, %", "macro F1", "balanced accuracy, %", "on the surest 80 %, %")
    rows = [
        (
            name,
            f"{side['n']:,}",
            _share(side["accuracy"], side["accuracy_interval"]),
            f"{side['macro_f1']:.3f}",
            f"{100 * side['balanced_accuracy']:.1f}",
            f"{100 * side['risk_coverage']['accuracy_at_80_percent']:.2f}",
        )
        for name, side in _sides(evaluations)
    ]
    sentences = [f"{one['protocol']}: {one['rule']}." for one in evaluations]
    if any("clean" in one for one in evaluations):
        sentences.append('"Clean" leaves out the rows that have a near copy in Training.')
    return (
        f"The shipped file through the shipped preprocessing; views: {evaluations[0]['views']}. Intervals of 95 % "
        f"(Wilson).\n\n{_table(head, rows)}\n\n{' '.join(sentences)}"
    )


def _emotions(evaluations: Sequence[Mapping[str, Any]]) -> str:
    tables = []
    for one in evaluations:
        rows = [
            (label, str(each["support"]), _share(each["recall"], each["recall_interval"]), _percent(each["precision"]))
            for label, each in one["full"]["per_class"].items()
        ]
        tables.append(f"{one['protocol']}:\n\n" + _table(("", "rows", "found, %", "right where read, %"), rows))
    return "\n\n".join(tables)


def _doubt(card: ModelCard) -> str:
    """What the card promises, and how it came true."""
    parts = ["What each number promises, and what it does not: [doubt.md](doubt.md)."]
    for head in card.heads:
        measured = card.evaluation(head.taxonomy)
        rows = list(_promises(head, None if measured is None else measured["full"]))
        if rows:
            parts.append(f"{head.taxonomy}:\n\n" + _table(("", "fitted and promised", "measured"), rows))
    return "\n\n".join(parts)


def _promises(head: Head, side: Mapping[str, Any] | None) -> Iterator[tuple[str, str, str]]:
    """One row per promise of a head: what, how it was fitted, how it came true."""
    errors = "" if side is None else f"ECE {side['ece_before']:.4f} at 1, {side['ece_after']:.4f} with it"
    if side is not None and "ece_by_chance" in side:
        low, high = side["ece_by_chance"]
        errors += f", by chance {low:.4f} to {high:.4f}"
    yield "temperature", f"{head.temperature:.4f}", errors
    if head.trust is not None:
        yield from _trusted(head.trust, {} if side is None else side.get("doubt", {}))
    if answers_votes(head):
        votes = None if side is None else side.get("votes")
        found = (
            ""
            if votes is None
            else f"NLL {votes['nll']:.3f} (floor {votes['entropy']:.3f}), Brier {votes['brier']:.3f}"
        )
        yield "what ten viewers would say", f"temperature {head.vote_temperature:.3f}", found


def _trusted(trust: Trust, measured: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    ece, sets, sure = (measured.get(name) for name in ("certainty_ece", "plausible", "sure"))
    yield "certainty", f"on {trust.rows:,} rows kept aside", "" if ece is None else f"ECE {ece:.4f}"
    covered = "" if sets is None else f"{_share(sets['coverage'], sets['coverage_interval'])} % hold the truth"
    size = "" if sets is None else f", {sets['mean_size']:.2f} labels each"
    promise = f"of {trust.plausible_from:.1%} or more: {trust.plausible_coverage:.0%} hold the truth"
    yield "plausible labels", promise, covered + size
    if trust.sure_from is not None:
        answered = "" if sure is None else f"{100 * sure['answered']:.1f} % of the answers, "
        right = "" if sure is None else f"{_share(sure['accuracy'], sure['accuracy_interval'])} % right"
        yield "sure answers", f"from {trust.sure_from:.1%}: {trust.sure_accuracy:.1%} right", answered + right


def _robustness(evaluation: Mapping[str, Any]) -> str:
    measured = evaluation["robustness"]
    unchanged = measured["unchanged"]
    rows = [
        (
            "none",
            "",
            _share(unchanged["accuracy"], unchanged["accuracy_interval"]),
            "",
            f"{100 * unchanged['confidence']:.1f}",
        )
    ]
    for curve in measured["curves"]:
        rows += [
            (
                f"{curve['name']}, {curve['unit']}",
                f"{one['level']:g}",
                _percent(one["accuracy"]),
                _share(one["cost"], one["cost_interval"]),
                f"{100 * one['confidence']:.1f}",
            )
            for one in curve["settings"]
        ]
    head = ("change", "level", "accuracy, %", "cost in points", "mean certainty, %")
    return f"On {measured['faces']:,} of {measured['of_faces']:,} faces. {APPROXIMATION}\n\n{_table(head, rows)}"


def _share(value: float | None, interval: Sequence[float]) -> str:
    """A share in percent with its interval."""
    return "–" if value is None else f"{100 * value:.2f} ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.2f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; all but the first column to the right."""
    marks = ["---", *["--:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, marks, *rows))
