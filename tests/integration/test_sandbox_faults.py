"""Faults of any vendor, each over a real socket, that no scenario shows."""

from __future__ import annotations

import gzip
import http.client
import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import zstandard

from sandbox import Sandbox, expected_rows
from tests.requests import EXPORT, PAGES, STREAM
from tests.sandbox_client import (
    INSTAL_EXPORT,
    KARGO_ASKED,
    MEDIAMATH_QUERY,
    Reply,
    Visitor,
    rows_of,
    running,
    task,
)
from tests.sandbox_client import visitor as visitor
from worker.model import Json

ROWS = 1003
LINES = list(expected_rows(STREAM, MEDIAMATH_QUERY, ROWS))
KARGO = list(expected_rows(PAGES, KARGO_ASKED, ROWS))
FILE = list(expected_rows(EXPORT, INSTAL_EXPORT, ROWS))
META = b'{"meta":{}}'
BROKEN_OFF, RESET = 0, -1
sandbox = running(rows=ROWS, polls_until_ready=0)

Fetch = Callable[..., Reply]


@pytest.fixture
def spoilt(sandbox: Sandbox, visitor: Visitor) -> Fetch:
    """Fetches a stream of MediaMath's, rows 501 to 510 of Kargo, or a file of Instal's, with faults in it."""
    report, stored = visitor.kargo_report(KARGO_ASKED, polls=1), visitor.instal_task(INSTAL_EXPORT, polls=0)
    link = task(visitor, stored).json()["result"]
    fetch: dict[str, Callable[[], Reply]] = {
        "stream": lambda: visitor.post("mediamath", "/performance", MEDIAMATH_QUERY),
        "page": lambda: rows_of(visitor, report, limit=10, offset=500),
        "file": lambda: visitor.ask("GET", link),
    }
    visitor.log_in("mediamath")

    def ask(what: str, *faults: Json) -> Reply:
        sandbox.remote.turn(*faults)
        try:
            return fetch[what]()
        except http.client.IncompleteRead as cut:
            return Reply(BROKEN_OFF, {}, cut.partial)
        except ConnectionResetError:
            return Reply(RESET, {}, b"")

    return ask


def rows(reply: Reply) -> list[bytes]:
    return reply.body.split(b"\n")[1:]


def whole_rows(reply: Reply) -> list[bytes]:
    return reply.lines()[1:]


def page_rows(reply: Reply) -> Any:
    return reply.json()["data"]["rows"]


def values(reply: Reply) -> Iterator[Any]:
    """All JSON values of a stream after its header, however they are spread over lines."""
    decoder, text = json.JSONDecoder(), reply.body.decode().lstrip()
    while text:
        value, end = decoder.raw_decode(text)
        yield value
        text = text[end:].lstrip()


def unpacked(reply: Reply) -> list[bytes]:
    packing = reply.headers["Content-Encoding"]
    unzstd = zstandard.ZstdDecompressor().decompressobj().decompress
    return (unzstd(reply.body) if packing == "zstd" else zlib.decompress(reply.body, 47)).splitlines()[1:]


