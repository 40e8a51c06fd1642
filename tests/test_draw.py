"""The annotated picture: right colours in right places, at any size, and nothing outside."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mien.draw import _GREY, _luminance, draw
from mien.results import BoxXyxy, Emotions, FaceReading, FrameReading, Landmarks, ReadOptions
from mien.taxonomy import COLOURS_RGB, TAXONOMIES

Pixels = NDArray[np.uint8]
GROUND = 120
HAPPY, SAD = COLOURS_RGB["happy"], COLOURS_RGB["sad"]
POINTS = Landmarks((0.0, 0.0), (1.0, 0.0), (0.5, 0.5), (0.0, 1.0), (1.0, 1.0))


def emotions_of(top: str, *, share: float = 0.9, taxonomy: str = "ferplus") -> Emotions:
    labels = TAXONOMIES[taxonomy].labels
    rest = (1 - share) / (len(labels) - 1)
    return Emotions(taxonomy, tuple(share if label == top else rest for label in labels))


def reading_of(
    width: int, height: int, *faces: tuple[BoxXyxy, Emotions], landmarks: Landmarks | None = None
) -> FrameReading:
    return FrameReading(
        size_wh=(width, height),
        faces=tuple(FaceReading(box, 0.9, landmarks, emotions) for box, emotions in faces),
        options=ReadOptions("mtcnn", "ferplus", 0, 0.75, 0.5, 1.0),
        model="model",
        model_sha256="0" * 64,
    )


def drawn(width: int, height: int, *faces: tuple[BoxXyxy, Emotions], landmarks: Landmarks | None = None) -> Pixels:
    frame = np.full((height, width, 3), GROUND, np.uint8)
    return draw(frame, reading_of(width, height, *faces, landmarks=landmarks))


def where(pixels: Pixels, colour: tuple[int, int, int], *, tolerance: int = 3) -> tuple[int, int, int, int]:
    """Left, top, right, bottom (both inclusive) of the pixels of a colour."""
    rows, columns = np.nonzero(np.abs(pixels.astype(int) - colour).max(axis=2) <= tolerance)
    assert rows.size, f"no pixel of {colour}"
    return int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max())


def is_colour(pixel: Pixels, colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(pixel.astype(int) - colour).max() <= 3)


def test_the_frame_stays_as_it_is_and_a_new_one_comes_back() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    before = frame.copy()
    annotated = draw(frame, reading_of(160, 120, ((40, 40, 100, 100), emotions_of("happy"))))
    assert np.array_equal(frame, before)
    assert annotated.shape == frame.shape
    assert annotated.dtype == np.uint8
    assert not np.array_equal(annotated, frame)


def test_without_a_face_it_is_a_copy() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8)
    annotated = draw(frame, reading_of(16, 12))
    assert np.array_equal(annotated, frame)
    assert not np.shares_memory(annotated, frame)


def test_draws_on_a_frame_that_may_not_be_written_or_is_a_view() -> None:
    frame = np.full((240, 320, 3), GROUND, np.uint8)
    face = ((80.0, 80.0, 200.0, 200.0), emotions_of("sad"))
    expected = draw(frame, reading_of(320, 240, face))
    frame.flags.writeable = False
    assert np.array_equal(draw(frame[:, ::-1], reading_of(320, 240, face)), expected)


@pytest.mark.parametrize("label", COLOURS_RGB)
def test_the_box_has_the_colour_of_the_emotion_on_every_side(label: str) -> None:
    taxonomy = "affwild2" if label == "other" else "ferplus"
    pixels = drawn(640, 480, ((200, 150, 360, 350), emotions_of(label, taxonomy=taxonomy)))
    for x, y in ((200, 250), (359, 250), (280, 150), (280, 349)):
        assert is_colour(pixels[y, x], COLOURS_RGB[label])
    assert (pixels[200:300, 220:340] == GROUND).all(), "the face itself stays free"


def test_a_box_at_or_beyond_the_border_keeps_four_sides_in_the_picture() -> None:
    pixels = drawn(640, 480, ((-300, -200, 900, 700), emotions_of("happy")))
    for x, y in ((0, 300), (639, 300), (320, 0), (320, 479)):
        assert is_colour(pixels[y, x], HAPPY)


def test_the_tag_is_above_or_below_or_inside() -> None:
    above = where(drawn(640, 480, ((200, 100, 360, 300), emotions_of("happy"))), HAPPY)
    below = where(drawn(640, 480, ((200, 3, 360, 300), emotions_of("happy"))), HAPPY)
    inside = drawn(640, 480, ((200, 0, 360, 480), emotions_of("happy")))
    assert above[1] < 85
    assert below[3] > 315
    assert np.count_nonzero((np.abs(inside[5:40, 210:350].astype(int) - HAPPY) <= 3).all(axis=2)) > 500


@pytest.mark.parametrize("left", [0.0, 600.0])
def test_the_tag_moves_in_from_the_side(left: float) -> None:
    pixels = drawn(640, 480, ((left, 200, left + 40, 240), emotions_of("surprise")))
    columns = np.nonzero((np.abs(pixels[:197].astype(int) - COLOURS_RGB["surprise"]).max(axis=2) <= 3).any(axis=0))[0]
    assert columns.max() - columns.min() > 50  # its full width, which is more than the box has


def test_tags_keep_off_other_faces_and_tags() -> None:
    """A row of faces with one right above: its tag must not hide them, nor theirs each other."""
    faces: list[tuple[BoxXyxy, Emotions]] = [
        ((100, 200, 180, 300), emotions_of("happy")),
        ((190, 200, 270, 300), emotions_of("sad")),
        ((100, 95, 180, 195), emotions_of("angry")),
    ]
    pixels = drawn(640, 480, *faces)
    for (left, top, right, bottom), _ in faces:
        inner = pixels[int(top) + 6 : int(bottom) - 6, int(left) + 6 : int(right) - 6]
        assert (inner == GROUND).all()


@pytest.mark.parametrize("label", COLOURS_RGB)
def test_the_tag_is_legible(label: str) -> None:
    taxonomy = "affwild2" if label == "other" else "ferplus"
    colour = COLOURS_RGB[label]
    pixels = drawn(640, 480, ((200, 150, 360, 350), emotions_of(label, taxonomy=taxonomy)))
    tag = pixels[120:144, 202:290].reshape(-1, 3)
    ink = min(([0, 0, 0], [255, 255, 255]), key=lambda ink: np.abs(tag.astype(int) - ink).sum(axis=1).min())
    assert (np.abs(tag.astype(int) - ink).sum(axis=1) < 60).any(), "neither black nor white text"
    brighter, darker = sorted((_luminance(colour), _luminance((ink[0], ink[1], ink[2]))), reverse=True)
    assert (brighter + 0.05) / (darker + 0.05) >= 4.5, "WCAG 2 AA"


def test_luminance_of_black_white_and_green() -> None:
    assert _luminance((0, 0, 0)) == 0
    assert _luminance((255, 255, 255)) == pytest.approx(1)
    assert _luminance((0, 255, 0)) == pytest.approx(0.7152)


def bar_px(pixels: Pixels, label: str) -> int:
    """Length of the longest run of a label's colour to the right of x = 365."""
    hits = (np.abs(pixels[:, 365:].astype(int) - COLOURS_RGB[label]).max(axis=2) <= 3).sum(axis=1)
    return int(hits.max())


