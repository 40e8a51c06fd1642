"""The analyzer: what it passes on, what it leaves out, and that threads do not disturb it."""

import json
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import mien
from fakes import FakeClassifier, FakeDetector
from mien.errors import MediaError
from mien.media.videos import open_video
from mien.profiles import Baseline
from mien.results import Face, FrameReading
from video_samples import write_video

PHOTO = Path(__file__).parents[1] / "examples" / "astronaut.jpg"


def bright_square(x0: int, y0: int, side: int) -> NDArray[np.uint8]:
    frame = np.zeros((100, 120, 3), np.uint8)
    frame[y0 : y0 + side, x0 : x0 + side] = 255
    return frame


def test_each_face_is_read_from_its_own_place_in_detector_order() -> None:
    faces = (Face((60.0, 10.0, 80.0, 30.0), 0.9, None), Face((10.0, 10.0, 30.0, 30.0), 0.8, None))
    analyzer = mien.Analyzer(model=FakeClassifier(), detector=FakeDetector(*faces))
    reading = analyzer.read(bright_square(55, 5, 30))
    assert [face.box_xyxy for face in reading.faces] == [face.box_xyxy for face in faces]
    assert [face.emotions.probabilities["neutral"] for face in reading.faces] == [1.0, 0.0]


def test_no_face_is_an_empty_reading() -> None:
    reading = mien.Analyzer(model=FakeClassifier(), detector=FakeDetector()).read(np.zeros((5, 7, 3), np.uint8))
    assert (reading.size_wh, reading.faces) == ((7, 5), ())


def test_small_faces_and_no_faces_are_left_out() -> None:
    small, large = Face((0.0, 0.0, 19.0, 10.0), 0.9, None), Face((0.0, 0.0, 10.0, 20.0), 0.8, None)
    analyzer = mien.Analyzer(model=FakeClassifier(), detector=FakeDetector(small, large), min_face_px=20)
    assert [face.score for face in analyzer.read(bright_square(0, 0, 9)).faces] == [0.8]
    doubtful = mien.Analyzer(model=FakeClassifier(not_a_face=0.2), detector=FakeDetector(large))
    assert doubtful.read(bright_square(0, 0, 9)).faces == ()
    everything = mien.Analyzer(model=FakeClassifier(not_a_face=0.2), detector=FakeDetector(large), max_not_a_face=1)
    assert len(everything.read(bright_square(0, 0, 9)).faces) == 1


def test_the_less_sure_the_detector_the_surer_the_model_has_to_be() -> None:
    sure, unsure = Face((0.0, 0.0, 10.0, 20.0), 1.0, None), Face((0.0, 0.0, 10.0, 20.0), 0.5, None)
    for share, scores in ((0.011, [1.0]), (0.0099, [1.0, 0.5])):  # 0.1 is 0.01 to the power of a half
        analyzer = mien.Analyzer(model=FakeClassifier(not_a_face=share), detector=FakeDetector(sure, unsure))
        assert [face.score for face in analyzer.read(bright_square(0, 0, 9)).faces] == scores


def test_where_the_model_does_not_tell_the_detector_has_to_be_sure() -> None:
    faces = (Face((0.0, 0.0, 10.0, 20.0), 0.5, None), Face((0.0, 0.0, 10.0, 20.0), 0.49, None))
    for limit, scores in ((0.1, [0.5]), (1.0, [0.5, 0.49])):
        analyzer = mien.Analyzer(
            model=FakeClassifier(not_a_face=None), detector=FakeDetector(*faces), max_not_a_face=limit
        )
        assert [face.score for face in analyzer.read(bright_square(0, 0, 9)).faces] == scores


def test_boxes_are_reported_within_the_picture() -> None:
    analyzer = mien.Analyzer(model=FakeClassifier(), detector=FakeDetector(Face((-9.0, -5.0, 50.0, 105.0), 1, None)))
    assert analyzer.read(bright_square(0, 0, 9)).faces[0].box_xyxy == (0.0, 0.0, 50.0, 100.0)


def test_faces_that_the_picture_cuts_are_left_out() -> None:
    detector = FakeDetector(Face((-30.0, 0.0, 70.0, 100.0), 1, None), Face((0.0, -20.0, 50.0, 80.0), 0.5, None))
    frame = bright_square(0, 0, 9)
    assert [f.score for f in mien.Analyzer(model=FakeClassifier(), detector=detector).read(frame).faces] == [0.5]
    everything = mien.Analyzer(model=FakeClassifier(), detector=detector, min_visible=0)
    assert len(everything.read(frame).faces) == 2


def test_the_reading_says_what_it_was_made_with() -> None:
    analyzer = mien.Analyzer(model=FakeClassifier(), detector=FakeDetector(), labels="fer2013", crop_scale=1.3)
    reading = analyzer.read(bright_square(0, 0, 9))
    assert (reading.model, reading.model_sha256) == ("fake", "0" * 64)
    assert (reading.options.detector, reading.options.labels, reading.options.crop_scale) == ("fake", "fer2013", 1.3)
    assert FrameReading.from_dict(json.loads(json.dumps(reading.to_dict()))) == reading


