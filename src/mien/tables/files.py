"""The table's files: CSV, Parquet and JSON lines, chosen by suffix, written and read row by row."""

import csv
import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, TextIO

from mien.errors import DataError, MissingExtraError
from mien.results import SourceResult
from mien.tables.columns import Column, Row, columns_of, names_in, recognised
from mien.tables.rows import results_of
from mien.tables.sidecar import ReadWith, read_sidecar, sidecar_path
from mien.taxonomy import Taxonomy
from mien.writing import replacing

__all__ = ["SUFFIXES", "TableFile", "check_suffix", "parquet_writer", "read_table", "table_writer"]

WriteRow = Callable[[Row], None]

_BATCH_ROWS = 2048


def check_suffix(path: str | Path) -> None:
    """Refuse a name that says no format of the table.

    Raises:
        DataError: its suffix is none of `SUFFIXES`.
    """
    if Path(path).suffix.lower() not in SUFFIXES:
        raise DataError(f"{path}: expected a name that ends in {', '.join(SUFFIXES)}, which says the format")


@contextmanager
def table_writer(
    path: str | Path, taxonomy: Taxonomy, *, style: str, meta: Callable[[], Mapping[str, Any]]
) -> Iterator[WriteRow]:
    """Write a table and its sidecar: what is yielded takes rows one by one, by native name.

    Both appear under their names when the block ends well.

    Args:
        path: Its suffix says the format.
        style: Whose column names, one of `STYLES`.
        meta: Called at the end; the sidecar's content. Parquet holds it too, under the key "mien".

    Raises:
        DataError: the suffix says no format.
        MissingExtraError: Parquet, and pyarrow is not installed.
    """
    path = Path(path)
    check_suffix(path)
    with replacing(sidecar_path(path)) as sidecar, replacing(path) as unfinished:
        with _WRITERS[path.suffix.lower()](unfinished, taxonomy, style, meta) as write:
            yield write
        sidecar.write_text(json.dumps(meta(), indent=2, ensure_ascii=False) + "\n", "utf-8", "backslashreplace")


@dataclass(frozen=True)
class TableFile:
    """A table that can be read.

    Args:
        path: The file.
        taxonomy: The label set of its readings.
        style: Whose column names it has.
        meta: Its sidecar; None if there is none.
    """

    path: Path
    taxonomy: Taxonomy
    style: str
    meta: dict[str, Any] | None

    def rows(self) -> Iterator[Row]:
        """Its rows one by one, by native name, with a key for every column.

        Raises:
            DataError: a row that cannot be read, named with its number.
        """
        style_names = names_in(self.style, self.taxonomy)
        columns = [(column, style_names[column.name]) for column in columns_of(self.taxonomy)]
        for number, record in enumerate(_READERS[self.path.suffix.lower()](self.path), start=1):
            try:
                row = {column.name: _cell(column, record[name]) for column, name in columns}
                if self.style == "openface":
                    row = _from_openface(row)
            except (KeyError, ValueError, TypeError) as error:
                raise DataError(f"{self.path}, row {number}: expected a row of the table: {error}") from error
            yield row

    def results(self) -> Iterator[SourceResult]:
        """The readings that its rows came from, one by one.

        Raises:
            DataError: a row that holds no reading, named with its input and frame.
        """
        made = ReadWith.from_sidecar(self.meta, self.taxonomy, where=str(self.path))
        return results_of(self.rows(), self.taxonomy, made, where=str(self.path))


def read_table(path: str | Path) -> TableFile:
    """Open a table; its label set and style are recognised by its columns.

    Raises:
        DataError: it is no such table, its suffix says no format, or what lies beside it is no sidecar.
        MissingExtraError: Parquet, and pyarrow is not installed.
    """
    path = Path(path)
    check_suffix(path)
    taxonomy, style = recognised(_HEADERS[path.suffix.lower()](path), where=str(path))
    return TableFile(path, taxonomy, style, read_sidecar(path))


def _cell(column: Column, value: Any) -> Any:
    """A value of a file as the column's kind; None for an empty cell."""
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    if column.kind == "whole":
        number = float(value)  # pandas writes whole numbers with a point where some cells are empty
        if not number.is_integer():
            raise ValueError(f"expected a whole number in {column.name}, got {value!r}")
        return int(number)
    return float(value) if column.kind == "real" else str(value)


def _to_openface(row: Row) -> Row:
    """Frames from 1, and a confidence of 0 where there is no face."""
    return {**row, "frame": row["frame"] + 1, "FaceScore": row["FaceScore"] if row["success"] else 0.0}


def _from_openface(row: Row) -> Row:
    return {**row, "frame": row["frame"] - 1, "FaceScore": row["FaceScore"] if row["success"] else None}


