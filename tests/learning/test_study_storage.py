"""Where a study lives: opened by many at one moment, and what is said where it cannot be."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import optuna
import pytest

from mien.errors import MissingExtraError, RunError
from mien.learning.study_storage import open_storage


def test_machines_open_a_new_database_at_one_moment(postgresql: str, tmp_path: Path) -> None:
    together = Barrier(4)

    def open_one(_: int) -> int:
        together.wait()
        storage = open_storage(postgresql, folder=tmp_path)
        study = optuna.create_study(storage=storage, study_name="new", direction="maximize", load_if_exists=True)
        study.tell(study.ask(), 0.5)
        return storage.get_study_id_from_name("new")

    with ThreadPoolExecutor(4) as machines:
        assert len(set(machines.map(open_one, range(4)))) == 1
    study = optuna.load_study(storage=open_storage(postgresql, folder=tmp_path), study_name="new")
    assert [trial.number for trial in study.trials] == [0, 1, 2, 3]


def test_a_database_that_cannot_be_used_is_said_without_its_password(postgresql: str, tmp_path: Path) -> None:
    wrong = postgresql.replace("p%40ss", "secret")
    with pytest.raises(RunError, match="password authentication failed") as raised:
        open_storage(wrong, folder=tmp_path)
    assert "secret" not in str(raised.value)
    with pytest.raises(RunError, match="cannot be used: unable to open database file"):
        open_storage(f"sqlite:///{tmp_path / 'no' / 'where.db'}", folder=tmp_path)
    for url in ("nonsense", "nobase://host/name"):
        with pytest.raises(RunError, match="such as postgresql://user:password@host/database"):
            open_storage(url, folder=tmp_path)


def test_a_driver_that_is_not_installed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r'pip install "mien\[postgresql\]"'):
        open_storage("postgresql://user@host/name", folder=tmp_path)
    monkeypatch.setitem(sys.modules, "MySQLdb", None)
    with pytest.raises(RunError, match="--storage names a mysql database, whose driver is not installed"):
        open_storage("mysql://user@host/name", folder=tmp_path)
