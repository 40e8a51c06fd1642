"""The page of a card: all that the file says and all that was measured, and nothing that was not."""

from dataclasses import replace
from typing import Any

from evaluation_samples import CARD, TRUSTED_HEAD, VOTE_HEAD, answers_to, every_nth_row, sample_faces
from mien.card import Head, ModelCard
from mien.evaluation.judge import judge, set_exam
from mien.evaluation.modelcard import model_page, recorded
from mien.evaluation.robustness import measure_robustness
from mien.taxonomy import TAXONOMIES


def evaluated(head: Head) -> dict[str, Any]:
    faces = sample_faces()
    exam = set_exam(faces, split="PublicTest", taxonomy=TAXONOMIES[head.taxonomy], drop=every_nth_row(faces, 4))
    logits = answers_to(exam, extra=len(head.extra), seed=6)
    judged = judge(exam, logits, head=head, model={"name": "sample", "version": "1", "sha256": "f" * 64})
    width = logits.shape[1]
    changed = measure_robustness(judged, lambda pixels: pixels[:, 0, :width].astype(float), faces=7)
    return recorded(judged.to_dict(), changed.to_dict())


def measured_card() -> ModelCard:
    evaluations = (evaluated(VOTE_HEAD), evaluated(TRUSTED_HEAD))
    return replace(CARD, heads=(VOTE_HEAD, TRUSTED_HEAD), evaluations=evaluations, law="the law says so")


def test_the_page_shows_what_was_measured_of_every_label_set() -> None:
    card = measured_card()
    page = model_page(card, sha256="a" * 64, size_bytes=1_820_000)
    assert "a" * 64 in page
    assert "1.82 MB" in page
    for one in card.evaluations:
        for side in ("full", "clean"):
            assert f"| {one[side]['n']} | {100 * one[side]['accuracy']:.2f} (" in page
        for label, each in one["full"]["per_class"].items():
            assert f"| {label} | {each['support']} |" in page
        for curve in one["robustness"]["curves"]:
            assert page.count(f"| {curve['name']}, {curve['unit']} |") == 2 * len(curve["settings"])
    doubt = card.evaluations[1]["full"]["doubt"]
    assert f"{100 * doubt['plausible']['coverage']:.2f}" in page
    assert f"{100 * doubt['sure']['answered']:.1f} % of the answers" in page
    assert "## Law\n\nthe law says so\n" in page
    assert "None" not in page


def test_a_card_of_which_nothing_was_measured_says_nothing_of_scores() -> None:
    page = model_page(CARD, sha256="a" * 64, size_bytes=10)
    assert "## Scores" not in page
    assert "## Robustness" not in page
    assert "## Law" not in page
    assert "accuracy" not in page


def test_every_table_has_as_many_cells_in_each_row() -> None:
    for block in model_page(measured_card(), sha256="a" * 64, size_bytes=10).split("\n\n"):
        if block.startswith("|"):
            assert len({line.count("|") for line in block.splitlines()}) == 1, block


def test_what_is_recorded_leaves_the_points_of_the_curves_out() -> None:
    one = evaluated(TRUSTED_HEAD)
    assert "reliability_after" not in one["full"]
    assert set(one["full"]["risk_coverage"]) == {"aurc", "accuracy_at_80_percent"}
    assert "certainty_reliability" not in one["full"]["doubt"]
    assert one["full"]["doubt"]["certainty_ece"] >= 0


def test_what_is_recorded_does_not_tell_where_the_data_lay() -> None:
    faces = replace(sample_faces(), source="/home/somebody/data/fer2013.csv")
    exam = set_exam(faces, split="PublicTest", taxonomy=TAXONOMIES["fer2013"])
    judged = judge(exam, answers_to(exam, seed=6), head=TRUSTED_HEAD, model={"sha256": "f" * 64})
    assert recorded(judged.to_dict())["data"]["source"] == "fer2013.csv"
