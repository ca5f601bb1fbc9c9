"""A worker that has closed a page reads one that follows, for a second after its message, without another message."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest
from celery.exceptions import Retry

from tests.fake_vendor import Answer, Request
from tests.in_process import World
from tests.prepared import Start
from tests.prepared import start as start
from worker import celery
from worker.model import Json

PAGES = 6
READ: Json = {
    "request": {"path": "/rows"},
    "format": {"kind": "json", "rows": ["rows"], "next": ["next"]},
    "paging": {"kind": "token", "param": "page"},
}


def respond(request: Request) -> Answer:
    page = int(request.query.get("page", "0"))
    following = str(page + 1) if page + 1 < PAGES else None
    return Answer({"rows": [{"id": 2 * page}, {"id": 2 * page + 1}], "next": following})


@pytest.fixture
def nudged(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The messages that the step of a page sends."""
    sent: list[tuple[Any, ...]] = []
    monkeypatch.setattr("tasks.stream.nudge", lambda task, job_id, *page: sent.append((task, *page)))
    return sent


def read_first(made: World) -> str:
    """Run the job until its pages are to be read, and the step of the first page then; returns the step's result."""
    made.run(until=lambda job: job.state == "streaming")
    result: str = celery.app.tasks["report.stream"](made.job_id, 1)
    return result


def test_pages_are_read_one_after_another_by_one_message(start: Start, nudged: list[tuple[Any, ...]]) -> None:
    made = start(respond, read=READ, submit=None, poll=None)
    assert read_first(made) == f"{PAGES} pages, the last: page 1.{PAGES}: 2 rows"
    assert nudged == [("report.finalize",)]
    assert made.run()["rows"] == 2 * PAGES
    assert made.rows() == [{"id": number} for number in range(2 * PAGES)]


@pytest.mark.parametrize(
    "why",
    [
        pytest.param(("tasks.stream.GO_ON_SECONDS", 0.0), id="time"),
        pytest.param(("tasks.stream.is_stopping", lambda: True), id="stop"),
    ],
)
def test_the_next_page_gets_a_message_after_a_second_or_if_the_worker_stops(
    start: Start, nudged: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch, why: tuple[str, Any]
) -> None:
    made = start(respond, read=READ, submit=None, poll=None)
    monkeypatch.setattr(*why)
    assert read_first(made) == "page 1.1: 2 rows"
    assert nudged == [("report.stream", 2)]


def test_a_page_that_fails_is_retried_by_its_own_number(
    start: Start, nudged: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = start(
        lambda request: Answer(status=503) if request.query.get("page") == "2" else respond(request),
        read=READ, submit=None, poll=None,
    )  # fmt: skip

    def retry(*_: object, args: tuple[Any, ...], exc: Exception, **__: object) -> NoReturn:
        retried.append(args)
        raise Retry(exc=exc)

    retried: list[tuple[Any, ...]] = []
    monkeypatch.setattr(celery.app.Task, "retry", retry)
    with pytest.raises(Retry):
        read_first(made)
    assert retried == [(made.job_id, 3)]
    assert made.job.closed == 2
