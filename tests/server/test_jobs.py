"""Jobs on disk: what survives, what is deleted, and that two services never share a folder."""

import os
import stat
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mien.errors import SettingsError
from mien.server.jobs import Job, JobStore, remove_leftovers


def submitted(store: JobStore, video: bytes = b"video") -> Job:
    job_id = store.new_id()
    store.new_upload(job_id).write_bytes(video)
    return store.add(job_id, labels="ferplus", min_face_px=20.0, every_s=0.5)


def test_jobs_survive(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    job = submitted(store)
    store.save(replace(job, state="running", attempts=1, progress=0.5, frames=7))
    store.close()
    again = JobStore(tmp_path)
    assert again.find(job.id) == replace(job, attempts=1)
    assert again.upload(job.id).read_bytes() == b"video"
    again.close()


def test_the_one_that_waited_longest_is_next(tmp_path: Path) -> None:
    now_s = 0.0
    store = JobStore(tmp_path, clock=lambda: now_s)
    first = submitted(store)
    now_s = 1.0
    second = submitted(store)
    assert store.queued() == [first, second]
    store.save(replace(first, state="cancelled", ended_s=1.0))
    assert store.queued() == [second]
    store.close()


def test_the_video_of_an_ended_job_is_deleted_at_once(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    job = submitted(store)
    store.save(replace(job, state="failed", ended_s=1.0, error="no"))
    assert not store.upload(job.id).exists()
    store.close()


def test_expired_jobs_leave_nothing(tmp_path: Path) -> None:
    now_s = 0.0
    store = JobStore(tmp_path, clock=lambda: now_s)
    job, waiting = submitted(store), submitted(store)
    store.results(job.id).mkdir()
    store.save(replace(job, state="done", ended_s=0.0))
    now_s = 9.0
    assert store.remove_expired(10) == 0
    now_s = 10.0
    assert store.remove_expired(10) == 1
    assert store.find(job.id) is None
    assert not store.folder(job.id).exists()
    assert store.find(waiting.id) == waiting
    store.close()


def test_uploads_that_were_broken_off_are_deleted_at_the_next_start(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    path = store.new_upload(store.new_id())
    path.write_bytes(b"half")
    store.close()
    JobStore(tmp_path).close()
    assert not path.parent.exists()


def test_a_folder_belongs_to_one_service(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    with pytest.raises(SettingsError, match="data_dir: expected a folder that no other service uses"):
        JobStore(tmp_path)
    store.close()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(SettingsError, match="data_dir"):
        JobStore(tmp_path / "file" / "data")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps other permissions")
def test_others_cannot_look_in(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "data")
    job = submitted(store)
    for folder in (tmp_path / "data", store.folder(job.id)):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    store.close()


def test_stores_of_killed_services_are_deleted(tmp_path: Path) -> None:
    killed, used, young, elsewhere = (tmp_path / name for name in ("mien-a", "mien-b", "mien-c", "elsewhere"))
    for folder in (killed, elsewhere):
        store = JobStore(folder)
        submitted(store)
        store.close()
    young.mkdir()
    in_use = JobStore(used)
    for folder in (killed, used, elsewhere):
        os.utime(folder, (0, 0))
    link = tmp_path / "mien-d"
    link.symlink_to(elsewhere)
    remove_leftovers(tmp_path, prefix="mien-")
    assert {path.name for path in tmp_path.iterdir()} == {"mien-b", "mien-c", "mien-d", "elsewhere"}
    assert (elsewhere / "videos").is_dir()
    in_use.close()
