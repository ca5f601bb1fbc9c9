"""Over real sockets a response is complete, or it fails with the reason."""

from __future__ import annotations

import gzip
import select
import threading
from collections.abc import Callable, Iterator

import pytest
import zstandard

from tests.authority import Authority
from tests.scripted_vendor import Heard, Start
from tests.sockets import closed_port
from tests.wire import (
    answer,
    assert_hanging_up_frees,
    connection,
    exchange,
    get,
    hang_up,
    refuse_secrets,
    reset,
    talk,
    tls_host,
)
from worker.errors import FailJob, RetryLater
from worker.sources.connections import Connection
from worker.sources.schema import Request
from worker.transport.http import Channel
from worker.transport.proxies import Network
from worker.transport.request import WireRequest, compose
from worker.transport.response import Response


def test_a_body_arrives_whole_however_it_is_framed(vendor: Start) -> None:
    # More than any buffer on the way holds at once.
    rows = b'{"rows":[%b]}' % b",".join(b"%d" % n for n in range(200_000))

    def script(heard: Heard) -> Iterator[bytes] | bytes:
        if heard.target.endswith("chunked"):
            return chunked(rows)
        if heard.target.endswith("closed"):
            return hang_up(b"HTTP/1.0 200 OK\r\n\r\n", rows)
        return answer(body=rows)

    at, _ = talk(vendor, script)
    for framing, has_end in (("chunked", True), ("sized", True), ("closed", False), ("sized", True)):
        response = at.send(get(at, f"/{framing}"))
        assert response.has_end is has_end
        assert b"".join(response.chunks()) == rows
        assert response.received_bytes == len(rows)


def chunked(body: bytes, size: int = 7_000) -> Iterator[bytes]:
    # The vendor closes after an answer in pieces. Unannounced, the next request might still go to this connection.
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    for start in range(0, len(body), size):
        piece = body[start : start + size]
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def test_a_connection_is_kept_alive_when_a_body_was_read_to_its_end(vendor: Start) -> None:
    at, acme = talk(vendor, lambda heard: answer(body=b"[1]"))
    for _ in range(5):
        assert at.send(get(at)).body(100) == b"[1]"
    assert acme.connections == 1
    for _ in range(2):
        chunks = at.send(get(at)).chunks()
        next(chunks)
        chunks.close()
    assert at.send(get(at)).body(100) == b"[1]"


SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("pieces", "received"),
    [
        ((SIZED, b"half a row"), 10),
        ((CHUNKED, b"a\r\nhalf a row\r\n"), 10),
        ((CHUNKED, b"14\r\nhalf a row"), 10),
        ((CHUNKED, b"a\r\nhalf a row\r\n0"), 10),
        ((CHUNKED, b"a\r\nhalf a row and more\r\n"), 0),
        ((CHUNKED, b"<html>\r\n"), 0),
    ],
)
@pytest.mark.parametrize("end", [hang_up, reset])
def test_a_cut_body_is_tried_again_and_says_how_far_it_came(
    vendor: Start, end: Callable[..., Iterator[bytes]], pieces: tuple[bytes, ...], received: int
) -> None:
    at = exchange(connection(vendor(lambda heard: end(*pieces))))
    with pytest.raises(RetryLater, match=r"GET /v1/rows: the body was cut off after \d+ bytes") as caught:
        list(at.send(get(at)).chunks())
    assert not caught.value.is_unsent
    assert caught.value.is_attempt
    if end is hang_up:
        assert f"after {received} bytes" in str(caught.value)


@pytest.mark.parametrize("is_at_once", [True, False])
@pytest.mark.parametrize("length", [0, 9, 18])
def test_a_body_longer_than_its_stated_length_is_not_accepted(vendor: Start, length: int, is_at_once: bool) -> None:
    body = b'{"id": 1}{"id": 2}{"id": 3}'

    has_head = threading.Event()

    def script(heard: Heard) -> Iterator[bytes]:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length
        if is_at_once:
            yield head + body
        else:
            yield head
            has_head.wait(5)
            yield body
        acme.is_over.wait(5)

    at, acme = talk(vendor, script)
    response = at.send(get(at))
    has_head.set()
    if not is_at_once:
        # What is too much must have arrived before the body is read, or it would be taken for the next answer.
        assert select.select([response._raw._original_response.fp.raw._sock], [], [], 5)[0]
    with pytest.raises(RetryLater, match=f"after {length} bytes: more bytes came than its Content-Length says"):
        list(response.chunks())


def test_a_line_end_after_a_body_does_not_disturb_the_next_answer(vendor: Start) -> None:
    at, _ = talk(vendor, lambda heard: answer(body=b"[1]") + b"\r\n")
    assert [at.send(get(at)).body(9) for _ in range(3)] == [b"[1]"] * 3


def test_an_answer_that_says_it_has_no_body_has_none_whatever_follows(vendor: Start) -> None:
    at, _ = talk(vendor, lambda heard: answer(204, b"[1]"))
    assert [at.send(get(at)).body(9) for _ in range(3)] == [b""] * 3


