import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from PIL import Image
from pyarrow import parquet

from mien.datasets.faceset import FaceSet
from mien.datasets.parquet import has_parquet, read_parquet, write_parquet
from mien.errors import DataError, MissingExtraError
from mien.taxonomy import FER2013, FERPLUS
from realrows import RealRows, same


def png(grey: int, side: int = 48) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (side, side), grey).save(stream, "PNG")
    return stream.getvalue()


def table(path: Path, columns: dict[str, list[Any]], *, classes: list[str] | None = None) -> Path:
    schema = pyarrow.table(columns)
    if classes is not None:
        metadata = {"info": {"features": {"label": {"names": classes, "_type": "ClassLabel"}}}}
        schema = schema.replace_schema_metadata({"huggingface": json.dumps(metadata)})
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(schema, path)
    return path


def test_what_is_written_comes_back(invented: FaceSet, tmp_path: Path) -> None:
    path = tmp_path / "faces.parquet"
    write_parquet(invented, path)
    assert same(read_parquet(path), invented)


def test_real_rows_come_back(real_rows: RealRows, tmp_path: Path) -> None:
    faces = FaceSet(
        pixels=real_rows.faces,
        labels=np.array(real_rows.emotions),
        votes=real_rows.votes,
        split=np.array(real_rows.usage),
        taxonomy=FER2013,
        source="real",
    )
    write_parquet(faces, tmp_path / "f.parquet")
    assert same(read_parquet(tmp_path / "f.parquet"), faces)


def test_the_hub_s_layout(tmp_path: Path) -> None:
    classes = ["anger", "contempt", "happiness"]
    for name, labels in (("train-00000-of-00001", [0, 2]), ("test-00000-of-00001", [1])):
        images = [{"bytes": png(label * 50, 96), "path": f"{label}.png"} for label in labels]
        table(tmp_path / "data" / f"{name}.parquet", {"image": images, "label": labels}, classes=classes)
    assert has_parquet(tmp_path)
    faces = read_parquet(tmp_path)
    assert faces.split.tolist() == ["test", "Training", "Training"]
    assert faces.taxonomy == FERPLUS
    assert [FERPLUS.labels[label] for label in faces.labels] == ["contempt", "angry", "happy"]
    assert faces.names.tolist() == ["1.png", "0.png", "2.png"]
    assert faces.pixels[:, 0, 0].tolist() == [50, 0, 100]


def test_plain_bytes_and_words(tmp_path: Path) -> None:
    path = table(
        tmp_path / "f.parquet",
        {
            "image": [png(1), png(2)],
            "emotion": ["sadness", "fear"],
            "Usage": ["Training", "PrivateTest"],
            "age": [30, 41],
        },
    )
    faces = read_parquet(path)
    assert faces.split.tolist() == ["Training", "PrivateTest"]
    assert faces.taxonomy == FER2013
    assert [FER2013.labels[label] for label in faces.labels] == ["sad", "fear"]
    assert faces.attributes["age"].tolist() == [30, 41]
    assert faces.names.tolist() == ["0", "1"]


def test_rows_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    path = table(
        tmp_path / "f.parquet",
        {
            "image": [png(1), png(2)[:40], None, png(4), png(5)],
            "label": [0, 1, 2, 9, 4],
            "votes": [[1] * 10, [1] * 10, [1] * 10, [1] * 10, [0] * 10],
        },
    )
    with pytest.raises(DataError, match=r"f\.parquet, row 1: expected a whole PNG picture"):
        read_parquet(path)
    faces = read_parquet(path, skip_bad=True)
    assert faces.names.tolist() == ["0"]
    assert faces.votes is not None
    assert [sentence.split(":")[0].rsplit(" ", 1)[1] for sentence in faces.skipped] == ["1", "2", "3", "4"]


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected the columns image and label, got a"):
        read_parquet(table(tmp_path / "f.parquet", {"a": [1]}))
    (tmp_path / "g.parquet").write_text("text", "utf-8")
    with pytest.raises(DataError, match="expected Parquet files that can be read"):
        read_parquet(tmp_path / "g.parquet")


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r'pip install "mien\[data\]"'):
        read_parquet(tmp_path)
