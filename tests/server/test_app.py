"""The service as a whole, with the embedded model in a process of its own."""

import asyncio
import errno
import io
import json
import logging
from collections.abc import Iterator

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

import mien
from mien.classifier import DEFAULT_MODEL
from mien.server.app import create_app
from mien.server.examples import JOB, READING
from mien.server.logs import RequestLog
from mien.server.metrics import Metrics
from mien.server.readers import Readers
from mien.server.schemas import FrameReadingAnswer, JobAnswer
from mien.server.settings import Settings
from mien.server.video_jobs import VideoJobs

TOKEN = "correct-horse-battery"
ADDRESS = "http://127.0.0.1:8646"


def test_a_photo_reads_as_the_library_reads_it(service: TestClient, photo: bytes) -> None:
    expected = mien.Analyzer().read(mien.load_photo(photo)).to_dict()
    for answer in (
        service.post("/v1/read", content=photo, headers={"content-type": "image/jpeg"}),
        service.post("/v1/read", files={"photo": ("holiday.jpg", photo, "image/jpeg")}),
    ):
        assert answer.status_code == 200
        assert mien.FrameReading.from_dict(answer.json()).faces[0].emotions.top == "happy"
        assert_close(answer.json(), expected)


def assert_close(got: object, expected: object) -> None:
    """Equal in form; numbers to what the number of threads can change."""
    if isinstance(expected, dict):
        assert isinstance(got, dict)
        assert list(got) == list(expected)
        for key, value in expected.items():
            assert_close(got[key], value)
    elif isinstance(expected, list):
        assert isinstance(got, list)
        assert len(got) == len(expected)
        for one, other in zip(got, expected, strict=True):
            assert_close(one, other)
    elif isinstance(expected, float):
        assert got == pytest.approx(expected, abs=1e-4, rel=1e-5)
    else:
        assert got == expected


def test_the_documented_answer_is_to_dict(service: TestClient, photo: bytes) -> None:
    still = service.post("/v1/read", content=photo).json()
    analyzer = mien.Analyzer()
    frame = analyzer.session().read(mien.load_photo(photo), time_s=0.0).to_dict()
    for answer in (still, frame):
        assert json.loads(FrameReadingAnswer.model_validate(answer).model_dump_json()) == answer
    assert set(FrameReadingAnswer.model_fields) == set(frame)


def test_the_documents_examples_are_answers(service: TestClient) -> None:
    reading = mien.FrameReading.from_dict(READING)
    assert reading.faces[0].emotions.top == "happy"
    assert json.loads(FrameReadingAnswer.model_validate(READING).model_dump_json()) == READING
    assert json.loads(JobAnswer.model_validate(JOB).model_dump_json()) == JOB
    paths = service.get("/openapi.json").json()["paths"]
    assert paths["/v1/read"]["post"]["responses"]["200"]["content"]["application/json"]["example"] == READING
    assert paths["/v1/videos"]["post"]["responses"]["202"]["content"]["application/json"]["example"] == JOB
    for path, methods in paths.items():
        for method, operation in methods.items():
            assert operation["summary"], (method, path)
            for parameter in operation.get("parameters", []):
                assert "examples" in str(parameter) or "enum" in str(parameter), (method, path, parameter["name"])


def test_options_reach_the_reader(service: TestClient, photo: bytes) -> None:
    answer = service.post("/v1/read?labels=fer2013&min_face_px=10", content=photo).json()
    assert answer["options"]["labels"] == "fer2013"
    assert answer["options"]["min_face_px"] == 10
    assert len(answer["faces"][0]["emotions"]["probabilities"]) == 7
    assert service.post("/v1/read?min_face_px=9000", content=photo).json()["faces"] == []


