"""Scores against scikit-learn and SciPy on random answers, and by hand where they have no counterpart."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from sklearn import metrics as sklearn_metrics

from mien.evaluation.metrics import (
    RiskCoverage,
    accuracy,
    balanced_accuracy,
    brier,
    class_scores,
    compare_on_same_rows,
    confusion_matrix,
    macro_f1,
    nll,
    percent_interval,
    right_averaged_over_ties,
    risk_coverage,
    top_k_accuracy,
    wilson_interval,
)

Answers = tuple[NDArray[np.int64], NDArray[np.float64]]


@st.composite
def answers(draw: st.DrawFn) -> Answers:
    """Labels and probabilities of a model that is right more often than not."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, classes = draw(st.integers(1, 60)), draw(st.integers(2, 8))
    labels = random.integers(0, classes, n)
    logits = random.normal(size=(n, classes)) + 1.5 * np.eye(classes)[labels]
    exps = np.exp(logits)
    return labels, exps / exps.sum(axis=1, keepdims=True)


@given(answers())
@settings(deadline=None)
def test_scores_equal_scikit_learns(drawn: Answers) -> None:
    labels, probabilities = drawn
    classes, predicted = probabilities.shape[1], probabilities.argmax(axis=1)
    every = list(range(classes))
    confusion = confusion_matrix(labels, predicted, classes=classes)
    np.testing.assert_array_equal(confusion, sklearn_metrics.confusion_matrix(labels, predicted, labels=every))
    assert accuracy(confusion) == pytest.approx(sklearn_metrics.accuracy_score(labels, predicted))
    precision, recall, f1, support = sklearn_metrics.precision_recall_fscore_support(
        labels, predicted, labels=every, zero_division=np.nan
    )
    scores = class_scores(confusion)
    assert [one.support for one in scores] == support.tolist()
    for ours, theirs in (
        ([one.precision for one in scores], precision),
        ([one.recall for one in scores], recall),
        ([one.f1 for one in scores], f1),
    ):
        np.testing.assert_allclose(np.array(ours, float), theirs)
    present = np.unique(labels)
    assert macro_f1(confusion) == pytest.approx(
        sklearn_metrics.f1_score(labels, predicted, average="macro", zero_division=0)
    )
    assert balanced_accuracy(confusion) == pytest.approx(
        sklearn_metrics.recall_score(labels, predicted, labels=present, average="macro", zero_division=0)
    )


@given(answers())
@settings(deadline=None)
def test_probability_scores_equal_scikit_learns(drawn: Answers) -> None:
    labels, probabilities = drawn
    every = list(range(probabilities.shape[1]))
    assert nll(probabilities, labels) == pytest.approx(sklearn_metrics.log_loss(labels, probabilities, labels=every))
    assert brier(probabilities, labels) == pytest.approx(
        sklearn_metrics.brier_score_loss(labels, probabilities, labels=every, scale_by_half=False)
    )
    if len(every) > 2:
        for k in range(1, len(every)):
            assert top_k_accuracy(probabilities, labels, k=k) == pytest.approx(
                sklearn_metrics.top_k_accuracy_score(labels, probabilities, k=k, labels=every)
            )


def test_a_certain_and_wrong_answer_costs_a_finite_amount_as_in_scikit_learn() -> None:
    labels, probabilities = np.array([0, 1]), np.array([[0.0, 1.0], [0.0, 1.0]])
    assert nll(probabilities, labels) == pytest.approx(sklearn_metrics.log_loss(labels, probabilities))


def test_soft_targets_are_scored_by_their_cross_entropy_and_distance() -> None:
    probabilities, votes = np.array([[0.5, 0.5]]), np.array([[0.8, 0.2]])
    assert nll(probabilities, votes) == pytest.approx(np.log(2))
    assert nll(votes, votes) == pytest.approx(-(0.8 * np.log(0.8) + 0.2 * np.log(0.2)))
    assert brier(probabilities, votes) == pytest.approx(0.3**2 + 0.3**2)
    with pytest.raises(ValueError, match="targets must be"):
        nll(probabilities, np.array([[1.0, 0.0, 0.0]]))


