"""`/v1/videos` from submission to deletion, with a video made here."""

import io
import json
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

import mien
from mien.server.app import create_app
from mien.server.settings import Settings

ADDRESS = "http://127.0.0.1:8646"


@pytest.fixture(scope="module")
def video(photo: bytes) -> bytes:
    """Two seconds of a face that moves, ten frames a second."""
    import av

    face = np.asarray(Image.open(io.BytesIO(photo)).convert("RGB").resize((256, 256)))
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(10))
        stream.width, stream.height, stream.pix_fmt = 320, 256, "yuv420p"
        for number in range(20):
            frame = np.full((256, 320, 3), 90, np.uint8)
            frame[:, number : number + 256] = face
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return file.getvalue()


@pytest.fixture(scope="module")
def service() -> Iterator[TestClient]:
    settings = Settings(readers=1, rate_per_s=10_000, rate_burst=10_000, max_video_s=10, max_video_bytes=1_000_000)
    with TestClient(create_app(settings), base_url=ADDRESS) as client:
        yield client


def ended(service: TestClient, job: dict[str, Any]) -> dict[str, Any]:
    """The job, once nothing more happens to it."""
    deadline_s = time.monotonic() + 60
    while job["state"] in {"queued", "running"}:
        assert time.monotonic() < deadline_s, job
        time.sleep(0.05)
        job = service.get(f"/v1/videos/{job['id']}").json()
    return job


def test_a_video_from_submission_to_deletion(service: TestClient, video: bytes) -> None:
    submitted = service.post("/v1/videos?every_s=0.5&labels=fer2013", content=video)
    assert submitted.status_code == 202
    job = submitted.json()
    assert submitted.headers["location"] == f"/v1/videos/{job['id']}"
    assert (job["expires_s"], job["results"]) == (None, [])
    job = ended(service, job)
    assert (job["state"], job["frames"], job["progress"], job["error"]) == ("done", 4, 1.0, None)
    assert job["results"] == ["readings.jsonl", "readings.csv", "summary.json", "subtitles.vtt", "timeline.png"]
    for name, start in zip(job["results"][1:], ("input,", "{", "WEBVTT", "\x89PNG"), strict=True):
        content = service.get(f"/v1/videos/{job['id']}/results/{name}").content.lstrip(b"\xef\xbb\xbf# ")
        assert content.startswith(start.encode("latin-1")), (name, content[:60])
    lines = service.get(f"/v1/videos/{job['id']}/results/readings.jsonl").text.splitlines()
    readings = [mien.FrameReading.from_dict(json.loads(line)) for line in lines]
    assert [reading.index for reading in readings] == [0, 5, 10, 15]
    assert [reading.time_s for reading in readings] == pytest.approx([0, 0.5, 1.0, 1.5])
    assert readings[-1].faces[0].track_id == 0
    assert readings[-1].options.labels == "fer2013"
    assert service.delete(f"/v1/videos/{job['id']}").status_code == 204
    for path in ("", "/results/readings.jsonl"):
        assert service.get(f"/v1/videos/{job['id']}{path}").status_code == 404


def test_a_form_brings_a_video_too(service: TestClient, video: bytes) -> None:
    job = service.post("/v1/videos?every_s=1", files={"video": ("talk.mp4", video, "video/mp4")}).json()
    assert ended(service, job)["frames"] == 2


@pytest.mark.parametrize(
    ("video", "sentence"),
    [
        (b"#EXTM3U\n#EXTINF:9,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n", "got text"),
        (b"ffconcat version 1.0\nfile /etc/hostname\n", "got text"),
        (b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n", "got text"),
        (b'<?xml version="1.0"?><MPD profiles="urn:mpeg:dash:profile:isoff-live:2011"/>', "got text"),
        (b"\x00\x00\x00\x18ftypmp42" + bytes(500), "expected a"),
        (b"\x1a\x45\xdf\xa3" + bytes(range(256)), "expected a"),
    ],
)
def test_what_is_no_video_fails_with_a_sentence_and_opens_nothing(
    service: TestClient, video: bytes, sentence: str
) -> None:
    job = ended(service, service.post("/v1/videos", content=video).json())
    assert job["state"] == "failed"
    assert sentence in job["error"]
    assert "mien-serve" not in job["error"]
    answer = service.get(f"/v1/videos/{job['id']}/results/readings.jsonl")
    assert answer.status_code == 409


def test_what_is_left_of_a_damaged_video_is_read(service: TestClient, video: bytes) -> None:
    middle = video.index(b"mdat") + (video.index(b"moov") - video.index(b"mdat")) * 2 // 3
    damaged = video[:middle] + bytes(2000) + video[middle + 2000 :]
    job = ended(service, service.post("/v1/videos", content=damaged).json())
    assert job["state"] == "done"
    assert "cannot be decoded" in job["error"]
    assert "mien-serve" not in job["error"]
    lines = service.get(f"/v1/videos/{job['id']}/results/readings.jsonl").text.splitlines()
    assert 0 < len(lines) == job["frames"]


def test_a_long_video_is_refused_by_its_header(video: bytes) -> None:
    settings = Settings(readers=1, max_video_s=1.5)
    with TestClient(create_app(settings), base_url=ADDRESS) as client:
        job = ended(client, client.post("/v1/videos", content=video).json())
        assert "at most 1.5 s" in job["error"]
        assert job["frames"] == 0


@pytest.mark.parametrize(
    ("query", "body", "status"),
    [("", b"", 422), ("", bytes(1_000_001), 413), ("?every_s=0", b"x", 422), ("?labels=moods", b"x", 422)],
)
def test_wrong_submissions_are_refused(service: TestClient, query: str, body: bytes, status: int) -> None:
    assert service.post(f"/v1/videos{query}", content=body).status_code == status


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("x" * 22, 404),
        ("short", 422),
        ("..%2f..%2f..%2fetc%2fpasswd", 404),
        ("x" * 22 + "/results/readings.jsonl", 404),
        ("x" * 22 + "/results/upload", 422),
        ("x" * 22 + "/results/..%2fupload", 404),
    ],
)
def test_unknown_jobs_and_results_are_not_found(service: TestClient, path: str, status: int) -> None:
    assert service.get(f"/v1/videos/{path}").status_code == status


def test_a_job_can_be_cancelled(service: TestClient, video: bytes) -> None:
    first, second = (service.post("/v1/videos", content=video).json() for _ in range(2))
    assert service.post(f"/v1/videos/{second['id']}/cancel").json()["state"] in {"cancelled", "done"}
    assert service.post(f"/v1/videos/{first['id']}/cancel").status_code == 200
    assert ended(service, first)["state"] in {"cancelled", "done"}


def test_uploads_leave_nothing_in_the_temporary_folder(
    service: TestClient, video: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    job = service.post("/v1/videos?every_s=1", files={"video": ("talk.mp4", video * 3, "video/mp4")})
    assert job.status_code in {202, 413}
    assert list(tmp_path.iterdir()) == []
