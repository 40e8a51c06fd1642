"""The queue of videos, with processes that succeed, fail, hang and die."""

import asyncio
import json
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mien.errors import ServiceBusyError
from mien.server import video_jobs
from mien.server.jobs import Job, JobStore
from mien.server.settings import Settings
from mien.server.video_jobs import VideoJobs

FAKE = (sys.executable, str(Path(__file__).with_name("fake_processes.py")), "video")


def with_jobs(data_dir: Path | None, body: Callable[[VideoJobs], Awaitable[Any]], **settings: Any) -> Any:
    """Run `body` with a started queue of fake processes."""

    async def run() -> Any:
        jobs = VideoJobs(Settings(data_dir=str(data_dir) if data_dir else None, **settings), command=FAKE)
        jobs.start()
        try:
            return await body(jobs)
        finally:
            await jobs.stop()

    return asyncio.run(run())


def submit(jobs: VideoJobs, video: bytes, client: str = "") -> Job:
    with jobs.upload(client) as (job_id, path):
        path.write_bytes(video)
        return jobs.submit(job_id, labels=None, min_face_px=0.0, every_s=0.5)


async def until(jobs: VideoJobs, job: Job, holds: Callable[[Job], bool]) -> Job:
    """The job, once it is as it should be."""
    async with asyncio.timeout(60):
        while True:
            now = jobs.find(job.id)
            assert now is not None
            if holds(now):
                return now
            await asyncio.sleep(0.02)


async def ended(jobs: VideoJobs, job: Job) -> Job:
    return await until(jobs, job, lambda now: now.has_ended)


async def half_read(jobs: VideoJobs, job: Job) -> Job:
    return await until(jobs, job, lambda now: now.progress == 0.5)


def test_a_video_is_read_and_its_upload_deleted(tmp_path: Path) -> None:
    async def body(jobs: VideoJobs) -> None:
        job = await ended(jobs, submit(jobs, b"good"))
        assert (job.state, job.progress, job.frames, job.attempts) == ("done", 1.0, 2, 1)
        path = jobs.result(job, "readings.jsonl")
        assert path is not None
        assert json.loads(path.read_text())["every_s"] == 0.5
        assert jobs.expires_s(job) == pytest.approx((job.ended_s or 0) + 600)
        assert sorted(entry.name for entry in path.parent.parent.iterdir()) == ["results"]

    with_jobs(tmp_path, body)


@pytest.mark.parametrize(
    ("video", "error"), [(b"fail", "got a poem"), (b"die", "stopped the process"), (b"hang", "read within 1 s")]
)
def test_a_video_that_cannot_be_read_fails_alone(tmp_path: Path, video: bytes, error: str) -> None:
    async def body(jobs: VideoJobs) -> None:
        bad, good = submit(jobs, video), submit(jobs, b"good")
        bad = await ended(jobs, bad)
        assert bad.state == "failed"
        assert error in (bad.error or "")
        assert jobs.result(bad, "readings.jsonl") is None
        assert (await ended(jobs, good)).state == "done"

    with_jobs(tmp_path, body, video_timeout_s=1)


def test_a_video_that_stands_still_is_given_up(tmp_path: Path) -> None:
    async def body(jobs: VideoJobs) -> None:
        still, moving = submit(jobs, b"hang"), submit(jobs, b"crawl")
        still = await ended(jobs, still)
        assert still.state == "failed"
        assert (
            still.error == "expected a video that can be decoded, got one that stood still for 1 s: convert it to MP4"
        )
        assert (await ended(jobs, moving)).state == "done"

    with_jobs(tmp_path, body, video_stall_s=1)


def test_running_and_waiting_videos_can_be_cancelled_and_deleted(tmp_path: Path) -> None:
    async def body(jobs: VideoJobs) -> None:
        running, waiting = submit(jobs, b"hang"), submit(jobs, b"good")
        await half_read(jobs, running)
        assert (await jobs.cancel(waiting)).state == "cancelled"
        assert (await jobs.cancel(running)).state == "cancelled"
        assert (await jobs.cancel(running)).state == "cancelled"
        again = submit(jobs, b"hang")
        await half_read(jobs, again)
        await jobs.delete(again)
        assert jobs.find(again.id) is None
        assert {entry.name for entry in (tmp_path / "videos").iterdir()} == {running.id, waiting.id}

    with_jobs(tmp_path, body)


def test_a_full_queue_says_when_to_come_back(tmp_path: Path) -> None:
    async def body(jobs: VideoJobs) -> None:
        await half_read(jobs, submit(jobs, b"hang"))
        submit(jobs, b"good")
        with jobs.upload(), pytest.raises(ServiceBusyError), jobs.upload():
            pass

    with_jobs(tmp_path, body, video_queue=2, stop_grace_s=0)