@pytest.mark.parametrize(("successes", "trials"), [(0, 1), (0, 16), (16, 16), (14, 16), (2790, 3199)])
def test_wilson_interval_equals_scipys(successes: int, trials: int) -> None:
    expected = stats.binomtest(successes, trials).proportion_ci(method="wilson")
    assert wilson_interval(successes, trials) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_a_proportion_is_never_thought_to_be_more_than_all_or_less_than_none() -> None:
    """Rounding goes beyond both ends, as with 11 of 11."""
    for trials in range(1, 60):
        assert 0 <= wilson_interval(0, trials)[0] < 1e-15
        assert 1 - 1e-15 < wilson_interval(trials, trials)[1] <= 1


def test_nothing_tried_means_nothing_known() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)
    with pytest.raises(ValueError, match="3 of 2"):
        wilson_interval(3, 2)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_the_interval_of_f1_holds_f1_and_ends_in_the_unit_interval(right: int, missed: int, false: int) -> None:
    scores = class_scores(np.array([[right, missed], [false, 7]]))[0]
    low, high = scores.f1_interval
    assert 0 <= low <= high <= 1
    if scores.f1 is not None:
        assert low - 1e-12 <= scores.f1 <= high + 1e-12


def test_a_class_without_rows_or_readings_has_no_scores_and_does_not_count() -> None:
    confusion = np.array([[3, 1, 0], [0, 4, 0], [0, 0, 0]])
    absent = class_scores(confusion)[2]
    assert (absent.precision, absent.recall, absent.f1, absent.support) == (None, None, None, 0)
    assert balanced_accuracy(confusion) == pytest.approx((0.75 + 1) / 2)
    assert macro_f1(confusion) == pytest.approx((6 / 7 + 8 / 9) / 2)


def test_labels_out_of_range_and_missing_rows_are_refused() -> None:
    with pytest.raises(ValueError, match=r"predicted labels must lie in 0\.\.1"):
        confusion_matrix(np.array([0]), np.array([2]), classes=2)
    with pytest.raises(ValueError, match="at least one"):
        confusion_matrix(np.array([], np.int64), np.array([], np.int64), classes=2)


def test_risk_and_coverage_by_hand() -> None:
    confidence = np.array([0.6, 0.9, 0.8, 0.7, 0.5])
    right = np.array([False, True, True, True, False])
    curve = risk_coverage(confidence, right)
    assert [curve.accuracy_at(share) for share in (0.2, 0.6, 0.8, 1.0)] == [1.0, 1.0, 0.75, 0.6]
    assert curve.aurc == pytest.approx((0 + 0 + 0 + 1 / 4 + 2 / 5) / 5)
    assert len(curve.coverage) == len(curve.accuracy) == 100
    with pytest.raises(ValueError, match="coverage"):
        curve.accuracy_at(0)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=30), st.randoms())
def test_the_order_of_equally_sure_rows_does_not_matter(
    rows: list[tuple[int, bool]], random: "np.random.RandomState"
) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    curves = [
        risk_coverage(np.array([c for c, _ in one], float), np.array([r for _, r in one], bool))
        for one in (rows, shuffled)
    ]
    np.testing.assert_allclose(curves[0].accuracy, curves[1].accuracy)
    assert curves[0].accuracy[-1] == pytest.approx(np.mean([r for _, r in rows]))


def test_ties_share_their_mean() -> None:
    shared = right_averaged_over_ties(np.array([0.5, 0.9, 0.5]), np.array([True, True, False]))
    np.testing.assert_array_equal(shared, [0.5, 1.0, 0.5])


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemars_p_value_is_the_sign_tests(only_first: int, only_second: int) -> None:
    first = np.array([True] * only_first + [False] * only_second + [True])
    second = np.array([False] * only_first + [True] * only_second + [True])
    result = compare_on_same_rows(first, second, resamples=50)
    assert (result.only_first, result.only_second) == (only_first, only_second)
    tosses = only_first + only_second
    expected = stats.binomtest(only_first, tosses).pvalue if tosses else 1.0
    assert result.p_value == pytest.approx(expected, rel=1e-9)


