"""`mien convert`, from a table to a table."""

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mien.cli.app import app
from mien.errors import DataError
from mien.sinks.tables import TableSink
from mien.tables.files import read_table
from mien.taxonomy import FERPLUS
from reading_samples import results, video


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "readings.csv"
    with TableSink(path, FERPLUS) as sink:
        for result in results("a.mp4", video(["happy", None, "sad"])):
            sink.write(result, None)
    return path


def test_to_another_format_with_other_names_and_back(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    result = CliRunner().invoke(app, ["convert", str(table), str(out), "--columns", "py-feat"])
    assert result.exit_code == 0, result.output
    assert "3 rows written to" in result.stdout
    assert "columns in the style of py-feat" in result.stdout
    back = tmp_path / "back.csv"
    CliRunner().invoke(app, ["convert", str(out), str(back)])
    with back.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["happiness"] > row["sadness"] for row in rows if row["success"] == "1"] == [True, False]
    assert list(read_table(back).rows()) == list(read_table(table).rows())


def test_an_unknown_style_is_wrong_usage(table: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["convert", str(table), str(tmp_path / "out.csv"), "--columns", "excel"])
    assert result.exit_code == 2
    assert not (tmp_path / "out.csv").exists()


def test_what_is_no_table_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    with pytest.raises(DataError, match="expected the columns of a readings table"):
        CliRunner().invoke(app, ["convert", str(tmp_path / "a.csv"), str(tmp_path / "b.csv")], catch_exceptions=False)
