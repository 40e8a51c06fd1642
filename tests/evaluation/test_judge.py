"""Which rows are asked, and that the scores are of those rows, of the right columns, at the card's temperature."""

import json
from dataclasses import replace

import numpy as np
import pytest

from evaluation_samples import CARD, HEAD, TRUSTED_HEAD, VOTE_HEAD, answers_to, every_nth_row, sample_faces
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
    shares = vote_shares(exam.faces.votes, answers=10)
    assert full.votes.nll == pytest.approx(nll(softmax(logits), shares))
    assert full.votes.answers == 10
    assert full.votes.entropy <= full.votes.nll
    assert full.doubt is None
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
        "votes",
    } <= set(again["full"])
    assert set(again["full"]["votes"]) == {"answers", "temperature", "nll", "entropy", "brier"}
    assert set(again["full"]["per_class"]["happy"]) >= {"precision", "recall", "recall_interval", "f1", "support"}


def test_votes_are_scored_at_their_own_temperature_and_over_the_answers_that_the_head_has() -> None:
    exam = set_exam(sample_faces(), split="PublicTest", taxonomy=FERPLUS)
    logits = answers_to(exam, extra=2, seed=5)
    assert exam.faces.votes is not None
    for head, answers in ((replace(VOTE_HEAD, vote_temperature=1.7), 10), (replace(VOTE_HEAD, extra=()), 8)):
        votes = judge(exam, logits[:, :answers], head=head, model=MODEL).full.votes
        assert votes is not None
        expected = softmax(logits[:, :answers], temperature=votes.temperature)
        shares = exam.faces.votes[:, :answers] / exam.faces.votes[:, :answers].sum(axis=1, keepdims=True)
        assert (votes.answers, votes.temperature) == (answers, head.vote_temperature)
        assert votes.brier == pytest.approx(((expected - shares) ** 2).sum(axis=1).mean())


def test_what_the_card_promises_is_put_to_the_test() -> None:
    exam = set_exam(sample_faces(), split="PublicTest", taxonomy=FER2013)
    logits = answers_to(exam, seed=4)
    evaluation = judge(exam, logits, head=TRUSTED_HEAD, model=MODEL)
    decision, doubt, trust = evaluation.decision, evaluation.full.doubt, TRUSTED_HEAD.trust
    assert doubt is not None
    assert doubt.sure is not None
    assert trust is not None
    assert decision.plausible is not None
    assert decision.unsure is not None
    assert decision.certainty is not None
    labels = exam.truth.labels
    right = decision.top == labels
    assert doubt.plausible.coverage == pytest.approx(decision.plausible[np.arange(60), labels].mean())
    assert doubt.plausible.mean_size == pytest.approx(decision.plausible.sum(axis=1).mean())
    assert doubt.sure.answered == pytest.approx((~decision.unsure).mean())
    assert 0 < doubt.sure.answered < 1
    assert doubt.sure.accuracy == pytest.approx(right[~decision.unsure].mean())
    assert (doubt.plausible_promised, doubt.sure_promised) == (0.9, 0.8)
    assert np.average(doubt.certainty.confidence, weights=doubt.certainty.count) == pytest.approx(
        decision.certainty.mean()
    )
    surest = np.argsort(-decision.certainty)[:48]
    assert evaluation.full.risk_coverage.accuracy_at(0.8) == pytest.approx(right[surest].mean())
    written = json.loads(json.dumps(evaluation.to_dict(), allow_nan=False))["full"]["doubt"]
    assert written["sure"]["promised"] == 0.8
    assert written["plausible"]["coverage_interval"] == list(doubt.plausible.coverage_interval)
    nothing_sure = replace(TRUSTED_HEAD, trust=replace(trust, sure_from=None))
    doubt = judge(exam, logits, head=nothing_sure, model=MODEL).full.doubt
    assert doubt is not None
    assert doubt.sure is None


def test_poor_pictures_lower_the_certainty_and_not_the_probabilities() -> None:
    faces = sample_faces()
    dark = replace(faces, pixels=faces.pixels // 8)
    exams = [set_exam(each, split="PublicTest", taxonomy=FER2013) for each in (faces, dark)]
    seen, hidden = (judge(exam, answers_to(exam, seed=4), head=TRUSTED_HEAD, model=MODEL).decision for exam in exams)
    assert seen.certainty is not None
    assert hidden.certainty is not None
    np.testing.assert_array_equal(seen.values, hidden.values)
    assert (hidden.certainty < seen.certainty).all()


def test_a_balance_is_scored_as_it_decides() -> None:
    exam = set_exam(sample_faces(), split="PublicTest", taxonomy=FER2013)
    logits = answers_to(exam, seed=4)
    plain, balanced = (judge(exam, logits, head=TRUSTED_HEAD, model=MODEL, balance=b) for b in (0.0, 1.0))
    rare = FER2013.index("disgust")
    read = [sum(row[rare] for row in one.full.confusion) for one in (plain, balanced)]
    assert read[1] > read[0]
    assert balanced.to_dict()["balance"] == 1.0
    assert balanced.full.accuracy == pytest.approx((balanced.decision.top == exam.truth.labels).mean())


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
