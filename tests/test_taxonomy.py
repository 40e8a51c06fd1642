"""Label sets, their order, and probabilities that move between them."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mien.taxonomy import (
    AFFWILD2,
    COLOURS_RGB,
    FER2013,
    FERPLUS,
    FERPLUS_VOTES,
    NOT_A_FACE,
    TAXONOMIES,
    UNKNOWN,
    Taxonomy,
    convert,
)

ALL = [FER2013, FERPLUS, AFFWILD2]
ANY = st.sampled_from(ALL)


@st.composite
def sources(draw: st.DrawFn) -> tuple[Taxonomy, tuple[float, ...]]:
    """A taxonomy and probabilities over it."""
    taxonomy = draw(ANY)
    weights = draw(st.lists(st.floats(0, 1), min_size=len(taxonomy), max_size=len(taxonomy)))
    assume(sum(weights) > 1e-6)
    return taxonomy, tuple(weight / sum(weights) for weight in weights)


def left_over(probabilities: tuple[float, ...], source: Taxonomy, target: Taxonomy) -> float:
    return sum(p for label, p in zip(source.labels, probabilities, strict=True) if label in target.labels)


def test_the_orders_are_those_of_the_data_sets() -> None:
    """Spelled out: an index in a file means what stands here."""
    assert FER2013.labels == ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    assert FERPLUS.labels == ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt")
    assert AFFWILD2.labels == ("neutral", "angry", "disgust", "fear", "happy", "sad", "surprise", "other")
    assert (*FERPLUS.labels, UNKNOWN, NOT_A_FACE) == FERPLUS_VOTES
    assert dict(TAXONOMIES) == {taxonomy.name: taxonomy for taxonomy in ALL}


@pytest.mark.parametrize("taxonomy", ALL)
def test_every_label_has_an_index_and_a_colour_of_its_own(taxonomy: Taxonomy) -> None:
    assert [taxonomy.index(label) for label in taxonomy.labels] == list(range(len(taxonomy)))
    colours = [COLOURS_RGB[label] for label in taxonomy.labels]
    assert len(set(colours)) == len(taxonomy)
    assert all(0 <= value <= 255 for colour in colours for value in colour)


def test_a_label_of_another_set_has_no_index() -> None:
    with pytest.raises(ValueError, match=r"expected one of angry, .* \(fer2013\), got 'contempt'"):
        FER2013.index("contempt")


@pytest.mark.parametrize("labels", [(), ("happy",), ("happy", "sad", "happy")])
def test_a_taxonomy_needs_two_different_labels(labels: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="a taxonomy needs at least two different labels"):
        Taxonomy("mine", labels)
    assert len(Taxonomy("mine", ("happy", "sad"))) == 2


@given(sources(), ANY)
def test_converted_probabilities_are_probabilities(drawn: tuple[Taxonomy, tuple[float, ...]], target: Taxonomy) -> None:
    source, probabilities = drawn
    assume(left_over(probabilities, source, target) > 0)
    converted = convert(probabilities, source, target)
    assert len(converted) == len(target)
    assert all(0 <= value <= 1 + 1e-12 for value in converted)
    assert math.fsum(converted) == pytest.approx(1, abs=1e-9)


@given(sources(), ANY)
def test_common_labels_keep_their_order_and_proportions(
    drawn: tuple[Taxonomy, tuple[float, ...]], target: Taxonomy
) -> None:
    source, probabilities = drawn
    kept = left_over(probabilities, source, target)
    assume(kept > 1e-6)
    converted = dict(zip(target.labels, convert(probabilities, source, target), strict=True))
    for label, value in zip(source.labels, probabilities, strict=True):
        if label in converted:
            assert converted[label] == pytest.approx(value / kept, abs=1e-9)
    assert all(converted[label] == 0 for label in set(target.labels) - set(source.labels))


@given(sources(), ANY)
def test_converting_once_more_changes_nothing(drawn: tuple[Taxonomy, tuple[float, ...]], target: Taxonomy) -> None:
    source, probabilities = drawn
    assume(left_over(probabilities, source, target) > 1e-6)
    once = convert(probabilities, source, target)
    assert convert(once, target, target) == pytest.approx(once, abs=1e-12)
    assert convert(convert(once, target, source), source, target) == pytest.approx(once, abs=1e-9)


@given(sources())
def test_to_itself_it_is_the_same(drawn: tuple[Taxonomy, tuple[float, ...]]) -> None:
    source, probabilities = drawn
    assert convert(probabilities, source, source) == pytest.approx(probabilities, abs=1e-12)


def test_what_the_target_has_no_word_for_is_dropped() -> None:
    certain = tuple(1.0 if label == "contempt" else 0.0 for label in FERPLUS.labels)
    with pytest.raises(ValueError, match="no probability is left on the labels of fer2013"):
        convert(certain, FERPLUS, FER2013)


@pytest.mark.parametrize("count", [0, 7, 9])
def test_a_wrong_number_of_probabilities_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match=rf"expected 8 probabilities \(ferplus\), got {count}"):
        convert((0.1,) * count, FERPLUS, FER2013)