@pytest.mark.parametrize("frame", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3)), np.zeros((9, 9, 4), np.uint8)])
def test_what_is_no_picture_is_refused(frame: NDArray[Any]) -> None:
    analyzer = mien.Analyzer(model=FakeClassifier(), detector=FakeDetector())
    with pytest.raises(ValueError, match="frame_rgb must be"):
        analyzer.read(frame)


def test_unknown_words_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="mtcnn"):
        mien.Analyzer(detector="nobody")
    with pytest.raises(ValueError, match="ferplus"):
        mien.Analyzer(labels="nobody")


def test_eight_threads_sharing_one_analyzer_give_the_results_of_one() -> None:
    analyzer = mien.Analyzer(detector="mtcnn")
    photo = mien.load_photo(PHOTO)
    frames = [np.ascontiguousarray(photo[: 512 - 8 * i, 4 * i :]) for i in range(8)]
    alone = [analyzer.read(frame) for frame in frames]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(analyzer.read, frames * 3))
    assert all(reading.faces for reading in alone)
    assert together == alone * 3


def test_a_mirror_image_reads_nearly_the_same() -> None:
    analyzer = mien.Analyzer(detector="mtcnn")
    photo = mien.load_photo(PHOTO)
    face, mirrored = (analyzer.read(np.ascontiguousarray(frame)).faces[0] for frame in (photo, photo[:, ::-1]))
    assert mirrored.emotions.top == face.emotions.top
    assert np.abs(np.subtract(mirrored.emotions.values, face.emotions.values)).max() < 0.1


def test_a_grey_copy_reads_nearly_the_same() -> None:
    analyzer = mien.Analyzer(detector="mtcnn")
    photo = mien.load_photo(PHOTO)
    grey = cv2.cvtColor(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    face, greyed = (analyzer.read(np.asarray(frame, np.uint8)).faces[0] for frame in (photo, grey))
    assert np.abs(np.subtract(greyed.emotions.values, face.emotions.values)).max() < 0.1


def test_a_video_gives_one_reading_per_frame_at_its_true_time(shared_media: Any) -> None:
    analyzer = mien.Analyzer(detector="mtcnn")
    readings = list(analyzer.read_video(shared_media.path("videos/one_face_vfr.mp4")))
    with open_video(shared_media.path("videos/one_face_vfr.mp4")) as video:
        assert [(reading.index, reading.time_s) for reading in readings] == [(f.index, f.time_s) for f in video]
    assert {face.track_id for reading in readings for face in reading.faces} == {0}
    assert sum(len(reading.faces) == 1 for reading in readings) == len(readings)


def test_a_video_is_read_frame_by_frame(tmp_path: Path) -> None:
    path = tmp_path / "made.mp4"
    write_video(path, [Fraction(1), Fraction(11, 10), Fraction(3, 2)])
    analyzer = mien.Analyzer(model=FakeClassifier(), detector=FakeDetector(Face((8.0, 8.0, 40.0, 40.0), 0.9, None)))
    readings = list(analyzer.read_video(path, options=mien.StreamOptions(birth_s=0.1)))
    assert [(reading.index, reading.time_s) for reading in readings] == [(0, 1.0), (1, 1.1), (2, 1.5)]
    assert [[face.smooth is not None for face in reading.faces] for reading in readings] == [[True]] * 3


def test_a_part_of_a_video(shared_media: Any) -> None:
    analyzer = mien.Analyzer(detector="mtcnn")
    path = shared_media.path("videos/two_faces_12fps.mp4")
    readings = list(analyzer.read_video(path, start_s=1, end_s=2, every_frames=2, max_side_px=320))
    assert [reading.size_wh for reading in readings] == [(320, 180)] * 6
    assert all(1 <= (reading.time_s or 0) < 2 for reading in readings)


def test_a_video_that_is_not_there_is_said_at_once() -> None:
    with pytest.raises(MediaError, match=r"nowhere\.mp4"):
        mien.Analyzer(model=FakeClassifier(), detector=FakeDetector()).read_video("nowhere.mp4")


def test_a_profile_may_be_one_persons_alone() -> None:
    reader = mien.Analyzer(detector=FakeDetector(mien.Face((180, 60, 270, 175), 0.9, None)))
    baseline = Baseline({"ferplus": (0.0, -20.0, *([0.0] * 6))}, 5, "photos")
    profile = mien.Profile("anna", "mien-m", reader.classifier.sha256, baseline)
    frame_rgb = mien.load_photo(PHOTO)
    for person in (0, 1):
        session = reader.with_profile(profile, person=person).session(mien.StreamOptions(birth_s=0.1))
        readings = [session.read(frame_rgb, time_s=step / 10) for step in range(12)]
        assert readings[-1].options.profile == f"anna (baseline of 5 faces, photos), for person {person} alone"
        face = readings[-1].faces[0]
        assert face.track_id == 0
        assert (face.emotions.top == "happy") == (person == 1)
    everybody = reader.with_profile(profile, person=0).with_profile(None).session()
    assert [everybody.read(frame_rgb, time_s=0.0).faces[0].emotions.top] == ["happy"]
