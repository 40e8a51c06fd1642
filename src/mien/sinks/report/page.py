"""The report's page: what can be read without a script as plain HTML, and the data that the script draws."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.results import NOTICE, FrameReading
from mien.summary.conditions import Event
from mien.summary.curves import Curve
from mien.summary.episodes import Episode
from mien.summary.summarizer import Looks, Summary, TrackSummary
from mien.summary.times import clock
from mien.taxonomy import COLOURS_RGB, TAXONOMIES

__all__ = ["Report", "page"]

Colour = tuple[int, int, int]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
"""The page loads nothing, whatever is in it."""


@dataclass(frozen=True)
class Report:
    """What a page shows.

    Args:
        title: Name of the video.
        summary: Of the video.
        curves: Of its persons.
        reading: One of its readings, for what it was read with; None if there is none.
        pictures: A JPEG of the face at the apex by episode; empty where none were asked for.
        events: Spans to shade, with their names.
        conditions: Summary by condition, for a table; empty without events.
    """

    title: str
    summary: Summary
    curves: Sequence[Curve]
    reading: FrameReading | None
    pictures: Mapping[Episode, bytes]
    events: Sequence[Event]
    conditions: Mapping[str, Summary]

    @property
    def labels(self) -> tuple[str, ...]:
        """The label set; empty if there was no face."""
        return TAXONOMIES[self.summary.taxonomy].labels if self.summary.taxonomy else ()


def page(report: Report) -> str:
    """The whole page, self-contained."""
    here = files(__package__)
    css, script = (here.joinpath(name).read_text("utf-8") for name in ("page.css", "page.js"))
    body = [_header(report), "<main>", _everyone(report), _conditions(report)]
    if report.curves:
        by_id = {track.track_id: track for track in report.summary.tracks}
        body.append(_tools(report))
        body += [_person(report, by_id[curve.track_id]) for curve in report.curves]
    body += ["</main>", _footer(report)]
    data = json.dumps(_data(report), separators=(",", ":")).replace("<", "\\u003c")
    run = f'<script type="application/json" id="readings">{data}</script>\n<script>{script}</script>'
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="color-scheme" content="light dark">
<title>{_text(report.title)}: how faces look</title>
<style>
{css}{_palette(report.labels)}
</style>
</head>
<body class="no-script">
{"".join(body)}
{run if report.curves else ""}
</body>
</html>
"""


def _header(report: Report) -> str:
    summary = report.summary
    seen = 1 - summary.seconds_without_face / summary.seconds if summary.seconds else 0.0
    facts = {
        "Length read": clock(summary.seconds),
        "Frames": f"{summary.frames:,}",
        "Persons": str(len(summary.tracks)),
        "A face in sight": f"{seen:.0%} of the time",
        "Unsure": f"{summary.overall.unsure_share:.0%} of the time seen",
    }
    return f"""<a class="skip" href="#everyone">Skip to the results</a>
<header>
<p class="kind">How faces look in</p>
<h1>{_text(report.title)}</h1>
<p class="notice">{NOTICE}</p>
<dl class="facts">{"".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts.items())}</dl>
</header>
"""


def _everyone(report: Report) -> str:
    return f"""<section class="card" id="everyone" aria-labelledby="everyone-title">
<div class="title"><h2 id="everyone-title">Everyone together</h2>
<p>{clock(report.summary.overall.seconds)} of faces</p></div>
{_shares(report.summary.overall)}
</section>
"""


def _shares(looks: Looks) -> str:
    """A bar of the shares of time, and the same in words."""
    if not looks.frames:
        return "<p>No face was seen.</p>"
    parts = [(label, share) for label, share in looks.shares.items() if share > 0]
    words = [f"{label} {share:.0%}" for label, share in sorted(parts, key=lambda part: -part[1])]
    bar = [f'<span style="width:{share:.3%};--c:var(--{label})"></span>' for label, share in parts]
    listed = [
        f'<li><span class="swatch" style="--c:var(--{label})"></span>{label} <b>{share:.0%}</b></li>'
        for label, share in sorted(parts, key=lambda part: -part[1])
    ]
    if looks.unsure_share > 0:
        words.append(f"unsure {looks.unsure_share:.0%}")
        bar.append(f'<span class="hatch" style="width:{looks.unsure_share:.3%}"></span>')
        listed.append(f'<li><span class="swatch hatch"></span>unsure <b>{looks.unsure_share:.0%}</b></li>')
    return (
        f'<div class="bar" role="img" aria-label="Share of the time: {", ".join(words)}">{"".join(bar)}</div>'
        f'<ul class="shares">{"".join(listed)}</ul>'
    )


