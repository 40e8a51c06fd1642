"""`mien conditions`: from a table of readings and a list of events to a table and pictures."""

import csv
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from mien.cli.app import app
from mien.errors import DataError
from mien.results import SourceResult
from mien.sinks.tables import TableSink
from mien.taxonomy import FERPLUS
from reading_samples import frame, results, video

LOOKS = video(["happy"] * 20 + ["sad"] * 20 + [None] * 10)


def run(*arguments: object) -> Result:
    """Run the command; raise what it raised."""
    return CliRunner().invoke(app, ["conditions", *map(str, arguments)], catch_exceptions=False)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "readings.csv"
    with TableSink(path, FERPLUS) as sink:
        photo = SourceResult("p.jpg", frame(None), None)
        for result in [photo, *results("one/a.mp4", LOOKS), *results("two/a.mp4", LOOKS[:30])]:
            sink.write(result, None)
    return path


@pytest.fixture
def events(tmp_path: Path) -> Path:
    path = tmp_path / "events.csv"
    path.write_text("start,end,label,input\n0,2,first,\n0:01,0:03,middle,\n4,5,last,one/a.mp4\n1.5,2.5,pause,\n")
    return path


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_table_and_a_picture_of_every_video(table: Path, events: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run(table, "--events", events, "--out", out)
    assert result.exit_code == 0
    assert "happy 100%" in result.stdout
    together = [row for row in rows(out / "conditions.csv") if not row["track_id"]]
    assert [(row["input"], row["condition"]) for row in together] == [
        *(("one/a.mp4", label) for label in ("first", "middle", "pause", "last")),
        *(("two/a.mp4", label) for label in ("first", "middle", "pause")),
    ]
    assert float(together[0]["happy_share"]) == 1
    assert float(together[1]["sad_share"]) == pytest.approx(0.5)
    assert (together[3]["frames"], together[3]["happy_share"]) == ("0", "")
    for name in ("a.conditions.png", "a-2.conditions.png"):
        with Image.open(out / name) as picture:
            assert picture.size[0] == 1600


def test_spans_and_labels_are_left_out(table: Path, events: Path, tmp_path: Path) -> None:
    run(table, "--events", events, "--out", tmp_path, "--exclude", "0-0:01", "--exclude-label", "pause")
    found = {(row["input"], row["condition"]): row for row in rows(tmp_path / "conditions.csv") if not row["track_id"]}
    assert {condition for _, condition in found} == {"first", "middle", "last"}
    assert float(found["one/a.mp4", "first"]["seconds"]) == pytest.approx(0.5)
    assert float(found["one/a.mp4", "middle"]["seconds"]) == pytest.approx(1.0)


def test_what_cannot_be_done_is_one_sentence(table: Path, events: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected events with the label rest, there are none"):
        run(table, "--events", events, "--out", tmp_path, "--exclude-label", "rest")
    photos = tmp_path / "photos.csv"
    with TableSink(photos, FERPLUS) as sink:
        sink.write(SourceResult("p.jpg", frame(None), None), None)
    with pytest.raises(DataError, match="expected readings of videos, whose frames have times, got none"):
        run(photos, "--events", events, "--out", tmp_path)
    assert run(table, "--events", events, "--out", tmp_path, "--exclude", "soon").exit_code == 2
