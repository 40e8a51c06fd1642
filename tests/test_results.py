"""Results are frozen, checked, and the same after a journey through JSON."""

import dataclasses
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.results import (
    DOUBTS,
    Emotions,
    Face,
    FaceReading,
    FrameReading,
    Geometry,
    Landmarks,
    ReadOptions,
    SourceResult,
    StreamOptions,
)
from mien.taxonomy import FERPLUS, FERPLUS_VOTES, TAXONOMIES

FINITE = st.floats(allow_nan=False, allow_infinity=False, width=32)
SHARES = st.floats(0, 1)
NOT_FINITE = st.sampled_from([math.nan, math.inf, -math.inf])


@st.composite
def probabilities(draw: st.DrawFn, count: int) -> tuple[float, ...]:
    weights = draw(
        st.lists(st.floats(0, 1), min_size=count, max_size=count).filter(lambda weights: sum(weights) > 1e-3)
    )
    return tuple(weight / sum(weights) for weight in weights)


@st.composite
def boxes(draw: st.DrawFn) -> tuple[float, float, float, float]:
    x0, x1 = sorted((draw(FINITE), draw(FINITE)))
    y0, y1 = sorted((draw(FINITE), draw(FINITE)))
    return x0, y0, x1, y1


POINTS = st.tuples(FINITE, FINITE)
LANDMARKS = st.builds(Landmarks, POINTS, POINTS, POINTS, POINTS, POINTS)


@st.composite
def any_emotions(draw: st.DrawFn) -> Emotions:
    taxonomy = TAXONOMIES[draw(st.sampled_from(sorted(TAXONOMIES)))]
    bare = Emotions(taxonomy.name, draw(probabilities(len(taxonomy))))
    return dataclasses.replace(
        bare,
        votes=draw(st.none() | probabilities(len(FERPLUS_VOTES))),
        certainty=draw(st.none() | SHARES),
        plausible=draw(st.just(()) | st.sets(st.sampled_from(taxonomy.labels)).map(lambda some: (bare.top, *some))),
        doubts=tuple(draw(st.sets(st.sampled_from(DOUBTS)))),
    )


EMOTIONS = any_emotions()
FACES = st.builds(
    FaceReading,
    boxes(),
    SHARES,
    st.none() | LANDMARKS,
    EMOTIONS,
    track_id=st.none() | st.integers(0, 1000),
    smooth=st.none() | EMOTIONS,
)
OPTIONS = st.builds(
    ReadOptions,
    detector=st.text(),
    labels=st.sampled_from(sorted(TAXONOMIES)),
    min_face_px=st.floats(0, 1e6),
    min_visible=SHARES,
    max_not_a_face=SHARES,
    crop_scale=st.floats(0.1, 10),
    balance=SHARES,
)
READINGS = st.builds(
    FrameReading,
    size_wh=st.tuples(st.integers(1, 100_000), st.integers(1, 100_000)),
    faces=st.lists(FACES, max_size=3).map(tuple),
    options=OPTIONS,
    model=st.text(),
    model_sha256=st.text("0123456789abcdef", min_size=64, max_size=64),
    index=st.integers(0, 10**9),
    time_s=st.none() | FINITE,
)
RESULTS = st.builds(SourceResult, st.text(), READINGS, st.none()) | st.builds(
    SourceResult, st.text(), st.none(), st.text()
)


def face(**changes: Any) -> Face:
    return Face(**{"box_xyxy": (1.0, 2.0, 3.0, 5.0), "score": 0.5, "landmarks": None, **changes})


def options(**changes: Any) -> ReadOptions:
    values = {
        "detector": "mtcnn",
        "labels": "ferplus",
        "min_face_px": 0,
        "min_visible": 0.75,
        "max_not_a_face": 0.5,
        "crop_scale": 1.0,
    }
    return ReadOptions(**{**values, **changes})


