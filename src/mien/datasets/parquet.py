"""Parquet with the pictures' bytes in a column, as the data sets of the Hugging Face hub are stored."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.datasets.badrows import BadRows
from mien.datasets.faceset import UNSPLIT, FaceSet
from mien.datasets.ferplus import attach_votes, read_votes
from mien.datasets.labelling import classes_as_words, label_numbers, label_words, taxonomy_for
from mien.datasets.pictures import Progress, read_face
from mien.datasets.words import is_split, split_of
from mien.errors import DataError, MediaError, MissingExtraError
from mien.taxonomy import FER2013, FERPLUS_VOTES
from mien.writing import replacing

__all__ = ["has_parquet", "read_parquet", "write_parquet"]

_NAMES: Mapping[str, tuple[str, ...]] = {
    "image": ("image", "img", "picture", "face"),
    "label": ("label", "labels", "emotion", "expression"),
    "split": ("split", "usage"),
    "votes": ("votes",),
    "name": ("name", "file_name", "filename", "path"),
}
_BATCH_ROWS = 256


def has_parquet(source: Path) -> bool:
    """Whether a path is a Parquet file, or a folder with some at any depth."""
    return bool(_files(source))


def read_parquet(
    source: str | Path,
    *,
    votes: str | Path | None = None,
    side_px: int = 48,
    skip_bad: bool = False,
    progress: Progress | None = None,
) -> FaceSet:
    """Read pictures and labels from Parquet, a few hundred rows at a time.

    The pictures stand in a column `image`, as bytes or as the hub's struct of `bytes` and `path`; the labels in
    `label` or `emotion`, as words or as numbers, whose meaning the hub's metadata say (otherwise FER-2013's order
    counts). The split is the column `split` or `Usage`, or the beginning of the file's name, as in
    `train-00000-of-00002.parquet`. Other columns of numbers or text become attributes.

    Args:
        source: A file, or a folder with files at any depth.
        votes: FER+'s `fer2013new.csv`, whose lines are aligned with the rows.
        side_px: Side of the faces in the result.
        skip_bad: Leave out rows that cannot be used and name them in `skipped`.
        progress: Told after each batch.

    Raises:
        DataError: a row that cannot be used, named with its file and row from 0; or a file without these columns.
        MissingExtraError: pyarrow is not installed.
    """
    source = Path(source)
    parquet = _pyarrow_parquet()
    bad = BadRows(skip=skip_bad)
    try:
        tables = [_Table(path, parquet.ParquetFile(path)) for path in _files(source)]
    except (OSError, ValueError) as error:
        raise DataError(f"{source}: expected Parquet files that can be read: {error}") from error
    total = sum(table.rows for table in tables)
    rows = _Rows(np.empty((total, side_px, side_px), np.uint8))
    for table in tables:
        _read_table(table, rows, bad, progress)
    if not rows.words:
        raise DataError(f"{source}: expected rows with pictures, got none that can be used")
    rows.pixels.resize((len(rows.words), side_px, side_px), refcheck=False)  # in place: no second copy
    classes = next((table.classes for table in tables if table.classes), None)
    taxonomy = FER2013 if classes is None and rows.are_numbers else taxonomy_for(rows.words, classes)
    shared = set.intersection(*(set(table.attributes) for table in tables))
    faces = FaceSet(
        pixels=rows.pixels,
        labels=label_numbers(rows.words, taxonomy),
        votes=np.array(rows.votes, np.uint8) if rows.votes and None not in rows.votes else None,
        split=np.array(rows.split, np.str_),
        taxonomy=taxonomy,
        source=str(source),
        names=np.array(rows.names, np.str_),
        attributes={name: np.array(rows.attributes[name]) for name in sorted(shared)},
    )
    if votes is not None:
        numbers = np.array(rows.numbers, np.intp)
        faces = attach_votes(faces, read_votes(votes), numbers=numbers, rows=total, bad=bad)
    return replace(faces, skipped=bad.sentences)


def write_parquet(faces: FaceSet, path: str | Path) -> None:
    """Write `faces` as one Parquet file of PNG bytes, with the hub's metadata on its columns.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    parquet = _pyarrow_parquet()
    import pyarrow

    picture = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    fields = [("image", picture), ("label", pyarrow.int64()), ("split", pyarrow.string())]
    if faces.votes is not None:
        fields.append(("votes", pyarrow.list_(pyarrow.uint8())))
    fields += [(name, pyarrow.array(column).type) for name, column in faces.attributes.items()]
    features = {
        "image": {"_type": "Image"},
        "label": {"names": list(faces.taxonomy.labels), "_type": "ClassLabel"},
        "split": {"dtype": "string", "_type": "Value"},
    }
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    schema = pyarrow.schema(fields, metadata=metadata)
    with replacing(path) as unfinished, parquet.ParquetWriter(unfinished, schema, compression="zstd") as writer:
        for start in range(0, len(faces), _BATCH_ROWS):
            rows = faces.select(slice(start, start + _BATCH_ROWS))
            images = zip(rows.pixels, rows.names.tolist(), strict=True)
            columns = {
                "image": [{"bytes": _png(face), "path": name} for face, name in images],
                "label": rows.labels,
                "split": rows.split.tolist(),
                **({} if rows.votes is None else {"votes": list(rows.votes)}),
                **{name: column.tolist() for name, column in rows.attributes.items()},
            }
            writer.write_table(pyarrow.table(columns, schema=schema))