def test_the_paired_interval_is_the_normal_one_on_many_rows() -> None:
    random = np.random.default_rng(5)
    first = random.random(4000) < 0.88
    second = np.where(random.random(4000) < 0.9, first, random.random(4000) < 0.8)
    result = compare_on_same_rows(first, second, resamples=20_000)
    difference = first.astype(float) - second
    assert result.difference == pytest.approx(difference.mean())
    reach = 1.96 * difference.std() / np.sqrt(4000)
    assert result.interval == pytest.approx((difference.mean() - reach, difference.mean() + reach), abs=4e-4)
    with pytest.raises(ValueError, match="same rows"):
        compare_on_same_rows(first, second[:10])


# ---------------------------------------------------------------- what is written, and at the edges


def test_the_scores_of_a_class_spelled_out() -> None:
    """Rows of reports have these names. 8 of 10 rows found, 2 of 10 answers false: J = 8 / 12."""
    scores = class_scores(np.array([[8, 2], [2, 0]]))[0]
    low, high = wilson_interval(8, 12)
    plain = scores.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain == {
        "precision": 0.8,
        "precision_interval": list(wilson_interval(8, 10)),
        "recall": 0.8,
        "recall_interval": list(wilson_interval(8, 10)),
        "f1": 0.8,
        "f1_interval": pytest.approx([2 * low / (1 + low), 2 * high / (1 + high)]),
        "support": 10,
    }


def test_precision_and_recall_have_intervals_of_their_own() -> None:
    scores = class_scores(np.array([[6, 1], [3, 5]]))[0]
    assert scores.precision_interval == wilson_interval(6, 9)
    assert scores.recall_interval == wilson_interval(6, 7)
    low, high = wilson_interval(6, 10)
    assert scores.f1_interval == pytest.approx((2 * low / (1 + low), 2 * high / (1 + high)))


def test_one_row_or_answer_is_enough_for_a_score() -> None:
    first, second = class_scores(np.array([[0, 1], [0, 0]]))
    assert (first.precision, first.recall, first.f1, first.support) == (None, 0.0, 0.0, 1)
    assert (second.precision, second.recall, second.f1, second.support) == (0.0, None, 0.0, 0)


def test_a_curve_spelled_out() -> None:
    curve = risk_coverage(np.array([0.6, 0.9, 0.8, 0.7, 0.5]), np.array([False, True, True, True, False]))
    plain = curve.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain == {
        "coverage": [step / 100 for step in range(1, 101)],
        "accuracy": [1.0] * 60 + [0.75] * 20 + [0.6] * 20,
        "aurc": pytest.approx((1 / 4 + 2 / 5) / 5),
        "accuracy_at_80_percent": 0.75,
    }


def test_the_accuracy_at_a_coverage_is_that_of_the_first_step_that_reaches_it() -> None:
    curve = RiskCoverage(coverage=(0.3, 0.6, 1.0), accuracy=(0.9, 0.8, 0.7), aurc=0.2)
    assert [curve.accuracy_at(share) for share in (0.01, 0.3, 0.31, 0.1 * 3, 1)] == [0.9, 0.9, 0.8, 0.9, 0.7]
    for share in (0, -0.5, 1.01, float("nan")):
        with pytest.raises(ValueError, match=rf"coverage must lie in \(0, 1\], got {share}"):
            curve.accuracy_at(share)


def test_one_row_makes_a_curve() -> None:
    curve = risk_coverage(np.array([0.5]), np.array([True]))
    assert (set(curve.accuracy), curve.aurc) == ({1.0}, 0.0)
    with pytest.raises(ValueError, match="at least one, got 0, 0"):
        risk_coverage(np.array([]), np.array([], bool))
    with pytest.raises(ValueError, match="got 1, 2"):
        risk_coverage(np.array([0.5]), np.array([True, False]))


def test_an_interval_in_percent() -> None:
    assert percent_interval((0.64, 0.96543)) == "(64.00 to 96.54)"