def emotions(**changes: Any) -> Emotions:
    return Emotions(**{"taxonomy": "fer2013", "values": (1, 0, 0, 0, 0, 0, 0), **changes})


LANDMARKS_BY_NAME = {
    "left_eye": [1.0, 2.0],
    "right_eye": [3.0, 4.0],
    "nose": [5.0, 6.0],
    "mouth_left": [7.0, 8.0],
    "mouth_right": [9.0, 10.0],
}
GEOMETRY_BY_NAME = {
    "mouth_opening": 0.1,
    "mouth_width": 0.2,
    "left_brow_height": 0.3,
    "right_brow_height": 0.4,
    "left_eye_opening": 0.5,
    "right_eye_opening": 0.6,
}


# ---------------------------------------------------------------- there and back


@given(RESULTS)
def test_a_result_is_the_same_after_json(result: SourceResult) -> None:
    text = json.dumps(result.to_dict(), allow_nan=False)
    assert SourceResult.from_dict(json.loads(text)) == result


@given(READINGS)
def test_a_reading_is_the_same_after_json_and_names_the_top_emotion(reading: FrameReading) -> None:
    values = json.loads(json.dumps(reading.to_dict(), allow_nan=False))
    assert FrameReading.from_dict(values) == reading
    assert [face["emotions"]["top"] for face in values["faces"]] == [face.emotions.top for face in reading.faces]


def test_a_full_reading_spelled_out() -> None:
    """These names are read by other people's programs."""
    emotions_by_name = {
        "taxonomy": "fer2013",
        "top": "happy",
        "probabilities": {
            "angry": 0.0,
            "disgust": 0.0,
            "fear": 0.0,
            "happy": 0.75,
            "sad": 0.0,
            "surprise": 0.0,
            "neutral": 0.25,
        },
        "viewers": dict(zip(FERPLUS_VOTES, (0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.25, 0.25), strict=True)),
        "certainty": 0.75,
        "plausible": ["happy", "neutral"],
        "unsure": True,
        "doubts": ["too_small"],
    }
    plain = {
        "size_wh": [640, 480],
        "faces": [
            {
                "box_xyxy": [1.0, 2.0, 3.0, 5.0],
                "score": 0.5,
                "landmarks": LANDMARKS_BY_NAME,
                "emotions": emotions_by_name,
                "track_id": 3,
                "smooth": {**emotions_by_name, "viewers": None, "certainty": None},
                "geometry": GEOMETRY_BY_NAME,
            }
        ],
        "options": {
            "detector": "mtcnn",
            "labels": "fer2013",
            "min_face_px": 20.0,
            "min_visible": 0.75,
            "max_not_a_face": 0.5,
            "crop_scale": 1.0,
            "profile": "Ada",
            "balance": 0.25,
        },
        "model": "mien-m",
        "model_sha256": "0" * 64,
        "index": 7,
        "time_s": 0.28,
        "stream": {
            "detect_every": 2,
            "smoothing": "filter",
            "smoothing_s": 0.075,
            "hold": 0.1,
            "birth_s": 0.2,
            "memory_s": 1.0,
        },
    }
    reading = FrameReading.from_dict(plain)
    assert reading.to_dict() == plain
    assert reading.size_wh == (640, 480)
    assert reading.stream == StreamOptions(2, "filter", 0.075, 0.1, 0.2, 1.0)
    read = reading.faces[0]
    assert read.landmarks == Landmarks((1, 2), (3, 4), (5, 6), (7, 8), (9, 10))
    assert read.geometry == Geometry(0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
    assert read.smooth == dataclasses.replace(read.emotions, votes=None, certainty=None)
    assert SourceResult("a.jpg", reading, None).to_dict() == {"source": "a.jpg", "reading": plain, "error": None}
    before_geometry = {name: value for name, value in plain["faces"][0].items() if name != "geometry"}  # type: ignore[index]
    assert FaceReading.from_dict(before_geometry).geometry is None


@given(LANDMARKS)
def test_landmarks_are_the_same_after_json(landmarks: Landmarks) -> None:
    assert Landmarks.from_dict(json.loads(json.dumps(landmarks.to_dict()))) == landmarks


def test_numpy_numbers_become_plain_ones() -> None:
    values = np.full(7, 1 / 7)
    made = FaceReading(
        box_xyxy=tuple(np.array([1, 2, 3, 4], np.float32)),
        score=np.float32(0.5),  # type: ignore[arg-type]  # as a detector hands it over
        landmarks=Landmarks(*[(np.float32(1), np.float32(2))] * 5),  # type: ignore[arg-type]  # likewise
        emotions=Emotions(
            "fer2013", tuple(values.astype(np.float32)), tuple(np.full(10, 0.1, np.float32)), np.float64(0.25)
        ),
    )
    assert json.loads(json.dumps(made.to_dict()))["box_xyxy"] == [1, 2, 3, 4]
    assert {type(value) for value in made.emotions.values} == {float}
    assert type(made.score) is type(made.emotions.unknown) is type(made.emotions.certainty) is float


@pytest.mark.parametrize("value", [face(), options(), emotions(), SourceResult("a", None, "why")])
def test_results_are_frozen_and_hashable(value: Any) -> None:
    name = dataclasses.fields(value)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, name, None)
    assert hash(value) == hash(dataclasses.replace(value))


