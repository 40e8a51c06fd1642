"""A table written again says the same."""

from pathlib import Path

import pytest

from mien.errors import DataError
from mien.results import NOTICE
from mien.sinks.tables import TableSink
from mien.tables.columns import STYLES
from mien.tables.conversion import rewrite
from mien.tables.files import SUFFIXES, read_table
from mien.tables.sidecar import read_sidecar, sidecar_path
from mien.taxonomy import FERPLUS
from reading_samples import results, video


@pytest.fixture
def original(tmp_path: Path) -> Path:
    path = tmp_path / "readings.csv"
    with TableSink(path, FERPLUS, model_licence="Apache-2.0") as sink:
        for result in results("clips/a.mp4", video(["happy", None, "?", "sad"])):
            sink.write(result, None)
    return path


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_there_and_back_is_the_same_file(original: Path, tmp_path: Path, suffix: str, style: str) -> None:
    there, back = tmp_path / f"there{suffix}", tmp_path / "back.csv"
    assert rewrite(read_table(original), there, style=style) == 4
    assert read_table(there).style == style
    assert read_table(there).meta != read_table(original).meta or style == "native"
    rewrite(read_table(there), back, style="native")
    assert back.read_bytes() == original.read_bytes()
    assert read_sidecar(back) == read_sidecar(original)


def test_the_style_stays_unless_another_is_asked_for(original: Path, tmp_path: Path) -> None:
    rewrite(read_table(original), tmp_path / "a.csv", style="openface")
    rewrite(read_table(tmp_path / "a.csv"), tmp_path / "b.jsonl")
    assert read_table(tmp_path / "b.jsonl").style == "openface"


def test_a_table_may_be_written_over_itself_and_says_what_was_done(original: Path) -> None:
    for change in ("one", "two"):
        table = read_table(original)
        rows = [{**row, "track_id": 9} for row in table.rows() if row["success"]]
        assert rewrite(table, original, rows=rows, change=change) == 3
    assert {row["track_id"] for row in read_table(original).rows()} == {9}
    meta = read_sidecar(original)
    assert meta is not None
    assert meta["changes"] == ["one", "two"]
    assert meta["model"]["name"] == "mien-m"


def test_a_table_without_a_sidecar_gets_one_with_what_is_known(original: Path, tmp_path: Path) -> None:
    sidecar_path(original).unlink()
    rewrite(read_table(original), tmp_path / "a.csv")
    meta = read_sidecar(tmp_path / "a.csv")
    assert meta is not None
    assert (meta["notice"], meta["labels"]["taxonomy"]) == (NOTICE, "ferplus")
    assert "model" not in meta


def test_a_broken_row_leaves_what_stood_there(original: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    target.write_text("before")
    with original.open("a") as file:
        file.write("clips/a.mp4,not a number\n")
    with pytest.raises(DataError, match=r"readings\.csv, row 5"):
        rewrite(read_table(original), target)
    assert target.read_text() == "before"
    assert not sidecar_path(target).exists()
