"""Serves the vendors' answers from memory: the sandbox's first answer to a request is repeated for all later ones.

A vendor that makes its rows while it sends them takes the core that is to be measured. `python -m bench.replay URL`
forwards to URL what it has not heard yet, and prints its own address.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

NOT_PASSED_ON = {"transfer-encoding", "connection", "content-length", "date", "server"}

Answer = tuple[int, list[tuple[str, str]], bytes]


class Replay(BaseHTTPRequestHandler):
    """Finds answers by request line and body. Redirects, links and tokens are those of the first answer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or the end of an answer waits until its start was acknowledged
    upstream = ""
    answers: dict[tuple[str, str, bytes], Answer] = {}  # noqa: RUF012 - shared by all connections on purpose

    def do_GET(self) -> None:
        asked = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        key = (self.command, self.path, asked)
        if key not in self.answers:
            self.answers[key] = self._ask(asked)
        status, headers, body = self.answers[key]
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - the names http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own name
        pass

    def _ask(self, asked: bytes) -> Answer:
        connection = HTTPConnection(urlsplit(self.upstream).netloc, timeout=120)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in {"host", "connection"}}
        connection.request(self.command, self.path, asked, headers)
        answer = connection.getresponse()
        kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in NOT_PASSED_ON]
        return answer.status, kept, answer.read()


@contextmanager
def replaying(upstream: str) -> Iterator[str]:
    """The address of a replay of the server at `upstream`, in a process of its own."""
    command = [sys.executable, "-m", "bench.replay", upstream]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def main() -> None:
    Replay.upstream = sys.argv[1]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Replay)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
