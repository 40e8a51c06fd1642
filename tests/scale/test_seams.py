"""A long video in pieces: the table of one pass, within a tolerance that is stated in docs/scale.md."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mien.results import StreamOptions
from mien.scale.engines import LocalEngine
from mien.scale.reading import ReadSettings
from mien.scale.run import ScaleRun
from mien.scale.seams import Span, joined_rows, spans_of
from mien.tables.columns import Row
from mien.taxonomy import FERPLUS
from scale_samples import PORTRAIT, rows_in
from video_samples import evenly, write_video

FPS = 10


def scene(index: int, width: int, height: int) -> NDArray[np.uint8]:
    """A woman who moves to and fro all the time, and one who looks in now and then."""
    ground = Image.new("RGB", (width, height), (90, 110, 130))
    face = Image.open(PORTRAIT).convert("RGB").crop((150, 20, 310, 220))
    ground.paste(face.resize((96, 120)), (20 + round(12 * np.sin(index / 9)), 40))
    if index // 35 % 2:
        ground.paste(face.resize((80, 100)), (200, 60 + round(10 * np.cos(index / 7))))
    return np.asarray(ground, np.uint8)


@pytest.fixture(scope="module")
def long_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    times_s = evenly(26 * FPS, FPS)
    write_video(path, times_s, size_wh=(320, 240), frame=scene, options={"g": "13", "crf": "18"})
    return path


def read(video: Path, out: Path, *, piece_s: float) -> list[Row]:
    settings = ReadSettings.here(model="mien-m", detector="mtcnn", piece_s=piece_s)
    run = ScaleRun(str(video), str(out), settings)
    with LocalEngine(settings, str(out), workers=2, stall_s=300) as engine:
        for _ in run.counts(engine):
            pass
    assert run.manifest is not None
    assert (run.manifest["inputs"], run.manifest["failures"]) == (1, 0)
    assert run.manifest["rows"] == sum(part["rows"] for part in run.manifest["parts"])
    assert not list((out / "_pieces").rglob("*.parquet"))
    return rows_in(out / "readings")


def test_pieces_make_the_table_of_one_pass(long_video: Path, tmp_path: Path) -> None:
    whole = read(long_video, tmp_path / "whole", piece_s=0)
    joined = read(long_video, tmp_path / "joined", piece_s=12)
    assert len(list((tmp_path / "joined" / "_split").glob("*.json"))) == 1
    assert len({row["track_id"] for row in whole} - {None}) >= 2
    same = ("input", "frame", "timestamp", "face_idx", "track_id", "success")
    assert [[row[name] for name in same] for row in joined] == [[row[name] for name in same] for row in whole]
    for name in ("FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight"):
        np.testing.assert_allclose(column(joined, name), column(whole, name), atol=1.0)
    for label in FERPLUS.labels:
        np.testing.assert_allclose(column(joined, label), column(whole, label), atol=0.02)
        np.testing.assert_allclose(column(joined, f"{label}_smooth"), column(whole, f"{label}_smooth"), atol=0.02)


def column(rows: list[Row], name: str) -> list[float]:
    return [np.nan if row[name] is None else row[name] for row in rows]


def test_pieces_begin_at_key_frames_and_leave_nothing_out(long_video: Path) -> None:
    spans = spans_of(long_video, 12, StreamOptions())
    assert len(spans) == 2
    assert [span.start_s for span in spans] == [0, 13.0]
    assert [span.end_s for span in spans] == [13.0, None]
    assert all(Fraction(span.read_from_s).limit_denominator(1000) % Fraction(13, 10) == 0 for span in spans)
    assert all(span.read_from_s <= span.start_s - 5 for span in spans[1:])
    assert len(spans_of(long_video, 100, StreamOptions())) == 1


def row_at(frame: int, left: float, person: int | None) -> Row:
    box = {"FaceRectX": left, "FaceRectY": 0.0, "FaceRectWidth": 10.0, "FaceRectHeight": 10.0}
    return {"frame": frame, "timestamp": float(frame), "track_id": person, **box}


def test_persons_keep_their_number_across_seams() -> None:
    spans = (Span(0, 10, 0, 12), Span(10, None, 5, None))
    first = [row_at(frame, 100 * person, person) for frame in range(12) for person in (0, 1)]
    # in the second piece they are numbered the other way round, and somebody new is between them
    second = [row_at(frame, left, person) for frame in range(5, 15) for person, left in ((0, 101), (2, 1))]
    second += [row_at(frame, 50, 1) for frame in range(11, 15)] + [{"frame": 15, "timestamp": 15.0, "success": 0}]
    rows = list(joined_rows([first, second], spans))
    assert [row["timestamp"] for row in rows if row["timestamp"] < 10] == sorted([*range(10)] * 2)
    where = {(row["track_id"], round(row["FaceRectX"], -1)) for row in rows if "FaceRectX" in row}
    assert where == {(0, 0), (1, 100), (2, 50)}
    assert rows[-1]["track_id"] is None
