from dataclasses import replace

import numpy as np
import pytest

from mien.datasets.droplist import DropList
from mien.datasets.faceset import FaceSet
from mien.errors import DataError


def test_rows_without_names_are_numbered(invented: FaceSet) -> None:
    assert invented.names.tolist() == [str(row) for row in range(12)]


def test_select_takes_the_same_rows_of_every_column(invented: FaceSet) -> None:
    chosen = invented.select(np.array([5, 2]))
    assert (chosen.pixels == invented.pixels[[5, 2]]).all()
    assert chosen.votes is not None
    assert invented.votes is not None
    assert (chosen.votes == invented.votes[[5, 2]]).all()
    assert chosen.names.tolist() == ["5", "2"]
    assert chosen.attributes["age"].tolist() == [25, 22]


def test_training_is_the_first_split(invented: FaceSet) -> None:
    swapped = invented.select(np.arange(12)[::-1])
    assert invented.splits == swapped.splits == ("Training", "PublicTest")
    assert len(swapped.of_split("PublicTest")) == 4
    with pytest.raises(ValueError, match=r"no split 'test': it has Training, PublicTest"):
        invented.of_split("test")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("pixels", np.zeros((12, 48, 48))),
        ("labels", np.full(12, 7)),
        ("labels", np.zeros(11, np.int64)),
        ("votes", np.zeros((12, 8), np.uint8)),
        ("names", np.array(["one"])),
        ("attributes", {"age": np.zeros(3)}),
    ],
)
def test_columns_that_disagree_are_refused(invented: FaceSet, column: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"must (be|have|lie)"):
        replace(invented, **{column: value})  # type: ignore[arg-type]  # the column under test


def test_a_drop_list_takes_its_rows_out(invented: FaceSet) -> None:
    drop = DropList(frozenset({("PublicTest", "9"), ("Training", "0")}), source="drop.csv")
    kept = invented.without(drop)
    assert kept.names.tolist() == ["1", "2", "3", "4", "5", "6", "7", "8", "10", "11"]
    assert invented.on_list(drop).nonzero()[0].tolist() == [0, 9]


def test_a_drop_list_holds_for_one_split_of_several(invented: FaceSet) -> None:
    drop = DropList(frozenset({("PublicTest", "9"), ("Training", "0")}), source="drop.csv")
    assert len(invented.of_split("Training").without(drop)) == 7


def test_a_drop_list_of_other_data_is_refused(invented: FaceSet) -> None:
    drop = DropList(frozenset({("Training", "99"), ("Training", "0")}), source="drop.csv")
    with pytest.raises(DataError, match="names 1 rows that invented does not have, such as '99' of Training"):
        invented.without(drop)
