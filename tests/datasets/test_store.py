from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mien.datasets.faceset import FaceSet
from mien.datasets.store import is_store, open_store, write_store
from mien.errors import DataError, MissingExtraError
from mien.taxonomy import TAXONOMIES
from realrows import same

TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"))


def test_all_columns_come_back(invented: FaceSet, tmp_path: Path) -> None:
    path = tmp_path / "faces.h5"
    write_store(invented, path)
    assert is_store(path)
    with open_store(path) as store:
        assert len(store) == 12
        assert same(store[:], invented)


def test_rows_are_read_a_slice_at_a_time(invented: FaceSet, tmp_path: Path) -> None:
    path = tmp_path / "faces.h5"
    write_store(invented, path)
    with open_store(path) as store:
        assert same(store[3:7], invented.select(slice(3, 7)))
        batches = list(store.batches(5))
    assert [len(batch) for batch in batches] == [5, 5, 2]
    assert np.array_equal(np.concatenate([batch.pixels for batch in batches]), invented.pixels)


def test_images_are_chunked_and_compressed(tmp_path: Path, invented: FaceSet) -> None:
    path = tmp_path / "faces.h5"
    write_store(invented.select(np.zeros(300, np.intp)), path)
    with h5py.File(path) as file:
        assert file["images"].chunks == (64, 48, 48)
        assert file["images"].compression == "gzip"
    assert path.stat().st_size < 300 * 48 * 48


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(
    taxonomy=st.sampled_from(sorted(TAXONOMIES)),
    names=st.lists(TEXT, min_size=1, max_size=5),
    side=st.integers(1, 20),
    with_votes=st.booleans(),
)
def test_any_set_comes_back(tmp_path: Path, taxonomy: str, names: list[str], side: int, with_votes: bool) -> None:
    n = len(names)
    faces = FaceSet(
        pixels=np.random.default_rng(n).integers(0, 256, (n, side, side), np.uint8),
        labels=np.arange(n) - 1,
        votes=np.full((n, 10), 3, np.uint8) if with_votes else None,
        split=np.array(names[::-1]),
        taxonomy=TAXONOMIES[taxonomy],
        source="invented",
        names=np.array(names),
        attributes={"valence": np.linspace(-1, 1, n), "größe": np.array(names)},
    )
    write_store(faces, tmp_path / "faces.h5")
    with open_store(tmp_path / "faces.h5") as store:
        assert same(store[:], faces)


def test_other_files_are_no_stores(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["images"] = np.zeros((1, 48, 48))
    (tmp_path / "text.h5").write_text("text", "utf-8")
    for name in ("other.h5", "text.h5", "absent.h5"):
        assert not is_store(tmp_path / name)
        with pytest.raises(DataError, match="expected an HDF5 store"), open_store(tmp_path / name):
            pass


def test_without_h5py_the_extra_is_named(invented: FaceSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r'pip install "mien\[data\]"'):
        write_store(invented, tmp_path / "faces.h5")
    assert list(tmp_path.iterdir()) == []
