from pathlib import Path

import pytest

from mien.datasets.droplist import read_drop_list, write_drop_list
from mien.errors import DataError


def test_written_rows_come_back(tmp_path: Path) -> None:
    path = tmp_path / "drop.csv"
    write_drop_list(path, [("PublicTest", "a, b", "near copy of Training 3"), ("test", "7", "exact copy")])
    assert read_drop_list(path).rows == {("PublicTest", "a, b"), ("test", "7")}
    assert path.read_text("utf-8").splitlines()[0] == "split,name,reason"


def test_the_reason_may_be_absent(tmp_path: Path) -> None:
    path = tmp_path / "drop.csv"
    path.write_text("name,split\n7,test\n", "utf-8")
    assert read_drop_list(path).rows == {("test", "7")}


@pytest.mark.parametrize("text", ["row\n7\n", "", "split,name\ntest,\n", "split,name\ntest\n"])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "drop.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(DataError, match=r"drop\.csv.*: expected a"):
        read_drop_list(path)


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a drop list"):
        read_drop_list(tmp_path / "drop.csv")