@pytest.mark.parametrize(("successes", "trials"), [(-1, 2), (3, 2), (0, -1)])
def test_more_or_fewer_successes_than_can_be_are_refused(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match=f"expected 0 <= successes <= trials, got {successes} of {trials}"):
        wilson_interval(successes, trials)


@pytest.mark.parametrize(
    ("truth", "predicted", "why"),
    [
        ([0, 1], [0], "at least one, got 2, 1"),
        ([], [], "at least one, got 0, 0"),
        ([-1, 1], [0, 1], r"true labels must lie in 0\.\.2, got -1\.\.1"),
        ([0, 3], [0, 1], r"true labels must lie in 0\.\.2, got 0\.\.3"),
        ([0, 1], [-1, 1], r"predicted labels must lie in 0\.\.2, got -1\.\.1"),
        ([0, 1], [0, 3], r"predicted labels must lie in 0\.\.2, got 0\.\.3"),
    ],
)
def test_labels_that_make_no_table_are_refused(truth: list[int], predicted: list[int], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        confusion_matrix(np.array(truth, np.int64), np.array(predicted, np.int64), classes=3)


def test_a_confusion_matrix_has_the_true_class_in_its_rows_and_is_of_64_bits() -> None:
    confusion = confusion_matrix(np.array([0, 2, 2]), np.array([1, 2, 0]), classes=3)
    assert confusion.tolist() == [[0, 1, 0], [0, 0, 0], [1, 0, 1]]
    assert confusion.dtype == np.int64


def test_of_equal_probabilities_the_earlier_label_is_named_first() -> None:
    probabilities, labels = np.array([[0.25, 0.25, 0.5]] * 3), np.array([0, 1, 2])
    assert [top_k_accuracy(probabilities, labels, k=k) for k in (1, 2, 3)] == pytest.approx([1 / 3, 2 / 3, 1])


@pytest.mark.parametrize(
    "targets", [np.array([0.0, 1.0]), np.array([0, 1, 1]), np.array([[0, 1]]), np.ones((2, 2, 1)), np.array(1)]
)
def test_targets_of_another_shape_or_kind_are_refused(targets: NDArray[np.float64]) -> None:
    for score in (nll, brier):
        with pytest.raises(ValueError, match=r"targets must be \(2,\) labels or \(2, 3\), got"):
            score(np.full((2, 3), 1 / 3), targets)


def test_single_precision_is_scored_in_double() -> None:
    probabilities, labels = np.array([[1e-12, 1.0], [0.5, 0.5]], np.float32), np.array([0, 1])
    assert nll(probabilities, labels) == pytest.approx((-np.log(np.float64(np.float32(1e-12))) + np.log(2)) / 2)
    assert nll(np.array([[0.0, 1.0]], np.float32), np.array([0])) == pytest.approx(-np.log(2.0**-52))
    assert brier(probabilities, labels) == pytest.approx((2 + 0.5) / 2)


def test_a_comparison_is_the_same_twice_and_counts_each_kind_of_row() -> None:
    first = np.tile([True] * 30 + [False] * 12 + [True] * 50 + [False] * 8, 70)
    second = np.tile([False] * 30 + [True] * 12 + [True] * 50 + [False] * 8, 70)
    result = compare_on_same_rows(first[:100], second[:100])
    assert (result.difference, result.only_first, result.only_second) == (0.18, 30, 12)
    assert result.p_value == pytest.approx(stats.binomtest(12, 42).pvalue)
    drawn = np.random.default_rng(0).multinomial(7000, [0.3, 0.12, 0.58], size=10_000)
    expected = np.quantile((drawn[:, 0] - drawn[:, 1]) / 7000, [0.025, 0.975])
    assert compare_on_same_rows(first, second).interval == tuple(expected.tolist())


def test_a_comparison_needs_rows_the_same_for_both() -> None:
    right = np.array([True, False])
    for one, other in ((right, right[:1]), (right[:0], right[:0])):
        with pytest.raises(ValueError, match=f"at least one, got {len(one)}, {len(other)}"):
            compare_on_same_rows(one, other)
