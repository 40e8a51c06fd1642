"""The model's card: the same after JSON, and refused where it could not be meant."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.card import Head, InputSpec, ModelCard, Trust
from mien.errors import CardError
from mien.taxonomy import TAXONOMIES

FINITE = st.floats(allow_nan=False, allow_infinity=False)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
SHARES = st.floats(0, 1)
WEIGHTS = st.floats(0, 100)
TRUST = st.builds(
    Trust,
    bias=FINITE,
    weights=st.tuples(WEIGHTS, WEIGHTS),
    lack_weights=st.tuples(WEIGHTS, WEIGHTS, WEIGHTS),
    plausible_from=SHARES,
    plausible_coverage=SHARES,
    sure_from=st.none() | SHARES,
    sure_accuracy=SHARES,
    rows=st.integers(1),
)
HEADS = st.sampled_from(sorted(TAXONOMIES)).flatmap(
    lambda name: st.builds(
        Head,
        taxonomy=st.just(name),
        output=st.text(),
        extra=st.sampled_from([(), ("unknown", "not_a_face")]),
        temperature=st.floats(0.01, 100),
        frequencies=st.none() | st.tuples(*[SHARES] * len(TAXONOMIES[name])),
        trust=st.none() | TRUST,
        vote_temperature=st.floats(0.01, 100),
        not_a_face_from=st.none() | SHARES,
    )
)
CARDS = st.builds(
    ModelCard,
    name=st.text(),
    version=st.text(),
    input=st.builds(InputSpec, side_px=st.integers(1, 1000), crop_scale=st.floats(0.1, 10)),
    heads=st.lists(HEADS, min_size=1, max_size=3).map(tuple),
    embedding=st.none() | st.text(),
    parameters=st.integers(0),
    licence=st.text(),
    data=st.text(),
    evaluations=st.lists(st.dictionaries(st.text(), JSON_VALUES, max_size=3), max_size=2).map(tuple),
    training=st.dictionaries(st.text(), JSON_VALUES, max_size=3),
    intended_use=st.text(),
    misuse=st.text(),
    limits=st.text(),
    not_measured=st.text(),
    law=st.text(),
)


def card(**changes: Any) -> ModelCard:
    heads = (Head("ferplus", "ferplus", ("unknown", "not_a_face"), 1.25), Head("fer2013", "fer2013", (), 1.0))
    values: dict[str, Any] = {
        "name": "mien-m",
        "version": "1",
        "input": InputSpec(48, 1.05),
        "heads": heads,
        "embedding": None,
        "parameters": 5,
        "licence": "Apache-2.0",
    }
    return ModelCard(**{**values, **changes})


@given(CARDS)
def test_a_card_is_the_same_after_json(made: ModelCard) -> None:
    assert ModelCard.from_json(made.to_json(), source="here") == made


def test_a_card_is_readable_text() -> None:
    text = card(data="Gesichter – größtenteils").to_json()
    assert "Gesichter – größtenteils" in text
    assert len(text.splitlines()) > 10


def test_heads_are_found_by_their_label_set() -> None:
    assert card().head("fer2013").output == "fer2013"
    with pytest.raises(ValueError, match="mien-m answers in ferplus, fer2013, not in 'affwild2'"):
        card().head("affwild2")


def test_a_card_needs_a_head() -> None:
    with pytest.raises(CardError, match="the card of mien-m has no head"):
        card(heads=())


def test_a_card_with_an_unknown_taxonomy_is_refused() -> None:
    with pytest.raises(CardError, match="the card of mien-m names an unknown taxonomy 'mine'"):
        card(heads=(Head("mine", "out", (), 1.0),))


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan])
def test_a_temperature_is_positive(temperature: float) -> None:
    with pytest.raises(CardError, match="temperature must be positive"):
        card(heads=(Head("ferplus", "out", (), temperature),))
    with pytest.raises(CardError, match="temperature must be positive"):
        card(heads=(Head("ferplus", "out", (), 1.0, vote_temperature=temperature),))


def test_there_is_a_frequency_for_each_label() -> None:
    with pytest.raises(CardError, match="expected a frequency for each label of ferplus, got 7"):
        card(heads=(Head("ferplus", "out", (), 1.0, frequencies=(1 / 7,) * 7),))


def test_a_card_from_before_there_was_doubt_promises_nothing() -> None:
    values = json.loads(card().to_json())
    for head in values["heads"]:
        for name in ("frequencies", "trust", "vote_temperature", "not_a_face_from"):
            del head[name]
    assert ModelCard.from_json(json.dumps(values), source="old.onnx") == card()


def test_a_card_from_before_there_were_evaluations_has_none() -> None:
    values = json.loads(card().to_json())
    del values["evaluations"]
    values |= {"scores": {"fer2013_accuracy": 0.7}, "protocol": "one view per face"}
    old = ModelCard.from_json(json.dumps(values), source="old.onnx")
    assert (old, old.evaluation("fer2013")) == (card(), None)


def test_an_evaluation_is_found_by_its_label_set() -> None:
    measured = card(evaluations=({"labels": "ferplus", "full": {"n": 3}}, {"labels": "fer2013"}))
    assert measured.evaluation("fer2013") == {"labels": "fer2013"}


def without(name: str) -> str:
    values = json.loads(card().to_json())
    del values[name]
    return json.dumps(values)


def with_values(**changes: Any) -> str:
    return json.dumps({**json.loads(card().to_json()), **changes})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "null",
        "[]",
        "{}",
        '"text"',
        without("name"),
        without("input"),
        without("heads"),
        with_values(input=3),
        with_values(input={"side_px": 48}),
        with_values(heads=3),
        with_values(heads=[3]),
        with_values(heads=[{"taxonomy": "ferplus"}]),
        with_values(heads=[{**json.loads(card().to_json())["heads"][0], "trust": {"bias": 1}}]),
        with_values(heads=[{**json.loads(card().to_json())["heads"][0], "trust": 3}]),
        with_values(of_a_later_version=1),
    ],
)
def test_what_is_no_card_is_a_card_error_that_names_the_file(text: str) -> None:
    with pytest.raises(CardError, match=r"model\.onnx has a card that this version of mien cannot read"):
        ModelCard.from_json(text, source="model.onnx")
