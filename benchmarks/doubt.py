"""Do the promises of doubt hold, for whom, and on which pictures? The figures of docs/doubt.md.

    python benchmarks/doubt.py --data fer2013.csv --votes fer2013new.csv [--into docs/doubt.md] [--model mien-m]

On FER+ PublicTest, of which nothing was fitted: plausible labels and sure answers emotion by emotion, predicted against
actual votes, certainty against accuracy on pictures that are harmed, and what favouring rare emotions finds and costs.
With `--into`, each table replaces the one between its marks in that page. With `--kept-aside`, the rows that training
kept aside, as the card's recipe says: by them, and not by PublicTest, the thresholds of `mien.quality` were chosen.
"""

import argparse
import itertools
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from page_blocks import markdown, put_into

from mien.card import Head
from mien.classifier import DEFAULT_MODEL, EmotionClassifier
from mien.datasets.faceset import FaceSet
from mien.datasets.reading import read
from mien.doubt import expected_votes
from mien.evaluation.judge import Evaluation, decide_on, judge, set_exam
from mien.evaluation.perturbations import brightness, gaussian_blur, noise, resolution
from mien.quality import measure_quality
from mien.taxonomy import FERPLUS, FERPLUS_VOTES

Pixels = NDArray[np.uint8]
Change = Callable[[Pixels, float], Pixels]

HARMS: tuple[tuple[str, Change, tuple[float, ...]], ...] = (
    ("shrunk to, px", resolution, (32, 24, 20, 16, 12)),
    ("brightness times", brightness, (0.5, 0.25, 0.12, 0.06, 0.03)),
    ("blur, sigma in px of 48", gaussian_blur, (0.5, 1.0, 1.5, 2.0, 3.0)),
    ("noise, sigma in grey levels", noise, (5, 10, 20, 40)),
)
BALANCES = (0.0, 0.25, 0.5, 0.75, 1.0)
RARE = ("disgust", "fear", "contempt")


def logits_of(classifier: EmotionClassifier, pixels: Pixels) -> NDArray[np.float32]:
    parts = [pixels[start : start + 64] for start in range(0, len(pixels), 64)]
    return np.concatenate([classifier.logits(list(part))[FERPLUS.name] for part in parts])


def kept_aside(classifier: EmotionClassifier, faces: FaceSet) -> FaceSet:
    """The rows that no network learnt from, drawn again as the recipe on the card says."""
    from mien.learning.recipe_files import recipe_from_values
    from mien.learning.training import split_training

    recipe = recipe_from_values(tomllib.loads(classifier.card.training["members"][0]["recipe"]), source="the card")
    return split_training(faces, recipe)[1]


def by_emotion(judged: Evaluation) -> Iterator[Sequence[str]]:
    """What holds over all faces, emotion by emotion, where it is not promised."""
    yield "emotion", "rows", "truth among the plausible, %", "plausible labels", "sure, %", "sure and right, %"
    decision, truth = judged.decision, judged.exam.truth.labels
    groups = [("all", np.ones(len(truth), bool))]
    groups += [(label, truth == index) for index, label in enumerate(FERPLUS.labels)]
    for name, rows in groups:
        sets, sure, right = decision.plausible[rows], ~decision.unsure[rows], (decision.top == truth)[rows]
        holds = sets[np.arange(len(sets)), truth[rows]]
        yield (
            name,
            f"{rows.sum():,}",
            f"{100 * holds.mean():.1f}",
            f"{sets.sum(axis=1).mean():.2f}",
            f"{100 * sure.mean():.1f}",
            f"{100 * right[sure].mean():.1f}" if sure.any() else "–",
        )


