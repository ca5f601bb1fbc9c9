"""A vendor in a few lines: a function that answers requests, on two hosts, one of which can be the storage."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Request:
    """A request as the vendor received it; `base` and `storage` are the vendor's own addresses."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    base: str
    storage: str
    is_storage: bool

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """The vendor's answer: a `body` of bytes is sent unchanged, any other as JSON.

    With the header `Connection: close`, only the end of the connection says where it ends.
    """

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Vendor = Callable[[Request], Answer]


ROWS = [{"id": number} for number in range(3)]


def preparing(*polls: Any, made: Answer = Answer({"id": 7}), rows: Answer = Answer({"rows": ROWS})) -> Vendor:
    """A vendor that makes a report, gives these answers to polls in turn, repeating the last, and then sends rows."""
    answers = iter(polls)
    last: list[Any] = [None]

    def respond(request: Request) -> Answer:
        if request.method == "POST":
            return made
        if not request.path.startswith("/reports"):
            return rows
        last[0] = next(answers, last[0])
        answer = last[0](request) if callable(last[0]) else last[0]
        return answer if isinstance(answer, Answer) else Answer(answer)

    return respond


class FakeVendor:
    """Serves one vendor on loopback until it is stopped, and remembers the requests."""

    def __init__(self, vendor: Vendor) -> None:
        self.heard: list[Request] = []
        self.vendor = vendor
        # Two hosts, because credentials and links are checked by host: the second is the storage.
        self._servers = [ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self, number)) for number in (0, 1)]
        self.base, self.storage = (f"http://127.0.0.1:{server.server_address[1]}" for server in self._servers)
        for server in self._servers:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def answer(self, request: Request) -> Answer:
        self.heard.append(request)
        return self.vendor(request)

    def __enter__(self) -> FakeVendor:
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body are two writes; otherwise the second waits 40 ms until the client acknowledges the first.
    disable_nagle_algorithm = True

    def __init__(self, fake: FakeVendor, number: int, *args: Any) -> None:
        self._fake = fake
        self._number = number
        super().__init__(*args)

    def _respond(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fake = self._fake
        request = Request(self.command, self.path, self.headers, body, fake.base, fake.storage, self._number == 1)
        answer = fake.answer(request)
        content = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204 and "Connection" not in answer.headers:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _respond  # noqa: N815 - the names http.server looks for

    def log_message(self, *_: Any) -> None:
        """Log nothing: a failed test says enough."""
