"""From labelled faces of one person to a profile, kept only as far as held-out faces say that it helps."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.errors import ProfileError
from mien.personal.answers import Answers
from mien.personal.baseline import MIN_NEUTRAL, fit_baseline
from mien.personal.head import fit_head, softmax
from mien.profiles import Baseline, PersonalHead, Profile
from mien.taxonomy import TAXONOMIES

__all__ = ["MIN_EXAMPLES", "learn_profile"]

MIN_EXAMPLES = 3
"""Fewest examples of an emotion that it is learnt from: two to learn and one to check."""

_FOLDS = 5


def learn_profile(
    name: str,
    answers: Answers,
    emotions: Sequence[str],
    *,
    model: str,
    model_sha256: str,
    source: str = "photos",
    seed: int = 0,
) -> Profile:
    """A profile from labelled faces of one person, kept only as far as held-out faces say that it helps.

    Neutral faces make a baseline if there are `MIN_NEUTRAL`, and emotions with `MIN_EXAMPLES` faces a head if there
    are two. Each is kept in a label set if, learnt on four fifths and asked about the rest in turn, it answers the
    held-out faces no less often right, and with a mean log-probability that is higher beyond chance.

    Args:
        name: Whose it is.
        answers: The general model's, of all faces.
        emotions: What each face shows.
        model: Name of the model.
        model_sha256: SHA-256 of its file.
        source: Where the faces came from, in words.
        seed: Of the folds.

    Raises:
        ProfileError: too few faces, or nothing helps.
    """
    counts = Counter(emotions)
    usable = [emotion for emotion, count in counts.items() if count >= MIN_EXAMPLES]
    if counts["neutral"] < MIN_NEUTRAL and (len(usable) < 2 or answers.embeddings is None):
        raise ProfileError(
            f"a profile needs {MIN_NEUTRAL} neutral faces, or {MIN_EXAMPLES} faces each of two emotions, that can be "
            f"used; got {', '.join(f'{count} {emotion}' for emotion, count in sorted(counts.items())) or 'none'}"
        )
    words = np.array(emotions)
    baseline = None
    if counts["neutral"] >= MIN_NEUTRAL:
        baseline = fit_baseline(answers.select(words == "neutral"), source=source)
    if len(usable) < 2 or answers.embeddings is None:  # nothing to check a baseline with
        return Profile(name, model, model_sha256, baseline)
    offsets: dict[str, tuple[float, ...]] = {}
    heads: dict[str, PersonalHead] = {}
    checks: dict[str, float] = {}
    for labels in answers.logits:
        rows = np.isin(words, list(set(usable) & set(TAXONOMIES[labels].labels)))
        truth = np.array([TAXONOMIES[labels].index(word) for word in words[rows]], np.int64)
        if len(np.unique(truth)) < 2:
            continue
        known = answers.select(rows)
        scores = _held_out(known, truth, labels=labels, seed=seed)
        checks |= {f"{labels}_accuracy_{what}": score.accuracy for what, score in scores.items()}
        general, with_baseline, with_head = scores.values()
        helps = with_head.beats(general) and with_head.beats(with_baseline)
        offset = baseline.offsets.get(labels) if baseline is not None else None
        if offset is not None and (helps or with_baseline.beats(general)):
            offsets[labels] = offset
        if helps:
            heads[labels] = fit_head(known, truth, offset=offset, labels=labels)
    if not offsets and not heads:
        told = ", ".join(f"{what} {accuracy:.2f}" for what, accuracy in checks.items())
        raise ProfileError(f"these examples do not help on faces that were held out ({told}): no profile was made")
    kept = Baseline(offsets, baseline.faces, source) if baseline is not None and offsets else None
    learnt = {emotion: counts[emotion] for emotion in sorted(usable)} if heads else {}
    return Profile(name, model, model_sha256, kept, heads, learnt, checks)


@dataclass(frozen=True, eq=False)
class _Score:
    """How well held-out faces were answered: share right, and each one's log-probability of its label, `(n,)`."""

    accuracy: float
    log_likelihoods: NDArray[np.float64]

    @classmethod
    def of(cls, logits: NDArray[np.float64], truth: NDArray[np.int64]) -> "_Score":
        right = softmax(logits)[np.arange(len(truth)), truth]
        return cls(float((logits.argmax(axis=1) == truth).mean()), np.log(np.maximum(right, 1e-12)))

    def beats(self, other: "_Score") -> bool:
        """No fewer right, and the mean log-probability higher by more than its standard error."""
        gain = self.log_likelihoods - other.log_likelihoods
        return self.accuracy >= other.accuracy and float(gain.mean()) > float(gain.std()) / np.sqrt(len(gain))


def _held_out(answers: Answers, truth: NDArray[np.int64], *, labels: str, seed: int) -> dict[str, _Score]:
    """Scores of the general model, with a baseline, and with a head on top, each learnt without the faces asked."""
    folds = _folds(truth, seed=seed)
    neutral = TAXONOMIES[labels].index("neutral")
    stages = {stage: answers.logits[labels].copy() for stage in ("general", "baseline", "examples")}
    for number in range(folds.max() + 1):
        asked, learn = folds == number, folds != number
        offset = None
        if (learn & (truth == neutral)).sum() >= MIN_NEUTRAL:
            offset = fit_baseline(answers.select(learn & (truth == neutral)), source="").offsets.get(labels)
        held_out = answers.select(asked)
        head = fit_head(answers.select(learn), truth[learn], offset=offset, labels=labels)
        assert held_out.embeddings is not None
        columns = [TAXONOMIES[labels].index(label) for label in head.labels]
        for stage in ("baseline", "examples"):
            stages[stage][asked] += np.zeros(len(TAXONOMIES[labels])) if offset is None else np.array(offset)
        stages["examples"][np.ix_(asked, columns)] += head.added(held_out.embeddings)
    return {stage: _Score.of(logits, truth) for stage, logits in stages.items()}


def _folds(truth: NDArray[np.int64], *, seed: int) -> NDArray[np.intp]:
    """`(n,)`: which fold holds each face; every label is spread over all of them as evenly as it goes."""
    rng = np.random.default_rng(seed)
    folds = np.empty(len(truth), np.intp)
    for label in np.unique(truth):
        rows = rng.permutation(np.flatnonzero(truth == label))
        folds[rows] = np.arange(len(rows)) % min(_FOLDS, np.unique(truth, return_counts=True)[1].min())
    return folds
