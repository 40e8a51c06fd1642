import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mien.datasets.explore import class_counts, explore, vote_entropy_bits
from mien.datasets.faceset import FaceSet
from mien.errors import MissingExtraError


def test_classes_are_counted_per_split(invented: FaceSet) -> None:
    faces = replace(invented, labels=np.array([0, 1, 2, 3, 4, 5, 6, 0, 1, -1, -1, 1]))
    assert class_counts(faces, faces.labels, faces.taxonomy) == {
        "Training": [2, 1, 1, 1, 1, 1, 1, 0],
        "PublicTest": [0, 2, 0, 0, 0, 0, 0, 2],
    }


def test_entropy_of_votes() -> None:
    votes = np.array([[10, 0, 0], [4, 4, 0], [1, 2, 1]], np.uint8)
    assert vote_entropy_bits(votes) == pytest.approx([0, 1, 1.5])


def test_pictures_and_a_page_that_holds_them(invented: FaceSet, tmp_path: Path) -> None:
    faces = replace(invented, source="<my> faces", skipped=("row 3: broken & gone",), notes=("2 rows elsewhere",))
    page = explore(faces, tmp_path / "out")
    names = {path.name for path in page.parent.iterdir()}
    assert names == {
        "explore.html", "classes.png", "classes_by_votes.png", "samples.png", "mean_faces.png", "vote_entropy.png",
    }  # fmt: skip
    for name in names - {"explore.html"}:
        with Image.open(page.parent / name) as picture:
            assert min(picture.size) > 100
    text = page.read_text("utf-8")
    assert text.count("data:image/png;base64,") == 5
    assert not re.search(r"(src|href)=\"(?!data:)", text)  # nothing is fetched from elsewhere
    assert "&lt;my&gt; faces" in text
    assert "row 3: broken &amp; gone" in text
    assert "2 rows elsewhere" in text
    assert "<td>Training</td><td>2</td>" in text


@pytest.mark.parametrize("rows", [1, 12])
def test_few_rows_without_votes(invented: FaceSet, tmp_path: Path, rows: int) -> None:
    page = explore(replace(invented, votes=None).select(slice(rows)), tmp_path)
    assert page.read_text("utf-8").count("data:image/png;base64,") == 3


def test_votes_without_any_clear_majority(invented: FaceSet, tmp_path: Path) -> None:
    assert explore(replace(invented, votes=np.ones((12, 10), np.uint8)), tmp_path).is_file()


def test_the_same_seed_draws_the_same_samples(invented: FaceSet, tmp_path: Path) -> None:
    many = invented.select(np.repeat(np.arange(12), 20))
    pages = [explore(many, tmp_path / str(run), seed=run % 2) for run in range(3)]
    drawn = [page.with_name("samples.png").read_bytes() for page in pages]
    assert drawn[0] == drawn[2] != drawn[1]


def test_without_matplotlib_the_extra_is_named(
    invented: FaceSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r'pip install "mien\[data\]"'):
        explore(invented, tmp_path)
    assert list(tmp_path.iterdir()) == []
