"""The desk at which one person labels: which face comes next, and what is said of it."""

from collections import deque
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from mien.active import Queue, disagreement, next_faces, views
from mien.annotation.store import LabelStore
from mien.classifier import EmotionClassifier
from mien.errors import DataError
from mien.personal.answers import Answers, answers_of
from mien.personal.head import softmax

__all__ = ["BATCH", "LabelDesk"]

BATCH = 20
"""So many faces are chosen at a time: with what was labelled till then, and not too alike among themselves."""

_ASKED_AT_ONCE = 64


class LabelDesk:
    """Hands one person the faces that they have not labelled, the most useful first.

    Args:
        store: Where the faces are and the labels go.
        classifier: Whose doubts decide what is asked.
        who: The person.
        by: What decides; "disagreement" and "combined" ask the model about five views of each face.
        on_progress: Told how many faces the model has been asked about, and how many there are.

    Raises:
        DataError: there is no face.
    """

    def __init__(
        self,
        store: LabelStore,
        classifier: EmotionClassifier,
        *,
        who: str,
        by: Queue = "combined",
        on_progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self.store, self.who = store, who
        self._classifier, self._by = classifier, by
        self._numbers, pixels = store.faces()
        if not len(pixels):
            raise DataError(f"{store.path} has no faces to label: none was found in what was given")
        self._labels = classifier.card.heads[0].taxonomy
        with_views = by in {"combined", "disagreement"}
        answers, self._disagreements = _ask(classifier, pixels, self._labels, with_views, on_progress)
        self._probabilities = softmax(answers.logits[self._labels])
        self._embeddings = answers.embeddings if answers.embeddings is not None else self._probabilities
        self._queue: deque[int] = deque()
        self._passed: set[int] = set()

    @property
    def labelled(self) -> int:
        """How many faces this person has labelled."""
        return len(self.store.given(who=self.who))

    def next(self) -> int | None:
        """The face to ask about; the same until it is labelled or passed. None if there is none left."""
        if not self._queue:
            self._choose()
        return self._queue[0] if self._queue else None

    def give(self, face: int, words: Sequence[str]) -> None:
        """Label a face.

        Raises:
            DataError: it is no answer, or there is no such face.
        """
        card = self._classifier.card
        self.store.give(face, words, who=self.who, model=card.name, model_sha256=self._classifier.sha256)
        self._leave(face)

    def leave(self, face: int) -> None:
        """Pass over a face; it is asked about again in another session."""
        self._passed.add(face)
        self._leave(face)

    def undo(self) -> int | None:
        """Take back this person's last label; its face comes next. None if there is none."""
        face = self.store.undo(who=self.who)
        if face is not None:
            self._leave(face)
            self._queue.appendleft(face)
        return face

    def _leave(self, face: int) -> None:
        if face in self._queue:
            self._queue.remove(face)

    def _choose(self) -> None:
        labelled = {label.face for label in self.store.given(who=self.who)}
        rows = next_faces(
            self._probabilities,
            self._embeddings,
            count=BATCH,
            labelled=np.isin(self._numbers, list(labelled | self._passed)),
            disagreements=self._disagreements,
            by=self._by,
            seed=len(labelled),
        )
        self._queue.extend(self._numbers[rows].tolist())


def _ask(
    classifier: EmotionClassifier,
    pixels: NDArray[np.uint8],
    labels: str,
    with_views: bool,
    on_progress: Callable[[int, int], None] | None,
) -> tuple[Answers, NDArray[np.float64] | None]:
    """What the model answers for all faces, and how differently for views of each."""
    parts: list[Answers] = []
    differing: list[NDArray[np.float64]] = []
    for start in range(0, len(pixels), _ASKED_AT_ONCE):
        faces = list(pixels[start : start + _ASKED_AT_ONCE])
        parts.append(answers_of(classifier, faces))
        if with_views:
            seen = [answers_of(classifier, list(view)) for view in zip(*map(views, faces), strict=True)]
            differing.append(disagreement(np.stack([softmax(view.logits[labels]) for view in seen])))
        if on_progress is not None:
            on_progress(min(start + _ASKED_AT_ONCE, len(pixels)), len(pixels))
    return Answers.joined(parts), (np.concatenate(differing) if differing else None)