def test_a_client_takes_half_of_the_queue_and_its_places_come_back(tmp_path: Path) -> None:
    async def body(jobs: VideoJobs) -> None:
        await half_read(jobs, submit(jobs, b"hang", "a"))
        first, second = (submit(jobs, b"good", "a") for _ in range(2))
        with pytest.raises(ServiceBusyError):
            submit(jobs, b"good", "a")
        submit(jobs, b"good", "b")
        await jobs.cancel(first)
        await jobs.delete(second)
        for _ in range(2):
            submit(jobs, b"good", "a")
        with pytest.raises(ServiceBusyError):
            submit(jobs, b"good", "a")

    with_jobs(tmp_path, body, video_queue=4, stop_grace_s=0)

    async def after_the_restart(jobs: VideoJobs) -> None:
        assert jobs.waiting == 4
        with pytest.raises(ServiceBusyError):
            submit(jobs, b"good", "b")

    with_jobs(tmp_path, after_the_restart, video_queue=4, stop_grace_s=0)


def test_clients_take_turns(tmp_path: Path) -> None:
    async def body(jobs: VideoJobs) -> list[int]:
        sent = [submit(jobs, b"good", client) for client in ("a", "a", "a", "b", "b", "c")]
        read = [await ended(jobs, job) for job in sent]
        return sorted(range(len(sent)), key=lambda number: read[number].ended_s or 0)

    assert with_jobs(tmp_path, body) == [0, 3, 5, 1, 4, 2]


def test_a_full_disk_makes_the_queue_wait_and_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_jobs, "_WRITE_AGAIN_S", 0.01)
    save, failures = JobStore.save, iter([sqlite3.OperationalError("database or disk is full")] * 3)

    def save_at_times(store: JobStore, job: Job) -> None:
        if job.state != "queued":
            for failure in failures:
                raise failure
        save(store, job)

    async def body(jobs: VideoJobs) -> Job:
        return await ended(jobs, submit(jobs, b"good"))

    monkeypatch.setattr(JobStore, "save", save_at_times)
    assert with_jobs(tmp_path, body).state == "done"
    assert next(failures, None) is None


def test_an_upload_that_is_broken_off_leaves_nothing(tmp_path: Path) -> None:
    async def body(jobs: VideoJobs) -> None:
        with suppress(KeyError), jobs.upload() as (_, path):
            path.write_bytes(b"half")
            raise KeyError
        assert list((tmp_path / "videos").iterdir()) == []

    with_jobs(tmp_path, body)


def test_results_are_deleted_in_time(tmp_path: Path) -> None:
    async def body(jobs: VideoJobs) -> None:
        job = submit(jobs, b"good")
        async with asyncio.timeout(30):
            while jobs.find(job.id) is not None:
                await asyncio.sleep(0.05)
        assert list((tmp_path / "videos").iterdir()) == []

    with_jobs(tmp_path, body, keep_results_s=0.2)


def test_a_stop_lets_a_short_video_end(tmp_path: Path) -> None:
    async def body(jobs: VideoJobs) -> Job:
        return await half_read(jobs, submit(jobs, b"slow"))

    job = with_jobs(tmp_path, body, stop_grace_s=30)
    assert stored(tmp_path, job).state == "done"


def test_a_service_that_is_about_to_stop_begins_no_other_video(tmp_path: Path) -> None:
    async def body(jobs: VideoJobs) -> tuple[Job, Job]:
        running, waiting = submit(jobs, b"slow"), submit(jobs, b"good")
        await half_read(jobs, running)
        jobs.begin_stop()
        await ended(jobs, running)
        return running, waiting

    running, waiting = with_jobs(tmp_path, body)
    assert [stored(tmp_path, job).state for job in (running, waiting)] == ["done", "queued"]


def test_a_stop_puts_a_long_video_back_and_the_next_start_reads_it(tmp_path: Path) -> None:
    async def begin(jobs: VideoJobs) -> Job:
        return await half_read(jobs, submit(jobs, b"hang"))

    job = with_jobs(tmp_path, begin, stop_grace_s=0)
    assert (stored(tmp_path, job).state, stored(tmp_path, job).attempts) == ("queued", 0)
    (tmp_path / "videos" / job.id / "upload").write_bytes(b"good")

    async def go_on(jobs: VideoJobs) -> Job:
        return await ended(jobs, job)

    assert with_jobs(tmp_path, go_on).state == "done"


def test_a_video_that_takes_the_service_down_is_not_tried_for_ever(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    job_id = store.new_id()
    store.new_upload(job_id).write_bytes(b"good")
    job = store.add(job_id, labels=None, min_face_px=0.0, every_s=None)
    store.save(replace(job, state="running", attempts=3))
    store.close()

    async def body(jobs: VideoJobs) -> Job:
        return await ended(jobs, job)

    job = with_jobs(tmp_path, body)
    assert job.state == "failed"
    assert "stopped 3 times" in (job.error or "")


def test_without_a_folder_nothing_is_left() -> None:
    async def body(jobs: VideoJobs) -> Path:
        job = await ended(jobs, submit(jobs, b"good"))
        path = jobs.result(job, "readings.jsonl")
        assert path is not None
        return path

    path = with_jobs(None, body)
    assert not path.parents[3].exists()


def stored(folder: Path, job: Job) -> Job:
    """What the next start would find."""
    store = JobStore(folder)
    found = store.find(job.id)
    store.close()
    assert found is not None
    return found
