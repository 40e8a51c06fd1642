"""Every format and every style gives back what was written."""

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.errors import DataError
from mien.results import NOTICE, FaceReading, SourceResult
from mien.tables.columns import STYLES, Row, columns_of
from mien.tables.files import SUFFIXES, read_table, table_writer
from mien.tables.rows import results_of, rows_of
from mien.tables.sidecar import Provenance, ReadWith, read_sidecar, sidecar_path
from mien.taxonomy import AFFWILD2, FER2013, FERPLUS, Taxonomy
from reading_samples import OPTIONS, STREAM, emotions_of, face_of, frame, results

NAMES = [column.name for column in columns_of(FERPLUS)]
READINGS = [
    frame(0.0, face_of("happy"), face_of("sad", track_id=None, doubts=("too_dark", "too_blurred"))),
    frame(1 / 30, index=1),
    frame(0.1, replace(face_of("fear", track_id=12), landmarks=None), index=4),
    frame(
        None, FaceReading((0, 0, 1, 1), 1.0, None, replace(emotions_of("fear"), votes=None, certainty=None)), index=5
    ),
]


def write(path: Path, rows: Iterable[Row], taxonomy: Taxonomy = FERPLUS, style: str = "native") -> Path:
    with table_writer(path, taxonomy, style=style, meta=lambda: {"mien": "1"}) as write_row:
        for row in rows:
            write_row(row)
    return path


def rows_from(results_: Iterable[SourceResult]) -> list[Row]:
    return [row for result in results_ for row in rows_of(result)]


def full(row: Row, taxonomy: Taxonomy = FERPLUS) -> Row:
    """With a key for every column, as rows are read."""
    return {column.name: row.get(column.name) for column in columns_of(taxonomy)}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_rows_come_back_from_every_format_and_style(tmp_path: Path, suffix: str, style: str) -> None:
    rows = rows_from(results("clips/a,b.mp4", READINGS))
    table = read_table(write(tmp_path / f"t{suffix}", rows, style=style))
    assert (table.taxonomy, table.style) == (FERPLUS, style)
    assert list(table.rows()) == [full(row) for row in rows]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("taxonomy", [FER2013, AFFWILD2])
def test_and_in_every_label_set(tmp_path: Path, suffix: str, taxonomy: Taxonomy) -> None:
    rows = rows_from(results("a.mp4", [frame(0.0, face_of("fear", taxonomy=taxonomy.name))]))
    table = read_table(write(tmp_path / f"t{suffix}", rows, taxonomy))
    assert table.taxonomy == taxonomy
    assert list(table.rows()) == [full(row, taxonomy) for row in rows]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_readings_come_back_but_for_what_rows_do_not_hold(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"t{suffix}", rows_from(results("a.mp4", READINGS)))
    sidecar_path(path).write_text(json.dumps(sidecar_of(results("a.mp4", READINGS))))
    back = list(read_table(path).results())
    assert {result.source for result in back} == {"a.mp4"}
    readings = [result.reading for result in back]
    for reading, before in zip(readings, READINGS, strict=True):
        assert reading is not None
        for face, old in zip(reading.faces, before.faces, strict=True):
            assert face.box_xyxy == pytest.approx(old.box_xyxy)
            assert replace(face, box_xyxy=old.box_xyxy) == old
        assert replace(reading, faces=()) == replace(before, faces=())


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8"), min_size=1),
            st.integers(0, 2**40),
            st.floats(0, 1e9),
            st.floats(0, 1),
            st.booleans(),
        ),
        max_size=5,
    ),
    st.sampled_from(list(STYLES)),
)
def test_any_value_comes_back(
    tmp_path_factory: pytest.TempPathFactory, values: list[tuple[str, int, float, float, bool]], style: str
) -> None:
    folder = tmp_path_factory.mktemp("tables")
    rows = [
        full(
            {"input": name, "frame": index, "timestamp": time_s, "success": int(is_face)}
            | ({"FaceScore": score, "happy": score, "unsure": 1} if is_face else {})
        )
        for name, index, time_s, score, is_face in values
    ]
    for suffix in (".csv", ".jsonl") if rows else (".csv",):
        assert list(read_table(write(folder / f"t{suffix}", rows, style=style)).rows()) == rows