def test_bars_are_as_long_as_the_probabilities() -> None:
    values = (0.0, 0.5, 0.25, 0.125, 0.125, 0.0, 0.0, 0.0)
    pixels = drawn(640, 480, ((200, 150, 360, 350), Emotions("ferplus", values)))
    longest = bar_px(pixels, "happy")
    assert longest > 20
    assert bar_px(pixels, "surprise") == pytest.approx(longest / 2, abs=2)
    assert bar_px(pixels, "sad") == pytest.approx(longest / 4, abs=2)
    assert bar_px(pixels, "fear") == 0
    certain = drawn(640, 480, ((200, 150, 360, 350), emotions_of("happy", share=1.0)))
    assert bar_px(certain, "happy") == pytest.approx(2 * longest, abs=3)


def panel_side(pixels: Pixels, box: BoxXyxy) -> str | None:
    """Where the blue of "contempt", which is in the panel only, was drawn."""
    left, top, right, _ = box
    hits = np.nonzero(np.abs(pixels.astype(int) - COLOURS_RGB["contempt"]).max(axis=2) <= 3)
    if not hits[0].size:
        return None
    if hits[1].min() > right:
        return "right"
    if hits[1].max() < left:
        return "left"
    return "above" if hits[0].max() < top else "below"


@pytest.mark.parametrize(
    ("size", "box", "side"),
    [
        ((640, 480), (200.0, 150.0, 360.0, 350.0), "right"),
        ((640, 480), (470.0, 150.0, 630.0, 350.0), "left"),
        ((180, 640), (10.0, 100.0, 170.0, 300.0), "below"),
        ((180, 640), (10.0, 400.0, 170.0, 600.0), "above"),
        ((180, 240), (10.0, 20.0, 170.0, 220.0), None),  # no room
        ((1920, 1080), (900.0, 500.0, 930.0, 530.0), None),  # would dwarf the face
    ],
)
def test_the_panel_goes_where_there_is_room(size: tuple[int, int], box: BoxXyxy, side: str | None) -> None:
    values = (0.0, 0.6, 0.0, 0.0, 0.0, 0.0, 0.0, 0.4)
    assert panel_side(drawn(*size, (box, Emotions("ferplus", values))), box) == side


def test_landmarks_are_white_dots_and_those_outside_are_left_out() -> None:
    points = Landmarks((250.0, 220.0), (310.0, 220.0), (280.0, 260.0), (260.0, 300.0), (9000.0, -9000.0))
    pixels = drawn(640, 480, ((200, 150, 360, 350), emotions_of("sad")), landmarks=points)
    for x, y in ((250, 220), (310, 220), (280, 260), (260, 300)):
        assert is_colour(pixels[y, x], (255, 255, 255))
    assert not is_colour(pixels[220, 280], (255, 255, 255))


