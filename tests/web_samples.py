"""A small web of files for tests, that can behave as badly as the real one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass
class Web:
    """What it offers, how it behaves, and what it was asked."""

    url: str = ""
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)  # path -> content type, content
    tag: str | None = '"one"'
    knows_parts: bool = True
    says_length: bool = True
    break_offs: list[int] = field(default_factory=list)  # after how many bytes, for the next requests
    failures: list[int] = field(default_factory=list)  # status codes, for the next requests
    asked: list[tuple[str, str | None]] = field(default_factory=list)  # path, Range header


@contextmanager
def serving() -> Iterator[Web]:
    """A server on this machine, for as long as the block lasts."""
    web = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, *, with_body: bool) -> None:
            path, wanted = self.path.partition("?")[0], self.headers.get("Range")
            web.asked.append((path, wanted))
            if web.failures or path not in web.files:
                self.send_error(web.failures.pop(0) if web.failures else 404)
                return
            kind, content = web.files[path]
            start = 0
            if wanted and web.knows_parts and self.headers.get("If-Range", web.tag) == web.tag:
                start = int(wanted.removeprefix("bytes=").partition("-")[0])
                if start >= len(content):
                    self.send_error(416)
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            else:
                self.send_response(200)
            self.send_header("Content-Type", kind)
            if web.tag is not None:
                self.send_header("ETag", web.tag)
            if web.says_length:
                self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            if with_body:
                until = start + web.break_offs.pop(0) if web.break_offs else len(content)
                self.wfile.write(content[start:until])

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    web.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