def test_bytes_left_on_a_connection_are_not_the_next_answer(vendor: Start) -> None:
    stale = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstale"
    at, _ = talk(
        vendor, lambda heard: b"".join(chunked(b"rows")) + stale if heard.target.endswith("a") else answer(body=b"b")
    )
    for _ in range(3):
        assert at.send(get(at, "/a")).body(9) == b"rows"
        assert at.send(get(at, "/b")).body(9) == b"b"


@pytest.mark.parametrize("line", [b"HTTP/1.1 200 OK", b"Content-Length : 11"])
def test_a_length_behind_a_malformed_header_line_is_not_overlooked(vendor: Start, line: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + line + b"\r\nContent-Length: 11\r\n\r\n"
    at, _ = talk(vendor, lambda heard: head + b"cut")
    with pytest.raises(RetryLater, match=f"no answer: a line among its headers is malformed: '{line.decode()}'"):
        at.send(get(at))


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"HTTP/2 200\r\n", "UnknownProtocol HTTP/2"),
        (b"HTTP/1.1 2000 OK\r\n", "BadStatusLine HTTP/1.1 2000 OK"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 101, "got more than 100 headers"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, "LineTooLong"),
    ],
)
def test_an_answer_that_is_not_http_fails_with_the_reason(vendor: Start, head: bytes, expected: str) -> None:
    at, _ = talk(vendor, lambda heard: head + b"\r\n")
    with pytest.raises(RetryLater, match=f"GET /v1/rows: no answer: .*{expected}"):
        at.send(get(at))


