"""The faults any exchange can have, each over a real socket."""

from __future__ import annotations

import http.client
import json
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import zstandard

from sandbox import Sandbox, expected_rows
from tests.sandbox_client import Reply, Visitor, running
from tests.sandbox_client import visitor as visitor

ROWS = 1200
QUERY = {
    "fields": ["campaign_id", "campaign_name", "impressions"],
    "filters": [{"field": "organization_id", "value": 1}],
    "rollup": "by_day",
    "time_window": "last_7_days",
}
ASKED = {"dimensions": ["campaign_name"], "measures": ["clicks_sum"]}
WHOLE = list(expected_rows("mediamath.performance", QUERY, ROWS))
sandbox = running(rows=ROWS, polls_until_ready=0)


@pytest.fixture
def spoilt(sandbox: Sandbox, visitor: Visitor) -> Callable[..., Reply]:
    """A stream of MediaMath's with one fault in it."""

    def ask(kind: str, **args: Any) -> Reply:
        visitor.log_in("mediamath")
        sandbox.remote.turn({"kind": kind, "args": args})
        return visitor.post("mediamath", "/performance", QUERY)

    return ask


def unpacked(reply: Reply) -> bytes:
    encoding = reply.headers["Content-Encoding"]
    if encoding == "zstd":
        return zstandard.ZstdDecompressor().decompressobj().decompress(reply.body)
    return zlib.decompress(reply.body, 47)


def test_a_sound_stream_is_the_expected_rows_after_a_header(visitor: Visitor) -> None:
    header, *rows = visitor.post("mediamath", "/performance", QUERY).lines()
    assert json.loads(header)["total_items_count"] == ROWS
    assert rows == WHOLE


@pytest.mark.parametrize("code", [401, 503])
def test_status_answers_with_a_code_in_the_vendors_form(spoilt: Callable[..., Reply], code: int) -> None:
    reply = spoilt("status", code=code, message="no luck")
    assert reply.status == code
    assert reply.json()["message"] == "no luck"
    assert "Retry-After" not in reply.headers


def test_status_may_say_when_to_come_again(spoilt: Callable[..., Reply]) -> None:
    assert spoilt("status", code=429, retry_after=7).headers["Retry-After"] == "7"
    date = spoilt("status", code=503, retry_after=60, retry_after_form="date").headers["Retry-After"]
    assert parsedate_to_datetime(date) > datetime.now(UTC)


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ("text", b"no luck"),
        ("empty", b""),
        ("message", b'{"message":"no luck"}'),
        ("error", b'{"error":"no luck"}'),
        ("detail", b'{"detail":"no luck"}'),
        ("list", b'["no luck"]'),
    ],
)
def test_status_has_the_body_asked_for(spoilt: Callable[..., Reply], form: str, body: bytes) -> None:
    assert spoilt("status", code=500, message="no luck", body=form).body == body


def test_status_may_be_html_or_the_gateways(spoilt: Callable[..., Reply]) -> None:
    assert spoilt("status", code=502, body="html").body.startswith(b"<html>")
    assert spoilt("status", code=503, body="gateway").body.startswith(b'{"meta":{"status":"error"')
    assert spoilt("status", code=500, body="errors").json()["errors"]


def test_html_stands_where_json_should(spoilt: Callable[..., Reply]) -> None:
    reply = spoilt("html")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert reply.body.startswith(b"<!DOCTYPE html>")


def test_empty_body_is_empty(spoilt: Callable[..., Reply]) -> None:
    assert (spoilt("empty_body").status, spoilt("empty_body").body) == (200, b"")


def test_body_is_exactly_the_text(spoilt: Callable[..., Reply]) -> None:
    reply = spoilt("body", text="¡hola!", status=202, content_type="text/plain")
    assert (reply.status, reply.body.decode(), reply.headers["Content-Type"]) == (202, "¡hola!", "text/plain")


def test_error_body_says_200_and_an_error(spoilt: Callable[..., Reply]) -> None:
    reply = spoilt("error_body", code="Boom")
    assert (reply.status, reply.json()["error_code"], len(reply.json()["request_id"])) == (200, "Boom", 32)
    assert spoilt("error_body", code="Boom", partial=True).json() == {"error_code": "Boom"}


@pytest.mark.parametrize("status", [200, 429, 503])
def test_gateway_begins_with_meta(spoilt: Callable[..., Reply], status: int) -> None:
    reply = spoilt("gateway", status=status, retry_after=2)
    assert reply.status == status
    assert reply.body.startswith(b'{"meta":')
    assert reply.json()["errors"][0]["code"] == "rate-limit-exceeded"
    assert reply.headers["Retry-After"] == "2"


def test_redirect_leads_elsewhere_or_to_itself(spoilt: Callable[..., Reply]) -> None:
    away = spoilt("redirect", to="https://elsewhere.invalid/x", code=307)
    assert (away.status, away.headers["Location"]) == (307, "https://elsewhere.invalid/x")
    assert spoilt("redirect", to="self").headers["Location"].endswith("/reporting/v2/performance")


def test_delay_and_silence_answer_in_the_end(spoilt: Callable[..., Reply]) -> None:
    for reply in (spoilt("delay", seconds=0.01), spoilt("silence", seconds=0.01, after_bytes=1000)):
        assert reply.lines()[1:] == WHOLE


