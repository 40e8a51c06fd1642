from collections.abc import Callable
from pathlib import Path

import pytest

from mien.errors import DataError
from mien.writing import check_absent, replacing


def interrupted_after(path: Path, write: Callable[[Path], object]) -> None:
    with replacing(path) as unfinished:
        write(unfinished)
        raise KeyboardInterrupt


def fill_folder(path: Path) -> None:
    path.mkdir()
    (path / "c").write_text("c", "utf-8")


def test_a_whole_file_replaces_the_older(tmp_path: Path) -> None:
    path = tmp_path / "new" / "out.csv"
    for text in ("first", "second"):
        with replacing(path) as unfinished:
            unfinished.write_text(text, "utf-8")
        assert path.read_text("utf-8") == text
    assert [entry.name for entry in path.parent.iterdir()] == ["out.csv"]


def test_ctrl_c_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("older", "utf-8")
    with pytest.raises(KeyboardInterrupt):
        interrupted_after(path, lambda unfinished: unfinished.write_text("half", "utf-8"))
    assert path.read_text("utf-8") == "older"
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.csv"]


def test_a_folder_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "faces"
    for name in ("a", "b"):
        with replacing(path) as unfinished:
            unfinished.mkdir()
            (unfinished / name).write_text(name, "utf-8")
        assert [entry.name for entry in path.iterdir()] == [name]
    with pytest.raises(KeyboardInterrupt):
        interrupted_after(path, fill_folder)
    assert [entry.name for entry in path.iterdir()] == ["b"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["faces"]


def test_what_is_there_is_only_replaced_by_wish(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", "utf-8")
    (tmp_path / "empty").mkdir()
    check_absent(tmp_path / "absent", overwrite=False)
    check_absent(tmp_path / "empty", overwrite=False)
    check_absent(tmp_path / "file", overwrite=True)
    for there in (tmp_path / "file", tmp_path):
        with pytest.raises(DataError, match="is there already"):
            check_absent(there, overwrite=False)
