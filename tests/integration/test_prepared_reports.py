"""Reports that are prepared first: every way in which a vendor says that one is ready."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fake_vendor import ROWS, Answer, Request, preparing
from tests.prepared import AT_LINK, READ, SUBMIT, Start, done, failed
from tests.prepared import start as start
from tests.source_files import POLL
from worker.jobs.waiting import waits_for
from worker.model import Json

# ---------------------------------------------------------------- ready, or not yet

WAIT_THEN_DONE = {
    "a word": (POLL, [{"status": "running"}, {"status": "Done "}]),
    "a word in a header": (
        {**POLL, "status": [{"header": "X-State"}]},
        [Answer(headers={"X-State": "Running"}), Answer(headers={"X-State": "DONE"})],
    ),
    "a number": ({**POLL, "status": ["code"], "done": [3]}, [{"code": 1}, {"code": 3}]),
    "a percentage": ({**POLL, "status": ["progress"], "done": [100]}, [{"progress": 57}, {"progress": 100.0}]),
    "true": ({**POLL, "status": ["ready"], "done": [True]}, [{"ready": False}, {"ready": True}]),
    "a list of reports": (
        {**POLL, "reports": ""},
        [[{"id": 8, "status": "done"}], [{"id": 8, "status": "failed"}, {"id": 7, "status": "done"}]],
    ),
    "a list of one as an object": (
        {**POLL, "reports": "reports"},
        [{"reports": {"id": 8, "status": "done"}, "status": "done"}, {"reports": {"id": 7, "status": "done"}}],
    ),
    "204, then a word": ({**POLL, "waits_on": [204]}, [Answer(status=204), {"status": "done"}]),
    "404, then a word": (
        {**POLL, "waits_on": [404]},
        [Answer({"error": "no such report"}, status=404), {"status": "done"}],
    ),
    "404 once": (POLL, [Answer(status=404), {"status": "done"}]),
    "a flag": ({"request": POLL["request"], "ready_when_set": "ready"}, [{"ready": False}, {"ready": True}]),
    "a list of files": (
        {"request": POLL["request"], "ready_when_set": "files"},
        [{"files": []}, {"files": [{"url": "/a"}]}],
    ),
    "a time": ({"request": POLL["request"], "ready_when_set": "at"}, [{"at": 0}, {"at": 1_800_000_000.5}]),
    "202, then 200": ({"request": POLL["request"], "waits_on": [202]}, [Answer(status=202), Answer({"any": "thing"})]),
    "an empty body, then any": (
        {"request": POLL["request"], "waits_on": ["empty"]},
        [Answer(b"  "), Answer({"any": "thing"})],
    ),
    "303": (
        {"request": POLL["request"], "waits_on": [202], "done_on": [303]},
        [Answer(status=202), Answer(status=303)],
    ),
    "an empty body once": (POLL, [Answer(b""), {"status": "done"}]),
    "502 once": (POLL, [Answer(b"bad gateway", status=502), {"status": "done"}]),
}


@pytest.mark.parametrize("name", WAIT_THEN_DONE)
def test_a_report_is_waited_for_and_read_however_the_vendor_says_not_yet(start: Start, name: str) -> None:
    poll, polls = WAIT_THEN_DONE[name]
    made = start(preparing(*polls), poll=poll)
    assert done(made)["vendor_report_id"] == "7"
    assert made.times("GET /reports/7") == [0, 15]


def test_a_status_that_the_source_file_does_not_know_is_what_the_job_waits_for(start: Start) -> None:
    made = start(preparing({"status": "running"}, {"status": "Completed"}, {"status": "done"}))
    waits = []
    for polls in (1, 2, 3):
        made.run(until=lambda job, polls=polls: job.poll == polls)
        waits.append(waits_for(made.job, made.services.ledger.now()))
    assert [wait and (wait.on, wait.said) for wait in waits] == [
        ("vendor", "the vendor is preparing the report, next poll"),
        ("vendor", "the vendor is preparing the report, next poll"),
        ("vendor", "the vendor says 'completed', which the source file does not know; next poll"),
    ]
    done(made)


@pytest.mark.parametrize("header", ["X-Request-Id", "Request-Id"])
def test_the_receipt_has_the_vendors_id_of_the_request(start: Start, header: str) -> None:
    made = Answer({"id": 7}, headers={header: "r-1", "Request-Ids": "r-2"})
    assert done(start(preparing({"status": "done"}, made=made)))["vendor_request_id"] == "r-1"


RUNNING: Json = {"status": "running"}
# With a status of their own, which is not the report's.
UNKNOWN = [
    Answer({"error": "no such report"}, status=404),
    {"reports": [], "status": "done"},
    {"reports": None, "status": "done"},
]


@pytest.mark.parametrize("unknown", UNKNOWN)
def test_a_report_that_the_vendor_does_not_know_for_a_moment_is_waited_for_at_any_age(
    start: Start, unknown: Any
) -> None:
    polls = [*[{"reports": [{"id": 7, **RUNNING}]}] * 20, unknown, {"reports": [{"id": 7, "status": "done"}]}]
    made = start(preparing(*polls), poll={**POLL, "reports": "reports"})
    done(made)
    assert made.times("GET /reports/7")[-2:] == [300, 315]


@pytest.mark.parametrize("unknown", UNKNOWN)
def test_a_report_that_the_vendor_forgets_fails_after_the_grace(start: Start, unknown: Any) -> None:
    polls = [*[{"reports": [{"id": 7, **RUNNING}]}] * 20, unknown]
    made = start(preparing(*polls), poll={**POLL, "reports": "reports", "listing_grace_seconds": 50})
    failed(made, "GET /reports/7: the vendor does not know report 7")
    assert made.times("GET /reports/7")[-1] == 360


def test_the_address_to_poll_may_be_all_a_vendor_gives(start: Start) -> None:
    polls = [Answer(status=202), Answer({"rows": ROWS})]
    submit = {"request": SUBMIT["request"], "poll_link": [{"header": "Location"}], "is_repeatable": True}
    read = {"format": {"kind": "json", "rows": ["rows"]}}
    poll = {"waits_on": [202], "holds_rows": True}
    made = start(
        preparing(*polls, made=Answer(status=201, headers={"Location": "/reports/9?k=1"})),
        submit=submit,
        poll=poll,
        read=read,
    )
    receipt = done(made)
    assert receipt["vendor_report_id"] == "/reports/9"
    assert [asked.request.query for asked in made.asked] == [{}, *[{"k": "1"}] * 3]


def test_the_address_to_poll_is_asked_with_the_headers_of_the_request_for_the_report(start: Start) -> None:
    headers = {"Accept": "application/json", "Content-Type": "application/vnd.v+json"}
    submit = {"request": {**SUBMIT["request"], "headers": headers, "json": {}}, "poll_link": ["at"]}
    made = start(
        preparing(Answer(status=202), {"rows": ROWS}, made=Answer({"at": "/reports/9"})),
        submit=submit,
        poll={"waits_on": [202], "holds_rows": True},
        read={"format": READ["format"]},
    )
    done(made)
    sent = [(asked.request.headers.get("Accept"), asked.request.headers.get("Content-Type")) for asked in made.asked]
    assert sent == [("application/json", "application/vnd.v+json"), *[("application/json", None)] * 3]


def test_a_file_in_storage_whose_address_is_given_at_once_is_polled_until_it_is_there(start: Start) -> None:
    def respond(request: Request) -> Answer:
        if not request.is_storage:
            return Answer({"url": f"{request.storage}/r.json?sig=1"})
        return next(coming)

    coming = iter([Answer(status=403), Answer(b""), *[Answer({"rows": ROWS})] * 2])
    made = start(
        respond,
        submit={"request": SUBMIT["request"], "poll_link": ["url"]},
        poll={"waits_on": [403, "empty"], "holds_rows": True},
        read=AT_LINK,
        auth=[{"kind": "header", "name": "X-Key", "value": "ours"}],
    )
    done(made)
    assert [asked.request.headers.get("X-Key") for asked in made.asked] == ["ours", None, None, None, None]


@pytest.mark.parametrize("statuses", [[201, 202, 200, 200], [200, 200, 200]], ids=["later", "at once"])
def test_the_same_request_may_be_sent_until_it_is_answered_with_the_rows(start: Start, statuses: list[int]) -> None:
    request = {"method": "POST", "path": "/reports", "json": {"name": "ours"}}
    coming = iter(statuses)
    # More than an answer about a report may have; only the start of this one is read before the rows are.
    body = b'{"rows": [{"id": 0}, {"id": 1}, {"id": 2}], "notes": [%s]}' % b",".join([b'"%s"' % (b"x" * 900_000)] * 20)

    def respond(_: Request) -> Answer:
        status = next(coming)
        return Answer(body if status == 200 else b"", status=status, headers={"RequestId": "9"})

    made = start(
        respond,
        submit={"request": request, "report_id": [{"header": "RequestId"}], "is_repeatable": True},
        poll={"request": request, "waits_on": [201, 202]},
        read={"request": request, "format": {"kind": "json", "rows": ["rows"]}},
    )
    done(made)
    assert [(asked.name, asked.request.body) for asked in made.asked] == [("POST /reports", b'{"name":"ours"}')] * len(
        statuses
    )


def test_a_redirect_may_say_that_and_where_the_report_is(start: Start) -> None:
    poll = {"request": POLL["request"], "waits_on": [202], "done_on": [303], "link": [{"header": "Location"}]}
    made = start(
        preparing(Answer(status=202), Answer(status=303, headers={"Location": "/rows/x"})), poll=poll, read=AT_LINK
    )
    done(made)
    assert made.asked[-1].name == "GET /rows/x"


def test_an_id_may_be_in_a_header_or_in_a_sentence(start: Start) -> None:
    submit = {**SUBMIT, "report_id": [{"header": "Location", "pattern": "reports/([0-9]+)"}]}
    made = start(
        preparing({"status": "done"}, made=Answer(status=201, headers={"Location": "/reports/12"})), submit=submit
    )
    assert done(made)["vendor_report_id"] == "12"


DUPLICATE: Json = {
    **SUBMIT,
    "duplicate": {"statuses": [409, 425], "report_id": [{"path": "detail", "pattern": "of: (.+)"}]},
}


def test_a_refusal_that_names_no_report_is_handled_like_any_other(start: Start) -> None:
    made = start(preparing({"status": "done"}, made=Answer({"detail": "quota"}, status=409)), submit=DUPLICATE)
    failed(made, "409", "quota")


@pytest.mark.parametrize(
    "refused",
    [
        Answer({"detail": "busy"}, status=425, headers={"Retry-After": "40"}),
        Answer({"detail": "slow down"}, status=409),
    ],
    ids=["by its status", "by a declared error"],
)
def test_a_request_whose_refusal_names_no_report_is_sent_again_where_that_is_safe(
    start: Start, refused: Answer
) -> None:
    answers = iter([refused, Answer({"id": 7})])

    def respond(request: Request) -> Answer:
        return next(answers) if request.method == "POST" else preparing({"status": "done"})(request)

    errors = [{"when": "detail", "contains": "slow down", "message": "detail", "then": "rate-limit", "wait": 40}]
    made = start(respond, submit={**DUPLICATE, "is_repeatable": False}, errors=errors)
    assert done(made)["possible_orphans"] == 0
    assert made.times("POST /reports") == [0, pytest.approx(40, abs=1)]


AT_ADDRESS: Json = {"resolve": {"path": "/where/{report_id}"}, "link": ["url"], **AT_LINK}


@pytest.mark.parametrize("path", ["/rows/7", "/where/7", "/f/a"])
@pytest.mark.parametrize("misses", [3, 1_000])
def test_rows_that_are_not_there_yet_are_waited_for_before_a_new_report_is_requested(
    start: Start, path: str, misses: int
) -> None:
    missing = iter(range(misses))
    polled = preparing({"status": "done", "url": "/f/a"})

    def respond(request: Request) -> Answer:
        if request.path == path and next(missing, None) is not None:
            return Answer({"error": "not found"}, status=404)
        return Answer({"url": "/f/a"}) if request.path == "/where/7" else polled(request)

    read, poll = {"/rows/7": (READ, POLL), "/where/7": (AT_ADDRESS, POLL)}.get(
        path, (AT_LINK, {**POLL, "link": ["url"]})
    )
    made = start(respond, read=read, poll=poll)
    if misses == 3:
        done(made)
        assert made.times("POST /reports") == [0]
    else:
        failed(made, f"GET {path}: 404", "it was requested again once already")
        assert made.times("POST /reports")[1] > 60


@pytest.mark.parametrize("body", [b"", {"state": "in progress"}])
@pytest.mark.parametrize("path", ["/rows/7", "/where/7"])
def test_202_in_place_of_rows_is_not_a_report_without_rows(start: Start, body: Any, path: str) -> None:
    waits = iter([{}, {"Retry-After": "600"}])
    prepare = preparing({"status": "done"})

    def respond(request: Request) -> Answer:
        headers = next(waits, None) if request.path == path else None
        if headers is not None:
            return Answer(body, status=202, headers=headers)
        return Answer({"url": "/f/a"}) if request.path == "/where/7" else prepare(request)

    format_ = {**READ["format"], "absent_is_empty": True}
    read = READ if path == "/rows/7" else AT_ADDRESS
    made = start(respond, read={**read, "format": format_, "empty_body_is_no_rows": True})
    done(made)
    assert made.times(f"GET {path}")[2] >= 600


@pytest.mark.parametrize(
    ("body", "words"),
    [(b"", "200 with an empty body"), (b"PK\5\6" + bytes(18), "200 with a compressed body with nothing in it")],
)
def test_a_body_that_holds_nothing_is_a_report_without_rows_only_where_declared(
    start: Start, body: bytes, words: str
) -> None:
    for nothing in (body, b"\xef\xbb\xbf\r\n"):
        done(
            start(preparing({"status": "done"}, rows=Answer(nothing)), read={**READ, "empty_body_is_no_rows": True}), []
        )
    failed(start(preparing({"status": "done"}, rows=Answer(body))), words)


MATCHING: Json = {**POLL, "match": {"of.kind": "{kind}", "of.days": "{days}", "from": "{from}"}}
ASKED_FOR: Json = {"kind": {"default": "daily"}, "days": {"type": "list", "items": "integer", "default": [1, 2]}}
SENT: Json = {
    **SUBMIT,
    "request": {**SUBMIT["request"], "json": {"kind": "{kind}", "days": "{days}", "from": "{from}"}},
}


@pytest.mark.parametrize("stated", [{}, {"of": None}, {"of": {"kind": "daily", "days": [1, 2]}, "from": "2026-11-01"}])
def test_a_report_that_does_not_contradict_is_the_requested_one(start: Start, stated: Json) -> None:
    report = {"params": {**ASKED_FOR, "from": {}}}
    done(start(preparing({"status": "done", **stated}), submit=SENT, poll=MATCHING, report=report))


def test_a_failed_report_is_quoted_without_those_of_others(start: Start) -> None:
    polls = Answer([{"id": 8, "status": "failed", "why": "theirs"}, {"id": 7, "status": "failed", "why": "too large"}])
    receipt = failed(start(preparing(polls), poll={**POLL, "reports": "", "failed": ["failed"]}), "too large")
    assert "theirs" not in receipt["error"]


def test_a_report_that_describes_another_is_not_read(start: Start) -> None:
    polls = {"status": "done", "of": {"kind": "summary", "days": [1, 2]}}
    made = start(preparing(polls), submit=SENT, poll=MATCHING, report={"params": {**ASKED_FOR, "from": {}}})
    failed(made, "the vendor's report 7 is not the one asked for: of.kind is 'summary', not 'daily'")
    assert made.rows() == []