def _conditions(report: Report) -> str:
    if not report.conditions:
        return ""
    head = "".join(f'<th scope="col">{label}</th>' for label in [*report.labels, "unsure"])
    rows = []
    for condition, summary in report.conditions.items():
        looks = summary.overall
        shares = [looks.shares.get(label, 0.0) for label in report.labels] + [looks.unsure_share]
        cells = "".join(f"<td>{share:.0%}</td>" for share in shares)
        rows.append(f"<tr><td>{_text(condition)}</td><td>{clock(looks.seconds)}</td>{cells}</tr>")
    return f"""<section class="card" aria-labelledby="conditions-title">
<div class="title"><h2 id="conditions-title">Conditions</h2><p>share of the time seen</p></div>
<div class="scroll" tabindex="0" role="region" aria-label="Table of conditions">
<table><thead><tr><th scope="col">condition</th><th scope="col">seen</th>{head}</tr></thead>
<tbody>{"".join(rows)}</tbody></table></div>
</section>
"""


def _tools(report: Report) -> str:
    toggles = "".join(
        f'<button type="button" aria-pressed="true" data-label="{label}">'
        f'<span class="swatch" style="--c:var(--{label})"></span>{label}</button>'
        for label in report.labels
    )
    return f"""<div class="tools" role="toolbar" aria-label="What the timelines show">
<div class="group" role="group" aria-label="Emotions">{toggles}</div>
<div class="group" role="group" aria-label="Curves">
<button type="button" aria-pressed="true" data-layer="smooth">smooth</button>
<button type="button" aria-pressed="true" data-layer="raw">each frame</button></div>
<div class="group" role="group" aria-label="Zoom">
<button type="button" id="zoom-out" aria-label="Zoom out">−</button>
<button type="button" id="zoom-in" aria-label="Zoom in">+</button>
<button type="button" id="zoom-all">whole video</button></div>
<p class="range" aria-live="polite"></p>
</div>
"""


def _person(report: Report, track: TrackSummary) -> str:
    name = f"Person {track.track_id}"
    values = "".join(
        f'<li style="--c:var(--{label})"><span>{label}</span>'
        '<span class="track"><i></i><b></b></span><span class="number"></span></li>'
        for label in report.labels
    )
    start, end = _extent(report.summary)
    return f"""<section class="card" id="person-{track.track_id}" aria-label="{name}">
<div class="title"><h2>{name}</h2>
<p>{clock(track.looks.seconds)} seen, from {clock(track.first_s)} to {clock(track.last_s)}</p></div>
<div class="timeline" tabindex="0" role="slider" aria-label="Time, {name.lower()}; plus, minus and 0 zoom"
 aria-valuemin="{start:.2f}" aria-valuemax="{end:.2f}" aria-valuenow="{start:.2f}">
<canvas></canvas><canvas></canvas></div>
<div class="readout"><p></p><ul class="values">{values}</ul></div>
<div style="margin-top:1.1rem">{_shares(track.looks)}</div>
{_key_frames(report, track)}{_episodes(track)}</section>
"""


def _key_frames(report: Report, track: TrackSummary) -> str:
    shown = [(episode, report.pictures[episode]) for episode in track.episodes if episode in report.pictures]
    if not shown:
        return ""
    items = []
    for episode, picture in shown:
        name = f"Person {track.track_id}, {episode.label} at {clock(episode.apex_s)}"
        source = f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"
        items.append(
            f'<li><button type="button" data-time="{episode.apex_s:.3f}">'
            f'<img style="--c:var(--{episode.label})" alt="{name}" width="96" height="96" src="{source}">'
            f"{episode.label}<br>{clock(episode.apex_s)}</button></li>"
        )
    return f'<ul class="frames" aria-label="Key frames of person {track.track_id}">{"".join(items)}</ul>'


