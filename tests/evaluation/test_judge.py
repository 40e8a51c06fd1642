"""Which rows are asked, and that the scores are of those rows, of the right columns, at the card's temperature."""

import json
from dataclasses import replace

import numpy as np
import pytest

from evaluation_samples import CARD, HEAD, VOTE_HEAD, answers_to, every_nth_row, sample_faces
from mien.datasets.droplist import DropList
from mien.doubt import softmax
from mien.errors import DataError
from mien.evaluation.calibration import ece
from mien.evaluation.judge import default_labels, default_split, judge, set_exam
from mien.evaluation.metrics import nll
from mien.evaluation.protocol import vote_shares
from mien.taxonomy import FER2013, FERPLUS

MODEL = {"name": "sample", "version": "1", "sha256": "0" * 64}


def test_the_exam_holds_the_rows_of_the_split_that_the_protocol_scores() -> None:
    faces = sample_faces()
    exam = set_exam(faces, split="PublicTest", taxonomy=FERPLUS)
    assert exam.left_out == 5
    assert len(exam.faces) == len(exam.truth.labels) == 55
    assert set(exam.faces.split) == {"PublicTest"}
    np.testing.assert_array_equal(exam.faces.pixels, faces.pixels[exam.faces.names.astype(int)])
    assert exam.truth.labels.min() >= 0
    with pytest.raises(DataError, match="no split 'PrivateTest': it has Training, PublicTest"):
        set_exam(faces, split="PrivateTest", taxonomy=FERPLUS)


def test_scores_are_of_the_label_columns_at_the_cards_temperature() -> None:
    exam = set_exam(sample_faces(), split="PublicTest", taxonomy=FERPLUS)
    logits = answers_to(exam, extra=2, seed=1)
    logits[:, 8:] = 100  # "unknown" and "not a face" win everywhere, and must not matter
    evaluation = judge(exam, logits, head=VOTE_HEAD, model=MODEL)
    full, labels = evaluation.full, exam.truth.labels
    assert full.n == 55
    assert full.accuracy == pytest.approx((logits[:, :8].argmax(axis=1) == labels).mean())
    assert full.temperature == 0.5
    assert full.nll == pytest.approx(nll(softmax(logits[:, :8], temperature=0.5), labels))
    assert full.before.ece == pytest.approx(ece(softmax(logits[:, :8]), labels))
    assert full.after.ece == pytest.approx(ece(softmax(logits[:, :8] / 0.5), labels))
    assert full.votes is not None
    assert exam.faces.votes is not None
    shares = vote_shares(exam.faces.votes)
    assert full.votes.nll == pytest.approx(nll(softmax(logits[:, :8]), shares))
    assert full.votes.entropy <= full.votes.nll
    assert evaluation.clean is None
    assert "clean" not in evaluation.to_dict()


def test_clean_scores_are_the_scores_of_the_rows_that_are_left() -> None:
    faces = sample_faces()
    drop = every_nth_row(faces, 3)
    exam = set_exam(faces, split="PublicTest", taxonomy=FER2013, drop=drop)
    logits = answers_to(exam, seed=2)
    evaluation = judge(exam, logits, head=HEAD, model=MODEL)
    kept = exam.faces.names.astype(int) % 3 != 0
    assert exam.clean is not None
    np.testing.assert_array_equal(exam.clean, kept)
    rest = set_exam(faces.without(drop), split="PublicTest", taxonomy=FER2013)
    alone = judge(rest, logits[kept], head=HEAD, model=MODEL)
    assert evaluation.clean == alone.full
    assert evaluation.full.n == 60
    assert evaluation.full.votes is None


def test_a_drop_list_for_other_data_is_refused() -> None:
    drop = DropList(frozenset({("PublicTest", "999")}), source="other.csv")
    with pytest.raises(DataError, match="other data"):
        set_exam(sample_faces(), split="PublicTest", taxonomy=FER2013, drop=drop)


def test_a_drop_list_of_every_row_leaves_no_clean_scores() -> None:
    faces = sample_faces()
    exam = set_exam(faces, split="PublicTest", taxonomy=FER2013, drop=every_nth_row(faces, 1))
    assert judge(exam, answers_to(exam, seed=2), head=HEAD, model=MODEL).clean is None


def test_the_dict_is_json_as_it_stands() -> None:
    drop = DropList(frozenset(), source="empty.csv")
    exam = set_exam(sample_faces(), split="PublicTest", taxonomy=FERPLUS, drop=drop)
    values = judge(exam, answers_to(exam, extra=2, seed=3), head=VOTE_HEAD, model=MODEL).to_dict()
    again = json.loads(json.dumps(values, allow_nan=False))
    assert again == values
    assert again["full"]["accuracy"] == again["clean"]["accuracy"]
    assert again["data"]["left_out_by_protocol"] == 5
    assert {
        "ece_before",
        "ece_after",
        "macro_f1",
        "balanced_accuracy",
        "nll",
        "confusion",
        "vote_nll",
        "vote_brier",
    } <= set(again["full"])
    assert set(again["full"]["per_class"]["happy"]) >= {"precision", "recall", "recall_interval", "f1", "support"}


def test_a_head_for_other_labels_is_refused() -> None:
    exam = set_exam(sample_faces(), split="PublicTest", taxonomy=FERPLUS)
    with pytest.raises(ValueError, match="set in ferplus but the head answers in fer2013"):
        judge(exam, answers_to(exam, seed=1), head=HEAD, model=MODEL)


def test_defaults_follow_the_data_and_then_the_model() -> None:
    faces = sample_faces()
    assert default_split(faces) == "PublicTest"
    with pytest.raises(DataError, match=r"choose one with --split: Training"):
        default_split(faces.of_split("Training"))
    assert default_labels(faces, CARD) == "ferplus"
    assert default_labels(replace(faces, votes=None), CARD) == "fer2013"
    assert default_labels(faces, replace(CARD, heads=(HEAD,))) == "fer2013"
    assert default_labels(replace(faces, votes=None), replace(CARD, heads=(VOTE_HEAD,))) == "ferplus"
