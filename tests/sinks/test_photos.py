"""What the sinks write, read back by readers that know nothing of them."""

import csv
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

import mien
from mien.draw import draw
from mien.results import NOTICE, Emotions, FaceReading, FrameReading, Landmarks, ReadOptions, SourceResult
from mien.sinks.photos import AnnotatedPhotoSink, CsvSink, FrequencySink, JsonSink
from mien.sinks.sink import Sink
from mien.taxonomy import FER2013, FERPLUS

VOTES = (0.8125, 0, 0, 0, 0, 0, 0, 0, 0.125, 0.0625)
POINTS = Landmarks((0.1, 0.2), (30.5, 0.25), (15.0, 1 / 3), (2.0, 40.0), (28.0, 41.0))


def face_of(top: str, *, landmarks: Landmarks | None = POINTS, share: float = 2 / 3) -> FaceReading:
    rest = (1 - share) / 7
    values = tuple(share if label == top else rest for label in FERPLUS.labels)
    return FaceReading(
        box_xyxy=(1.5, 2.0, 31.25, 1 / 3 + 40),
        score=0.1 + 0.2,
        landmarks=landmarks,
        emotions=Emotions(
            taxonomy="ferplus",
            values=values,
            votes=VOTES,
            certainty=1 / 3,
            plausible=(top, "contempt"),
            doubts=("low_certainty", "too_dark"),
        ),
    )


def read(source: str, *faces: FaceReading, size_wh: tuple[int, int] = (64, 48)) -> SourceResult:
    options = ReadOptions("mtcnn", "ferplus", 0, 0.75, 0.5, 1.0)
    return SourceResult(source, FrameReading(size_wh, faces, options, "mien-m", "f" * 64), None)


RESULTS = [
    read("two.jpg", face_of("happy"), face_of("sad", landmarks=None)),
    read("none.jpg"),
    SourceResult("bad.jpg", None, "bad.jpg: expected a photo, got text: check what it is"),
    read('od"d, 表情 😀\nname.png', face_of("happy")),
]
FRAME = np.full((48, 64, 3), 90, np.uint8)

FILE_SINKS: dict[str, Callable[[Path], Sink]] = {
    "csv": lambda path: CsvSink(path, FERPLUS),
    "json": JsonSink,
    "frequency": lambda path: FrequencySink(path, FERPLUS),
}


def fill(sink: Sink, results: Iterable[SourceResult]) -> None:
    with sink as opened:
        for result in results:
            opened.write(result, FRAME if result.reading else None)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, strict=True))


# ---------------------------------------------------------------- CSV


def test_csv_has_one_row_per_face_and_one_for_a_photo_without(tmp_path: Path) -> None:
    fill(CsvSink(tmp_path / "readings.csv", FERPLUS), RESULTS)
    rows = rows_of(tmp_path / "readings.csv")
    assert [(row["source"], row["faces"], row["face"]) for row in rows] == [
        ("two.jpg", "2", "0"),
        ("two.jpg", "2", "1"),
        ("none.jpg", "0", ""),
        ("bad.jpg", "", ""),
        ('od"d, 表情 😀\nname.png', "1", "0"),
    ]
    assert list(rows[0]) == [
        *("source", "width_px", "height_px", "faces", "face", "score", "x0_px", "y0_px", "x1_px", "y1_px"),
        *("left_eye_x_px", "left_eye_y_px", "right_eye_x_px", "right_eye_y_px", "nose_x_px", "nose_y_px"),
        *("mouth_left_x_px", "mouth_left_y_px", "mouth_right_x_px", "mouth_right_y_px"),
        *("geometry_mouth_opening", "geometry_mouth_width", "geometry_left_brow_height", "geometry_right_brow_height"),
        *("geometry_left_eye_opening", "geometry_right_eye_opening", "top"),
        *("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt"),
        *(f"{label}_viewers" for label in FERPLUS.labels),
        *("unknown", "not_a_face", "certainty", "plausible", "unsure", "doubts", "model", "error"),
    ]


