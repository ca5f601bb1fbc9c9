"""Wrong usage ends with exit code 2, says what was given and what is allowed, and sends no request."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from config.settings import Settings
from sandbox import Sandbox
from tests.command import KARGO, MEDIAMATH, Command, CommandHere, setting
from tests.harness import vendors_with
from tests.redis_server import RedisServer
from worker.cli.progress import follow
from worker.errors import MillraceError
from worker.redis_client import connect
from worker.services import Services

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

vendors = vendors_with(rows=10)


@pytest.fixture
def millrace(vendors: Sandbox, tmp_path: Path, redis: Redis, redis_server: RedisServer) -> Iterator[CommandHere]:
    """The command; the vendors must have heard nothing, and no job may stand in Redis, when the test is over."""
    vendors.remote.clear()
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "acme.yaml").write_text(SOURCE_TYPO)
    (tmp_path / "twice.yaml").write_text(TWICE)
    (tmp_path / "twice.json").write_text('{"limit": 1, "limit": 2}')
    (tmp_path / "params.yaml").write_text("dimensions: [campaign_name\n")
    yield CommandHere(tmp_path, {**vendors.environment, "MILLRACE_REDIS_URL": redis_server.url})
    assert vendors.remote.requests() == []
    assert redis.keys("*") == []


NO_ACCOUNT = {"KARGO_USERNAME": "", "KARGO_PASSWORD": ""}
OFTEN = {"MILLRACE_POLL_SECONDS": "often"}


@pytest.mark.parametrize(
    ("arguments", "variables", "words"),
    [
        (("discover", "kargoo"), {}, "connection: 'kargoo' is not allowed"),
        (("sources", "show", "kargo.reprots"), {}, "report: 'kargo.reprots' is not allowed"),
        (("preview", "kargo"), {}, "expected CONNECTION.REPORT, such as"),
        (("preview", "kargoo.reports"), {}, "expected one of kargo, mediamath, rokt, instal; did you mean 'kargo'?"),
        (("preview", *MEDIAMATH, "--set", "page_size=huge"), {}, "params.page_size: 'huge' is not allowed"),
        (("run", *KARGO, *setting("measurs", [])), {}, "did you mean 'measures'?"),
        (("preview", *KARGO, "--set", "novalue"), {}, "--set: 'novalue' is not allowed; expected NAME=VALUE"),
        (("run", *KARGO, "--to", "ftp:somewhere"), {}, "'ftp:somewhere' is not allowed; expected"),
        (("run", *KARGO, "--timeout", "-1"), {}, "Invalid value for '--timeout'"),
        (("run", *KARGO, "--timeout", "nan"), {}, "'nan' is not a number of seconds"),
        (("preview", *KARGO, "--timeout", "inf"), {}, "Invalid value for '--timeout'"),
        (("run", *KARGO, "--ready-within", "soon"), {}, "ready_within: 'soon' is not allowed"),
        (("run", *KARGO, "--ready-within", "2d"), {}, "at most finish_within, which is 24h"),
        (("preview", *KARGO), NO_ACCOUNT, "KARGO_PASSWORD set in the environment"),
        (("run", *KARGO), NO_ACCOUNT, "KARGO_PASSWORD set in the environment"),
        (("discover", "kargo"), NO_ACCOUNT, "KARGO_USERNAME and KARGO_PASSWORD set"),
        (("preview", *KARGO), OFTEN, "MILLRACE_POLL_SECONDS: 'often' is not allowed"),
        (("jobs",), {"MILLRACE_REDIS_URL": "localhost"}, "'...' is not allowed; expected redis://HOST:PORT/0"),
        (("sources", "show", "acme"), {"MILLRACE_SOURCES": "sources"}, "acme.yaml:9: reports.all.read.0.pageing"),
        (("check",), {"MILLRACE_CONNECTIONS": "twice.yaml"}, "twice.yaml:2: acme: 'acme' is not allowed"),
        (("preview", KARGO[0], "--params", "params.yaml"), {}, "params.yaml:2"),
        (
            ("preview", KARGO[0], "--params", "twice.json"),
            {},
            "twice.json:1: limit: 'limit' is not allowed; expected each",
        ),
        (("api", "--host", "0.0.0.0"), {}, "MILLRACE_API_TOKENS"),
        (("flower",), {"FLOWER_BASIC_AUTH": "user"}, "FLOWER_BASIC_AUTH: '...' is not allowed; expected USER:PASSWORD"),
        (("flower",), {"FLOWER_BASIC_AUTH": "user:one,two"}, "without a comma"),
        (("flower",), {"FLOWER_BASIC_AUTH": "user:pässword"}, "in ASCII"),
        (("show", "nosuchjob"), {}, "JOB: 'nosuchjob' is not allowed; expected the id of a job in this ledger"),
        (("retry", "nosuchjob"), {}, "JOB: 'nosuchjob' is not allowed; expected the id of a job in this ledger"),
    ],
)
def test_wrong_input_is_named_with_what_is_allowed(
    millrace: CommandHere, arguments: tuple[str, ...], variables: dict[str, str], words: str
) -> None:
    answer = millrace(*arguments, **variables)
    assert (answer.code, answer.out) == (2, ""), answer
    assert words in answer.err


@pytest.mark.parametrize("verb", ["api", "flower"])
def test_a_port_in_use_is_named(millrace: CommandHere, vendors: Sandbox, verb: str) -> None:
    answer = millrace(verb, "--port", str(vendors.port))
    assert answer.code == 2
    assert f"--port: {vendors.port} is not allowed; expected a port that is free on 127.0.0.1" in answer.err


# ---------------------------------------------------------------- odd words, and no place to write to


MILLRACE = [sys.executable, "-P", "-m", "worker"]


@pytest.mark.parametrize("verb", ["show", "run"])
def test_a_word_that_is_not_utf_8_is_wrong_usage_in_one_line(verb: str, tmp_path: Path) -> None:
    ran = subprocess.run([*MILLRACE, verb, b"\xff\xfe"], cwd=tmp_path, capture_output=True, timeout=60, check=False)
    assert ran.returncode == 2
    (line,) = ran.stderr.splitlines()
    assert b"expected UTF-8" in line


def test_text_that_the_encoding_of_stdout_lacks_is_escaped(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "acme.yaml").write_text(
        SOURCE_TYPO.replace("pageing", "paging").replace("Acme", "Ācme"), "utf-8"
    )
    western = Command(tmp_path, {"MILLRACE_SOURCES": "sources", "PYTHONIOENCODING": "latin-1"})
    assert "acme: \\u0100cme" in western("sources", "show", "acme").out


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-"])
def test_a_command_without_stderr_ends_with_its_own_code(closed: str, tmp_path: Path) -> None:
    for verb, code in (("sources", 0), ("sources show nothing", 2)):
        command = ["sh", "-c", f"{' '.join(MILLRACE)} {verb} {closed}"]
        assert subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60, check=False).returncode == code


def test_a_job_that_vanishes_while_it_is_followed_ends_the_following_in_one_line(redis_server: RedisServer) -> None:
    services = Services(Settings(), connect(redis_server.url))
    with pytest.raises(MillraceError, match="job gone is no longer in the ledger"):
        follow(services, "gone", None, None)
    services.redis.close()


def test_a_faulty_source_file_and_files_that_are_not_read_are_named_beside_the_usable_sources(
    millrace: CommandHere,
) -> None:
    (millrace.directory / "sources" / "acme.json").write_text("{}")
    listed = millrace("sources", MILLRACE_SOURCES="sources")
    assert listed.code == 2
    assert "Kargo Data Sharing API" in listed.out
    assert "acme.yaml:9: reports.all.read.0.pageing" in listed.err
    assert "sources/acme.json" in listed.err
