"""Flicker against lag, the table of docs/video.md: `python benchmarks/steadiness.py VIDEOS [--detector mtcnn] [--fit]`.

VIDEOS is a folder with the clips of `CLIPS`. They are read once, raw, and the readings of every face are then smoothed
in each way.

- Flicker is how often the label of a face changes, a second. Faces do change, and those changes count too; so the
  labels that are gone again within half a second are counted as well.
- Lag is measured on real readings: a piece of a track of at least a second with one label is joined to a piece with
  another, for every ordered pair of pieces, and the steady label is waited for.
- "filter, not fitted on it" judges each clip with rates that were fitted on the others.

`--fit` prints the rates for `mien.transitions.RATES` instead.
"""

import argparse
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import mien
from mien.faces.registry import default_detector
from mien.results import StreamOptions
from mien.smoothing import ForwardFilter, Steady
from mien.transitions import fit_rates

CLIPS = (
    *("one_face.mp4", "one_face_smile.mp4", "one_face_sad_audio.mp4"),
    *("two_faces_12fps.mp4", "three_faces_12fps.mp4", "people_enter_12fps.mp4"),
)
PIECE_S = 1.0
BRIEF_S = 0.5

WAYS = {
    "none (raw)": StreamOptions(smoothing="none"),
    "average over 0.3 s": StreamOptions(smoothing="average", smoothing_s=0.3, hold=0.0),
    "average over 0.3 s, hold 0.15": StreamOptions(smoothing="average", smoothing_s=0.3, hold=0.15),
    "exponential, half-life 0.15 s": StreamOptions(smoothing="exponential", smoothing_s=0.15, hold=0.0),
    "exponential, half-life 0.15 s, hold 0.15 (default)": StreamOptions(),
    "exponential, half-life 0.25 s, hold 0.15": StreamOptions(smoothing="exponential", smoothing_s=0.25, hold=0.15),
    "filter, evidence in 0.075 s": StreamOptions(smoothing="filter", smoothing_s=0.075, hold=0.0),
    "filter, evidence in 0.15 s": StreamOptions(smoothing="filter", smoothing_s=0.15, hold=0.0),
}
JUDGED_APART = "filter, evidence in 0.075 s"

Track = list[tuple[float, NDArray[np.float64]]]


@dataclass(frozen=True)
class Flicker:
    """Of some tracks: changes of label, labels gone again within `BRIEF_S`, and the length of all together."""

    changes: int
    brief: int
    seconds: float


def read_tracks(folder: Path, detector: str) -> dict[str, list[Track]]:
    """Clip -> per face, its raw readings."""
    analyzer = mien.Analyzer(detector=detector)
    clips: dict[str, list[Track]] = {}
    for clip in CLIPS:
        tracks: dict[int | None, Track] = {}
        for reading in analyzer.read_video(folder / clip, options=StreamOptions(smoothing="none")):
            assert reading.time_s is not None
            for face in reading.faces:
                tracks.setdefault(face.track_id, []).append((reading.time_s, np.array(face.emotions.values)))
        clips[clip] = list(tracks.values())
    return clips


def steady_labels(options: StreamOptions, track: Track, labels: tuple[str, ...]) -> list[int]:
    """The label after each reading."""
    steady = Steady(options, labels)
    return [int(steady.update(time_s=time_s, probabilities=values).argmax()) for time_s, values in track]


def flicker(labelled: Sequence[tuple[Track, Sequence[int]]]) -> Flicker:
    """How often the labels of some tracks change."""
    changes = brief = 0
    for track, labels in labelled:
        starts_s = [track[0][0]]
        for (_, one), ((time_s, _), other) in itertools.pairwise(zip(track, labels, strict=True)):
            if one != other:
                starts_s.append(time_s)
        changes += len(starts_s) - 1
        brief += sum(end_s - start_s < BRIEF_S for start_s, end_s in itertools.pairwise(starts_s))
    return Flicker(changes, brief, sum(track[-1][0] - track[0][0] for track, _ in labelled))