# ---------------------------------------------------------------- boxes and points


@given(boxes())
def test_the_longer_side(box: tuple[float, float, float, float]) -> None:
    made = face(box_xyxy=box)
    assert made.box_xyxy == box
    assert made.longer_side_px >= 0
    assert made.longer_side_px in (box[2] - box[0], box[3] - box[1])
    turned = face(box_xyxy=(box[1], box[0], box[3], box[2]))
    assert turned.longer_side_px == made.longer_side_px


@given(boxes(), st.integers(0, 3), NOT_FINITE)
def test_a_box_that_is_not_finite_is_refused(box: tuple[float, ...], place: int, value: float) -> None:
    wrong = (*box[:place], value, *box[place + 1 :])
    with pytest.raises(ValueError, match="box_xyxy must be 4 finite numbers"):
        face(box_xyxy=wrong)


@pytest.mark.parametrize("box", [(3, 0, 2, 1), (0, 3, 1, 2)])
def test_a_box_inside_out_is_refused(box: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="box_xyxy must be left, top, right, bottom"):
        face(box_xyxy=box)


@pytest.mark.parametrize("box", [(), (1, 2, 3), (1, 2, 3, 4, 5)])
def test_a_box_needs_four_numbers(box: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="box_xyxy must be 4 finite numbers"):
        face(box_xyxy=box)


@pytest.mark.parametrize("score", [-0.01, 1.01, math.nan, math.inf])
def test_a_score_is_a_share(score: float) -> None:
    with pytest.raises(ValueError, match=r"score must lie in \[0, 1\]"):
        face(score=score)


@given(st.sampled_from([field.name for field in dataclasses.fields(Landmarks)]), NOT_FINITE)
def test_landmarks_that_are_not_finite_are_refused(name: str, value: float) -> None:
    points: dict[str, Any] = dict.fromkeys((field.name for field in dataclasses.fields(Landmarks)), (1.0, 2.0))
    with pytest.raises(ValueError, match=f"{name} must be 2 finite numbers"):
        Landmarks(**{**points, name: (0.0, value)})
    with pytest.raises(ValueError, match=f"{name} must be 2 finite numbers"):
        Landmarks(**{**points, name: (0.0, 1.0, 2.0)})


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_geometry_is_six_finite_numbers_and_plain(value: float) -> None:
    made = Geometry(**{name: np.float64(number) for name, number in GEOMETRY_BY_NAME.items()})
    assert json.loads(json.dumps(made.to_dict())) == GEOMETRY_BY_NAME
    assert {type(number) for number in made.to_dict().values()} == {float}
    for name in GEOMETRY_BY_NAME:
        with pytest.raises(ValueError, match="geometry must be 6 finite numbers"):
            Geometry(**{**GEOMETRY_BY_NAME, name: value})


