import pytest

from mien.datasets.badrows import BadRows
from mien.errors import DataError


def test_the_first_bad_row_stops() -> None:
    bad = BadRows(skip=False)
    with pytest.raises(DataError, match=r"^faces\.csv, line 3: no good; .*--skip-bad$"):
        bad.add("faces.csv, line 3: no good")


def test_skipped_rows_are_all_named() -> None:
    bad = BadRows(skip=True)
    bad.add("first")
    bad.add("second")
    assert bad.sentences == ("first", "second")
