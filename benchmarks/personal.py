"""What a baseline and a few examples gain, on simulated people and on photos of real ones.

    python benchmarks/personal.py --data fer2013.csv --votes fer2013new.csv [--media ../shared/media] [--people 40]

A simulated person is a set of FER-2013 rows that resemble each other in all but their emotion: the rows whose
embedding, less the mean of their label's, points most nearly the same way as one neutral row's. Its own look is a
shift of the embedding, drawn so that the calibrated log-odds move by normal noise of a stated standard deviation per
label; a second draw per label stands for how this person shows that emotion. Rows that are no person, drawn at random,
are the control. Every seed draws other people; intervals are 95 % bootstraps over the people of all seeds.
"""

import argparse
import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mien import Analyzer, load_photo
from mien.classifier import DEFAULT_MODEL, EmotionClassifier
from mien.datasets.faceset import TRAINING
from mien.datasets.ferplus import majority_labels
from mien.datasets.reading import read
from mien.errors import ProfileError
from mien.faces.align import face_crop
from mien.media.photos import PHOTO_SUFFIXES
from mien.personal.answers import Answers, answers_of
from mien.personal.baseline import MIN_NEUTRAL, fit_baseline
from mien.personal.head import fit_head
from mien.personal.learning import MIN_EXAMPLES, learn_profile
from mien.taxonomy import FERPLUS

NEUTRAL, SAD, ANGRY = (FERPLUS.index(label) for label in ("neutral", "sad", "angry"))
SHOWN = range(5)  # neutral, happy, surprise, sad, angry: the others are too rare to make people of
NEUTRAL_ROWS, OTHER_ROWS = 25, 12
TRAINING_ROWS = 8000  # of Training are enough to draw people from

Score = Callable[["Person", np.random.Generator], list[float]]


@dataclass(frozen=True)
class Person:
    """Rows that are taken for one person: what the model answers, and FER+'s label of each, `(n,)`."""

    answers: Answers
    truth: np.ndarray


def all_answers(classifier: EmotionClassifier, pixels: np.ndarray) -> Answers:
    parts = [answers_of(classifier, list(pixels[start : start + 256])) for start in range(0, len(pixels), 256)]
    logits = np.concatenate([part.logits[FERPLUS.name] for part in parts])
    return Answers({FERPLUS.name: logits}, np.concatenate([part.embeddings for part in parts]))


def people(
    answers: Answers, truth: np.ndarray, *, count: int, shift: float, label_shift: float, alike: bool, seed: int = 0
) -> Iterator[Person]:
    """People of one size of shift; the same seed gives the same rows for every size."""
    rng = np.random.default_rng(seed)
    embeddings, logits = answers.embeddings, answers.logits[FERPLUS.name]
    heads, *_ = np.linalg.lstsq(np.column_stack([embeddings, np.ones(len(embeddings))]), logits, rcond=None)
    to_embedding = np.linalg.pinv(heads[:-1])
    rest = embeddings - np.stack([embeddings[truth == label].mean(axis=0) for label in range(truth.max() + 1)])[truth]
    rest /= np.linalg.norm(rest, axis=1, keepdims=True)
    for anchor in rng.choice(np.flatnonzero(truth == NEUTRAL), count, replace=False):
        order = np.argsort(-(rest @ rest[anchor])) if alike else rng.permutation(len(truth))
        of = truth[order]
        rows = np.concatenate(
            [order[of == label][: NEUTRAL_ROWS if label == NEUTRAL else OTHER_ROWS] for label in SHOWN]
        )
        moved = rng.normal(0, 1, len(FERPLUS)) * shift + (rng.normal(0, 1, (8, 8)) * label_shift)[truth[rows]]
        yield Person(
            Answers({FERPLUS.name: logits[rows] + moved}, embeddings[rows] + moved @ to_embedding), truth[rows]
        )


def rates(logits: np.ndarray, truth: np.ndarray) -> list[float]:
    """Accuracy, accuracy on faces that are not neutral, and share of neutral faces read as sad or angry, in %."""
    decided, neutral = logits.argmax(axis=1), truth == NEUTRAL
    false = np.isin(decided[neutral], (SAD, ANGRY)).mean() if neutral.any() else np.nan
    return [100 * float(value) for value in ((decided == truth).mean(), (decided == truth)[~neutral].mean(), false)]


