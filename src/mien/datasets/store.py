"""The HDF5 store: a `FaceSet` in one file, chunked and compressed, read whole or a slice at a time.

Datasets `images` (n, side, side) uint8, `labels`, `splits`, `names`, `votes` where there are any, and one per column
in the group `attributes`; `label_names` says what the labels mean.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mien.datasets.arrays import CLASSES, HDF5_SUFFIXES
from mien.datasets.faceset import FaceSet
from mien.errors import DataError, MissingExtraError
from mien.taxonomy import TAXONOMIES
from mien.writing import replacing

if TYPE_CHECKING:
    import h5py

__all__ = ["FaceStore", "is_store", "open_store", "write_store"]

_FORMAT = "mien-faces"
_CHUNK_ROWS = 64
_BATCH_ROWS = 4096


def write_store(faces: FaceSet, path: str | Path) -> None:
    """Write all columns of `faces`; `skipped` and `notes` are about the source and stay behind.

    Raises:
        MissingExtraError: h5py is not installed.
    """
    h5py = _h5py()
    columns = {"labels": faces.labels, "splits": faces.split, "names": faces.names}
    if faces.votes is not None:
        columns["votes"] = faces.votes
    columns |= {f"attributes/{name}": column for name, column in faces.attributes.items()}
    with replacing(path) as unfinished, h5py.File(unfinished, "w") as file:
        file.attrs.update(format=_FORMAT, version=1, taxonomy=faces.taxonomy.name, made_from=faces.source)
        file[CLASSES] = list(faces.taxonomy.labels)
        side = faces.pixels.shape[1:]
        images = file.create_dataset(
            "images",
            faces.pixels.shape,
            np.uint8,
            chunks=(_CHUNK_ROWS, *side),
            maxshape=(None, *side),
            compression="gzip",
            compression_opts=1,
        )
        for start in range(0, len(faces), _BATCH_ROWS):  # so that Ctrl-C is heard
            images[start : start + _BATCH_ROWS] = faces.pixels[start : start + _BATCH_ROWS]
        file.create_group("attributes")
        for name, column in columns.items():
            file.create_dataset(name, data=_storable(column, h5py), chunks=True, compression="gzip")


@contextmanager
def open_store(path: str | Path) -> Iterator["FaceStore"]:
    """Open a store; nothing is read until rows are asked for.

    Raises:
        DataError: no such file, or no store.
        MissingExtraError: h5py is not installed.
    """
    h5py = _h5py()
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise DataError(f"{path}: expected an HDF5 store as mien data convert writes it: {error}") from error
    with file:
        if file.attrs.get("format") != _FORMAT:
            raise DataError(f"{path}: expected an HDF5 store as mien data convert writes it, got another HDF5 file")
        yield FaceStore(file, source=str(path))


def is_store(path: Path) -> bool:
    """Whether a file is a store; False where h5py is not installed."""
    if path.suffix.lower() not in HDF5_SUFFIXES or not path.is_file():
        return False
    try:
        with open_store(path):
            return True
    except (DataError, MissingExtraError):
        return False


class FaceStore:
    """An open store. `store[100:200]` is a `FaceSet` of these rows, and nothing else is read.

    Args:
        file: The open HDF5 file.
        source: Its path, for messages.
    """

    def __init__(self, file: "h5py.File", *, source: str) -> None:
        self._file = file
        self.source = source
        self.taxonomy = TAXONOMIES[str(file.attrs["taxonomy"])]

    def __len__(self) -> int:
        return int(self._file["images"].shape[0])

    def __getitem__(self, rows: slice) -> FaceSet:
        file = self._file
        return FaceSet(
            pixels=file["images"][rows],
            labels=file["labels"][rows].astype(np.int64),
            votes=file["votes"][rows] if "votes" in file else None,
            split=_column(file["splits"], rows),
            taxonomy=self.taxonomy,
            source=self.source,
            names=_column(file["names"], rows),
            attributes={name: _column(column, rows) for name, column in file["attributes"].items()},
        )

    def batches(self, rows: int = _BATCH_ROWS) -> Iterator[FaceSet]:
        """All rows in order, `rows` at a time, in the memory of that many."""
        for start in range(0, len(self), rows):
            yield self[start : start + rows]


def _column(dataset: Any, rows: slice) -> NDArray[Any]:
    values: NDArray[Any] = dataset[rows]
    return np.char.decode(values, "utf-8") if values.dtype.kind == "S" else values


def _storable(column: NDArray[Any], h5py: Any) -> NDArray[Any]:
    """Text as UTF-8 of a fixed length, which HDF5 compresses; other columns as they are."""
    if column.dtype.kind != "U":
        return column
    encoded = np.char.encode(column, "utf-8")
    return encoded.astype(h5py.string_dtype("utf-8", max(1, encoded.dtype.itemsize)))


def _h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise MissingExtraError("the HDF5 store", extra="data") from error
    return h5py
