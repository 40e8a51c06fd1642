"""What a source names, in every form in which people have it."""

from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pytest
from pyarrow import parquet

from mien.errors import DataError, MediaError
from mien.scale.fetching import Fetcher
from mien.scale.sources import Item, find_items

FILES = ("a/1.jpg", "a/b/2.mp4", "a/b/notes.doc", "a/.hidden.jpg", "c.png")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in FILES:
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path / "tree"


def named(source: str | Path, **arguments: Any) -> list[tuple[str, bool]]:
    return [(item.source, item.is_video) for item in find_items(str(source), **arguments)]


def fetched(items: list[Item], folder: Path) -> list[object]:
    with Fetcher(folder, most_bytes=4, tell=lambda: None) as fetcher:
        return [one.error or one.content or (one.path and one.path.read_bytes()) for one in fetcher.fetched(items)]


def test_a_folder_a_pattern_and_a_file(tree: Path, tmp_path: Path) -> None:
    expected = [
        (str(tree / "a" / "1.jpg"), False),
        (str(tree / "a" / "b" / "2.mp4"), True),
        (str(tree / "c.png"), False),
    ]
    assert sorted(named(tree)) == expected
    assert named(tree / "*" / "*.jpg") == expected[:1]
    assert named(tree / "c.png") == expected[2:]
    assert fetched(list(find_items(str(tree))), tmp_path) == [b"a/1.jpg", b"a/b/2.mp4", b"c.png"]


def test_an_address_of_fsspec(tree: Path, tmp_path: Path) -> None:
    fs = fsspec.filesystem("memory")
    for name in FILES:
        fs.pipe_file(f"/photos/{name}", name.encode())
    expected = [
        ("memory:///photos/a/1.jpg", False),
        ("memory:///photos/a/b/2.mp4", True),
        ("memory:///photos/c.png", False),
    ]
    assert named("memory://photos") == expected
    assert named("memory://photos/**/*.mp4") == expected[1:2]
    assert named("memory://photos/c.png") == expected[2:]
    assert fetched(list(find_items("memory://photos")), tmp_path) == [b"a/1.jpg", b"a/b/2.mp4", b"c.png"]
    with pytest.raises(MediaError, match="expected photos or videos, found none"):
        named("memory://elsewhere")
    fs.rm("/photos", recursive=True)


def test_a_list(tree: Path) -> None:
    paths = tree / "list.txt"
    paths.write_text(
        f"# photos\na/1.jpg\n\n{tree}/c.png\ns3://bucket/clip.mov\nhttps://example.org/x.mp4?size=2\n", "utf-8"
    )
    assert named(paths) == [
        (str(tree / "a" / "1.jpg"), False),
        (str(tree / "c.png"), False),
        ("s3://bucket/clip.mov", True),
        ("https://example.org/x.mp4?size=2", True),
    ]
    paths.write_text("# nothing\n", "utf-8")
    with pytest.raises(MediaError, match="got no line"):
        named(paths)
    with pytest.raises(MediaError, match="expected a list of photos and videos"):
        named(tree / "absent.txt")


def test_parquet_of_paths(tree: Path) -> None:
    table = tree / "paths.parquet"
    parquet.write_table(
        pa.table({"label": ["x", "y"], "uri": [str(tree / "c.png"), None], "second": ["b.mp4", "b.jpg"]}), table
    )
    assert named(table) == [(str(tree / "c.png"), False)]
    assert named(table, column="second") == [("b.mp4", True), ("b.jpg", False)]
    with pytest.raises(DataError, match="expected a column absent of paths or bytes, got label, uri, second"):
        named(table, column="absent")


def test_parquet_of_bytes_is_read_row_by_row(tmp_path: Path) -> None:
    contents = [f"picture {number}".encode() for number in range(100)]
    parquet.write_table(pa.table({"id": range(100), "jpg": contents}), tmp_path / "1.parquet", row_group_size=40)
    pictures = [{"bytes": content, "path": f"{number}.jpg"} for number, content in enumerate(contents)]
    parquet.write_table(pa.table({"image": pictures}), tmp_path / "2.parquet", row_group_size=7)
    items = list(find_items(str(tmp_path / "*.parquet")))
    assert [item.source for item in items[:2] + items[-1:]] == [
        f"{tmp_path / '1.parquet'}#0",
        f"{tmp_path / '1.parquet'}#1",
        "99.jpg",
    ]
    assert fetched(items, tmp_path) == contents * 2
    assert fetched(items[185:190], tmp_path) == contents[85:90]
    parquet.write_table(pa.table({"id": [1]}), tmp_path / "3.parquet")
    with pytest.raises(DataError, match="expected a column of paths"):
        named(tmp_path / "3.parquet")


def test_what_cannot_be_fetched_is_one_sentence_and_the_rest_goes_on(tree: Path, tmp_path: Path) -> None:
    paths = [str(tree / "c.png"), str(tmp_path / "absent.jpg"), str(tree / "a" / "1.jpg")]
    answers = fetched([Item(path, is_video=False) for path in paths], tmp_path)
    assert answers[::2] == [b"c.png", b"a/1.jpg"]
    assert "absent.jpg" in str(answers[1])


def test_no_more_is_fetched_than_may_wait(tmp_path: Path) -> None:
    paths = []
    for number in range(12):
        paths.append(tmp_path / f"{number}.jpg")
        paths[-1].write_bytes(bytes(1000))
    with Fetcher(tmp_path, most_bytes=1500, tell=lambda: None) as fetcher:
        read = fetcher.fetched([Item(str(path), is_video=False) for path in paths])
        next(read)
        for path in paths[5:]:
            path.unlink()  # they have not been fetched yet: at most four are under way
        assert [one.error is None for one in read][4:] == [False] * 7