def test_csv_keeps_full_precision(tmp_path: Path) -> None:
    fill(CsvSink(tmp_path / "readings.csv", FERPLUS), RESULTS)
    row = rows_of(tmp_path / "readings.csv")[0]
    face = face_of("happy")
    assert float(row["score"]) == face.score == 0.1 + 0.2
    assert tuple(float(row[name]) for name in ("x0_px", "y0_px", "x1_px", "y1_px")) == face.box_xyxy
    assert tuple(float(row[label]) for label in FERPLUS.labels) == face.emotions.values
    assert float(row["nose_y_px"]) == 1 / 3
    assert row["geometry_mouth_opening"] == ""
    assert (row["top"], row["unknown"], row["not_a_face"]) == ("happy", "0.125", "0.0625")
    assert (row["neutral_viewers"], row["happy_viewers"]) == ("0.8125", "0.0")
    assert float(row["certainty"]) == 1 / 3
    assert (row["plausible"], row["unsure"], row["doubts"]) == ("happy contempt", "1", "low_certainty too_dark")
    assert (row["width_px"], row["height_px"], row["model"], row["error"]) == ("64", "48", "mien-m", "")


def test_csv_leaves_cells_empty_that_have_no_value(tmp_path: Path) -> None:
    fill(CsvSink(tmp_path / "readings.csv", FERPLUS), RESULTS)
    _, without_landmarks, without_face, unreadable, _ = rows_of(tmp_path / "readings.csv")
    assert without_landmarks["nose_x_px"] == ""
    assert {name: cell for name, cell in without_face.items() if cell} == {
        "source": "none.jpg",
        "width_px": "64",
        "height_px": "48",
        "faces": "0",
        "model": "mien-m",
    }
    assert {name: cell for name, cell in unreadable.items() if cell} == {
        "source": "bad.jpg",
        "error": "bad.jpg: expected a photo, got text: check what it is",
    }


