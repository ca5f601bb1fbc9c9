"""Pages over real HTTP: those that take several requests, and those that a header leads to."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, count

import pytest

from tests.fake_vendor import Answer, Request
from tests.prepared import Start
from tests.prepared import start as start
from worker.errors import RetryLater
from worker.model import Json

READ: Json = {
    "request": {"path": "/rows"},
    "format": {"kind": "json", "rows": ["rows"]},
    "paging": {"kind": "offset", "limit": 6},
}
ROWS = [{"id": number} for number in range(10)]


def capped(request: Request) -> Answer:
    """Two rows at most, however many were asked for."""
    offset = int(request.query["offset"])
    return Answer({"rows": ROWS[offset : offset + min(2, int(request.query["limit"]))]})


@pytest.mark.parametrize(
    "refused", [Answer(status=429), Answer(status=429, headers={"Retry-After": "1"}), Answer(status=502)]
)
def test_a_page_makes_progress_though_fewer_requests_than_it_takes_are_answered_in_a_row(
    start: Start, refused: Answer
) -> None:
    numbers = count(1)
    made = start(lambda request: capped(request) if next(numbers) % 4 else refused, read=READ, submit=None, poll=None)
    assert made.run()["state"] == "done"
    assert made.rows() == ROWS
    asked = [request.request.target for request in made.asked]
    assert len(asked) - len(set(asked)) == len(asked) // 4


def test_a_page_that_waits_for_its_next_request_is_given_back_at_once_when_its_worker_stops(start: Start) -> None:
    def respond(request: Request) -> Answer:
        if request.query["offset"] == "0":
            return capped(request)
        is_refused.set()
        return Answer(status=429, headers={"Retry-After": "60"})

    is_refused = threading.Event()
    made = start(respond, read=READ, submit=None, poll=None)
    made.run(until=lambda job: job.state == "streaming")
    page = made.services.vendor(made.job).page(1, None)
    with ThreadPoolExecutor() as pool:
        rows = pool.submit(lambda: [*chain.from_iterable(page.blocks())])
        assert is_refused.wait(30)
        page.hang_up()
        with pytest.raises(RetryLater, match="429"):
            rows.result()


@pytest.mark.parametrize("paging", [{"kind": "token", "param": "at"}, {"kind": "link", "place": "header"}])
@pytest.mark.parametrize("end", ["", " ", "null"])
def test_pages_that_a_header_leads_to_end_as_those_that_the_body_leads_to(start: Start, paging: Json, end: str) -> None:
    def respond(request: Request) -> Answer:
        following = end if request.query else "?at=2" if paging["kind"] == "link" else "2"
        return Answer({"rows": ROWS[5:] if request.query else ROWS[:5]}, headers={"X-Next": following})

    read = {**READ, "paging": {**paging, "header": "X-Next"}}
    made = start(respond, read=read, submit=None, poll=None)
    assert made.run()["state"] == "done"
    assert made.rows() == ROWS
