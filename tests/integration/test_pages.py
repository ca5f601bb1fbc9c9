"""Pages over real HTTP: those that take several requests, and those that a header leads to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, count

import pytest

from tests.fake_vendor import Answer, Request, Vendor
from tests.prepared import Start, done, failed
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


@pytest.mark.parametrize(
    ("errors", "word"), [([], "`end_statuses: [404]`"), ([{"when": "detail"}], "this error with `then: end`")]
)
def test_a_refusal_of_the_page_after_the_last_names_the_word_for_an_end(
    start: Start, errors: list[Json], word: str
) -> None:
    def respond(request: Request) -> Answer:
        number = int(request.query["page"])
        return Answer({"rows": ROWS[number * 5 :][:5]}) if number < 2 else Answer({"detail": "no page"}, status=404)

    read = {**READ, "paging": {"kind": "page-number", "size": 5, "first": 0}}
    made = start(respond, read=read, submit=None, poll=None, errors=errors)
    failed(made, f"if it means that no more pages follow, declare {word}")


def test_a_page_waits_for_the_quota_of_its_account_however_slow_that_is(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take_every_other_turn(*_: object, **__: object) -> None:
        if next(turns) % 2 == 0:
            raise RetryLater("not yet", wait_seconds=0.001, is_attempt=False, waits_on="quota")

    turns = count(1)
    monkeypatch.setattr("worker.transport.quota.SharedQuota.wait_turn", take_every_other_turn)
    monkeypatch.setattr("worker.client.pages.LONGEST_WAIT_WITHIN_A_PAGE_SECONDS", 0.0)
    made = start(capped, read=READ, submit=None, poll=None)
    assert made.run()["state"] == "done"
    assert made.rows() == ROWS


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


def counting_each_page(count: Callable[[list[Json]], int], *, says_more: bool | None) -> Vendor:
    """Five rows at most in each answer, with a count beside them."""

    def respond(request: Request) -> Answer:
        first = int(request.query.get("offset", 0)) or 5 * int(request.query.get("page", 0))
        rows, more = ROWS[first : first + 5], first + 5 < len(ROWS)
        said = {} if says_more is None else {"more": more or says_more}
        return Answer({"rows": rows, "count": count(rows), "next": str(first + 5) if more else None, **said})

    return respond


COUNTED: Json = {"kind": "json", "rows": ["rows"], "total": ["count"], "has_more": ["more"]}
BY_OFFSET: Json = {"kind": "offset", "limit": 5}
BY_NUMBER: Json = {"kind": "page-number", "number_param": "page", "first": 0}
BY_NUMBER_AND_SIZE: Json = {**BY_NUMBER, "size": 5}
BY_TOKEN: Json = {"kind": "token", "param": "offset"}


@pytest.mark.parametrize(
    ("paging", "says_more"), [(BY_OFFSET, False), (BY_NUMBER, False), (BY_TOKEN, False), (BY_TOKEN, None)]
)
def test_a_count_of_one_page_is_not_taken_for_the_count_of_the_report(
    start: Start, paging: Json, says_more: bool | None
) -> None:
    read = {**READ, "paging": paging, "format": COUNTED | ({"next": ["next"]} if paging is BY_TOKEN else {})}
    failed(
        start(counting_each_page(len, says_more=says_more), read=read, submit=None, poll=None),
        "expected 5 rows, got 10",
    )


@pytest.mark.parametrize("paging", [BY_OFFSET, BY_NUMBER_AND_SIZE])
def test_a_full_page_that_counts_just_its_own_rows_is_not_taken_for_the_whole_report(
    start: Start, paging: Json
) -> None:
    read = {**READ, "paging": paging, "format": COUNTED}
    made = start(counting_each_page(len, says_more=None), read=read, submit=None, poll=None)
    failed(made, "page 1.1: the vendor counts 5 rows, but others follow: is `total` the count of one page?")
    assert len(made.asked) == 2


ROUND = [{"id": number} for number in range(25)]


@pytest.mark.parametrize(
    "paging", [{**BY_OFFSET, "limit": 500}, {**BY_NUMBER, "size": 500, "size_param": "n"}, BY_NUMBER]
)
@pytest.mark.parametrize("rows", [ROUND, ROUND[:10]], ids=["more", "no more"])
def test_a_count_of_as_many_rows_as_a_vendor_may_send_at_most_is_checked(
    start: Start, paging: Json, rows: list[Json]
) -> None:
    def respond(request: Request) -> Answer:
        first = int(request.query.get("offset", 0)) or 10 * int(request.query.get("page", 0))
        return Answer({"rows": rows[first : first + 10], "count": len(rows[first : first + 10])})

    made = start(respond, read={**READ, "paging": paging, "format": COUNTED}, submit=None, poll=None)
    if rows is ROUND:
        failed(made, "page 1.1: the vendor counts 10 rows, but others follow: is `total` the count of one page?")
    else:
        assert done(made, rows)["proof"] == "count"
    assert len(made.asked) == 2


@pytest.mark.parametrize("paging", [{**BY_OFFSET, "limit": 500}, {**BY_NUMBER, "size": 500, "size_param": "n"}])
@pytest.mark.parametrize("rows", [ROUND, ROUND[:10]], ids=["more", "no more"])
def test_a_page_that_is_short_because_the_vendor_allows_no_more_is_not_the_last(
    start: Start, paging: Json, rows: list[Json]
) -> None:
    def respond(request: Request) -> Answer:
        first = int(request.query.get("offset", 0)) or 10 * int(request.query.get("page", 0))
        return Answer({"rows": rows[first : first + 10]})

    made = start(respond, read={**READ, "paging": {**paging, "ends_with": "short"}}, submit=None, poll=None)
    if rows is ROUND:
        failed(made, "page 1.1: 10 rows came instead of 500, but others follow: does the vendor allow 10 at most?")
    else:
        assert done(made, rows)["proof"] == "end"
    assert len(made.asked) == 2


@pytest.mark.parametrize("paging", [BY_OFFSET, BY_NUMBER_AND_SIZE])
@pytest.mark.parametrize(
    "past_the_end",
    [
        Answer({"rows": [], "count": 5}),
        Answer({"rows": [], "count": 0}),
        Answer({"rows": ROWS[:5], "count": 5}),
        Answer(status=204),
        Answer({"error": "out of range"}, status=400),
        Answer(status=404),
    ],
    ids=["empty", "counted as empty", "the first page again", "204", "400", "404"],
)
def test_a_count_of_one_full_page_holds_if_no_row_follows(start: Start, paging: Json, past_the_end: Answer) -> None:
    def respond(request: Request) -> Answer:
        is_first = "0" in (request.query.get("offset"), request.query.get("page"))
        return Answer({"rows": ROWS[:5], "count": 5}) if is_first else past_the_end

    read = {**READ, "paging": paging, "format": COUNTED}
    made = start(respond, read=read, submit=None, poll=None)
    assert done(made, ROWS[:5])["proof"] == "count"
    assert len(made.asked) == 2


@pytest.mark.parametrize("paging", [BY_OFFSET, BY_NUMBER])
def test_a_vendor_that_always_says_more_is_believed_until_a_page_is_empty(start: Start, paging: Json) -> None:
    read = {**READ, "paging": paging, "format": COUNTED}
    made = start(counting_each_page(lambda _: len(ROWS), says_more=True), read=read, submit=None, poll=None)
    assert done(made, ROWS)["proof"] == "count"
    assert len(made.asked) == 3


def test_pages_of_different_sizes_are_read_until_every_row_of_the_count_came(start: Start) -> None:
    pages = [ROWS[:5], ROWS[5:7], ROWS[7:9], ROWS[9:]]

    def respond(request: Request) -> Answer:
        return Answer({"rows": pages[int(request.query["page"])], "count": len(ROWS), "pages": len(pages)})

    read = {**READ, "paging": BY_NUMBER, "format": {**COUNTED, "has_more": [], "total_pages": ["pages"]}}
    made = start(respond, read=read, submit=None, poll=None)
    assert done(made, ROWS)["pages"] == len(pages)
    assert made.job.rows == len(ROWS)


def test_a_vendor_that_gives_one_row_at_a_time_loses_none(start: Start) -> None:
    def respond(request: Request) -> Answer:
        offset = int(request.query["offset"])
        return Answer({"rows": ROWS[offset : offset + 1]})

    done(start(respond, read=READ, submit=None, poll=None), ROWS)


def test_a_link_back_to_the_first_page_fails_before_any_row_is_read_again(start: Start) -> None:
    def respond(request: Request) -> Answer:
        return Answer({"rows": ROWS[5:], "next": "/rows?"} if request.query else {"rows": ROWS[:5], "next": "?at=5"})

    read = {**READ, "paging": {"kind": "link"}, "format": {**READ["format"], "next": ["next"]}}
    made = start(respond, read=read, submit=None, poll=None)
    failed(made, "a page leads back to the first")
    assert len(made.asked) == 2


def test_rows_that_come_with_the_status_of_an_accepted_request_are_rows(start: Start) -> None:
    read = {**READ, "paging": {"kind": "single"}}
    done(start(lambda request: Answer({"rows": ROWS}, status=202), read=read, submit=None, poll=None), ROWS)


def test_a_text_is_in_the_character_set_that_its_headers_state(start: Start) -> None:
    read = {"request": {"path": "/rows"}, "format": {"kind": "delimited"}}
    text = Answer(b"name\n\xc4\xc1\n", headers={"Content-Type": "text/csv; charset=KOI8-R"})
    done(start(lambda request: text, read=read, submit=None, poll=None), [{"name": "\u0434\u0430"}])


@pytest.mark.parametrize(
    ("form", "body", "proof"),
    [
        ({"kind": "ndjson"}, b'{"id": 0}\n{"id": 1}\n', "none"),
        ({"kind": "delimited"}, b"id\n0\n1\n", "none"),
        ({"kind": "json", "rows": ["rows"]}, b'{"rows": [{"id": 0}, {"id": 1}]}', "end"),
    ],
)
def test_the_end_of_a_connection_proves_nothing_about_rows_that_could_end_anywhere(
    start: Start, form: Json, body: bytes, proof: str
) -> None:
    read = {"request": {"path": "/rows"}, "format": form}
    made = start(lambda request: Answer(body, headers={"Connection": "close"}), read=read, submit=None, poll=None)
    receipt = made.run()
    assert (receipt["state"], receipt["rows"], receipt["proof"]) == ("done", 2, proof)
