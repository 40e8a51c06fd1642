"""Curves keep every frame of a short video and stay short for a long one."""

from dataclasses import replace

import numpy as np

from mien.summary.curves import Curves
from mien.taxonomy import FERPLUS
from reading_samples import face_of, frame, video


def test_a_short_video_keeps_every_frame() -> None:
    curves = Curves()
    readings = video(["happy", "?", None, "sad"], step_s=1 / 30)
    for reading in readings:
        curves.add(reading)
    (curve,) = curves.finish()
    assert curve.track_id == 0
    assert [round(time * 30) for time in curve.time_s] == [0, 1, 3]
    assert curve.label.tolist() == [FERPLUS.index("happy"), -1, FERPLUS.index("sad")]
    assert np.allclose(curve.raw[0], readings[0].faces[0].emotions.values)
    assert np.allclose(curve.certainty, 2 / 3)


def test_a_step_lasts_until_the_next_unless_the_person_is_away() -> None:
    curves = Curves()
    for index in [0, 1, 2, 3, 5, 20]:
        curves.add(frame(index / 4, face_of("happy")))
    (curve,) = curves.finish()
    assert curve.usual_s == 0.25
    assert curve.end_s.tolist() == [0.25, 0.5, 0.75, 1.25, 1.5, 5.25]


def test_a_long_video_is_thinned_without_losing_its_mean() -> None:
    curves = Curves(limit=100)
    for index in range(1000):
        look = "happy" if index % 2 else "sad"
        curves.add(frame(index / 25, face_of(look, smooth="happy"), face_of("fear", track_id=9)))
    one, other = curves.finish()
    assert len(one.time_s) + len(other.time_s) <= 100
    assert len(one.time_s) > 25
    assert np.allclose(one.smooth[:, FERPLUS.index("happy")], 2 / 3)
    assert np.allclose(one.raw[1:-1, FERPLUS.index("happy")], 0.36, atol=0.05)
    assert np.allclose(other.raw[:, FERPLUS.index("fear")], 2 / 3)
    assert np.allclose(np.diff(one.time_s), curves.step_s)


def test_more_persons_than_steps_end_in_a_step_each() -> None:
    curves = Curves(limit=3)
    for track in range(8):
        curves.add(frame(float(track), *(face_of("happy", track_id=track * 2 + one) for one in range(2))))
    assert [len(curve.time_s) for curve in curves.finish()] == [1] * 16


def test_a_model_that_tells_no_certainty_has_none() -> None:
    curves = Curves()
    face = face_of("happy")
    curves.add(
        frame(0.0, replace(face, emotions=replace(face.emotions, certainty=None)), face_of("sad", track_id=None))
    )
    (curve,) = curves.finish()
    assert np.isnan(curve.certainty).all()
