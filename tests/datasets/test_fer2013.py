from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.datasets import csvblocks, fer2013
from mien.datasets.csvblocks import Block, BlockParser
from mien.datasets.fer2013 import is_fer2013_csv, read_csv
from mien.errors import DataError
from realrows import RealRows

FACE = " ".join(["7"] * 2304)
HEADER = "emotion,pixels,Usage"


def write(path: Path, lines: Sequence[str], *, end: str = "\n") -> Path:
    path.write_bytes(end.join([*lines, ""]).encode())
    return path


def face(first: str, count: int = 2304) -> str:
    return " ".join([first, *["7"] * (count - 1)])


def parse(text: bytes) -> Block | None:
    """What the block parser makes of whole lines."""
    parser = BlockParser(len(text))
    parser.buffer[:-1] = text
    block = parser.parse(0, len(text))
    assert bytes(parser.buffer[:-1]) == text  # lines that cannot be parsed are read again from there
    return block


def test_real_rows_are_read_to_the_pixel(real_rows: RealRows, tmp_path: Path) -> None:
    faces = read_csv(real_rows.write("csv", tmp_path) / "fer2013.csv")
    assert (faces.pixels == real_rows.faces).all()
    assert faces.labels.tolist() == real_rows.emotions
    assert faces.split.tolist() == real_rows.usage
    assert faces.names.tolist() == [str(row) for row in range(140)]
    assert faces.votes is None
    assert faces.skipped == ()


def test_votes_beside_the_csv_are_found(real_rows: RealRows, tmp_path: Path) -> None:
    real_rows.write("csv", tmp_path)
    real_rows.write("ferplus", tmp_path)
    faces = read_csv(tmp_path / "fer2013.csv")
    assert faces.votes is not None
    assert (faces.votes == real_rows.votes).all()


@pytest.mark.parametrize(("segment", "longest"), [(50_000, 1 << 14), (8_000, 1 << 14), (1_000, 1 << 14), (20_000, 100)])
def test_many_blocks_are_read_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, segment: int, longest: int
) -> None:
    monkeypatch.setattr(csvblocks, "_SEGMENT", segment)
    monkeypatch.setattr(csvblocks, "_LONGEST_LINE", longest)
    pixels = np.random.default_rng(0).integers(0, 256, (50, 2304))
    lines = [f"{row % 7},{' '.join(map(str, values))},Training" for row, values in enumerate(pixels)]
    faces = read_csv(write(tmp_path / "f.csv", [HEADER, *lines]))
    assert (faces.pixels.reshape(50, -1) == pixels).all()
    assert faces.labels.tolist() == [row % 7 for row in range(50)]


@given(pattern=st.lists(st.integers(0, 255), min_size=1, max_size=40), emotion=st.integers(0, 6))
def test_the_block_parser_agrees_with_the_row_parser(pattern: list[int], emotion: int) -> None:
    values = list(islice(cycle(pattern), 2304))
    line = f"{emotion},{' '.join(map(str, values))},PublicTest".encode()
    parsed = parse(line + b"\n" + line + b"\n")
    assert parsed is not None
    slow = fer2013._read_row(line, fer2013._COLUMNS)
    assert (parsed.pixels == slow.pixels).all()
    assert slow.pixels.tolist() == [values]
    assert parsed.labels == slow.labels * 2 == [emotion] * 2
    assert parsed.usages == slow.usages * 2


