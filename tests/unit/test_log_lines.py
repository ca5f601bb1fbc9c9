"""The log never contains credentials, even if a library prints them."""

from __future__ import annotations

import logging

import pytest
import urllib3

from sandbox import Sandbox
from worker.observe import Event, configure_logging, log

pytestmark = pytest.mark.usefixtures("logging_as_before")


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('http://host:80 "GET /rows?key=the-secret HTTP/1.1" 200 7', '"GET /rows?*** HTTP/1.1" 200 7'),
        ("connect to redis://user:the-secret@host:6379/0", "redis://***@host:6379/0"),
        ("headers: {'Authorization': 'Bearer the-secret', 'Accept': '*/*'}", "'Accept': '*/*'"),
        ("X-Api-Key: the-secret", "X-Api-Key: ***"),
    ],
)
def test_a_library_s_line_is_cleaned(line: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("text", "debug")
    logging.getLogger("a.library").debug(line)
    output = capsys.readouterr().err
    assert shown in output
    assert "the-secret" not in output


def test_queries_that_urllib3_prints_are_masked_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("text", "debug")
    with Sandbox(port=0) as vendors, urllib3.PoolManager() as pool:
        pool.request("GET", f"{vendors.urls['rokt']}/nothing?signature=the-secret")
    output = capsys.readouterr().err
    assert "GET /rokt/nothing?***" in output
    assert "the-secret" not in output


def test_a_traceback_is_cleaned_and_our_own_events_are_unchanged(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("text", "debug")
    error = ValueError("http://user:the-secret@host/rows?key=the-secret")
    log.error(Event.STEP_RETRIES, task="which?one", exc_info=error)
    output = capsys.readouterr().err
    assert "the-secret" not in output
    assert "which?one" in output
