"""Folders of small pictures, and pictures that do to a process what broken ones can do to a decoder."""

import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pyarrow import parquet

from mien.scale.engines import LocalEngine
from mien.scale.reading import ReadSettings
from mien.scale.run import ScaleRun
from mien.tables.columns import Row

SETTINGS = ReadSettings.here(model="mien-m", detector="haar", piece_s=120.0)  # as the command reads
PORTRAIT = Path(__file__).parents[1] / "examples" / "astronaut.jpg"
CLIP = Path(__file__).parents[1] / "examples" / "astronaut.mp4"

KILLS, KILLS_ONCE, HANGS = (13, 17), (13, 19), (13, 23)
"""Sizes of pictures that, under `dangerous_pictures`, kill who decodes them, always or the first time, or never end."""

_DANGER = f"""
import os, signal, time
from PIL import ImageFile
load = ImageFile.ImageFile.load
def dangerous(image):
    if image.size == {KILLS}:
        os.kill(os.getpid(), signal.SIGSEGV)
    if image.size == {HANGS}:
        time.sleep(1000)
    if image.size == {KILLS_ONCE} and not os.path.exists(os.environ["MIEN_TEST_KILLED"]):
        open(os.environ["MIEN_TEST_KILLED"], "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return load(image)
ImageFile.ImageFile.load = dangerous
"""


@pytest.fixture
def dangerous_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the processes that are started meanwhile, pictures of some sizes are dangerous."""
    folder = tmp_path / "danger"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_DANGER, "utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("MIEN_TEST_KILLED", str(folder / "killed"))


def portraits(folder: Path, count: int) -> list[Path]:
    """So many pictures with one face, 0.png and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    with Image.open(PORTRAIT) as photo:
        face = photo.convert("RGB").resize((160, 160))
    paths = [folder / f"{number}.png" for number in range(count)]
    for number, path in enumerate(paths):
        face.crop((0, 0, 160 - number % 7, 160)).save(path)
    return paths


def grey(path: Path, size_wh: tuple[int, int]) -> Path:
    """A grey picture."""
    Image.new("RGB", size_wh, "grey").save(path)
    return path


def run_batch(
    source: Path | str, out: Path, *, shard_size: int = 4, stall_s: float = 300, workers: int = 2
) -> ScaleRun:
    """A whole run on this machine."""
    run = ScaleRun(str(source), str(out), SETTINGS, shard_size=shard_size)
    with LocalEngine(SETTINGS, str(out), workers=workers, stall_s=stall_s) as engine:
        for _ in run.counts(engine):
            pass
    return run


def rows_in(folder: Path) -> list[Row]:
    """The rows of all Parquet files in a folder, part by part."""
    rows: list[Row] = []
    for path in sorted(folder.glob("*.parquet")):
        rows += parquet.read_table(path).to_pylist()
    return rows


def contents(out: Path) -> dict[str, Any]:
    """What a data set holds, by the names of its files."""
    return {
        str(path.relative_to(out)): parquet.read_table(path).to_pylist()
        if path.suffix == ".parquet"
        else path.read_text()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }
