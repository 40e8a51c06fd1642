"""The table as a sink of a run, read back."""

import csv
import json
from pathlib import Path

import pytest

from mien.errors import DataError
from mien.results import SourceResult
from mien.sinks.sink import Sink
from mien.sinks.tables import TableSink
from mien.tables.files import SUFFIXES, read_table
from mien.taxonomy import FER2013, FERPLUS
from reading_samples import results, video


def fill(sink: Sink, *items: SourceResult) -> None:
    with sink as opened:
        for item in items:
            opened.write(item, None)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_two_videos_and_a_broken_one_in_one_table(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "new" / f"readings{suffix}"
    sink = TableSink(path, FERPLUS, model_licence="Apache-2.0")
    sink.describe("a.mp4", fps=10.0)
    clips = [*results("a.mp4", video(["happy", None])), *results("b.mp4", video(["sad"]))]
    fill(sink, *clips, SourceResult("b.mp4", None, "b.mp4 broke off"))
    rows = list(read_table(path).rows())
    assert [(row["input"], row["frame"], row["success"]) for row in rows] == [
        ("a.mp4", 0, 1),
        ("a.mp4", 1, 0),
        ("b.mp4", 0, 1),
    ]
    meta = json.loads((tmp_path / "new" / f"readings{suffix}.meta.json").read_text("utf-8"))
    assert meta["inputs"]["a.mp4"]["fps"] == 10.0
    assert meta["inputs"]["b.mp4"]["error"] == "b.mp4 broke off"
    assert meta["licence"] == {"software": "Apache-2.0", "model": "Apache-2.0"}


def test_the_names_of_another_tool(tmp_path: Path) -> None:
    fill(TableSink(tmp_path / "r.csv", FER2013, columns="py-feat"))
    with (tmp_path / "r.csv").open(newline="") as file:
        assert {"anger", "happiness", "sadness"} <= set(next(csv.reader(file)))


def test_a_reading_in_another_label_set_is_refused(tmp_path: Path) -> None:
    (item,) = results("a.mp4", video(["happy"]))
    with pytest.raises(ValueError, match=r"a\.mp4: expected a reading in fer2013, got one in ferplus"):
        fill(TableSink(tmp_path / "r.csv", FER2013), item)
    assert list(tmp_path.iterdir()) == []


def test_mistakes_are_told_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected a name that ends in \.csv, \.parquet, \.jsonl"):
        TableSink(tmp_path / "r.txt", FERPLUS)
    with pytest.raises(ValueError, match="expected a column style"):
        TableSink(tmp_path / "r.csv", FERPLUS, columns="x")