def votes_table(faces: FaceSet, logits: NDArray[np.float32], head: Head) -> Iterator[Sequence[str]]:
    """Of ten viewers, how many give an answer, where the model says so many would."""
    yield "share said, %", "answers", "mean said, %", "mean of the votes, %"
    expected = expected_votes(head, logits)
    voted = faces.votes.sum(axis=1) > 0
    actual = (faces.votes[voted] / faces.votes[voted].sum(axis=1, keepdims=True)).ravel()
    said = expected[voted].ravel()
    edges = (0, 0.05, 0.2, 0.4, 0.6, 0.8, 1.0)
    for low, high in itertools.pairwise(edges):
        inside = (said >= low) & (said <= high if high == 1 else said < high)
        yield (
            f"{100 * low:.0f} to {100 * high:.0f}",
            f"{inside.sum():,}",
            f"{100 * said[inside].mean():.1f}",
            f"{100 * actual[inside].mean():.1f}",
        )


def harmed(classifier: EmotionClassifier, judged: Evaluation) -> Iterator[Sequence[str]]:
    """Certainty should fall as accuracy falls."""
    yield (
        *("change", "level", "accuracy, %", "mean certainty, %", "sure, %", "sure and right, %"),
        *("called too dark or too blurred, %", "light, median", "sharpness, median"),
    )
    pixels, truth = judged.exam.faces.pixels, judged.exam.truth.labels
    settings = [("none", None, 0.0), *((name, change, level) for name, change, levels in HARMS for level in levels)]
    for name, change, level in settings:
        faces = pixels if change is None else change(pixels, level)
        decision = decide_on(faces, logits_of(classifier, faces), head=judged.head)
        quality = measure_quality(faces)
        right, sure = decision.top == truth, ~decision.unsure
        yield (
            name,
            "" if change is None else f"{level:g}",
            f"{100 * right.mean():.1f}",
            f"{100 * decision.certainty.mean():.1f}",
            f"{100 * sure.mean():.1f}",
            f"{100 * right[sure].mean():.1f}" if sure.any() else "–",
            f"{100 * np.mean([bool(words) for words in quality.doubts()]):.1f}",
            f"{np.median(quality.light):.0f}",
            f"{np.median(quality.sharpness):.2f}",
        )


def balanced(judged: Evaluation, logits: NDArray[np.float32]) -> Iterator[Sequence[str]]:
    """What favouring rare emotions finds and costs."""
    yield "balance", "accuracy, %", "balanced accuracy, %", *(f"{label} found, %" for label in RARE)
    for balance in BALANCES:
        full = judge(judged.exam, logits, head=judged.head, model={}, balance=balance).full
        found = (100 * (full.per_class[label].recall or 0.0) for label in RARE)
        yield (
            f"{balance:g}",
            f"{100 * full.accuracy:.1f}",
            f"{100 * full.balanced_accuracy:.1f}",
            *(f"{value:.0f}" for value in found),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="FER-2013's CSV")
    parser.add_argument("--votes", type=Path, help="FER+'s votes")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--into", type=Path, help="the page to put the tables into")
    parser.add_argument("--kept-aside", action="store_true", help="the rows that training kept aside")
    arguments = parser.parse_args()
    classifier = EmotionClassifier.load(arguments.model)
    head = classifier.card.head(FERPLUS.name)
    faces = read(arguments.data, votes=arguments.votes)
    faces = kept_aside(classifier, faces) if arguments.kept_aside else faces.of_split("PublicTest")
    exam = set_exam(faces, split=faces.splits[0], taxonomy=FERPLUS)
    logits = logits_of(classifier, exam.faces.pixels)
    judged = judge(exam, logits, head=head, model={})
    about = f"{classifier.card.name} {classifier.card.version}, `{classifier.sha256[:12]}`, {exam.truth.title}, " + (
        "rows kept aside" if arguments.kept_aside else exam.split
    )
    assert head.extra == FERPLUS_VOTES[len(FERPLUS) :]
    for name, rows in (
        ("by emotion", by_emotion(judged)),
        ("votes", votes_table(faces, logits_of(classifier, faces.pixels), head)),
        ("harmed", harmed(classifier, judged)),
        ("balance", balanced(judged, logits)),
    ):
        block = f"{about}, {len(faces if name == 'votes' else exam.faces):,} rows.\n\n{markdown(list(rows))}"
        print(f"\n{name}: {block}", flush=True)
        if arguments.into:
            put_into(arguments.into, name, block)


if __name__ == "__main__":
    main()