def test_an_answer_with_two_lengths_is_refused(vendor: Start) -> None:
    at, _ = talk(vendor, lambda heard: b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 6\r\n\r\nrowrow")
    with pytest.raises(RetryLater, match="no answer: InvalidHeader"):
        at.send(get(at))


@pytest.mark.parametrize("encoding", [b"gzip, chunked", b"chunked, chunked", b"chunked "])
def test_an_answer_in_another_transfer_encoding_than_we_read_is_refused(vendor: Start, encoding: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + encoding
    at, _ = talk(vendor, lambda heard: head + b"\r\nConnection: close\r\n\r\n3\r\nrow\r\n0\r\n\r\n")
    with pytest.raises(FailJob, match="a transfer encoding other than chunked"):
        at.send(get(at))


def test_early_hints_are_not_the_answer(vendor: Start) -> None:
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Wait\r\n\r\n"
    at, acme = talk(vendor, lambda heard: early + answer(body=b"[1]"))
    for _ in range(2):
        response = at.send(get(at))
        assert (response.status, response.headers.get("Link"), response.body(9)) == (200, None, b"[1]")
    assert acme.connections == 1
    cut = exchange(connection(vendor(lambda heard: hang_up(early))))
    with pytest.raises(RetryLater, match="no answer"):
        cut.send(get(cut))


@pytest.mark.parametrize(
    ("content_range", "is_all"),
    [("bytes 0-2/3", True), ("bytes 0-2/9", False), ("bytes 3-5/6", False), ("bytes 0-2/*", False), ("", False)],
)
def test_a_partial_answer_is_not_mistaken_for_the_whole(vendor: Start, content_range: str, is_all: bool) -> None:
    at = exchange(connection(vendor(lambda heard: answer(206, b"[1]", Content_Range=content_range))))
    if is_all:
        assert at.send(get(at)).body(9) == b"[1]"
        return
    with pytest.raises(RetryLater, match="206: only a part, which was not asked for") as caught:
        at.send(get(at))
    assert caught.value.at_most == 3


def test_silence_in_a_body_or_before_it_is_not_waited_out(vendor: Start) -> None:
    def script(heard: Heard) -> Iterator[bytes]:
        if heard.target.endswith("body"):
            yield SIZED + b"row"
        acme.is_over.wait(30)

    at, acme = talk(vendor, script, silence_seconds=0.05)
    with pytest.raises(RetryLater, match=r"cut off after 3 bytes: silence for 0\.05 s"):
        list(at.send(get(at, "/body")).chunks())
    with pytest.raises(RetryLater, match="no answer within") as caught:
        at.send(get(at, "/head"))
    assert not caught.value.is_unsent


@pytest.mark.parametrize("start", [b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nX-Long: "])
def test_headers_that_never_end_are_not_waited_for(vendor: Start, start: bytes) -> None:
    def script(heard: Heard) -> Iterator[bytes]:
        yield start
        while not acme.is_over.wait(0.01):
            yield b"0"

    at, acme = talk(vendor, script, silence_seconds=0.1)
    with pytest.raises(RetryLater, match="no answer within"):
        at.send(get(at))


@pytest.mark.parametrize("status", [200, 400])
def test_a_small_answer_that_never_ends_is_not_waited_for(vendor: Start, status: int) -> None:
    def script(heard: Heard) -> Iterator[bytes]:
        yield f"HTTP/1.1 {status} Reason\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        while not acme.is_over.wait(0.01):
            yield b"1\r\n \r\n"

    at, acme = talk(vendor, script, silence_seconds=0.1)
    expected = r"cut off after \d+ bytes: it did not end within 0\.4 s" if status == 200 else r"400 Reason: \(empty\)"
    with pytest.raises(RetryLater if status == 200 else FailJob, match=expected):
        at.ask(get(at))


@pytest.mark.parametrize("start", [SIZED + b"row", b"HTTP/1.0 200 OK\r\n\r\nrow"], ids=["sized", "closed"])
def test_a_thread_that_waits_for_a_body_is_freed_from_another_thread(vendor: Start, start: bytes) -> None:
    def script(heard: Heard) -> Iterator[bytes]:
        yield start
        acme.is_over.wait(60)

    at, acme = talk(vendor, script)
    response = at.send(get(at))
    assert_hanging_up_frees(response)
    response.hang_up()


def test_tls_records_that_have_arrived_are_read_as_one_piece(authority: Authority) -> None:
    rows, is_sent = b"".join(b"%d\n" % n for n in range(12_000)), threading.Event()

    def script(request: bytes) -> Iterator[bytes]:
        yield answer(body=rows)
        is_sent.set()

    with tls_host(authority.certificate("large"), script) as port:
        response = over_tls(authority, port)
        is_sent.wait(5)
        pieces = list(response.chunks())
    assert b"".join(pieces) == rows
    assert max(map(len, pieces)) > 2 * 16_384


def test_what_came_over_tls_before_a_hang_up_is_read_decrypted(authority: Authority) -> None:
    is_first_read, is_over = threading.Event(), threading.Event()

    def script(request: bytes) -> Iterator[bytes]:
        yield SIZED + b"row"
        is_first_read.wait(5)
        yield b" and more"
        is_over.wait(5)

    with tls_host(authority.certificate("broken"), script) as port:
        response = over_tls(authority, port)
        chunks = response.chunks()
        assert next(chunks) == b"row"
        is_first_read.set()
        select.select([response._raw._original_response.fp.raw._sock], [], [], 5)
        response.hang_up()
        assert next(chunks) == b" and more"
        with pytest.raises(RetryLater, match="cut off after 12 bytes"):
            next(chunks)
        is_over.set()


def over_tls(authority: Authority, port: int) -> Response:
    channel = Channel(silence_seconds=5, network=Network(ca_bundle=str(authority.ca)))
    return channel.send(WireRequest("GET", f"https://localhost:{port}/rows", {}))


def test_a_vendor_that_is_not_there_got_nothing(vendor: Start) -> None:
    port = closed_port()
    acme = connection(vendor(lambda heard: b""))
    at = exchange(Connection("acme", acme.source, f"http://127.0.0.1:{port}/v1"))
    with pytest.raises(RetryLater, match="Connection refused") as caught:
        at.send(get(at, key="k3y"))
    assert caught.value.is_unsent
    refuse_secrets(str(caught.value))


@pytest.mark.parametrize("end", [hang_up, reset])
@pytest.mark.parametrize(
    "start", [b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nDate: now\r\n", b"SSH-2.0-OpenSSH\r\n\r\n"]
)
def test_a_connection_that_ends_before_an_answer_may_have_brought_the_request(
    vendor: Start, end: Callable[..., Iterator[bytes]], start: bytes
) -> None:
    at, acme = talk(vendor, lambda heard: end(start))
    with pytest.raises(RetryLater, match="POST /v1/rows: no answer") as caught:
        at.send(compose(at.base, Request(method="POST", path="/rows", json={"a": 1}), {}))
    assert not caught.value.is_unsent
    assert [heard.body for heard in acme.heard] == [b'{"a":1}']


def test_small_answers_are_bounded_and_unpacked(vendor: Start) -> None:
    packed = gzip.compress(b"[" + b" " * 17 * 1024 * 1024 + b"]", 0)
    at, _ = talk(vendor, lambda heard: answer(body=packed, Content_Encoding="gzip"))
    with pytest.raises(FailJob, match="longer than"):
        at.ask(get(at))
    assert at.send(get(at)).start(3) == b"[  "


def test_a_small_answer_is_unpacked_as_a_page_of_rows_is(vendor: Start) -> None:
    expected = b'{"status": "ready"}'
    ways = {"gzip, zstd": zstandard.compress(gzip.compress(expected)), "": gzip.compress(expected), "br": expected}
    for named, packed in ways.items():
        at, _ = talk(vendor, lambda heard, named=named, packed=packed: answer(body=packed, Content_Encoding=named))
        if named != "br":
            assert at.ask(get(at)).content == {"status": "ready"}
            continue
        with pytest.raises(FailJob, match="br"):
            at.ask(get(at))


def test_a_refusal_is_quoted_as_far_as_it_can_be_unpacked(vendor: Start) -> None:
    words = gzip.compress(b'{"detail": "no"}' + bytes(range(256)) * 200)
    at, _ = talk(vendor, lambda heard: answer(400, words[:60], Content_Encoding="gzip"))
    with pytest.raises(FailJob, match="GET /v1/rows: 400 Reason: "):
        at.ask(get(at))
