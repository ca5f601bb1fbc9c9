"""S3, Google Cloud Storage and Azure Blob Storage in one small server: obstore's requests, and their conditions.

A conditional put is checked and written in one step. Listings have pages of three, so that clients must continue.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Lock, Thread
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

BUCKET = "rows"
ACCOUNT = "devstoreaccount1"
PAGE = 3
MODIFIED = "Thu, 26 Nov 2026 00:00:00 GMT"

Answer = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True)
class Request:
    """A request of obstore; names of headers are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class Bucket:
    """Objects by their keys, each with the number of its version."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, int]] = {}
        self._versions = count(1_764_000_000_000_000)
        self._one_at_a_time = Lock()

    def put(self, key: str, content: bytes, expected: int | None) -> int | None:
        """Store an object and return its new version; None and no change if its version is not `expected` (0: none)."""
        with self._one_at_a_time:
            held = self.objects.get(key, (b"", 0))[1]
            if expected is not None and expected != held:
                return None
            version = next(self._versions)
            self.objects[key] = content, version
            return version

    def page(self, query: Mapping[str, str], after: str) -> tuple[list[str], list[str], str]:
        """Keys and common prefixes below a prefix, those after `after`, and the last of them if more follow."""
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        found: dict[str, bool] = {}
        for key in sorted(self.objects):
            head, cut, _ = key.removeprefix(prefix).partition(delimiter or "\0")
            if key.startswith(prefix):
                found[f"{prefix}{head}{cut}"] = bool(cut)
        listed = [name for name in found if name > after]
        page = listed[:PAGE]
        following = page[-1] if len(listed) > PAGE else ""
        return [name for name in page if not found[name]], [name for name in page if found[name]], following


def failure(status: int, code: str, message: str = "") -> Answer:
    """An answer that refuses a request; without a code it does not say why."""
    words = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return status, {"Last-Modified": MODIFIED}, words.encode() if code else b""


def _held(bucket: Bucket, key: str, missing: str) -> Answer:
    if key not in bucket.objects:
        return failure(404, missing, "There is no such object.")
    content, version = bucket.objects[key]
    return 200, {"ETag": f'"{version}"', "x-goog-generation": str(version), "Last-Modified": MODIFIED}, content


def _expected(request: Request) -> int | None:
    """The version that a put expects: 0 for none, None for any, -1 for one that no object has."""
    if request.headers.get("if-none-match") == "*":
        return 0
    tag = request.headers.get("if-match")
    return (int(tag.strip('"')) or -1) if tag else None


def s3(bucket: Bucket, request: Request) -> Answer:
    """The API of S3, `/BUCKET/KEY`."""
    return _xml_api(bucket, request, _expected(request))


def google(bucket: Bucket, request: Request) -> Answer:
    """The XML API of Google Cloud Storage, which is that of S3 but for the conditions."""
    expected = request.headers.get("x-goog-if-generation-match")
    return _xml_api(bucket, request, None if expected is None else int(expected))


def _xml_api(bucket: Bucket, request: Request, expected: int | None) -> Answer:
    name, _, key = request.path.partition("/")
    if name != BUCKET:
        return failure(404, "NoSuchBucket", "The specified bucket does not exist.")
    if request.method == "GET" and not key:
        keys, prefixes, following = bucket.page(request.query, request.query.get("continuation-token", ""))
        items = [
            f"<Contents><Key>{escape(key)}</Key><LastModified>2026-11-26T00:00:00.000Z</LastModified>"
            f"<ETag>{bucket.objects[key][1]}</ETag><Size>{len(bucket.objects[key][0])}</Size></Contents>"
            for key in keys
        ]
        items += [f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>" for name in prefixes]
        token = f"<NextContinuationToken>{escape(following)}</NextContinuationToken>" if following else ""
        return 200, {}, f"<ListBucketResult>{''.join(items)}{token}</ListBucketResult>".encode()
    if request.method == "PUT":
        version = bucket.put(key, request.body, expected)
        if version is None:
            return failure(412, "PreconditionFailed", "A precondition does not hold.")
        return 200, {"ETag": f'"{version}"', "x-goog-generation": str(version)}, b""
    if request.method == "DELETE" and bucket.objects.pop(key, None):
        return 204, {}, b""
    return _held(bucket, key, "NoSuchKey")


def azure(bucket: Bucket, request: Request) -> Answer:
    """The API of Azure Blob Storage as of its emulator, `/ACCOUNT/CONTAINER/KEY`."""
    account, name, key = [*request.path.split("/", 2), "", ""][:3]
    if not request.headers.get("authorization", "").startswith(f"SharedKey {ACCOUNT}:"):
        return failure(403, "AuthenticationFailed", "Server failed to authenticate the request.")
    if (account, name) != (ACCOUNT, BUCKET):
        return failure(404, "ContainerNotFound", "The specified container does not exist.")
    if request.method == "GET" and request.query.get("comp") == "list":
        keys, prefixes, following = bucket.page(request.query, request.query.get("marker", ""))
        items = [
            f"<Blob><Name>{escape(key)}</Name><Properties><Last-Modified>{MODIFIED}</Last-Modified>"
            f"<Etag>{bucket.objects[key][1]}</Etag><Content-Length>{len(bucket.objects[key][0])}</Content-Length>"
            "<Content-Type>application/octet-stream</Content-Type></Properties></Blob>"
            for key in keys
        ]
        items += [f"<BlobPrefix><Name>{escape(name)}</Name></BlobPrefix>" for name in prefixes]
        marker = f"<NextMarker>{escape(following)}</NextMarker>"
        return 200, {}, f"<EnumerationResults><Blobs>{''.join(items)}</Blobs>{marker}</EnumerationResults>".encode()
    if request.method == "POST" and request.query.get("comp") == "batch":
        return _remove_all(bucket, request.body)
    if request.method == "PUT":
        expected = _expected(request)
        version = bucket.put(key, request.body, expected)
        if version is None and expected == 0:
            return failure(409, "BlobAlreadyExists", "The specified blob already exists.\nRequestId:1\nTime:now")
        if version is None:
            return failure(412, "ConditionNotMet", "The condition is not met.\nRequestId:1\nTime:now")
        return 201, {"ETag": f'"{version}"'}, b""
    return _held(bucket, key, "BlobNotFound")


def _remove_all(bucket: Bucket, body: bytes) -> Answer:
    """Answer a batch of removals, with a response for each in the body."""
    parts = []
    for number, path in enumerate(re.findall(rb"DELETE (/[^ ?]+)", body)):
        key = unquote(path.decode()).split("/", 3)[-1].removeprefix(f"{BUCKET}/")
        is_gone = bucket.objects.pop(key, None) is not None
        status = "202 Accepted" if is_gone else "404 The specified blob does not exist."
        parts.append(
            f"--batch\r\nContent-Type: application/http\r\nContent-ID: {number}\r\n\r\n"
            f"HTTP/1.1 {status}\r\nx-ms-request-id: 1\r\nContent-Length: 0\r\n\r\n\r\n"
        )
    return 202, {"Content-Type": "multipart/mixed; boundary=batch"}, ("".join(parts) + "--batch--\r\n").encode()


DIALECTS = {"s3": s3, "gs": google, "az": azure}


class Service:
    """A service of one kind with an empty bucket. It may refuse every request, and remembers who asked."""

    def __init__(self, scheme: str, refusal: tuple[int, str] | None = None) -> None:
        """`refusal` is the status and the code of every answer."""
        self.scheme = scheme
        self.refusal = refusal
        self.bucket = Bucket()
        self.asked_by: list[str] = []
        self.url = ""

    @property
    def address(self) -> str:
        """The address of a place for files."""
        account = f"&account={ACCOUNT}" if self.scheme == "az" else ""
        return f"{self.scheme}://{BUCKET}/x?endpoint={self.url}{account}"

    def reply(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer to a request."""
        self.asked_by.append(headers.get("authorization", ""))
        if self.refusal:
            return failure(*self.refusal, "in its own words\nRequestId:1\nTime:now")
        url = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        return DIALECTS[self.scheme](self.bucket, Request(method, unquote(url.path[1:]), query, headers, body))


@contextmanager
def running(service: Service, context: ssl.SSLContext | None = None) -> Iterator[Service]:
    """Run a service on a port of this machine."""
    with serving(service.reply, context) as port:
        account = f"/{ACCOUNT}" if service.scheme == "az" else ""
        service.url = f"{'https' if context else 'http'}://127.0.0.1:{port}{account}"
        yield service


@contextmanager
def serving(
    reply: Callable[[str, str, Mapping[str, str], bytes], Answer], context: ssl.SSLContext | None = None
) -> Iterator[int]:
    """Run a server that answers with `reply(method, target, headers in lower case, body)`. Yields its port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # headers and body in one packet

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, more, content = reply(self.command, self.path, headers, body)
            self.send_response(status)
            for name, value in {**more, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_PUT = do_HEAD = do_DELETE = do_POST = do_GET  # noqa: N815 - as http.server calls them

        def log_message(self, *arguments: object) -> None:
            """Nothing is logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *arguments: None  # type: ignore[method-assign]
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