def _episodes(track: TrackSummary) -> str:
    if not track.episodes:
        return ""
    rows = "".join(
        f'<tr><td><button type="button" data-time="{episode.apex_s:.3f}" aria-label="{episode.label}, go to its apex">'
        f'<span class="swatch" style="--c:var(--{episode.label})"></span>{episode.label}</button></td>'
        f"<td>{clock(episode.onset_s)}</td><td>{clock(episode.apex_s)}</td><td>{clock(episode.end_s)}</td>"
        f"<td>{episode.duration_s:.1f} s</td><td>{episode.peak:.0%}</td></tr>"
        for episode in track.episodes
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in ("looks", "onset", "apex", "end", "length", "peak"))
    count = "1 episode" if len(track.episodes) == 1 else f"{len(track.episodes)} episodes"
    return f"""<details><summary>{count}</summary>
<div class="scroll" tabindex="0" role="region" aria-label="Episodes of person {track.track_id}">
<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div></details>
"""


def _footer(report: Report) -> str:
    reading = report.reading
    made = {"Software": f"mien {version('mien')}, Apache-2.0"}
    if reading is not None:
        made["Model"] = f"{_text(reading.model)}, SHA-256 <code>{_text(reading.model_sha256)}</code>"
        made["Face detector"] = _text(reading.options.detector)
        made["Label set"] = _text(reading.options.labels)
        if reading.stream is not None:
            stream = reading.stream
            made["Steadiness"] = (
                f"{stream.smoothing}, {stream.smoothing_s:g} s; a label changes when another leads by {stream.hold:.0%}"
            )
    listed = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in made.items())
    return f"""<footer>
<h2>How to read this</h2>
<p>Strong lines are the probabilities made steady along a person's track, thin lines what each frame says alone. The
ribbon below them is the steady label: hatched grey where the reading is unsure, empty where the person is out of sight.
An episode is one look that is kept: its onset, its apex, where the label is most probable, and its end.
Drag to zoom, double-click for the whole video; with the keyboard, arrows move and plus and minus zoom.</p>
<h2>How it was made</h2>
<dl>{listed}</dl>
<p>{NOTICE}</p>
</footer>
"""


def _data(report: Report) -> dict[str, Any]:
    return {
        "labels": report.labels,
        "extent": _extent(report.summary),
        "events": [{"start": event.start_s, "end": event.end_s, "label": event.label} for event in report.events],
        "persons": [
            {
                "id": curve.track_id,
                "usual": curve.usual_s,
                "time": _packed(curve.time_s, "<f4"),
                "raw": _packed(np.rint(curve.raw * 255), "u1"),
                "smooth": _packed(np.rint(curve.smooth * 255), "u1"),
                "label": _packed(curve.label, "i1"),
                # 255 is "not told"
                "certainty": _packed(np.where(np.isnan(curve.certainty), 255, np.rint(curve.certainty * 254)), "u1"),
            }
            for curve in report.curves
        ],
    }


def _packed(values: NDArray[Any], kind: str) -> str:
    return base64.b64encode(values.astype(kind).tobytes()).decode()


def _extent(summary: Summary) -> tuple[float, float]:
    """From the first sight of a person to the last, in seconds; from 0 where that is near."""
    if not summary.tracks:
        return 0.0, 1.0
    first, last = min(track.first_s for track in summary.tracks), max(track.last_s for track in summary.tracks)
    return 0.0 if first < 0.1 * last else first, max(last, first + 0.1)


def _palette(labels: Sequence[str]) -> str:
    """The emotions' colours as custom properties, darker on white and lighter on black, so that lines can be seen."""
    light = "".join(f"--{label}:rgb{_mixed(COLOURS_RGB[label], (0, 0, 0), 0.14)};" for label in labels)
    dark = "".join(f"--{label}:rgb{_mixed(COLOURS_RGB[label], (255, 255, 255), 0.12)};" for label in labels)
    return f":root{{{light}}}@media (prefers-color-scheme: dark){{:root{{{dark}}}}}"


def _mixed(colour: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round((1 - share) * one + share * two) for one, two in zip(colour, other, strict=True))
    return red, green, blue


def _text(text: str) -> str:
    """Safe in HTML, also the name of a file that is no valid Unicode."""
    return escape(text.encode("utf-8", "backslashreplace").decode("utf-8"))