def test_text_grows_with_the_picture() -> None:
    heights = []
    for scale in (1, 4):
        pixels = drawn(
            320 * scale, 240 * scale, ((80.0 * scale, 90.0 * scale, 200.0 * scale, 220.0 * scale), emotions_of("sad"))
        )
        tag = pixels[: 86 * scale, : 120 * scale]
        _, top, _, bottom = where(tag, SAD)
        heights.append(bottom - top + 1)
    assert heights[1] / heights[0] == pytest.approx(4, rel=0.15)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 50), (2, 2), (10_000, 3), (3, 10_000), (10_000, 1000)])
def test_pictures_of_any_size(width: int, height: int) -> None:
    box = (0.0, 0.0, float(width), float(height))
    pixels = drawn(width, height, (box, emotions_of("happy")), landmarks=POINTS)
    assert pixels.shape == (height, width, 3)
    assert not (pixels == GROUND).all()


@given(
    width=st.integers(1, 300),
    height=st.integers(1, 300),
    boxes=st.lists(st.tuples(*[st.floats(-500, 500)] * 4), max_size=4),
    label=st.sampled_from(TAXONOMIES["ferplus"].labels),
    share=st.floats(0.2, 1),
)
def test_any_reading_can_be_drawn_on_any_picture(
    width: int, height: int, boxes: list[tuple[float, float, float, float]], label: str, share: float
) -> None:
    faces = [
        ((min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)), emotions_of(label, share=share))
        for x0, y0, x1, y1 in boxes
    ]
    pixels = drawn(width, height, *faces, landmarks=POINTS)
    assert pixels.shape == (height, width, 3)
    if not faces:
        assert (pixels == GROUND).all()


def test_a_picture_that_was_not_read_is_refused() -> None:
    with pytest.raises(ValueError, match=r"the reading is of a picture of \(64, 48\), got one of \(48, 64\)"):
        draw(np.zeros((64, 48, 3), np.uint8), reading_of(64, 48))
    with pytest.raises(ValueError, match=r"frame_rgb must be \(height, width, 3\) uint8, got \(48, 64\) uint8"):
        draw(np.zeros((48, 64), np.uint8), reading_of(64, 48))
    with pytest.raises(ValueError, match=r"frame_rgb must be .* float32"):
        draw(np.zeros((48, 64, 3), np.float32), reading_of(64, 48))


def test_a_video_shows_what_is_steady_and_the_number_of_the_person() -> None:
    frame: Pixels = np.full((480, 640, 3), GROUND, np.uint8)
    box = (200.0, 150.0, 360.0, 350.0)
    still = reading_of(640, 480, (box, emotions_of("sad")))
    (face,) = still.faces
    steady = replace(still, faces=(replace(face, smooth=emotions_of("happy")),))
    numbered = replace(still, faces=(replace(face, smooth=emotions_of("happy"), track_id=12),))
    assert is_colour(draw(frame, steady)[250, 200], HAPPY)
    tag, tag_with_number = (where(draw(frame, reading)[:140], HAPPY) for reading in (steady, numbered))
    assert tag_with_number[2] - tag_with_number[0] > tag[2] - tag[0] + 10


@pytest.mark.parametrize("in_a_video", [False, True])
def test_an_unsure_reading_is_grey_and_no_guess(in_a_video: bool) -> None:
    frame: Pixels = np.full((480, 640, 3), GROUND, np.uint8)
    reading = reading_of(640, 480, ((200.0, 150.0, 360.0, 350.0), replace(emotions_of("happy"), doubts=("too_small",))))
    if in_a_video:
        reading = replace(reading, faces=(replace(reading.faces[0], smooth=emotions_of("happy")),))
    pixels = draw(frame, reading)
    assert is_colour(pixels[250, 200], _GREY)
    assert not (np.abs(pixels.astype(int) - HAPPY).max(axis=2) <= 3).any()


def test_what_is_plausible_stands_in_the_tag_where_it_hides_nothing() -> None:
    def tag_width(width: int, emotions: Emotions) -> int:
        pixels = drawn(width, 480, ((200.0, 150.0, 360.0, 350.0), emotions))
        left, _, right, _ = where(pixels[:140], _GREY)
        return right - left

    bare = replace(emotions_of("happy"), doubts=("low_certainty",))
    said = replace(bare, plausible=("happy", "surprise"))
    too_many = replace(bare, plausible=("happy", "surprise", "sad", "fear"))
    assert tag_width(640, said) > 1.5 * tag_width(640, bare)
    assert tag_width(640, too_many) == tag_width(640, bare)
    box = (10.0, 100.0, 80.0, 180.0)
    assert np.array_equal(drawn(90, 300, (box, said)), drawn(90, 300, (box, bare))), "no room for more than unsure"