@given(st.lists(st.text(), max_size=8))
def test_any_name_and_any_error_come_back_from_csv_and_json(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("sinks")
    results = [SourceResult(text, None, text + "!") for text in texts]
    fill(CsvSink(folder / "readings.csv", FERPLUS), results)
    fill(JsonSink(folder / "readings.json"), results)
    rows = rows_of(folder / "readings.csv")
    assert [(row["source"], row["error"]) for row in rows] == [(text, text + "!") for text in texts]
    photos = json.loads((folder / "readings.json").read_text("utf-8"))["photos"]
    assert [SourceResult.from_dict(photo) for photo in photos] == results


# ---------------------------------------------------------------- JSON and counts


def test_json_gives_the_results_back(tmp_path: Path) -> None:
    fill(JsonSink(tmp_path / "readings.json"), RESULTS)
    document = json.loads((tmp_path / "readings.json").read_text("utf-8"))
    assert list(document) == ["mien", "notice", "photos"]
    assert document["mien"] == mien.__version__
    assert document["notice"] == NOTICE
    assert [SourceResult.from_dict(photo) for photo in document["photos"]] == RESULTS


@pytest.mark.parametrize("results", [[], RESULTS[:1]])
def test_json_with_none_or_one(tmp_path: Path, results: list[SourceResult]) -> None:
    fill(JsonSink(tmp_path / "readings.json"), results)
    document = json.loads((tmp_path / "readings.json").read_text("utf-8"))
    assert len(document["photos"]) == len(results)


def test_json_reaches_the_disk_as_it_grows(tmp_path: Path) -> None:
    with JsonSink(tmp_path / "readings.json") as sink:
        for number in range(2000):
            sink.write(read(f"{number}.jpg", face_of("fear")), FRAME)
        unfinished = [path for path in tmp_path.iterdir() if path.name.startswith(".")]
        assert unfinished[0].stat().st_size > 500_000
    assert len(json.loads((tmp_path / "readings.json").read_text("utf-8"))["photos"]) == 2000


def test_frequency_counts_the_top_emotion_of_every_face(tmp_path: Path) -> None:
    fill(FrequencySink(tmp_path / "frequency.csv", FERPLUS), RESULTS)
    assert (tmp_path / "frequency.csv").read_text("utf-8") == (
        "emotion,count\nneutral,0\nhappy,2\nsurprise,0\nsad,1\nangry,0\ndisgust,0\nfear,0\ncontempt,0\n"
    )


@pytest.mark.parametrize("sink_of", [CsvSink, FrequencySink])
def test_a_reading_in_another_label_set_is_refused(tmp_path: Path, sink_of: Any) -> None:
    with (
        pytest.raises(ValueError, match=r"two\.jpg: expected a reading in fer2013, got one in ferplus"),
        sink_of(tmp_path / "out.csv", FER2013) as sink,
    ):
        sink.write(RESULTS[0], FRAME)
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- whole or not at all


@pytest.mark.parametrize("kind", FILE_SINKS)
def test_a_file_appears_when_it_is_complete(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "new" / "folder" / "out"
    with FILE_SINKS[kind](target) as sink:
        sink.write(RESULTS[0], FRAME)
        assert not target.exists()
    assert target.is_file()
    assert list(target.parent.iterdir()) == [target]


def interrupted(error: type[BaseException]) -> Iterator[SourceResult]:
    yield RESULTS[0]
    raise error


@pytest.mark.parametrize("kind", FILE_SINKS)
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_leaves_what_was_there(tmp_path: Path, kind: str, error: type[BaseException]) -> None:
    target = tmp_path / "out"
    target.write_text("from before")
    sink = FILE_SINKS[kind](target)
    with pytest.raises(error):
        fill(sink, interrupted(error))
    assert target.read_text() == "from before"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("kind", FILE_SINKS)
def test_an_error_while_completing_leaves_what_was_there(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out"
    target.write_text("from before")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="got a full disk"), FILE_SINKS[kind](target) as sink:
        monkeypatch.setattr(sink, "_end", full)
    assert target.read_text() == "from before"
    assert list(tmp_path.iterdir()) == [target]


def test_the_files_are_as_readable_as_any_other(tmp_path: Path) -> None:
    fill(JsonSink(tmp_path / "out.json"), RESULTS)
    fill(AnnotatedPhotoSink(tmp_path), RESULTS)
    (tmp_path / "plain").touch()
    modes = {path.stat().st_mode for path in tmp_path.iterdir()}
    assert len(modes) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that are no Unicode")
def test_names_that_are_no_unicode_come_through(tmp_path: Path) -> None:
    source = os.fsdecode(b"caf\xe9.jpg")
    fill(CsvSink(tmp_path / "readings.csv", FERPLUS), [read(source, face_of("sad"))])
    fill(JsonSink(tmp_path / "readings.json"), [read(source, face_of("sad"))])
    fill(AnnotatedPhotoSink(tmp_path), [read(source, face_of("sad"))])
    assert rows_of(tmp_path / "readings.csv")[0]["source"] == "caf\\udce9.jpg"
    assert json.loads((tmp_path / "readings.json").read_text("utf-8"))["photos"][0]["source"] == source
    assert (tmp_path / "caf.jpg").is_file()


# ---------------------------------------------------------------- annotated pictures


def test_a_png_stays_a_png_and_shows_the_reading(tmp_path: Path) -> None:
    result = read("in/a.PNG", face_of("happy"))
    fill(AnnotatedPhotoSink(tmp_path / "out"), [result])
    assert result.reading is not None
    with Image.open(tmp_path / "out" / "a.png") as picture:
        assert picture.format == "PNG"
        assert picture.info["Comment"] == NOTICE
        assert np.array_equal(np.asarray(picture), draw(FRAME, result.reading))


@pytest.mark.parametrize("source", ["a.jpg", "a.JPEG", "a.heic", "a", "a.webp"])
def test_everything_else_becomes_a_good_jpeg(tmp_path: Path, source: str) -> None:
    result = read(source, face_of("happy"))
    fill(AnnotatedPhotoSink(tmp_path), [result])
    assert result.reading is not None
    with Image.open(tmp_path / "a.jpg") as picture:
        assert picture.format == "JPEG"
        assert picture.info["comment"] == NOTICE.encode()
        assert np.abs(np.asarray(picture).astype(int) - draw(FRAME, result.reading)).mean() < 3


def test_a_picture_too_wide_for_jpeg_becomes_a_png(tmp_path: Path) -> None:
    frame = np.full((2, 70_000, 3), 90, np.uint8)
    with AnnotatedPhotoSink(tmp_path) as sink:
        sink.write(read("wide.jpg", size_wh=(70_000, 2)), frame)
    with Image.open(tmp_path / "wide.png") as picture:
        assert picture.size == (70_000, 2)


def test_photos_without_a_face_are_written_and_unreadable_ones_are_not(tmp_path: Path) -> None:
    fill(AnnotatedPhotoSink(tmp_path), RESULTS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["none.jpg", 'od"d, 表情 😀\nname.png', "two.jpg"]


def test_photos_of_one_name_get_numbers(tmp_path: Path) -> None:
    sources = [
        "x/a.jpg",
        "y/a.jpg",
        "a.webp",
        "x/A.tif",
        "a_2.gif",
        "a.png",
        "é.jpg",
        "e\N{COMBINING ACUTE ACCENT}.jpg",
    ]
    fill(AnnotatedPhotoSink(tmp_path), [read(source) for source in sources])
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {
        *("a.jpg", "a_2.jpg", "a_3.jpg", "A_4.jpg", "a_2_2.jpg", "a.png", "é.jpg"),
        "e\N{COMBINING ACUTE ACCENT}_2.jpg",
    }


def test_a_photo_is_never_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    photos = ["a.jpg", "a.webp", "b.heic", "b.jpg"]
    for photo in photos:
        Path(photo).write_text(f"the photo {photo}")
    fill(AnnotatedPhotoSink(tmp_path, photos=photos), [read(photo) for photo in photos])
    assert all(Path(photo).read_text() == f"the photo {photo}" for photo in photos)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a.jpg",
        "a.webp",
        "a_2.jpg",
        "a_3.jpg",
        "b.heic",
        "b.jpg",
        "b_2.jpg",
        "b_3.jpg",
    ]


def test_the_photo_itself_is_safe_without_being_told(tmp_path: Path) -> None:
    photo = tmp_path / "a.jpg"
    photo.write_text("the photo")
    fill(AnnotatedPhotoSink(tmp_path / "." / ".." / tmp_path.name), [read(str(photo))])
    assert photo.read_text() == "the photo"
    assert (tmp_path / "a_2.jpg").is_file()


def test_pictures_of_an_earlier_run_are_replaced(tmp_path: Path) -> None:
    for _ in range(2):
        fill(AnnotatedPhotoSink(tmp_path / "out"), [read("a.jpg"), read("b/a.jpg")])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.jpg", "a_2.jpg"]


def test_names_as_long_as_the_system_allows(tmp_path: Path) -> None:
    stem = "表" * 83
    fill(AnnotatedPhotoSink(tmp_path), [read(f"{stem}.jpeg"), read(f"b/{stem}.jpeg"), read("n" * 255)])
    written = sorted(len(os.fsencode(path.name)) for path in tmp_path.iterdir())
    assert len(written) == 3
    assert written[-1] <= 255


def test_a_picture_that_cannot_be_drawn_leaves_no_file(tmp_path: Path) -> None:
    wrong: NDArray[np.uint8] = np.zeros((5, 5, 3), np.uint8)
    with pytest.raises(ValueError, match="the reading is of a picture"), AnnotatedPhotoSink(tmp_path) as sink:
        sink.write(RESULTS[0], wrong)
    assert list(tmp_path.iterdir()) == []