def test_silence_lasts_until_the_client_gives_up(sandbox: Sandbox, visitor: Visitor) -> None:
    visitor.log_in("mediamath")
    sandbox.remote.turn({"kind": "silence", "args": {"seconds": 3600, "after_bytes": 1000}})
    where = sandbox.urls["mediamath"].removeprefix("http://").partition("/")[0]
    connection = http.client.HTTPConnection(where, timeout=0.5)
    headers = {**visitor.authorization("mediamath"), "Content-Type": "application/json"}
    connection.request("POST", "/mediamath/reporting/v2/performance", json.dumps(QUERY), headers)
    answer = connection.getresponse()
    assert len(answer.read(1000)) == 1000
    with pytest.raises(TimeoutError):
        answer.read(1)
    connection.close()


@pytest.mark.parametrize("after_bytes", [0, 5000])
def test_reset_breaks_the_connection(spoilt: Callable[..., Reply], after_bytes: int) -> None:
    with pytest.raises(ConnectionResetError):
        spoilt("reset", after_bytes=after_bytes)


def test_cut_ends_the_body_early(spoilt: Callable[..., Reply]) -> None:
    with pytest.raises(http.client.IncompleteRead) as cut:
        spoilt("cut", after_bytes=5000)
    assert len(cut.value.partial) == 5000
    assert len(spoilt("cut", after_bytes=5000, clean=True).body) == 5000


def test_throttle_sends_everything_in_the_end(spoilt: Callable[..., Reply]) -> None:
    assert spoilt("throttle", bytes_per_second=2_000_000).lines()[1:] == WHOLE


def test_content_type_is_another(spoilt: Callable[..., Reply]) -> None:
    reply = spoilt("content_type", value="application/x-surprise")
    assert (reply.headers["Content-Type"], reply.lines()[1:]) == ("application/x-surprise", WHOLE)


def test_wrong_length_promises_more_or_less_than_comes(spoilt: Callable[..., Reply]) -> None:
    with pytest.raises(http.client.IncompleteRead) as short:
        spoilt("wrong_length", by=100)
    assert short.value.partial.splitlines()[1:] == WHOLE
    assert short.value.expected == 100
    assert len(spoilt("wrong_length", by=-10).body) == len(spoilt("content_type").body) - 10


def test_until_close_names_no_length(spoilt: Callable[..., Reply]) -> None:
    reply = spoilt("until_close")
    assert {"Content-Length", "Transfer-Encoding"} & reply.headers.keys() == set()
    assert reply.lines()[1:] == WHOLE


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "deflate"])
def test_compressed_bodies_unpack_to_the_same(spoilt: Callable[..., Reply], encoding: str) -> None:
    assert unpacked(spoilt("compressed", encoding=encoding)).splitlines()[1:] == WHOLE


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "deflate"])
def test_broken_compression_does_not_unpack(spoilt: Callable[..., Reply], encoding: str) -> None:
    with pytest.raises((zlib.error, zstandard.ZstdError)):
        unpacked(spoilt("broken_compression", encoding=encoding))


def test_a_bomb_is_small_and_unpacks_to_much(spoilt: Callable[..., Reply]) -> None:
    reply = spoilt("bomb", megabytes=20)
    assert len(reply.body) < 500_000
    assert len(unpacked(reply)) > 20_000_000


def test_commit_then_drop_makes_the_report_and_says_nothing(sandbox: Sandbox, visitor: Visitor) -> None:
    before = len(visitor.get("kargo", "/reports").json()["data"]["rows"])
    sandbox.remote.turn({"vendor": "kargo", "kind": "commit_then_drop", "times": 1})
    with pytest.raises(http.client.RemoteDisconnected):
        visitor.kargo_report(ASKED)
    assert len(visitor.get("kargo", "/reports").json()["data"]["rows"]) == before + 1
    assert visitor.kargo_report(ASKED)


def test_token_expires_after_so_many_requests(sandbox: Sandbox, visitor: Visitor) -> None:
    sandbox.remote.turn({"kind": "token_expires", "args": {"after_requests": 2}})
    visitor.log_in("kargo")
    assert [visitor.get("kargo", "/reports").status for _ in range(3)] == [200, 200, 401]
    sandbox.remote.turn({"kind": "token_expires", "args": {"seconds": 0}})
    assert visitor.log_in("rokt").json()["expires_in"] == 3600
    assert visitor.get("rokt", "/v1/query/accounts").status == 403


def test_expires_in_may_claim_anything(sandbox: Sandbox, visitor: Visitor) -> None:
    for claim in (None, "3600", -1):
        sandbox.remote.turn({"kind": "expires_in", "args": {"value": claim}})
        assert visitor.log_in("kargo").json()["expires_in"] == claim
    assert visitor.get("kargo", "/reports").status == 200


def test_one_token_revokes_the_ones_before(sandbox: Sandbox, visitor: Visitor) -> None:
    other = Visitor(sandbox)
    other.log_in("kargo")
    sandbox.remote.turn({"kind": "one_token"})
    visitor.log_in("kargo")
    assert (other.get("kargo", "/reports").status, visitor.get("kargo", "/reports").status) == (401, 200)