def test_a_box_may_be_a_line_or_a_point() -> None:
    assert face(box_xyxy=(1, 2, 1, 2)).longer_side_px == 0


def test_the_points_of_landmarks_in_their_order() -> None:
    assert Landmarks.from_dict(LANDMARKS_BY_NAME).points == ((1, 2), (3, 4), (5, 6), (7, 8), (9, 10))


@pytest.mark.parametrize(
    ("right_eye", "roll_deg"), [((2, 1), 0), ((2, 2), 45), ((1, 2), 90), ((2, 0), -45), ((0, 1), 180)]
)
def test_the_roll_is_positive_when_the_right_eye_is_lower(right_eye: tuple[float, float], roll_deg: float) -> None:
    assert Landmarks((1, 1), right_eye, (1, 2), (1, 3), (2, 3)).roll_deg == pytest.approx(roll_deg)


# ---------------------------------------------------------------- emotions


@given(EMOTIONS)
def test_emotions_name_their_labels_in_the_order_of_the_taxonomy(made: Emotions) -> None:
    assert tuple(made.probabilities) == TAXONOMIES[made.taxonomy].labels
    assert tuple(made.probabilities.values()) == made.values
    assert made.probabilities[made.top] == max(made.values)
    assert sum(made.values) == pytest.approx(1)


def test_the_first_label_wins_a_tie() -> None:
    assert emotions(values=(0, 0.5, 0, 0.5, 0, 0, 0)).top == "disgust"


@pytest.mark.parametrize(
    "values",
    [
        (0.5, 0.5),
        (0.2,) * 7,
        (1.5, -0.5, 0, 0, 0, 0, 0),
        (math.nan, 1, 0, 0, 0, 0, 0),
        (1, 0, 0, 0, 0, 0, 0, 0),
        (0,) * 7,
        (100, 0, 0, 0, 0, 0, 0),
    ],
)
def test_what_is_no_probability_is_refused(values: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="values must be"):
        emotions(values=values)


@pytest.mark.parametrize("extra", [0.9e-6, -0.9e-6])
def test_probabilities_may_be_off_by_what_single_precision_leaves(extra: float) -> None:
    assert emotions(values=(1 + extra, 0, 0, 0, 0, 0, 0)).top == "angry"
    with pytest.raises(ValueError, match="values must be probabilities that sum to 1"):
        emotions(values=(1 + 2 * extra, 0, 0, 0, 0, 0, 0))


def test_an_unknown_taxonomy_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown taxonomy 'mine': expected one of fer2013, ferplus, affwild2"):
        emotions(taxonomy="mine")


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan])
def test_a_certainty_is_a_share(value: float) -> None:
    with pytest.raises(ValueError, match=r"certainty must lie in \[0, 1\]"):
        emotions(certainty=value)


@pytest.mark.parametrize("votes", [(), (1, 0, 0, 0, 0, 0, 0), (0.2,) * 10, (math.nan,) * 10, (2, -1, *[0] * 8)])
def test_what_viewers_would_say_is_ten_shares(votes: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="votes must be"):
        emotions(votes=votes)


@given(EMOTIONS)
def test_viewers_answers_are_named(made: Emotions) -> None:
    if made.votes is None:
        assert (made.viewers, made.unknown, made.not_a_face) == (None, None, None)
    else:
        assert made.viewers == dict(zip(FERPLUS_VOTES, made.votes, strict=True))
        assert (made.unknown, made.not_a_face) == (made.viewers["unknown"], made.viewers["not_a_face"])


@given(EMOTIONS)
def test_plausible_labels_and_doubts_stand_once_and_in_order(made: Emotions) -> None:
    assert made.plausible == tuple(label for label in TAXONOMIES[made.taxonomy].labels if label in made.plausible)
    assert made.doubts == tuple(doubt for doubt in DOUBTS if doubt in made.doubts)
    assert made.plausible == () or made.top in made.plausible
    assert made.unsure == (made.doubts != ())