def baseline_scores(person: Person, rng: np.random.Generator, *, faces: int) -> list[float]:
    rows = rng.choice(np.flatnonzero(person.truth == NEUTRAL), faces, replace=False)
    asked = np.setdiff1d(np.arange(len(person.truth)), rows)
    offset = np.array(fit_baseline(person.answers.select(rows), source="").offsets[FERPLUS.name])
    logits, truth = person.answers.logits[FERPLUS.name][asked], person.truth[asked]
    return rates(logits, truth) + rates(logits + offset, truth)


def example_scores(person: Person, rng: np.random.Generator, *, examples: int) -> list[float]:
    """Accuracy of the general model, of the head whatever it is worth, and of what the check lets through."""
    rows = np.concatenate([rng.permutation(np.flatnonzero(person.truth == label))[:examples] for label in SHOWN])
    asked = person.answers.select(np.setdiff1d(np.arange(len(person.truth)), rows))
    truth = np.delete(person.truth, rows)
    learn, labels = person.answers.select(rows), person.truth[rows]
    general = asked.logits[FERPLUS.name]
    offset = fit_baseline(learn.select(labels == NEUTRAL), source="").offsets[FERPLUS.name]
    head = fit_head(learn, labels, offset=offset, labels=FERPLUS.name)
    with_head = general + np.array(offset)
    with_head[:, [FERPLUS.index(label) for label in head.labels]] += head.added(asked.embeddings)
    try:
        words = [FERPLUS.labels[label] for label in labels]
        profile = learn_profile("simulated", learn, words, model="", model_sha256="")
        checked = profile.adjust(general, asked.embeddings, labels=FERPLUS.name)
    except ProfileError:
        checked = general
    return [100 * float((each.argmax(axis=1) == truth).mean()) for each in (general, with_head, checked)]


