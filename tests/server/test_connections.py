"""Connections that take much and ask little, against uvicorn with its guards: they are cut off, others are answered."""

import http.client
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.sync.client import connect

from mien.server.app import create_app
from mien.server.connections import guarded_protocols
from mien.server.readers import Readers
from mien.server.running import Service
from mien.server.settings import Settings

MUCH = bytes(1 << 20)


class Application:
    """Answers "in"; sends much at /much; echoes on sockets."""

    def __init__(self) -> None:
        self.much_ended = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            socket = WebSocket(scope, receive, send)
            await socket.accept()
            try:
                while True:
                    await socket.send_text(await socket.receive_text())
            except WebSocketDisconnect:
                return
        if scope["path"] != "/much":
            await PlainTextResponse("in")(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(100):
            await send({"type": "http.response.body", "body": MUCH, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        self.much_ended.set()


@contextmanager
def running(application: Application, **settings: Any) -> Iterator[int]:
    """A running server's port."""
    protocol, web_socket = guarded_protocols(Settings(**settings))
    config = uvicorn.Config(application, port=0, http=protocol, ws=web_socket, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def wait_until(holds: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def ask(port: int, path: str = "/") -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, answer.headers, content


def is_cut_off(connection: socket.socket) -> bool:
    """Whether the other side has ended it."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("head", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"])
def test_a_head_that_does_not_end_is_given_up(head: bytes) -> None:
    with running(Application(), upload_timeout_s=0.3) as port, ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(20)]
        for connection in slow:
            connection.sendall(head)
        assert ask(port)[0] == 200
        for connection in slow:
            connection.settimeout(30)
            assert is_cut_off(connection)


def test_a_head_that_drips_is_given_up() -> None:
    with running(Application(), upload_timeout_s=0.5) as port, socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nX: ")

        def is_refused() -> bool:
            try:
                slow.sendall(b"x")
            except ConnectionError:
                return True
            return False

        wait_until(is_refused)


def test_requests_one_after_the_other_keep_their_connection() -> None:
    with running(Application(), upload_timeout_s=0.4) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.connect()
        own = connection.sock
        for _ in range(4):
            connection.request("GET", "/")
            assert connection.getresponse().read() == b"in"
            time.sleep(0.2)
        assert connection.sock is own
        connection.close()


def test_no_client_takes_every_connection_and_each_is_given_back() -> None:
    with running(Application(), connections=4) as port:
        for _ in range(3):
            with connect(f"ws://127.0.0.1:{port}/", compression=None) as web_socket:
                web_socket.send("hello")
                assert web_socket.recv() == "hello"
                with socket.create_connection(("127.0.0.1", port)):
                    status, headers, content = ask(port)
                    assert (status, headers["retry-after"]) == (503, "2")
                    assert b"too many connections" in content
            wait_until(lambda: ask(port)[0] == 200)


def test_a_proxy_may_take_all_of_them() -> None:
    with running(Application(), connections=4, trusted_proxies=("127.0.0.1",)) as port, ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        assert ask(port)[0] == 200


def test_a_client_that_takes_nothing_is_cut_off() -> None:
    application = Application()
    with running(application, upload_timeout_s=0.5) as port:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"GET /much HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert application.much_ended.wait(30), "the rest is thrown away once the client has been cut off"
        status, _, content = ask(port, "/much")
        assert (status, len(content)) == (200, 100 * len(MUCH))


def test_a_photo_of_a_client_that_has_left_is_not_read() -> None:
    settings = Settings(port=0, readers=1, read_timeout_s=2.0)
    fake = (sys.executable, str(Path(__file__).with_name("fake_processes.py")), "pictures")
    readers = Readers(settings, command=fake)
    service = Service(create_app(settings, readers=readers), settings)
    thread = threading.Thread(target=service.run)
    thread.start()
    wait_until(lambda: service.started)
    port = service.servers[0].sockets[0].getsockname()[1]
    head = "POST /v1/read HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port)) as first:
        first.sendall(head.format(8).encode() + b"sleep1.5")
        time.sleep(0.3)
        with socket.create_connection(("127.0.0.1", port)) as second:
            second.sendall(head.format(4).encode() + b"hang")
            wait_until(lambda: readers.waiting == 1)
        first.settimeout(30)
        assert first.recv(100).startswith(b"HTTP/1.1 200")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/v1/read", b"a")
    assert connection.getresponse().read().startswith(b"a by ")
    connection.close()
    assert readers.replaced == 0
    service.should_exit = True
    thread.join()
