"""`mien batch`: words into one run."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from mien.cli.app import app
from scale_samples import portraits, rows_in


def test_photos_become_a_data_set(tmp_path: Path) -> None:
    portraits(tmp_path / "in", 3)
    command = ["batch", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--workers", "1", "--detector", "haar"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert done.output.startswith(f"3 photos and videos: 3 rows, 0 failures, in {tmp_path / 'out'}")
    assert len(rows_in(tmp_path / "out" / "readings")) == 3
    again = CliRunner().invoke(app, command)
    assert again.output == done.output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--detector", "eyes"], "unknown detector"),
        (["--engine", "steam"], "expected one of local, ray"),
        (["--ray-address", "auto"], "expected --engine ray beside it"),
        (["--every", "never"], "expected a time such as"),
        (["--smooth", "butter"], "expected one of"),
    ],
)
def test_wrong_usage_is_said(tmp_path: Path, options: list[str], said: str) -> None:
    portraits(tmp_path / "in", 1)
    done = CliRunner().invoke(app, ["batch", str(tmp_path / "in"), "--out", str(tmp_path / "out"), *options])
    assert done.exit_code == 2
    assert said in " ".join(done.output.replace("│", " ").split())
    assert not (tmp_path / "out").exists()
