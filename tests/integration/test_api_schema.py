"""Any request, however malformed, gets what the OpenAPI description says, and never an error of ours."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from pydantic import SecretStr
from redis import Redis
from redis.exceptions import ConnectionError as RedisAway

from config.settings import Settings
from tests.harness import until
from tests.redis_server import RedisServer, free_port
from worker.api.app import make_app
from worker.api.backend import Backend
from worker.api.requests import LONGEST_BODY_BYTES
from worker.redis_client import connect
from worker.services import Services

TOKEN = "a-token-of-the-tests"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
SETTINGS = Settings(api_tokens=(SecretStr(TOKEN),), queue_bound=1_000, sinks=("redis://127.0.0.1",))


@pytest.fixture(scope="module")
def services(redis_server: RedisServer) -> Iterator[Services]:
    found = Services(SETTINGS, connect(redis_server.url, retries=0))
    yield found
    found.redis.close()


@pytest.fixture(scope="module")
def base(services: Services) -> Iterator[str]:
    """The API on a port of its own, without the processes around it."""
    port = free_port()
    backend = Backend(lambda: services, lambda *_args, **_more: None, dict, dict)
    server = uvicorn.Server(uvicorn.Config(make_app(SETTINGS, backend), port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started, "the API")
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def openapi(base: str) -> Any:
    # Imported here because every process of the tests imports this module, and only one runs it.
    import schemathesis

    return schemathesis.openapi.from_url(f"{base}/openapi.json")


# Its answer never ends, and a generated request would wait for that.
ENDLESS = "/v1/events"
OPERATIONS = [
    (method, path)
    for path, methods in make_app(SETTINGS).openapi()["paths"].items()
    for method in methods
    if path != ENDLESS
]
FEW = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_answer_is_one_the_description_names(openapi: Any, method: str, path: str) -> None:
    from schemathesis.specs.openapi.checks import positive_data_acceptance, unsupported_method

    @FEW
    @given(case=openapi[path][method].as_strategy())
    def check(case: Any) -> None:
        # What a body may hold depends on the report, which the description cannot say.
        case.call_and_validate(headers=HEADERS, excluded_checks=[positive_data_acceptance, unsupported_method])

    check()


KARGO = b'{"connection": "kargo", "report": "report-definitions", "params": %s}'


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe{}",
        b'{"connection": "\xe9"}',
        b"[" * 100_000,
        b"NaN",
        b'{"connection": "\\ud800", "report": "x"}',
        b'{"connection": "kargo", "report": "\\udfff"}',
        b'{"\\ud800": 1, "connection": "kargo", "report": "x"}',
        KARGO % b'{"a": "\\ud800"}',
        KARGO % b'{"\\ud800": 1}',
        KARGO % b'{"a": 100000000000000000000000000}',
        KARGO % b'{"a": 1e999}',
        KARGO % b'{"a": NaN}',
        KARGO % (b'{"a": ' + b"[" * 300 + b"]" * 300 + b"}"),
        b'{"connection": "kargo", "report": "x", "to": "stream:\\ud800"}',
        b'{"connection": "kargo", "report": "x", "ready_within": "\\ud800"}',
    ],
    ids=range(15),
)
def test_a_body_that_could_break_the_parser_is_4xx_with_a_json_body(base: str, body: bytes) -> None:
    answer = requests.post(f"{base}/v1/jobs", body, headers={**HEADERS, "Content-Type": "application/json"}, timeout=10)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json()["detail"]


def test_a_long_body_is_refused_before_it_is_in_memory() -> None:
    received = 0
    answer: list[Any] = []

    async def receive() -> dict[str, Any]:
        nonlocal received
        received += 1_000_000
        return {"type": "http.request", "body": b" " * 1_000_000, "more_body": True}

    async def send(message: Any) -> None:
        answer.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/jobs", "query_string": b"", "headers": []}
    asyncio.run(make_app(SETTINGS)(scope, receive, send))
    assert answer[0]["status"] == 413
    assert json.loads(answer[1]["body"])["detail"] == f"a body has at most {LONGEST_BODY_BYTES:,} bytes"
    assert received <= LONGEST_BODY_BYTES + 1_000_000


def test_a_body_that_is_not_sent_as_json_is_refused_with_the_remedy(base: str) -> None:
    answer = requests.post(f"{base}/v1/jobs", {"connection": "kargo"}, headers=HEADERS, timeout=10)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["msg"] == "expected a JSON object, sent with Content-Type: application/json"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            b'{"connection": "kargo", "report": "x", "params": {"limit": 1, "limit": 2}}',
            "the name 'limit' occurs twice",
        ),
        (b'{"connection": NaN}', "NaN is not JSON"),
        (b'{"connection": "\xe4"}', "can't decode byte 0xe4"),
        (gzip.compress(b'{"connection": "kargo"}', mtime=0), "can't decode byte 0x8b"),
        (b"[" * 100_000, "too many levels"),
        (b'{"connection"', "Expecting ':'"),
    ],
)
def test_a_body_that_is_not_strictly_json_is_refused_with_what_is_wrong(base: str, body: bytes, words: str) -> None:
    answer = requests.post(f"{base}/v1/jobs", body, headers={**HEADERS, "Content-Type": "application/json"}, timeout=10)
    assert answer.status_code == 422
    assert words in answer.json()["detail"][0]["msg"]


def test_the_sink_of_dead_letters_is_named_as_in_the_query(base: str) -> None:
    answer = requests.get(f"{base}/v1/dead/kargo/reports?sink=nowhere", headers=HEADERS, timeout=10)
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["sink"])


def test_a_sink_that_cannot_be_read_is_named_with_the_reason(base: str, redis_server: RedisServer) -> None:
    sink = f"redis://127.0.0.1:{redis_server.port}/1?stream=rows"
    url = f"{base}/v1/dead/kargo/reports?{urlencode({'sink': sink})}"
    with Redis(port=redis_server.port, db=1) as redis:
        redis.set("dead:{rows}", "not a stream")
        answer = requests.get(url, headers=HEADERS, timeout=10)
        redis.delete("dead:{rows}")
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith(f"the sink {sink}: WRONGTYPE")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/jobs?cursor=1e9",
        "/v1/jobs?cursor=bmFuIHg=x",
        "/v1/jobs?cursor=bmFuIHg=",  # not a number
        "/v1/jobs?count=0",
        "/v1/jobs/%ff%fe",
    ],
)
def test_a_wrong_path_or_query_gets_4xx(base: str, path: str) -> None:
    assert 400 <= requests.get(base + path, headers=HEADERS, timeout=10).status_code < 500


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/v1/jobs?stat=failed", "one of state, connection, report, cursor, count; did you mean 'state'?"),
        ("/v1/jobs?state=done&state=failed", "state once"),
        ("/v1/connections?connection=kargo", "no query"),
    ],
)
def test_a_query_without_effect_is_refused(base: str, path: str, meant: str) -> None:
    answer = requests.get(base + path, headers=HEADERS, timeout=10)
    assert (answer.status_code, answer.json()["detail"][0]["allowed"]) == (422, meant)


@pytest.mark.parametrize(("path", "status"), [("/", 200), ("/readyz", 200), ("/v1/jobs", 200), ("/v1/events", 405)])
def test_head_is_answered_like_get_without_a_body(base: str, path: str, status: int) -> None:
    answer = requests.head(base + path, headers=HEADERS, timeout=10)
    assert (answer.status_code, answer.content) == (status, b"")


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:8080", 200), ("localhost", 200), ("[::1]:8080", 200), ("rebound.example", 400), ("[", 400), ("", 400)],
)
def test_without_tokens_only_a_name_of_this_machine_is_answered(host: str, status: int) -> None:
    answer: list[Any] = []

    async def send(message: Any) -> None:
        answer.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/healthz",
        "query_string": b"",
        "headers": [(b"host", host.encode())],
    }
    asyncio.run(make_app(Settings(_env_file=None))(scope, None, send))  # type: ignore[arg-type]
    assert answer[0]["status"] == status
    assert answer[1]["body"] == b"ok" or "MILLRACE_API_TOKENS" in json.loads(answer[1]["body"])["detail"]


def test_a_value_in_a_wrong_field_is_not_repeated_in_the_message(base: str) -> None:
    answer = requests.post(
        f"{base}/v1/jobs", json={"connection": {"password": "secret"}, "report": "x"}, headers=HEADERS, timeout=10
    )
    assert answer.status_code == 422
    assert "secret" not in answer.text


def test_healthz_answers_while_every_thread_waits_for_redis() -> None:
    answers = threading.Event()

    def wait() -> Services:
        answers.wait()
        raise RedisAway

    app = make_app(SETTINGS, Backend(wait))

    async def get(path: str) -> int:
        said: list[Any] = []

        async def send(message: Any) -> None:
            said.append(message)

        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}
        await app(scope, None, send)  # type: ignore[arg-type]
        return int(said[0]["status"])

    async def check() -> list[int]:
        # More than the 40 threads that answer.
        unready = [asyncio.create_task(get("/readyz")) for _ in range(50)]
        try:
            return [await asyncio.wait_for(get("/healthz"), 60)]
        finally:
            answers.set()
            assert set(await asyncio.gather(*unready)) == {503}

    assert asyncio.run(check()) == [200]


def test_too_many_waiting_jobs_are_429_with_the_time_to_ask_again(base: str, services: Services) -> None:
    services.redis.zadd("millrace:jobs:queued", {f"j{number}": number for number in range(SETTINGS.queue_bound)})
    asked = {"connection": "kargo", "report": "report-definitions"}
    answer = requests.post(f"{base}/v1/jobs", json=asked, headers=HEADERS, timeout=10)
    services.redis.delete("millrace:jobs:queued")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "30")


def test_readyz_fails_if_redis_answers_but_cannot_be_written_to(base: str, services: Services) -> None:
    services.redis.set("millrace:swept_at", services.ledger.now() - 5)
    answer = requests.get(f"{base}/readyz", timeout=10)
    assert (answer.status_code, answer.json()["redis"]) == (200, "ok")
    assert 5 <= answer.json()["seconds_since_sweep"] < 60
    services.redis.replicaof("127.0.0.1", 1)
    try:
        assert services.redis.ping()
        answer = requests.get(f"{base}/readyz", timeout=10)
        assert (answer.status_code, answer.json()) == (503, {"detail": "Redis cannot serve: IsReplica"})
    finally:
        services.redis.replicaof("NO", "ONE")