def _renamer(taxonomy: Taxonomy, style: str) -> Callable[[Row], dict[str, Any]]:
    """From a row by native name to one in a style, with a key for every column in order."""
    names = names_in(style, taxonomy).items()

    def renamed(row: Row) -> dict[str, Any]:
        if style == "openface":
            row = _to_openface(row)
        return {name: row.get(native) for native, name in names}

    return renamed


@contextmanager
def _csv_writer(path: Path, taxonomy: Taxonomy, style: str, _: Callable[[], Mapping[str, Any]]) -> Iterator[WriteRow]:
    renamed = _renamer(taxonomy, style)
    with _text(path, "w") as file:
        lines = csv.writer(file)
        lines.writerow(names_in(style, taxonomy).values())
        yield lambda row: lines.writerow(renamed(row).values())


@contextmanager
def _jsonl_writer(path: Path, taxonomy: Taxonomy, style: str, _: Callable[[], Mapping[str, Any]]) -> Iterator[WriteRow]:
    renamed = _renamer(taxonomy, style)
    with _text(path, "w") as file:
        yield lambda row: _write_line(file, renamed(row))


def _write_line(file: TextIO, record: Mapping[str, Any]) -> None:
    file.write(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n")


@contextmanager
def parquet_writer(
    path: Path | BinaryIO, taxonomy: Taxonomy, style: str, meta: Callable[[], Mapping[str, Any]]
) -> Iterator[WriteRow]:
    """Write Parquet alone, without a sidecar: what is yielded takes rows one by one, by native name.

    Args:
        path: A file, or a stream that stays open.
        taxonomy: As for `table_writer`.
        style: As for `table_writer`.
        meta: Called at the end; it is in the file under the key "mien".

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    parquet = _pyarrow_parquet()
    import pyarrow

    kinds = {"text": pyarrow.string(), "whole": pyarrow.int64(), "real": pyarrow.float64()}
    names = names_in(style, taxonomy)
    schema = pyarrow.schema([(names[column.name], kinds[column.kind]) for column in columns_of(taxonomy)])
    renamed = _renamer(taxonomy, style)
    waiting: list[dict[str, Any]] = []
    with ExitStack() as stack:
        writer = stack.enter_context(parquet.ParquetWriter(path, schema, compression="zstd"))

        def flush() -> None:
            writer.write_table(pyarrow.Table.from_pylist(waiting, schema=schema))
            waiting.clear()

        def write(row: Row) -> None:
            waiting.append(_encodable(renamed(row)))
            if len(waiting) == _BATCH_ROWS:
                flush()

        yield write
        flush()
        writer.add_key_value_metadata({"mien": json.dumps(meta())})


def _encodable(record: dict[str, Any]) -> dict[str, Any]:
    """With backslash escapes in the name of a file that is no valid Unicode, as the text formats have them."""
    return {**record, "input": str(record["input"]).encode("utf-8", "backslashreplace").decode("utf-8")}


def _csv_records(path: Path) -> Iterator[dict[str, Any]]:
    with _text(path, "r") as file, _named(path):
        yield from csv.DictReader(file)


def _csv_header(path: Path) -> list[str]:
    with _text(path, "r") as file, _named(path):
        return [name.strip() for name in next(csv.reader(file), [])]


def _jsonl_records(path: Path) -> Iterator[dict[str, Any]]:
    with _text(path, "r") as file, _named(path):
        for line in file:
            yield json.loads(line)


def _jsonl_header(path: Path) -> list[str]:
    record = next(_jsonl_records(path), {})
    return list(record) if isinstance(record, dict) else []


def _parquet_records(path: Path) -> Iterator[dict[str, Any]]:
    with _named(path), _pyarrow_parquet().ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_BATCH_ROWS):
            yield from batch.to_pylist()


def _parquet_header(path: Path) -> list[str]:
    with _named(path), _pyarrow_parquet().ParquetFile(path) as file:
        return list(file.schema_arrow.names)


def _text(path: Path, mode: Literal["r", "w"]) -> TextIO:
    if mode == "w":
        return path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
    return path.open(encoding="utf-8-sig", newline="")  # a spreadsheet may have put a mark before it


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Errors of a format's reader as one sentence that names the file."""
    try:
        yield
    except (UnicodeDecodeError, csv.Error, ValueError) as error:  # json's and pyarrow's errors are ValueErrors
        raise DataError(f"{path}: expected a table in {path.suffix.lower().removeprefix('.')}: {error}") from error


def _pyarrow_parquet() -> Any:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError("Parquet", extra="data") from error
    return parquet


_WRITERS = {".csv": _csv_writer, ".parquet": parquet_writer, ".jsonl": _jsonl_writer}
_READERS = {".csv": _csv_records, ".parquet": _parquet_records, ".jsonl": _jsonl_records}
_HEADERS = {".csv": _csv_header, ".parquet": _parquet_header, ".jsonl": _jsonl_header}
SUFFIXES = tuple(_WRITERS)
"""The formats, by the suffix of the file."""
