"""What never reaches the service: other hosts' names, other sites' pages, strangers, and floods."""

import pytest
from fastapi.testclient import TestClient
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from mien.server.security import RateLimiter, Security, cookie_value, is_allowed_host
from mien.server.settings import Settings

TOKEN = "correct-horse-battery"
ADDRESS = "http://127.0.0.1:8646"


async def inner(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers anything that gets here."""
    if scope["type"] == "websocket":
        socket = WebSocket(scope, receive, send)
        await socket.accept()
        await socket.send_text("in")
        await socket.close()
    else:
        await PlainTextResponse("in")(scope, receive, send)


def behind(settings: Settings) -> TestClient:
    return TestClient(Security(inner, settings=settings), base_url=ADDRESS, follow_redirects=False)


@pytest.fixture
def open_service() -> TestClient:
    return behind(Settings())


@pytest.fixture
def guarded() -> TestClient:
    return behind(Settings(host="0.0.0.0", token=TOKEN, allowed_hosts=("faces.example",)))


@pytest.mark.parametrize("host", ["localhost:8646", "127.0.0.1:8646", "[::1]:8646", "LOCALHOST"])
def test_this_machine_is_called_by_its_names(open_service: TestClient, host: str) -> None:
    assert open_service.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "192.168.1.7", "", "[::1", "127.0.0.1.nip.io"]
)
def test_other_names_are_misdirected(open_service: TestClient, host: str) -> None:
    answer = open_service.get("/v1/models", headers={"host": host})
    assert answer.status_code == 421
    assert "allowed_hosts" in answer.json()["error"]


def test_a_public_service_answers_to_addresses_and_given_names() -> None:
    public = Settings(host="0.0.0.0", token=TOKEN, allowed_hosts=("faces.example",))
    assert is_allowed_host("192.168.1.7:80", public)
    assert is_allowed_host("Faces.Example", public)
    assert not is_allowed_host("evil.example", public)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "http://localhost:8646"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
    ],
)
def test_pages_of_other_sites_may_not_ask(open_service: TestClient, headers: dict[str, str]) -> None:
    assert open_service.get("/v1/models", headers=headers).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": ADDRESS},
        {"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"},
        {"sec-fetch-site": "none", "sec-fetch-mode": "navigate"},
    ],
)
def test_our_pages_and_programs_may(open_service: TestClient, headers: dict[str, str]) -> None:
    assert open_service.get("/v1/models", headers=headers).status_code == 200


def test_a_link_on_another_site_may_lead_to_a_page(open_service: TestClient) -> None:
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert open_service.get("/", headers=headers).status_code == 200


NAMED = "https://app.example"


def test_a_named_site_may_ask_and_read_the_answer() -> None:
    client = behind(Settings(allowed_origins=(NAMED,)))
    answer = client.get("/v1/models", headers={"origin": NAMED})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, NAMED)
    assert answer.headers["vary"] == "origin"
    assert client.get("/v1/models", headers={"origin": "http://app.example"}).status_code == 403


def test_a_named_site_needs_the_token_but_not_to_ask_whether_it_may_ask() -> None:
    client = behind(Settings(token=TOKEN, allowed_origins=(NAMED,)))
    may_i = {"origin": NAMED, "access-control-request-method": "POST"}
    answer = client.options("/v1/read", headers=may_i)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == NAMED
    assert "authorization" in answer.headers["access-control-allow-headers"]
    refusal = client.post("/v1/read", headers={"origin": NAMED})
    assert (refusal.status_code, refusal.headers["access-control-allow-origin"]) == (401, NAMED)
    assert "access-control-allow-credentials" not in refusal.headers


def test_other_sites_get_no_leave_to_read() -> None:
    client = behind(Settings(allowed_origins=(NAMED,)))
    for headers in ({}, {"origin": ADDRESS}, {"origin": "https://evil.example"}):
        may_i = {**headers, "access-control-request-method": "POST"}
        for answer in (client.get("/v1/models", headers=headers), client.options("/v1/read", headers=may_i)):
            assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"host": "evil.example"}])
def test_sockets_of_other_sites_are_closed(open_service: TestClient, headers: dict[str, str]) -> None:
    with pytest.raises(WebSocketDisconnect) as caught, open_service.websocket_connect("/v1/live", headers=headers):
        pass
    assert caught.value.code == 1008


def test_our_own_socket_is_open(open_service: TestClient) -> None:
    with open_service.websocket_connect("/v1/live", headers={"origin": ADDRESS, "host": "127.0.0.1:8646"}) as socket:
        assert socket.receive_text() == "in"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": TOKEN},
        {"authorization": f"Bearer {TOKEN}x"},
        {"authorization": "Bearer \xff"},
        {"cookie": f"mien_session={TOKEN}"},
        {"cookie": "mien_session="},
        {"cookie": f"other={cookie_value(TOKEN)}"},
    ],
)
def test_strangers_are_asked_for_the_token(guarded: TestClient, headers: dict[str, str]) -> None:
    answer = guarded.get(
        "/v1/models", headers=[(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    )
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "headers",
    [{"authorization": f"Bearer {TOKEN}"}, {"cookie": f"a=b; mien_session={cookie_value(TOKEN)}"}],
)
def test_those_who_have_it_enter(guarded: TestClient, headers: dict[str, str]) -> None:
    assert guarded.get("/v1/models", headers=headers).status_code == 200
    with guarded.websocket_connect("/v1/live", headers={"host": "127.0.0.1", **headers}) as socket:
        assert socket.receive_text() == "in"


def test_strangers_sockets_are_closed(guarded: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect), guarded.websocket_connect("/v1/live", headers={"host": "127.0.0.1"}):
        pass


def test_people_without_a_token_are_led_to_the_form(guarded: TestClient) -> None:
    answer = guarded.get("/", headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/login", "/style.css", "/mark.svg"])
def test_health_and_the_form_are_open(guarded: TestClient, path: str) -> None:
    assert guarded.get(path).status_code == 200


def test_answers_and_refusals_carry_the_policy(guarded: TestClient) -> None:
    for answer in (guarded.get("/v1/models"), guarded.get("/healthz")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


def test_a_flood_is_slowed_down() -> None:
    client = behind(Settings(rate_per_s=0.5, rate_burst=3))
    answers = [client.get("/v1/models") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 1 <= int(answers[3].headers["retry-after"]) <= 3
    with pytest.raises(WebSocketDisconnect) as caught, client.websocket_connect("/v1/live", headers={"host": "[::1]"}):
        pass
    assert caught.value.code == 1013


def test_buckets_refill_and_are_forgotten() -> None:
    now_s = 0.0
    limiter = RateLimiter(rate_per_s=1, burst=2, clock=lambda: now_s)
    assert [limiter.wait_s("a") for _ in range(3)] == [0, 0, 1]
    now_s = 1.5
    assert [limiter.wait_s("a") for _ in range(2)] == [0, pytest.approx(0.5)]
    for client in range(20_000):
        limiter.wait_s(str(client))
    assert len(limiter._buckets) == 10_000
