import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from mien.errors import DataError, DiskFullError
from mien.writing import check_absent, remove_unfinished, replacing


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


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG])
def test_a_full_disk_is_one_sentence_and_no_half_file(tmp_path: Path, number: int) -> None:
    path = tmp_path / "out.csv"
    path.write_text("older", "utf-8")
    with pytest.raises(DiskFullError, match=f"room for what is written to {tmp_path}") as raised:  # noqa: SIM117, PT012
        with replacing(tmp_path / "new" / "outer"), replacing(path) as unfinished:
            unfinished.write_text("half", "utf-8")
            raise OSError(number, "no room")
    assert raised.value.errno == number
    assert path.read_text("utf-8") == "older"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["new", "out.csv"]


def test_what_a_killed_process_left_can_be_removed(tmp_path: Path) -> None:
    (tmp_path / ".mien-0123456789ab.unfinished.csv").write_text("half", "utf-8")
    (tmp_path / ".mien-0123456789ab.unfinished").mkdir()
    (tmp_path / "unfinished.csv").write_text("mine", "utf-8")
    remove_unfinished(tmp_path)
    remove_unfinished(tmp_path / "absent")
    assert [entry.name for entry in tmp_path.iterdir()] == ["unfinished.csv"]
