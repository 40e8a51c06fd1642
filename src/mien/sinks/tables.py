"""The researchers' table as a sink: CSV, Parquet or JSON lines, and the sidecar that explains it."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mien.results import SourceResult
from mien.sinks.sink import check_taxonomy
from mien.tables.columns import names_in
from mien.tables.files import check_suffix, table_writer
from mien.tables.rows import rows_of
from mien.tables.sidecar import Provenance
from mien.taxonomy import Taxonomy

__all__ = ["TableSink"]


class TableSink:
    """One row per frame and face, and one for a frame without a face; docs/results.md has every column.

    Takes the frames of any number of videos, and photos. What could not be read has no row; the sidecar says why.

    Args:
        path: The file to write, in .csv, .parquet or .jsonl; its folder is made.
        taxonomy: The label set of the readings.
        columns: Whose column names: "native", "py-feat", "py-feat-v2" or "openface".
        model_licence: Licence of the model, from its card, for the sidecar.

    Raises:
        DataError: the suffix says no format.
        ValueError: an unknown column style.
    """

    def __init__(
        self, path: str | Path, taxonomy: Taxonomy, *, columns: str = "native", model_licence: str | None = None
    ) -> None:
        check_suffix(path)
        names_in(columns, taxonomy)
        self.path = Path(path)
        self.taxonomy = taxonomy
        self.columns = columns
        self._provenance = Provenance(model_licence=model_licence)

    def describe(self, source: str, **facts: Any) -> None:
        """Add facts on an input to the sidecar, such as `fps` and `time_base` as its file states them."""
        self._provenance.describe(source, **facts)

    def write(self, result: SourceResult, frame_rgb: NDArray[np.uint8] | None) -> None:
        """Add the rows of one frame.

        Raises:
            ValueError: it was read in another label set.
        """
        check_taxonomy(result, self.taxonomy)
        self._provenance.observe(result)
        for row in rows_of(result):
            self._write_row(row)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            writer = table_writer(self.path, self.taxonomy, style=self.columns, meta=self._meta)
            self._write_row = stack.enter_context(writer)
            self._open = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def _meta(self) -> dict[str, Any]:
        return self._provenance.to_dict(self.taxonomy, self.columns)
