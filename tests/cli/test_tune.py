"""`mien tune`, from a recipe to a better one."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mien.cli.app import app
from mien.errors import RecipeError
from mien.learning.recipe import Recipe
from mien.learning.recipe_files import load_recipe
from training_samples import faces_to_learn

TINY = """
network = "mien_m"
epochs = 1
batch = 16
validation = 0.2
precision = "32-true"

[options]
stem = 8
stages = [[8, 1], [16, 1]]

[search]
learning_rate = { low = 1e-3, high = 1e-1, log = true }
optimiser = ["adam", "nesterov"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a recipe and some faces as a FER-2013 CSV."""
    (tmp_path / "tiny.toml").write_text(TINY)
    faces = faces_to_learn(56)
    with (tmp_path / "fer2013.csv").open("w") as file:
        file.write("emotion,pixels,Usage\n")
        for pixels, label, split in zip(faces.pixels, faces.labels, faces.split, strict=True):
            file.write(f"{label},{' '.join(map(str, pixels.ravel()))},{split}\n")
    return tmp_path


def test_two_trials_make_a_better_recipe(folder: Path) -> None:
    out = folder / "search"
    command = ["tune", str(folder / "tiny.toml"), "--data", str(folder / "fer2013.csv"), "--out", str(out)]
    command += ["--trials", "2", "--accelerator", "cpu"]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert re.search(r"search: 2 of 2 trials, finished; best validation accuracy 0\.\d{4}\n", result.stdout)
    assert f"mien train {out / 'best.toml'} --data" in result.stdout
    assert len(re.findall(r"trial \d complete  0\.\d{4}  \(\d of 2 done\)", result.stderr)) == 2
    best = load_recipe(str(out / "best.toml"))
    assert isinstance(best, Recipe)
    assert best.optimisation.optimiser in {"adam", "nesterov"}


def test_what_cannot_be_searched_is_said(folder: Path) -> None:
    data = ["--data", str(folder / "fer2013.csv"), "--trials", "1", "--out", str(folder / "search")]
    result = CliRunner().invoke(app, ["tune", "miele-knn", *data], env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert "searches its own [grid]: use mien train" in result.stderr
    with pytest.raises(RecipeError, match="may not change validation"):
        CliRunner().invoke(
            app,
            ["tune", str(folder / "tiny.toml"), *data, "--set", "search={validation=[0.1]}"],
            catch_exceptions=False,
        )