class _Table:
    """One Parquet file: which of its columns are which."""

    def __init__(self, path: Path, file: Any) -> None:
        self.path = path
        self.file = file
        self.rows: int = file.metadata.num_rows
        schema = file.schema_arrow
        self.columns = {
            role: name
            for role, known in _NAMES.items()
            if (name := next((name for word in known for name in schema.names if name.lower() == word), None))
        }
        if not {"image", "label"} <= set(self.columns):
            raise DataError(f"{path}: expected the columns image and label, got {', '.join(schema.names)}")
        plain = (name for name in schema.names if _is_plain(schema.field(name).type))
        self.attributes = [name for name in plain if name not in self.columns.values()]
        self.classes = _classes(schema.metadata or {}, self.columns["label"], path)
        word = path.stem.partition("-")[0]
        self.split = split_of(word) if is_split(word) else UNSPLIT


@dataclass
class _Rows:
    """Usable rows so far; `pixels` has room for all."""

    pixels: NDArray[np.uint8]
    words: list[str] = field(default_factory=list)
    votes: list[list[int] | None] = field(default_factory=list)
    split: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    attributes: dict[str, list[Any]] = field(default_factory=dict)
    are_numbers: bool = True
    seen: int = 0  # the bad ones too


def _read_table(table: _Table, rows: _Rows, bad: BadRows, progress: Progress | None) -> None:
    first = rows.seen
    wanted = [*table.columns.values(), *table.attributes]
    for batch in table.file.iter_batches(batch_size=_BATCH_ROWS, columns=wanted):
        columns = {role: batch.column(name).to_pylist() for role, name in table.columns.items()}
        extra = {name: batch.column(name).to_pylist() for name in table.attributes}
        rows.are_numbers &= not any(isinstance(value, str) for value in columns["label"])
        words = label_words(np.array(columns["label"], object), table.classes)
        for index, word in enumerate(words):
            row = rows.seen - first
            try:
                _append(rows, table, {role: column[index] for role, column in columns.items()}, word)
                for name in table.attributes:
                    rows.attributes.setdefault(name, []).append(extra[name][index])
            except ValueError as error:
                bad.add(f"{table.path}, row {row}: {error}")
            rows.seen += 1
        if progress is not None:
            progress(rows.seen, len(rows.pixels))


def _append(rows: _Rows, table: _Table, values: dict[str, Any], word: str | None) -> None:
    """Add one row; a ValueError says what was expected and what came."""
    image, votes = values["image"], values.get("votes")
    stored, path = (image.get("bytes"), image.get("path")) if isinstance(image, dict) else (image, None)
    if word is None:
        classes = table.classes or FER2013.labels
        raise ValueError(f"expected a label of {', '.join(classes)}, got {values['label']!r}")
    if not stored:
        raise ValueError(f"expected a picture's bytes, got {stored!r}")
    if votes is not None and (len(votes) != len(FERPLUS_VOTES) or not any(votes)):
        raise ValueError(f"expected {len(FERPLUS_VOTES)} vote counts that are not all 0, got {votes}")
    try:
        rows.pixels[len(rows.words)] = read_face(stored, side_px=rows.pixels.shape[1])
    except MediaError as error:
        raise ValueError(str(error).removeprefix("the photo in memory: ")) from error
    rows.words.append(word)
    rows.votes.append(votes)
    rows.split.append(split_of(values["split"]) if values.get("split") else table.split)
    rows.names.append(str(values.get("name") or path or rows.seen))
    rows.numbers.append(rows.seen)


def _files(source: Path) -> list[Path]:
    if source.is_dir():
        return sorted(source.rglob("*.parquet"))
    return [source] if source.is_file() and source.suffix.lower() == ".parquet" else []


def _classes(metadata: Mapping[bytes, bytes], label: str, path: Path) -> tuple[str, ...] | None:
    """What the label's numbers mean, as the hub's metadata say it."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        names = features[label]["names"]
    except (KeyError, ValueError, TypeError):
        return None
    return classes_as_words(names, where=f"{path}, the metadata of {label}")


def _is_plain(kind: Any) -> bool:
    import pyarrow

    return bool(pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind) or pyarrow.types.is_string(kind))


def _png(face: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(face).save(stream, "PNG")
    return stream.getvalue()


def _pyarrow_parquet() -> Any:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError("Parquet", extra="data") from error
    return parquet