def test_a_frame_without_a_face_is_a_row_of_empty_cells(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", rows_from(results("a.mp4", READINGS[1:2])))
    with path.open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert list(row) == NAMES
    assert {name: cell for name, cell in row.items() if cell} == {
        "input": "a.mp4",
        "frame": "1",
        "timestamp": repr(1 / 30),
        "success": "0",
        "FrameWidth": "64",
        "FrameHeight": "48",
    }


def test_openface_counts_from_one_and_trusts_no_empty_frame(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", rows_from(results("a.mp4", READINGS[:2])), style="openface")
    first, _, without = (json.loads(line) for line in path.read_text("utf-8").splitlines())
    assert (first["frame"], first["face_id"], first["success"]) == (1, 0, 1)
    assert first["confidence"] == 0.1 + 0.2
    assert (without["frame"], without["success"], without["confidence"]) == (2, 0, 0)


def test_parquet_explains_itself(tmp_path: Path) -> None:
    from pyarrow import parquet

    path = write(tmp_path / "t.parquet", rows_from(results("caf\udce9.mp4", READINGS)))
    table = parquet.read_table(path)
    assert json.loads(parquet.read_metadata(path).metadata[b"mien"]) == {"mien": "1"}
    assert {str(table.schema.field(name).type) for name in ("frame", "success", "unsure")} == {"int64"}
    assert str(table.schema.field("timestamp").type) == "double"
    assert table.column("input")[0].as_py() == "caf\\udce9.mp4"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_table_is_there_whole_or_not_at_all(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"t{suffix}"

    def broken_off() -> Iterator[Row]:
        yield rows_from(results("a.mp4", READINGS))[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(path, broken_off())
    assert list(tmp_path.iterdir()) == []


def test_long_tables_reach_the_disk_as_they_grow(tmp_path: Path) -> None:
    rows = rows_from(results("a.mp4", READINGS[:1])) * 2500
    path = write(tmp_path / "t.parquet", rows)
    from pyarrow import parquet

    assert parquet.ParquetFile(path).num_row_groups == 3
    assert sum(1 for _ in read_table(path).rows()) == 5000


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.xlsx", "", r"t\.xlsx: expected a name that ends in \.csv, \.parquet, \.jsonl"),
        ("t.csv", "", "expected the columns of a readings table"),
        ("t.csv", "a,b\n1,2\n", "expected the columns of a readings table"),
        ("t.jsonl", "[1]\n", "expected the columns of a readings table"),
        ("t.jsonl", "{oops", r"t\.jsonl: expected a table in jsonl"),
        ("t.parquet", "no parquet", r"t\.parquet: expected a table in parquet"),
        ("t.csv", ",".join(NAMES) + "\na,x\n", r"t\.csv, row 1: expected a row of the table: .*'x'"),
        ("t.csv", ",".join(NAMES) + "\na,1.5\n", "row 1: .*expected a whole number in frame, got '1.5'"),
    ],
)
def test_what_is_no_table_is_one_sentence(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        list(read_table(tmp_path / name).rows())


def test_pandas_may_have_saved_it(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    cells = {"input": "a", "frame": "3", "timestamp": "1", "face_idx": "0.0", "track_id": "2.0", "success": "1"}
    path.write_text(
        ",".join([*reversed(NAMES), "mine"]) + "\n" + ",".join(cells.get(n, "") for n in reversed(NAMES)) + ",x\n"
    )
    (row,) = read_table(path).rows()
    assert (row["frame"], row["timestamp"], row["track_id"], row["success"]) == (3, 1.0, 2, 1)
    assert isinstance(row["track_id"], int)


def test_a_spreadsheet_may_have_saved_it(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", rows_from(results("a.mp4", READINGS)))
    rows = list(read_table(path).rows())
    path.write_bytes("﻿".encode() + path.read_bytes())
    assert list(read_table(path).rows()) == rows


def test_rows_that_hold_no_reading_are_named() -> None:
    rows = [full(row) for row in rows_from(results("a.mp4", READINGS[:1]))]
    rows[0]["happy"] = 0.9
    with pytest.raises(DataError, match=r"t\.csv: a\.mp4, frame 0: values must be probabilities that sum to 1"):
        list(results_of(rows, FERPLUS, ReadWith.from_sidecar(None, FERPLUS, where="t"), where="t.csv"))


# ---------------------------------------------------------------- sidecar


def sidecar_of(items: Iterable[SourceResult], style: str = "native") -> dict[str, Any]:
    provenance = Provenance(model_licence="Apache-2.0")
    provenance.describe("a.mp4", fps=30.0, time_base="1/15360")  # facts may come before, between and after results
    for item in items:
        provenance.observe(item)
    return provenance.to_dict(FERPLUS, style)


def test_the_sidecar_says_what_made_the_table() -> None:
    broken = SourceResult("b.mp4", None, "b.mp4: expected a video")
    meta = sidecar_of([*results("a.mp4", READINGS[:3]), broken])
    assert meta["notice"] == NOTICE
    assert meta["model"] == {"name": "mien-m", "sha256": "f" * 64}
    assert meta["options"]["detector"] == "mtcnn"
    assert meta["labels"] == {"taxonomy": "ferplus", "order": list(FERPLUS.labels)}
    assert meta["inputs"]["a.mp4"] == {
        "fps": 30.0,
        "time_base": "1/15360",
        "frames": 3,
        "first_s": 0.0,
        "last_s": 0.1,
        "frames_per_s": pytest.approx(20),
    }
    assert meta["inputs"]["b.mp4"] == {"error": "b.mp4: expected a video"}
    assert list(meta["columns"]) == NAMES
    assert json.loads(json.dumps(meta)) == meta
    assert meta["stream"]["smoothing"] == "exponential"
    made = ReadWith.from_sidecar(meta, FERPLUS, where="t.csv")
    assert (made.options, made.stream) == (OPTIONS, STREAM)


def test_the_sidecar_speaks_of_the_columns_that_are_there() -> None:
    meta = sidecar_of([], "openface")
    assert meta["model"] is None
    assert meta["columns"]["frame"]["unit"] == "from 1"
    assert "confidence" in meta["columns"]


def test_a_table_without_its_sidecar_can_still_be_read(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", [])
    assert read_sidecar(path) == {"mien": "1"}
    sidecar_path(path).unlink()
    table = read_table(path)
    assert table.meta is None
    made = ReadWith.from_sidecar(table.meta, FERPLUS, where=str(path))
    assert (made.model, made.options.detector, made.stream) == ("unknown", "unknown", None)


@pytest.mark.parametrize("text", ["no json", "[]", "{}"])
def test_a_foreign_sidecar_is_refused(tmp_path: Path, text: str) -> None:
    path = write(tmp_path / "t.csv", [])
    sidecar_path(path).write_text(text)
    with pytest.raises(DataError, match=r"t\.csv\.meta\.json: expected the JSON that"):
        read_sidecar(path)


def test_impossible_options_are_refused() -> None:
    with pytest.raises(DataError, match="expected the options of a reading"):
        ReadWith.from_sidecar({"options": {"detector": "x"}}, FERPLUS, where="t.csv")
