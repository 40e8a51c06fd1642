"""The columns are what other tools expect."""

import pytest

from mien.errors import DataError
from mien.tables.columns import STYLES, columns_of, names_in, recognised
from mien.taxonomy import FER2013, FERPLUS, TAXONOMIES


def test_the_native_columns_in_order() -> None:
    names = [column.name for column in columns_of(FER2013)]
    assert names[:13] == [
        *("input", "frame", "timestamp", "face_idx", "track_id", "success", "FaceScore"),
        *("FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FrameWidth", "FrameHeight"),
    ]
    assert names[13:20] == list(FER2013.labels)
    assert names[20:27] == [f"{label}_smooth" for label in FER2013.labels]
    assert names[27:30] == ["certainty", "unsure", "not_a_face"]
    assert len(set(names)) == len(names)


def test_every_column_says_what_it_is() -> None:
    for column in columns_of(FERPLUS):
        assert column.meaning
        assert column.unit or column.kind == "text"


def test_py_feat_has_the_names_that_its_reader_takes() -> None:
    # what py-feat's documentation lists for read_feat: emotions, face box and time columns
    names = set(names_in("py-feat", FER2013).values())
    assert {"anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"} <= names
    assert {"FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore", "frame", "input"} <= names
    assert "happiness_smooth" in names


@pytest.mark.parametrize("style", STYLES)
def test_no_column_makes_py_feat_see_what_is_not_there(style: str) -> None:
    # its reader takes every name with AU in it for an action unit, and valence for a sign of its second format
    for taxonomy in TAXONOMIES.values():
        names = names_in(style, taxonomy).values()
        assert not [name for name in names if "AU" in name]
        assert not {"valence", "arousal"} & set(names)
        assert len(set(names)) == len(columns_of(taxonomy))


def test_the_names_of_the_other_styles() -> None:
    second = set(names_in("py-feat-v2", FERPLUS).values())
    assert {"Neutral", "Happy", "Sad", "Surprise", "Fear", "Disgust", "Anger"} <= second
    assert {"frame", "face_id", "timestamp", "confidence", "success"} <= set(names_in("openface", FERPLUS).values())
    with pytest.raises(ValueError, match="expected a column style of native, py-feat, py-feat-v2, openface, got 'x'"):
        names_in("x", FERPLUS)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("labels", TAXONOMIES)
def test_every_layout_is_recognised_in_any_order(style: str, labels: str) -> None:
    header = reversed(names_in(style, TAXONOMIES[labels]).values())
    assert recognised([*header, "a column of your own"], where="x") == (TAXONOMIES[labels], style)


def test_a_foreign_table_is_told_what_is_missing() -> None:
    header = [column.name for column in columns_of(FERPLUS) if column.name not in {"timestamp", "fear"}]
    with pytest.raises(DataError, match=r"x\.csv: expected .* got one without fear, timestamp$"):
        recognised(header, where="x.csv")
    with pytest.raises(DataError, match="and more"):
        recognised(["a"], where="x.csv")