Look = Callable[[Reply], Any]
FAULTS: list[tuple[str, str, Json, Look, Any]] = [
    # ---- answers
    ("stream", "status", {"code": 500, "message": "x", "body": "error"}, lambda r: r.json(), {"error": "x"}),
    ("stream", "status", {"code": 500, "message": "x", "body": "detail"}, lambda r: r.json(), {"detail": "x"}),
    ("stream", "body", {"text": "¡hola!", "status": 202}, lambda r: (r.status, r.body.decode()), (202, "¡hola!")),
    ("stream", "body", {"text": "", "content_type": "a/b"}, lambda r: r.headers["Content-Type"], "a/b"),
    ("stream", "gateway", {"status": 429, "retry_after": 2}, lambda r: r.headers["Retry-After"], "2"),
    ("stream", "redirect", {"to": "https://x/y", "code": 307}, lambda r: r.headers["Location"], "https://x/y"),
    ("stream", "redirect", {"to": "self"}, lambda r: r.headers["Location"][-12:], "/performance"),
    ("stream", "content_type", {"value": "a/b"}, lambda r: (r.headers["Content-Type"], whole_rows(r)), ("a/b", LINES)),
    # ---- bodies
    ("stream", "delay", {"seconds": 0.01}, whole_rows, LINES),
    ("stream", "silence", {"seconds": 0.01, "after_bytes": 1000}, whole_rows, LINES),
    ("stream", "throttle", {"bytes_per_second": 2_000_000}, whole_rows, LINES),
    ("stream", "reset", {"after_bytes": 5000}, lambda r: r.status, RESET),
    ("stream", "cut", {"after_bytes": 5000}, lambda r: (r.status, len(r.body)), (BROKEN_OFF, 5000)),
    ("stream", "cut", {"after_bytes": 5000, "clean": True}, lambda r: (r.status, len(r.body)), (200, 5000)),
    ("stream", "wrong_length", {"by": 100}, lambda r: (r.status, whole_rows(r)), (BROKEN_OFF, LINES)),
    ("stream", "wrong_length", {"by": -10}, lambda r: whole_rows(r)[-1], LINES[-1][:-9]),
    *(("stream", "compressed", {"encoding": packing}, unpacked, LINES) for packing in ("gzip", "zstd", "deflate")),
    # ---- where rows are cut
    *(
        ("stream", "cut_in_row", {"row": row}, rows, [*LINES[: row - 1], LINES[row - 1][: len(LINES[row - 1]) // 2]])
        for row in (1, 500, 501, 1003)
    ),
    *(("stream", "cut_after_row", {"row": row}, rows, [*LINES[:row], b""]) for row in (0, 1, 500, 1003)),
    ("stream", "cut_in_row", {"row": 7, "clean": True}, lambda r: (r.status, rows(r)[:-1]), (200, LINES[:6])),
    ("stream", "cut_after_row", {"row": 7, "clean": True}, lambda r: (r.status, whole_rows(r)), (200, LINES[:7])),
    ("page", "cut_after_row", {"row": 501}, lambda r: (r.status, r.body.endswith(KARGO[500])), (BROKEN_OFF, True)),
    *(("page", "cut_after_row", {"row": elsewhere}, lambda r: r.status, 200) for elsewhere in (499, 511)),
    ("file", "cut_in_row", {"row": 1003}, lambda r: (r.status, rows(r)[:-1]), (BROKEN_OFF, FILE[:-1])),
    # ---- rows and what is between them
    ("stream", "repeat_row", {"row": 2, "copies": 2}, whole_rows, [LINES[0], *[LINES[1]] * 3, *LINES[2:]]),
    ("file", "repeat_row", {}, lambda r: len(r.lines()), 1 + 2 * ROWS),
    ("stream", "replace_row", {"row": 3, "text": "null"}, lambda r: r.lines()[3], b"null"),
    *(
        ("stream", "drop_column", {"column": name}, lambda r: len(json.loads(r.lines()[1])), 5)
        for name in ("campaign_id", "agg_timestamp")
    ),
    ("stream", "pretty_rows", {}, lambda r: list(values(r))[1:], list(map(json.loads, LINES))),
    ("stream", "pretty_rows", {}, lambda r: len(r.lines()) > 5 * ROWS, True),
    ("page", "pretty_rows", {}, page_rows, list(map(json.loads, KARGO[500:510]))),
    ("stream", "no_final_newline", {}, lambda r: rows(r)[-1], LINES[-1]),
    ("file", "no_final_newline", {}, lambda r: rows(r)[-1], FILE[-1]),
    ("page", "numbers", {"style": "mixed"}, lambda r: {type(row["clicks_sum"]) for row in page_rows(r)}, {int, str}),
    ("stream", "numbers", {"style": "strings"}, lambda r: type(json.loads(r.lines()[1])["clicks"]), str),
    ("stream", "crowded_lines", {"per_line": 2}, lambda r: r.lines()[1], LINES[0] + b" " + LINES[1]),
    *(
        (
            "stream",
            "metadata_lines",
            {"where": where},
            lambda r: (r.lines().count(META), r.lines()[0] == META, r.lines()[-1] == META),
            expected,
        )
        for where, expected in {
            "before_header": (1, True, False),
            "between": (10, False, False),
            "after_last": (1, False, True),
            "everywhere": (12, True, True),
        }.items()
    ),
    # ---- files
    ("file", "csv_bom", {}, lambda r: (r.body[:14], whole_rows(r)), (b"\xef\xbb\xbfaff_sub_id,", FILE)),
    ("file", "csv_delimiter", {"text": "\t"}, lambda r: {line.count(b"\t") for line in r.lines()}, {14}),
    ("file", "csv_header", {"present": False}, lambda r: r.lines(), FILE),
]


@pytest.mark.parametrize(
    ("what", "kind", "args", "look", "expected"),
    [pytest.param(*row, id=f"{row[0]}-{row[1]}-{'-'.join(map(str, row[2].values()))}") for row in FAULTS],
)
def test_a_fault_is_visible_in_the_answer(
    spoilt: Fetch, what: str, kind: str, args: Json, look: Look, expected: Any
) -> None:
    assert look(spoilt(what, {"kind": kind, "args": args})) == expected


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "deflate"])
def test_broken_compression_does_not_unpack(spoilt: Fetch, encoding: str) -> None:
    with pytest.raises((zlib.error, zstandard.ZstdError)):
        unpacked(spoilt("stream", {"kind": "broken_compression", "args": {"encoding": encoding}}))


def test_faults_of_different_kinds_add_up(spoilt: Fetch) -> None:
    reply = spoilt(
        "stream",
        {"kind": "drop_column", "args": {"column": "clicks"}},
        {"kind": "repeat_row", "args": {"row": 1}},
        {"kind": "cut_after_row", "args": {"row": 3, "clean": True}},
        {"kind": "compressed", "args": {"encoding": "gzip"}},
    )
    came = [json.loads(row) for row in gzip.decompress(reply.body).splitlines()[1:]]
    assert [row["impressions"] for row in came] == [1, 1, 2, 3]
    assert all("clicks" not in row for row in came)


def test_tokens_expire_and_state_lifetimes_as_the_faults_say(sandbox: Sandbox, visitor: Visitor) -> None:
    for claim in (None, "3600", -1):
        sandbox.remote.turn({"kind": "expires_in", "args": {"value": claim}})
        assert visitor.log_in("kargo").json()["expires_in"] == claim
    sandbox.remote.turn({"kind": "token_expires", "args": {"after_requests": 2}})
    visitor.log_in("kargo")
    assert [visitor.get("kargo", "/reports").status for _ in range(3)] == [200, 200, 401]
    sandbox.remote.turn({"kind": "token_expires", "args": {"seconds": 0}})
    visitor.log_in("rokt")
    assert visitor.get("rokt", "/v1/query/accounts").status == 403


def test_one_token_revokes_the_ones_before(sandbox: Sandbox, visitor: Visitor) -> None:
    other = Visitor(sandbox)
    other.log_in("kargo")
    sandbox.remote.turn({"kind": "one_token"})
    visitor.log_in("kargo")
    assert (other.get("kargo", "/reports").status, visitor.get("kargo", "/reports").status) == (401, 200)