@pytest.mark.parametrize(
    ("path", "body", "status", "sentence"),
    [
        ("/v1/read", b"", 422, "got an empty body"),
        ("/v1/read", b"hello", 422, "expected a photo (JPEG, PNG, WebP, TIFF, ...), got text"),
        ("/v1/read", b"\xff\xd8\xff\xe0" + bytes(100), 422, "cut off or damaged"),
        ("/v1/read", bytes(200_001), 413, "expected at most 200,000 bytes"),
        ("/v1/read?labels=moods", b"x", 422, "labels: expected one of ferplus, fer2013"),
        ("/v1/read?min_face_px=-1", b"x", 422, "min_face_px"),
        ("/v1/read?min_face_px=nan", b"x", 422, "min_face_px"),
        ("/v1/read?min_face_px=inf", b"x", 422, "min_face_px"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(
    service: TestClient, path: str, body: bytes, status: int, sentence: str
) -> None:
    answer = service.post(path, content=body)
    assert answer.status_code == status
    assert sentence in answer.json()["error"]
    assert list(answer.json()) == ["error"]


def test_a_picture_that_claims_many_pixels_is_refused(service: TestClient) -> None:
    bomb = io.BytesIO()
    Image.fromarray(np.zeros((1100, 1000), np.uint8)).save(bomb, "PNG")
    answer = service.post("/v1/read", content=bomb.getvalue())
    assert answer.status_code == 413
    assert "at most 1,000,000 pixels" in answer.json()["error"]


def test_a_body_of_undeclared_length_is_cut_off(service: TestClient) -> None:
    def pieces() -> Iterator[bytes]:
        yield from [bytes(50_000)] * 5

    assert service.post("/v1/read", content=pieces()).status_code == 413


@pytest.mark.parametrize(
    "files", [[("a", ("1.jpg", b"x")), ("b", ("2.jpg", b"y"))], [("a", ("1.jpg", bytes(205_000)))]]
)
def test_forms_hold_one_file_within_the_limit(service: TestClient, files: list[tuple[str, tuple[str, bytes]]]) -> None:
    assert service.post("/v1/read", files=files).status_code in {400, 413}


def test_forms_hold_no_other_fields(service: TestClient, photo: bytes) -> None:
    assert service.post("/v1/read", files={"a": ("1.jpg", photo)}, data={"b": "c"}).status_code == 400


def test_a_form_without_a_boundary_is_refused(service: TestClient) -> None:
    answer = service.post("/v1/read", content=b"x", headers={"content-type": "multipart/form-data"})
    assert answer.status_code == 400


def test_a_full_disk_is_said(service: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/secret/path")

    monkeypatch.setattr("pathlib.Path.mkdir", fail)
    answer = service.post("/v1/videos", content=b"video")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert "disk" in answer.json()["error"]
    assert "secret" not in answer.text


def test_a_failure_of_ours_is_said_without_its_reason(service: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyError("/secret/path")

    monkeypatch.setattr(VideoJobs, "find", fail)
    answer = service.get("/v1/videos/" + "x" * 22)
    assert answer.status_code == 500
    assert list(answer.json()) == ["error"]
    assert "secret" not in answer.text


def test_models_say_what_reads(service: TestClient) -> None:
    about = service.get("/v1/models").json()
    assert about["card"]["name"] == DEFAULT_MODEL
    assert about["detector"] in {"mtcnn", "yunet"}
    assert about["labels"] == "ferplus"
    assert list(about["label_sets"]["fer2013"]) == list(mien.FER2013.labels)
    assert about["notice"] == mien.NOTICE


def test_health(service: TestClient) -> None:
    assert service.get("/healthz").json() == {"status": "ok"}
    assert service.get("/readyz").json() == {"status": "ok"}


def test_metrics_count_routes_and_not_paths(service: TestClient) -> None:
    service.get("/secret-name.jpg")
    service.get("/v1/models")
    text = service.get("/metrics").text
    assert 'mien_requests_total{method="GET",route="/v1/models",status="200"}' in text
    assert "secret-name" not in text
    assert "mien_photos_waiting 0.0" in text


def test_log_lines_carry_no_names(service: TestClient, photo: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "mien.server"):
        service.post("/v1/read?labels=ferplus", files={"photo": ("holiday.jpg", photo, "image/jpeg")})
        service.get("/holiday.jpg")
    lines = [record.getMessage() for record in caplog.records if record.name == "mien.server"]
    assert len(lines) == 2
    assert lines[0].startswith("POST /v1/read 200 ")
    assert not any("holiday" in line for line in lines)


def test_sockets_have_a_line_too(service: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "mien.server"):
        with service.websocket_connect("ws://127.0.0.1:8646/v1/live?holiday"):
            pass
        with pytest.raises(WebSocketDisconnect), service.websocket_connect("ws://evil.example/v1/live"):
            pass
    lines = [record.getMessage() for record in caplog.records if record.name == "mien.server"]
    assert [line.rsplit(" ", 2)[0] for line in lines] == ["WS /v1/live 101", "WS - 403"]


def test_a_request_that_the_stop_cancels_is_told() -> None:
    answers: list[Message] = []

    async def ask_and_cancel() -> None:
        scope = {"type": "http", "method": "POST", "path": "/v1/read", "headers": []}
        log = RequestLog(hang, observer=Metrics(Readers(Settings()), VideoJobs(Settings())))
        task = asyncio.create_task(log(scope, receive_nothing, keep))
        await asyncio.sleep(0)
        task.cancel()
        await task

    async def hang(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.Event().wait()

    async def receive_nothing() -> Message:
        return {"type": "http.disconnect"}

    async def keep(message: Message) -> None:
        answers.append(message)

    asyncio.run(ask_and_cancel())
    assert answers[0]["status"] == 503
    assert (b"retry-after", b"5") in answers[0]["headers"]
    assert b"stopping" in answers[1]["body"]


@pytest.mark.parametrize(
    "path", ["/../settings.py", "/%2e%2e/settings.py", "/..%2fsettings.py", "//etc/passwd", "/..%5csettings.py", "/%00"]
)
def test_no_path_leads_out_of_the_pages(service: TestClient, path: str) -> None:
    assert service.get(path).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/read", "POST"),
        ("PUT", "/v1/videos/" + "x" * 22, "DELETE, GET"),
        ("DELETE", "/v1/models", "GET"),
        ("POST", "/style.css", "GET, HEAD"),
    ],
)
def test_a_method_that_a_path_does_not_take_is_said(service: TestClient, method: str, path: str, allowed: str) -> None:
    answer = service.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed
    assert list(answer.json()) == ["error"]


def test_nothing_is_loaded_from_elsewhere(service: TestClient) -> None:
    assert service.get("/docs").status_code == 404
    assert service.get("/redoc").status_code == 404
    assert "http" not in service.get("/").text.replace("http-equiv", "")


def test_the_token_enters_by_the_form_and_the_link() -> None:
    app = create_app(Settings(readers=1, token=TOKEN))
    with TestClient(app, base_url=ADDRESS, follow_redirects=False) as client:
        assert client.post("/login", data={"token": "wrong"}).status_code == 401
        assert client.get("/v1/models").status_code == 401
        entered = client.post("/login", data={"token": TOKEN})
        assert (entered.status_code, entered.headers["location"]) == (303, "/")
        assert "HttpOnly" in entered.headers["set-cookie"]
        assert "SameSite=strict" in entered.headers["set-cookie"]
        assert TOKEN not in entered.headers["set-cookie"]
        assert client.get("/v1/models").status_code == 200
        client.cookies.clear()
        assert client.get(f"/login?token={TOKEN}").status_code == 303
        assert client.get("/v1/models").status_code == 200
        assert client.post("/login", content=bytes(10_000)).status_code == 401
        assert client.post("/login", content=b"token=%ff%00\xff").status_code == 401