def pieces_of(clips: Mapping[str, Sequence[Track]]) -> list[tuple[int, Track]]:
    """The longest piece of each clip and label, with its label."""
    longest: dict[tuple[str, int], Track] = {}
    for clip, tracks in clips.items():
        for track in tracks:
            for label, group in itertools.groupby(track, key=lambda reading: int(reading[1].argmax())):
                piece = list(group)
                if piece[-1][0] - piece[0][0] >= PIECE_S and len(piece) > len(longest.get((clip, label), [])):
                    longest[clip, label] = piece
    return [(label, piece) for (_, label), piece in longest.items()]


def lags_ms(options: StreamOptions, pieces: Sequence[tuple[int, Track]], labels: tuple[str, ...]) -> list[float]:
    """For each ordered pair of pieces with different labels: from the join until the label is the second's."""
    lags = []
    for (label, before), (other, after) in itertools.permutations(pieces, 2):
        if label == other:
            continue
        frame_s = float(np.median(np.diff([time_s for time_s, _ in after])))
        shift_s = before[-1][0] + frame_s - after[0][0]
        joined = before + [(time_s + shift_s, values) for time_s, values in after]
        seen = steady_labels(options, joined, labels)[len(before) :]
        reached = seen.index(other) if other in seen else len(seen) - 1
        lags.append(1000 * (after[reached][0] - after[0][0]))
    return lags


def filtered_apart(evidence_s: float, clips: Mapping[str, Sequence[Track]]) -> list[tuple[Track, list[int]]]:
    """Every track with the filter's labels, each clip with rates that were fitted on the others."""
    labelled = []
    for clip, tracks in clips.items():
        rates = fit_rates([track for name, others in clips.items() if name != clip for track in others])
        for track in tracks:
            smoother = ForwardFilter(evidence_s=evidence_s, rates=rates)
            seen = [int(smoother.update(time_s=time_s, probabilities=values).argmax()) for time_s, values in track]
            labelled.append((track, seen))
    return labelled


def print_table(clips: Mapping[str, Sequence[Track]], labels: tuple[str, ...]) -> None:
    tracks = [track for some in clips.values() for track in some]
    pieces = pieces_of(clips)
    rows = [
        (name, options, flicker([(track, steady_labels(options, track, labels)) for track in tracks]))
        for name, options in WAYS.items()
    ]
    apart = WAYS[JUDGED_APART]
    rows.append((f"{JUDGED_APART}, not fitted on it", apart, flicker(filtered_apart(apart.smoothing_s, clips))))
    raw = rows[0][2]
    print(f"{len(tracks)} faces, {raw.seconds:.0f} s in all; {len(pieces)} pieces for the lag\n")
    print(f"| smoothing | label changes a second | times fewer | gone within {BRIEF_S} s | lag, median | lag, worst |")
    print("|---|---|---|---|---|---|")
    for name, options, found in rows:
        lags = lags_ms(options, pieces, labels)
        print(
            f"| {name} | {found.changes / found.seconds:.2f} | {raw.changes / max(found.changes, 1):.1f}"
            f" | {found.brief} | {np.median(lags):.0f} ms | {max(lags):.0f} ms |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path)
    parser.add_argument("--detector", default=default_detector())
    parser.add_argument("--fit", action="store_true", help="fit the filter's rates and print them")
    args = parser.parse_args()
    clips = read_tracks(args.videos, args.detector)
    if args.fit:
        rates = fit_rates([track for tracks in clips.values() for track in tracks])
        print(np.array2string(rates, precision=3, suppress_small=True, separator=", "))
        return
    print(f"{args.detector}, {mien.EmotionClassifier.load().card.name}")
    print_table(clips, mien.FERPLUS.labels)


if __name__ == "__main__":
    main()
