from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mien.datasets.badrows import BadRows
from mien.datasets.faceset import FaceSet
from mien.datasets.ferplus import attach_votes, is_ferplus, majority_labels, read_ferplus, read_votes
from mien.errors import DataError
from mien.taxonomy import FERPLUS
from realrows import RealRows

HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"


def votes_file(folder: Path, lines: list[str]) -> Path:
    path = folder / "fer2013new.csv"
    path.write_text("\n".join([HEADER, *lines, ""]), "utf-8")
    return path


@pytest.mark.parametrize(
    ("votes", "label"),
    [
        ([10, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0),
        ([0, 0, 0, 0, 0, 0, 0, 6, 4, 0], 7),
        ([5, 5, 0, 0, 0, 0, 0, 0, 0, 0], -1),
        ([5, 1, 1, 1, 1, 1, 0, 0, 0, 0], 0),  # single votes do not count
        ([4, 3, 3, 0, 0, 0, 0, 0, 0, 0], -1),
        ([2, 0, 0, 0, 0, 0, 0, 0, 8, 0], -1),  # "unknown" wins
        ([0, 0, 0, 0, 0, 0, 0, 0, 0, 10], -1),
        ([1, 1, 1, 1, 1, 1, 1, 1, 1, 1], -1),
    ],
)
def test_majority_by_the_authors_filter(votes: list[int], label: int) -> None:
    assert majority_labels(np.array([votes], np.uint8)).tolist() == [label]


def test_the_script_s_folders_are_read(real_rows: RealRows, tmp_path: Path) -> None:
    root = real_rows.write("ferplus", tmp_path)
    assert is_ferplus(root)
    faces = read_ferplus(root)
    named = [row for row, entry in enumerate(real_rows.rows) if entry["image_name"]]
    nameless = [row + 2 for row in range(140) if row not in named]  # lines
    assert (faces.pixels == real_rows.faces[named]).all()
    assert faces.votes is not None
    assert (faces.votes == real_rows.votes[named]).all()
    assert (faces.labels == majority_labels(real_rows.votes[named])).all()
    assert faces.taxonomy == FERPLUS
    assert faces.split.tolist() == [real_rows.usage[row] for row in named]
    assert faces.skipped == ()
    (note,) = faces.notes
    assert f"{len(nameless)} rows" in note
    assert f"without an image name, so without a picture: lines {', '.join(map(str, nameless))}" in note


def test_absent_folders_and_repeated_names_are_noted(real_rows: RealRows, tmp_path: Path) -> None:
    root = real_rows.write("ferplus", tmp_path)
    for picture in (root / "FER2013Valid").iterdir():
        picture.unlink()
    (root / "FER2013Valid").rmdir()
    path = root / "fer2013new.csv"
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([*lines, lines[1], ""]), "utf-8")
    faces = read_ferplus(root)
    assert faces.splits == ("Training",)
    assert "70 rows of PublicTest have votes but no folder of pictures here" in faces.notes
    assert any("1 rows" in note and "repeat an image name: lines 142" in note for note in faces.notes)


def test_pictures_and_lines_that_do_not_fit_are_named(real_rows: RealRows, tmp_path: Path) -> None:
    root = real_rows.write("ferplus", tmp_path)
    whole = len(read_ferplus(root))
    first, second, third = sorted((root / "FER2013Train").iterdir())[:3]
    first.unlink()
    second.write_bytes(second.read_bytes()[:200])
    third.rename(third.with_name("stranger.png"))
    path = root / "fer2013new.csv"
    lines = path.read_text("utf-8").splitlines()
    lines[-1] = lines[-1].rpartition(",")[0]
    path.write_text("\n".join([*lines, ""]), "utf-8")
    with pytest.raises(DataError, match="--skip-bad"):
        read_ferplus(root)
    faces = read_ferplus(root, skip_bad=True)
    assert len(faces) == whole - 4
    said = "\n".join(faces.skipped)
    assert len(faces.skipped) == 5
    for expected in (first.name, second.name, third.name, "stranger.png: expected votes", "fer2013new.csv, line 141"):
        assert expected in said


@pytest.mark.parametrize("fields", ["1,2", "a,0,0,0,0,0,0,0,0,0", "-1,9,0,0,0,0,0,0,0,0", "0,0,0,0,0,0,0,0,0,0", ""])
def test_a_line_without_ten_counts_is_broken(tmp_path: Path, fields: str) -> None:
    table = read_votes(votes_file(tmp_path, ["Training,a.png,10,0,0,0,0,0,0,0,0,0", f"Training,b.png,{fields}"]))
    assert list(table.broken) == [1]
    assert "fer2013new.csv, line 3: expected Usage, image name and ten vote counts" in table.broken[1]


def test_another_table_is_no_votes(tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    path.write_text("emotion,pixels,Usage\n", "utf-8")
    with pytest.raises(DataError, match=r"expected FER\+'s header"):
        read_votes(path)
    with pytest.raises(DataError, match=r"expected FER\+'s votes"):
        read_votes(tmp_path / "absent.csv")


def lines_for(faces: FaceSet) -> list[str]:
    return [f"{split},,{row},1,0,0,0,0,0,0,0,0" for row, split in enumerate(faces.split, start=1)]


def attach(faces: FaceSet, path: Path, *, skip: bool = False) -> tuple[FaceSet, BadRows]:
    bad = BadRows(skip=skip)
    return attach_votes(faces, read_votes(path), numbers=np.arange(len(faces)), rows=len(faces), bad=bad), bad


def test_votes_go_to_the_rows_they_are_aligned_with(invented: FaceSet, tmp_path: Path) -> None:
    faces, _ = attach(invented, votes_file(tmp_path, lines_for(invented)))
    assert faces.votes is not None
    assert faces.votes[:, 0].tolist() == list(range(1, 13))


def test_lines_of_a_split_that_the_faces_lack_are_passed_over(invented: FaceSet, tmp_path: Path) -> None:
    extra = ["PrivateTest,,10,0,0,0,0,0,0,0,0,0"] * 3
    faces, _ = attach(invented, votes_file(tmp_path, [*lines_for(invented), *extra]))
    assert len(faces) == 12


@pytest.mark.parametrize(
    "change", [lambda lines: lines[1:], lambda lines: [lines[0], *lines], lambda lines: [*lines, lines[-1]]]
)
def test_files_that_are_not_aligned_are_refused(
    invented: FaceSet, tmp_path: Path, change: Callable[[list[str]], list[str]]
) -> None:
    with pytest.raises(DataError, match="must hold the same rows in the same order"):
        attach(invented, votes_file(tmp_path, change(lines_for(invented))), skip=True)


def test_rows_after_the_last_vote_and_broken_lines_are_bad_rows(invented: FaceSet, tmp_path: Path) -> None:
    lines = lines_for(invented)[:-1]
    lines[2] = lines[2].replace(",1,", ",x,")
    path = votes_file(tmp_path, lines)
    with pytest.raises(DataError, match=r"row 11: expected votes, got none in .*which has 11 rows"):
        attach(invented, path)
    faces, bad = attach(invented, path, skip=True)
    assert faces.names.tolist() == ["0", "1", "3", "4", "5", "6", "7", "8", "9", "10"]
    assert len(bad.sentences) == 2
    assert "fer2013new.csv, line 4" in bad.sentences[1]
