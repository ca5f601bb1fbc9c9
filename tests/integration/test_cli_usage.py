"""Wrong usage: exit 2, what was given, what is allowed, and not a single request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from sandbox import Sandbox
from tests.command import KARGO, MEDIAMATH, Command, setting
from tests.harness import RedisServer

TWICE = "acme: {source: kargo}\nacme: {source: kargo}\n"
SOURCE_TYPO = """
source: acme
title: Acme
base_url: https://acme.example
auth: [{kind: none}]
reports:
  all:
    title: All
    read: [{request: {path: /all}, format: {kind: json, rows: [data]}, pageing: {kind: single}}]
    proof: end
    replay: stable
"""


@pytest.fixture(scope="module")
def vendors() -> Iterator[Sandbox]:
    with Sandbox(port=0, rows=10) as vendors:
        yield vendors


@pytest.fixture
def millrace(vendors: Sandbox, tmp_path: Path, redis: Redis, redis_server: RedisServer) -> Iterator[Command]:
    """The command; the vendors must have heard nothing, and no job may stand in Redis, when the test is over."""
    vendors.remote.clear()
    yield Command(tmp_path, {**vendors.environment, "MILLRACE_REDIS_URL": redis_server.url})
    assert vendors.remote.requests() == []
    assert redis.keys("*") == []


def refusal(command: Command, *arguments: str, **changes: str) -> str:
    """What the one line on stderr says."""
    answer = command(*arguments, **changes)
    assert (answer.code, answer.out) == (2, ""), answer
    return answer.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("discover", "kargoo"), "connection: 'kargoo' is not allowed"),
        (("sources", "show", "kargo.reprots"), "report: 'kargo.reprots' is not allowed"),
        (("preview", "kargo"), "expected CONNECTION.REPORT, such as"),
        (("preview", "kargoo.reports"), "expected one of kargo, mediamath, rokt, instal; did you mean 'kargo'?"),
        (("preview", *MEDIAMATH, "--set", "page_size=huge"), "params.page_size: 'huge' is not allowed"),
        (("run", *KARGO, *setting("measurs", [])), "did you mean 'measures'?"),
        (("preview", *KARGO, "--set", "novalue"), "--set: 'novalue' is not allowed; expected NAME=VALUE"),
        (("run", *KARGO, "--to", "ftp:somewhere"), "'ftp:somewhere' is not allowed; expected"),
        (("run", *KARGO, "--ready-within", "soon"), "ready_within: 'soon' is not allowed"),
    ],
)
def test_an_unknown_name_or_value_is_named_with_what_is_allowed(
    millrace: Command, arguments: tuple[str, ...], words: str
) -> None:
    assert words in refusal(millrace, *arguments)


@pytest.mark.parametrize("verb", ["preview", "run"])
def test_missing_credentials_are_named(millrace: Command, verb: str) -> None:
    said = refusal(millrace, verb, *KARGO, KARGO_PASSWORD="")
    assert "KARGO_PASSWORD set in the environment" in said


def test_a_vendor_is_not_asked_what_it_has_without_credentials(millrace: Command) -> None:
    assert "KARGO_USERNAME and KARGO_PASSWORD set" in refusal(
        millrace, "discover", "kargo", KARGO_USERNAME="", KARGO_PASSWORD=""
    )


def test_a_mistake_in_a_file_is_shown_with_its_line(millrace: Command) -> None:
    sources, twice, params = (millrace.directory / name for name in ("sources", "twice.yaml", "params.yaml"))
    sources.mkdir()
    (sources / "acme.yaml").write_text(SOURCE_TYPO)
    twice.write_text(TWICE)
    params.write_text("dimensions: [campaign_name\n")
    assert "acme.yaml:9: reports.all.read.0.pageing" in refusal(millrace, "sources", MILLRACE_SOURCES="sources")
    assert "twice.yaml:2: acme: 'acme' is not allowed; expected each key once" in refusal(
        millrace, "check", MILLRACE_CONNECTIONS=str(twice)
    )
    assert "params.yaml:2" in refusal(millrace, "preview", KARGO[0], "--params", "params.yaml")


def test_a_setting_that_makes_no_sense_is_named(millrace: Command) -> None:
    said = refusal(millrace, "preview", *KARGO, MILLRACE_POLL_SECONDS="often")
    assert "MILLRACE_POLL_SECONDS: 'often' is not allowed" in said
    said = refusal(millrace, "jobs", MILLRACE_REDIS_URL="localhost")
    assert "MILLRACE_REDIS_URL: '...' is not allowed; expected redis://HOST:PORT/0" in said


@pytest.mark.parametrize("verb", ["api", "flower"])
def test_a_port_somebody_else_listens_on_is_named(millrace: Command, vendors: Sandbox, verb: str) -> None:
    said = refusal(millrace, verb, "--port", str(vendors.port))
    assert f"--port: {vendors.port} is not allowed; expected a port that is free on 127.0.0.1" in said