def test_plausible_labels_hold_the_most_probable_one() -> None:
    assert emotions(plausible=["neutral", "angry", "angry"]).plausible == ("angry", "neutral")
    with pytest.raises(ValueError, match="plausible must hold the most probable label 'angry'"):
        emotions(plausible=("happy", "neutral"))


def test_unknown_labels_and_doubts_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"plausible must be some of angry, disgust.*, got angry, contempt"):
        emotions(plausible=("angry", "contempt"))
    with pytest.raises(ValueError, match=r"doubts must be some of low_certainty.*, got too_ugly"):
        emotions(doubts=("too_ugly",))


def test_values_made_by_hand_claim_nothing() -> None:
    made = emotions()
    assert (made.votes, made.certainty, made.plausible, made.unsure) == (None, None, (), False)


def test_from_dict_follows_names_not_places() -> None:
    values = emotions(values=(0.5, 0.25, 0.25, 0, 0, 0, 0)).to_dict()
    values["probabilities"] = dict(reversed(values["probabilities"].items()))
    assert Emotions.from_dict(values).values == (0.5, 0.25, 0.25, 0, 0, 0, 0)


def test_from_dict_misses_no_label() -> None:
    values = emotions().to_dict()
    del values["probabilities"]["fear"]
    with pytest.raises(KeyError, match="fear"):
        Emotions.from_dict(values)


# ---------------------------------------------------------------- options and photos


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("min_face_px", value) for value in (-1, math.nan)),
        *(("max_not_a_face", value) for value in (-0.1, 1.1, math.nan)),
        *(("balance", value) for value in (-0.1, 1.1, math.nan)),
        *(("min_visible", value) for value in (-0.1, 1.1, math.nan)),
        *(("crop_scale", value) for value in (0, 0.05, 11, -1, math.nan)),
    ],
)
def test_options_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} must"):
        options(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("min_face_px", value) for value in (0, 1e6)),
        *((name, value) for name in ("min_visible", "max_not_a_face", "balance") for value in (0, 1)),
        *(("crop_scale", value) for value in (0.1, 10)),
    ],
)
def test_options_at_the_ends_of_their_ranges_are_taken(name: str, value: float) -> None:
    assert getattr(options(**{name: value}), name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("detect_every", value) for value in (0, 0.9, math.nan)),
        *((name, value) for name in ("smoothing_s", "birth_s", "memory_s") for value in (-0.001, math.inf, math.nan)),
        *(("hold", value) for value in (-0.1, 1.1, math.nan)),
    ],
)
def test_stream_options_out_of_range_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name} must .*got {value}"):
        StreamOptions(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [("detect_every", 1), *((name, 0) for name in ("smoothing_s", "birth_s", "memory_s")), ("hold", 0), ("hold", 1)],
)
def test_stream_options_at_the_ends_of_their_ranges_are_taken(name: str, value: Any) -> None:
    assert getattr(StreamOptions(**{name: value}), name) == value


def test_an_unknown_smoothing_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="smoothing must be one of average, exponential, filter, none, got 'median'"):
        StreamOptions(smoothing="median")  # type: ignore[arg-type]


def test_a_photo_has_a_reading_or_an_error() -> None:
    reading = FrameReading((2, 1), (), options(), "m", "0" * 64)
    with pytest.raises(ValueError, match=r"a\.jpg: expected either a reading or an error"):
        SourceResult("a.jpg", None, None)
    with pytest.raises(ValueError, match=r"a\.jpg: expected either a reading or an error"):
        SourceResult("a.jpg", reading, "why")
    assert SourceResult("a.jpg", reading, None).to_dict()["reading"] == reading.to_dict()
    assert FERPLUS.name in SourceResult("a.jpg", reading, None).to_dict()["reading"]["options"].values()