@given(position=st.integers(0, 9300), byte=st.sampled_from(b' ,0123456789-.\t"aZ\n/:'))
def test_the_block_parser_takes_nothing_that_the_row_parser_refuses(position: int, byte: int) -> None:
    line = f"3,{' '.join(str(value % 256) for value in range(2304))},Training".encode()
    text = bytearray(line)
    text[position % len(line)] = byte
    parsed = parse(bytes(text) + b"\n")
    if parsed is not None:
        slow = fer2013._read_row(bytes(text), fer2013._COLUMNS)
        assert (parsed.pixels == slow.pixels).all()
        assert (parsed.labels, parsed.usages) == (slow.labels, slow.usages)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"3,{face('7', 2303)},Training", "expected 2304 pixels, got 2303"),
        (f"3,{face('7', 2305)},Training", "expected 2304 pixels, got 2305"),
        ("3,,Training", "expected 2304 pixels, got 0"),
        (f"7,{FACE},Training", "expected an emotion of 0 to 6, got '7'"),
        (f"-1,{FACE},Training", "expected an emotion of 0 to 6, got '-1'"),
        (f",{FACE},Training", "expected an emotion of 0 to 6, got ''"),
        (f"happy,{FACE},Training", "expected an emotion of 0 to 6, got 'happy'"),
        (f"3,{face('256')},Training", "expected pixels in 0..255, got '256'"),
        (f"3,{face('300')},Training", "expected pixels in 0..255, got '300'"),
        (f"3,{face('1007')},Training", "expected pixels in 0..255, got '1007'"),
        (f"3,{face('1255')},Training", "expected pixels in 0..255, got '1255'"),
        (f"3,{face('299')},Training", "expected pixels in 0..255, got '299'"),
        (f"3,{face('612')},Training", "expected pixels in 0..255, got '612'"),
        (f"3,{face('-5')},Training", "expected pixels in 0..255, got '-5'"),
        (f"3,{face('1.5')},Training", r"expected pixels in 0..255, got '1\.5'"),
        (f"3,{face('1a')},Training", "expected pixels in 0..255, got '1a'"),
        (f"3,{FACE},", "expected a Usage such as Training, got none"),
        (f"3,{FACE}", "expected emotion,pixels,Usage, got 2 columns"),
        (f"3,{FACE},Training,x", "expected emotion,pixels,Usage, got 4 columns"),
    ],
)
def test_a_bad_row_is_named_with_its_line(tmp_path: Path, line: str, said: str) -> None:
    good = f"0,{FACE},Training"
    path = write(tmp_path / "f.csv", [HEADER, *[good] * 40, line, *[good] * 40])
    with pytest.raises(DataError, match=rf"f\.csv, line 42: {said}; .*--skip-bad"):
        read_csv(path)
    faces = read_csv(path, skip_bad=True)
    assert len(faces) == 80
    assert len(faces.skipped) == 1
    assert "f.csv, line 42" in faces.skipped[0]
    assert faces.names.tolist() == [str(row) for row in range(81) if row != 40]


@pytest.mark.parametrize(
    "text",
    [
        f'"3","{FACE}","Training"',
        f"3,{FACE.replace(' ', '  ')},Training",
        f"3, {FACE} , Training",
        f'3,{face("0007")},"Training"',
    ],
)
def test_odd_spelling_that_means_the_same_is_read(tmp_path: Path, text: str) -> None:
    faces = read_csv(write(tmp_path / "f.csv", [HEADER, text]))
    assert (faces.pixels == 7).all()
    assert (faces.labels.tolist(), faces.split.tolist()) == ([3], ["Training"])


@pytest.mark.parametrize("blank", [[], [""]])
def test_line_ends_blank_lines_and_a_missing_last_newline_do_not_matter(tmp_path: Path, blank: list[str]) -> None:
    path = write(tmp_path / "f.csv", [HEADER, f"1,{FACE},Training", *blank, f"2,{FACE},PublicTest"], end="\r\n")
    path.write_bytes(path.read_bytes()[:-2])
    faces = read_csv(path)
    assert faces.labels.tolist() == [1, 2]
    assert faces.split.tolist() == ["Training", "PublicTest"]


def test_the_columns_may_stand_in_another_order(tmp_path: Path) -> None:
    path = write(tmp_path / "icml.csv", ["emotion, Usage, pixels", f"5,PrivateTest,{FACE}"])
    assert is_fer2013_csv(path)
    faces = read_csv(path)
    assert (faces.labels.tolist(), faces.split.tolist()) == ([5], ["PrivateTest"])


def test_another_table_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "f.csv", ["a,b,c", "1,2,3"])
    assert not is_fer2013_csv(path)
    with pytest.raises(DataError, match="expected the header emotion,pixels,Usage, got"):
        read_csv(path)
    with pytest.raises(DataError, match="expected rows after the header"):
        read_csv(write(tmp_path / "empty.csv", [HEADER]))


def test_faces_come_in_the_size_asked_for(tmp_path: Path) -> None:
    faces = read_csv(write(tmp_path / "f.csv", [HEADER, f"1,{FACE},Training"]), side_px=64)
    assert faces.pixels.shape == (1, 64, 64)
    assert (faces.pixels == 7).all()


def test_votes_of_a_bad_row_go_with_it(real_rows: RealRows, tmp_path: Path) -> None:
    real_rows.write("ferplus", tmp_path)
    path = real_rows.write("csv", tmp_path) / "fer2013.csv"
    lines = path.read_text("utf-8").splitlines()
    lines[31] = lines[31].replace(" ", ",", 1)  # row 30
    write(path, lines)
    faces = read_csv(path, skip_bad=True)
    assert faces.votes is not None
    assert (faces.votes == np.delete(real_rows.votes, 30, axis=0)).all()
    assert (faces.pixels == np.delete(real_rows.faces, 30, axis=0)).all()
