"""The label file keeps everything, takes nothing else for its own, and survives being killed."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from annotation_samples import MODEL, PICTURE, filled, found
from mien.annotation.store import Given, LabelStore, check_answer
from mien.errors import DataError

GIVES_UNTIL_KILLED = """
import itertools, sys
from mien.annotation.store import LabelStore
store = LabelStore(sys.argv[1])
for number in itertools.count():
    store.give(1 + number % 5, ["happy"] if number % 2 else ["sad", "fear"], who="anna", model="m", model_sha256="0")
    print(number + 1, flush=True)
"""


def test_what_was_said_comes_back_with_who_when_and_model(tmp_path: Path) -> None:
    with filled(LabelStore(tmp_path / "labels.sqlite", clock=lambda: 1000.0), 3) as store:
        store.give(2, ["fear", "surprise"], who="anna", **MODEL)
    with LabelStore(tmp_path / "labels.sqlite") as store:
        assert store.given() == (Given(2, ("surprise", "fear"), "anna", 1000.0, "mien-m", "0" * 64),)
        assert store.where(2) == ("clip.mp4", 1.0)
        assert store.picture(2) == PICTURE
        assert store.picture(4) is None
        numbers, pixels = store.faces()
    assert numbers.tolist() == [1, 2, 3]
    assert np.array_equal(pixels, np.stack([face.pixels for face in found(3)]))
    assert list(tmp_path.iterdir()) == [tmp_path / "labels.sqlite"]  # one file, to copy and to delete


def test_a_persons_last_label_of_a_face_counts_and_undo_brings_back_the_one_before(tmp_path: Path) -> None:
    with filled(LabelStore(tmp_path / "labels.sqlite"), 2) as store:
        store.give(1, ["happy"], who="anna", **MODEL)
        store.give(1, ["sad"], who="ben", **MODEL)
        store.give(1, ["neutral"], who="anna", **MODEL)
        assert [(label.who, label.words) for label in store.given()] == [("ben", ("sad",)), ("anna", ("neutral",))]
        assert store.undo(who="anna") == 1
        assert [label.words for label in store.given(who="anna")] == [("happy",)]
        assert store.undo(who="anna") == 1
        assert store.undo(who="anna") is None
        assert [label.who for label in store.given()] == ["ben"]


def test_votes_are_one_a_person_shared_among_several_emotions(tmp_path: Path) -> None:
    with filled(LabelStore(tmp_path / "labels.sqlite"), 2) as store:
        store.give(1, ["happy", "surprise"], who="anna", **MODEL)
        store.give(1, ["happy"], who="ben", **MODEL)
        store.give(2, ["not_a_face"], who="ben", **MODEL)
        votes = store.votes()
    assert votes[1].tolist() == [0, 1.5, 0.5, 0, 0, 0, 0, 0, 0, 0]
    assert votes[2].tolist() == [0, 0, 0, 0, 0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("words", [[], ["joyous"], ["happy", "unknown"], ["unknown", "not_a_face"]])
def test_other_answers_are_refused_and_nothing_is_written(words: list[str], tmp_path: Path) -> None:
    with filled(LabelStore(tmp_path / "labels.sqlite"), 1) as store:
        with pytest.raises(DataError, match="expected one or several of neutral"):
            store.give(1, words, who="anna", **MODEL)
        with pytest.raises(DataError, match="has no face 7"):
            store.give(7, ["happy"], who="anna", **MODEL)
        assert store.given() == ()


def test_several_emotions_are_said_in_one_order() -> None:
    assert check_answer(["contempt", "neutral", "contempt"]) == ("neutral", "contempt")


def test_a_killed_process_loses_no_label_that_it_had_given(tmp_path: Path) -> None:
    path = tmp_path / "labels.sqlite"
    filled(LabelStore(path), 5).close()
    process = subprocess.Popen([sys.executable, "-c", GIVES_UNTIL_KILLED, path], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout as output:
        given = [output.readline() for _ in range(20)]  # it is in the middle of its work
        os.kill(process.pid, signal.SIGKILL)
        given += output.readlines()
    process.wait()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (count,) = database.execute("SELECT count(*) FROM labels").fetchone()
    assert len(given) <= count <= len(given) + 1  # one may have been written and not been told of
    with LabelStore(path) as store:
        assert len(store.given(who="anna")) == 5
        assert store.undo(who="anna") == 1 + (count - 1) % 5


def test_faces_and_progress_come_together(tmp_path: Path) -> None:
    with LabelStore(tmp_path / "labels.sqlite") as store:
        assert store.progress_of("clip.mp4") == (None, False)
        store.add("clip.mp4", found(2), after=(30, 1.2))
        assert store.progress_of("clip.mp4") == ((30, 1.2), False)
        store.add("clip.mp4", [], after=(60, 2.4), done=True)
        assert store.progress_of("clip.mp4") == ((60, 2.4), True)
        assert len(store) == 2


def test_faces_of_two_models_are_kept_apart(tmp_path: Path) -> None:
    with filled(LabelStore(tmp_path / "labels.sqlite"), 1) as store:
        store.add("other.mp4", found(1, side_px=64), done=True)
        with pytest.raises(DataError, match=r"faces of \[48, 64\] px"):
            store.faces()


def test_other_files_are_refused_and_left_alone(tmp_path: Path) -> None:
    letter, other = tmp_path / "letter.txt", tmp_path / "other.sqlite"
    letter.write_text("Dear Anna", "utf-8")
    with closing(sqlite3.connect(other)) as database:
        database.execute("CREATE TABLE jobs (id)")
    for path in (letter, other, tmp_path):
        with pytest.raises(DataError, match="expected a label file of mien label"):
            LabelStore(path)
    assert letter.read_text("utf-8") == "Dear Anna"