def interval(values: np.ndarray, *, draws: int = 1000) -> str:
    rng = np.random.default_rng(0)
    means = np.nanmean(values[rng.integers(0, len(values), (draws, len(values)))], axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return f"{np.nanmean(values):5.1f} [{low:.1f}, {high:.1f}]"


def over_seeds(answers: Answers, truth: np.ndarray, score: Score, *, seeds: int, **size: Any) -> np.ndarray:
    """`(people, columns)`: the scores of the people of all seeds."""
    return np.array(
        [
            score(person, rng)
            for seed in range(seeds)
            for rng in [np.random.default_rng(1000 + seed)]
            for person in people(answers, truth, seed=seed, **size)
        ]
    )


def simulate(answers: Answers, truth: np.ndarray, *, count: int, seeds: int, title: str) -> None:
    for alike in (True, False):
        kind = "people" if alike else "rows at random"
        size = {"count": count, "alike": alike, "seeds": seeds}
        print(f"\n## {title}, {seeds} x {count} {kind}: a baseline of neutral faces\n")
        print("| shift | faces | accuracy | with | not neutral | with | sad or angry, of neutral | with | gain |")
        print("|---|---|---|---|---|---|---|---|---|")
        for shift, faces in ((0.0, 5), (1.0, 3), (1.0, 5), (1.0, 10), (2.0, 5)):
            scored = partial(baseline_scores, faces=faces)
            scores = over_seeds(answers, truth, scored, shift=shift, label_shift=0, **size)
            columns = [interval(scores[:, column]) for column in (0, 3, 1, 4, 2, 5)]
            gain = interval(scores[:, 3] - scores[:, 0])
            print(f"| {shift:g} | {faces} | {' | '.join(columns)} | {gain} |", flush=True)
        print(f"\n## {title}, {seeds} x {count} {kind}: accuracy with a few examples of each of five emotions\n")
        print("| shift, per label | examples | general | with head | as kept | gain |")
        print("|---|---|---|---|---|---|")
        for shift, examples in ((0.0, 5), (1.0, MIN_EXAMPLES), (1.0, 5), (1.0, 8)):
            scored = partial(example_scores, examples=examples)
            scores = over_seeds(answers, truth, scored, shift=shift, label_shift=shift, **size)
            columns = [interval(scores[:, column]) for column in range(3)]
            gain = interval(scores[:, 2] - scores[:, 0])
            print(f"| {shift:g}, {shift:g} | {examples} | {' | '.join(columns)} | {gain} |", flush=True)


def real_people(media: Path, classifier: EmotionClassifier) -> None:
    """Labelled photos of real people: nobody has several neutral ones, so a set from one studio is one "camera"."""
    analyzer = Analyzer(model=classifier, detector="mtcnn")
    with (media / "MANIFEST.csv").open(newline="", encoding="utf-8") as file:
        lines = [line for line in csv.DictReader(file) if line["emotion"] in FERPLUS.labels and line["faces"] == "1"]
    crops, truth, groups = [], [], []
    for line in lines:
        if Path(line["file"]).suffix not in PHOTO_SUFFIXES:
            continue
        frame_rgb = load_photo(media / line["file"])
        faces = analyzer.detector.detect(frame_rgb)
        if len(faces) == 1:
            crops.append(face_crop(frame_rgb, faces[0], scale=classifier.card.input.crop_scale))
            truth.append(FERPLUS.index(line["emotion"]))
            groups.append(Path(line["file"]).stem.split("_")[0])
    answers, labels, group = answers_of(classifier, crops), np.array(truth), np.array(groups)
    logits = answers.logits[FERPLUS.name]
    moved = logits.copy()
    for row in range(len(labels)):
        learn = np.flatnonzero((group == group[row]) & (labels == NEUTRAL) & (np.arange(len(labels)) != row))
        if len(learn) >= MIN_NEUTRAL:
            moved[row] += fit_baseline(answers.select(learn), source="").offsets[FERPLUS.name]
    print(f"\n## {len(labels)} labelled photos: a baseline of all other neutral photos of the same set\n")
    print("| photos | n | right | with | neutral read as sad or angry | with |\n|---|---|---|---|---|---|")
    for name, rows in (("all", labels >= 0), *((name, group == name) for name in np.unique(group))):
        if name != "all" and (labels[rows] == NEUTRAL).sum() <= MIN_NEUTRAL:
            continue
        cells = []
        for decided in (logits[rows].argmax(axis=1), moved[rows].argmax(axis=1)):
            neutral = labels[rows] == NEUTRAL
            cells.append(((decided == labels[rows]).sum(), np.isin(decided[neutral], (SAD, ANGRY)).sum()))
        (right, false), (right_with, false_with) = cells
        print(f"| {name} | {rows.sum()} | {right} | {right_with} | {false} | {false_with} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="FER-2013's CSV")
    parser.add_argument("--votes", type=Path, help="FER+'s votes")
    parser.add_argument("--media", type=Path, help="labelled photos with a MANIFEST.csv")
    parser.add_argument("--people", type=int, default=40, help="for each seed")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    arguments = parser.parse_args()
    classifier = EmotionClassifier.load(arguments.model)
    if arguments.media:
        real_people(arguments.media, classifier)
    faces = read(arguments.data, votes=arguments.votes)
    labels = majority_labels(faces.votes)
    for title, rows in (("rows not trained on", faces.split != TRAINING), (TRAINING, faces.split == TRAINING)):
        kept = np.flatnonzero(rows & (labels >= 0))
        kept = np.sort(np.random.default_rng(0).permutation(kept)[:TRAINING_ROWS])
        answers, truth = all_answers(classifier, faces.pixels[kept]), labels[kept]
        odds = answers.logits[FERPLUS.name] - answers.logits[FERPLUS.name][:, [NEUTRAL]]
        print(f"\n{title}: {len(truth)} faces; log-odds against neutral of the median neutral face:", end=" ")
        print(np.median(odds[truth == NEUTRAL], axis=0).round(1).tolist())
        simulate(answers, truth, count=arguments.people, seeds=arguments.seeds, title=title)


if __name__ == "__main__":
    main()
