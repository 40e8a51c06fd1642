"""A desk hands one person each face once, and gives back what is undone."""

from pathlib import Path

import pytest

from annotation_samples import filled
from mien.annotation.desk import BATCH, LabelDesk
from mien.annotation.store import LabelStore
from mien.classifier import EmotionClassifier
from mien.errors import DataError

FACES = BATCH + 3


@pytest.fixture(scope="module")
def classifier() -> EmotionClassifier:
    return EmotionClassifier.load()


def test_every_face_is_asked_about_once_and_the_model_is_noted(tmp_path: Path, classifier: EmotionClassifier) -> None:
    told: list[tuple[int, int]] = []
    with filled(LabelStore(tmp_path / "labels.sqlite"), FACES) as store:
        desk = LabelDesk(store, classifier, who="anna", on_progress=lambda done, of: told.append((done, of)))
        assert told == [(FACES, FACES)]
        asked = []
        while (face := desk.next()) is not None:
            assert desk.next() == face  # the same until it is labelled
            asked.append(face)
            desk.give(face, ["neutral"])
        assert sorted(asked) == list(range(1, FACES + 1))
        assert desk.labelled == FACES
        assert {(label.who, label.model_sha256) for label in store.given()} == {("anna", classifier.sha256)}
        assert LabelDesk(store, classifier, who="ben", by="margin").next() is not None  # who has labelled none


def test_what_is_undone_comes_next_and_what_is_passed_comes_in_another_session(
    tmp_path: Path, classifier: EmotionClassifier
) -> None:
    with filled(LabelStore(tmp_path / "labels.sqlite"), 3) as store:
        desk = LabelDesk(store, classifier, who="anna", by="entropy")
        first = desk.next()
        desk.give(first or 0, ["happy"])
        second = desk.next()
        assert second not in (None, first)
        desk.leave(second or 0)
        assert desk.undo() == first
        assert desk.next() == first
        desk.give(first or 0, ["sad"])
        desk.give(desk.next() or 0, ["sad"])
        assert desk.next() is None
        assert LabelDesk(store, classifier, who="anna", by="entropy").next() == second


def test_nothing_to_label_is_said(tmp_path: Path, classifier: EmotionClassifier) -> None:
    with (
        LabelStore(tmp_path / "labels.sqlite") as store,
        pytest.raises(DataError, match="has no faces to label"),
    ):
        LabelDesk(store, classifier, who="anna")
