"""Scenarios: bodies that break off, errors that look like success, wrong counts."""

from __future__ import annotations

from typing import Any

from tests.requests import MEDIAMATH, QUERIED
from tests.scenarios.outcome import Outcome
from tests.scenarios.runner import SILENCE_SECONDS
from tests.scenarios.scenario import (
    ROWS,
    Behaviour,
    at,
    done,
    failed,
    fault,
    instal,
    kargo,
    kargo_csv,
    mediamath,
    mediamath_pages,
    rokt,
    whole,
)

# Long enough that only a timeout ends it, short enough that the sandbox is soon free for the next scenario.
LONG_SILENCE_SECONDS = SILENCE_SECONDS * 2.5


def breaks(role: str, *, times: int | None = None) -> dict[str, dict[str, Any]]:
    """The ways in which a body breaks off."""
    where = {"match": at(role), "times": times}
    return {
        "cut in a row": fault("cut_in_row", row=1700, **where),
        "cut between rows": fault("cut_after_row", row=1700, **where),
        "reset": fault("reset", after_bytes=90_000, **where),
        "reset before the answer": fault("reset", **where),
        "silence": fault("silence", seconds=LONG_SILENCE_SECONDS, after_bytes=90_000, **where),
        "silence before the answer": fault("silence", seconds=LONG_SILENCE_SECONDS, **where),
    }


SHAPES = {
    "stream": (mediamath, "stream"),
    "numbered pages": (mediamath_pages, "page"),
    "pages by offset": (kargo, "page"),
    "csv on the api": (kargo_csv, "csv"),
    "csv on storage": (instal, "csv"),
    "single answer": (rokt, "single"),
}


def was_never_voided(outcome: Outcome) -> None:
    assert not outcome.audit.voided


def was_asked_again(outcome: Outcome) -> None:
    assert len(outcome.asked("stream")) > 1


def was_read_three_times(outcome: Outcome) -> None:
    assert set(outcome.audit.voided) == {1, 2, 3}


BREAKS = (
    Behaviour(
        "breaks off a body in or between rows, resets the connection or stops sending, also before the answer",
        "the request is tried again",
        whole(also=was_never_voided),
        {
            f"{shape}: {how}": ask(rule)
            for shape, (ask, role) in SHAPES.items()
            for how, rule in breaks(role, times=1).items()
            # All ways on a stream; on the others only those that each reader notices in another way, and silence if
            # pages or files are read at the same time, because one that waits must not hold up the rest.
            if shape == "stream"
            or how in ("cut in a row", "reset before the answer")
            or (how == "silence" and shape in ("pages by offset", "csv on storage"))
        },
    ),
    Behaviour(
        "breaks off every answer",
        "the job fails at its deadline",
        failed("not finished within 6 s", also=was_asked_again),
        {
            "stream: cut in a row": (
                mediamath(breaks("stream")["cut in a row"], finish_within="6s"),
                failed("not finished within 6 s", published=True, also=was_asked_again),
            ),
            "stream: reset before the answer": mediamath(
                breaks("stream")["reset before the answer"], finish_within="6s"
            ),
        },
    ),
    Behaviour(
        "breaks off in a row or in a JSON page, but ends the response as if it were complete",
        "the request is tried again",
        whole(),
        {
            "stream": mediamath(fault("cut_in_row", row=1700, clean=True, times=1)),
            "stream's header": mediamath(fault("cut", after_bytes=40, clean=True, times=1)),
            "page": kargo(fault("cut_in_row", row=1700, clean=True, times=1)),
            "file": instal(fault("cut_in_row", row=1700, clean=True, times=1)),
        },
    ),
    Behaviour(
        "breaks off a stream or file between rows and ends it as if it were complete",
        "the job fails and says how many rows were expected and received",
        failed("expected 2500 rows, got 1700", published=True),
        {
            "stream": mediamath(fault("cut_after_row", row=1700, clean=True)),
            "csv": kargo_csv(fault("cut_after_row", row=1700, clean=True)),
        },
    ),
    Behaviour(
        "breaks off a stream for which it gave no count, or sends fewer bytes than it stated",
        "the request is tried again",
        whole(),
        {
            "stream": mediamath(fault("cut_after_row", row=900, times=1), fault("named_total", value=-1)),
            "file": instal(fault("wrong_length", by=100, times=1, match=at("csv"))),
        },
    ),
    Behaviour(
        "sends a stream or file without length, chunks or count",
        "the job is done; `proof` is `none`",
        whole(receipt={"proof": "none"}),
        {
            "stream": mediamath(fault("until_close"), fault("named_total", value=-1)),
            "file": instal(fault("until_close", match=at("csv"))),
        },
    ),
    Behaviour(
        "sends a body without length or chunks, but states a count",
        "the job is done; `proof` is `count`",
        whole(receipt={"proof": "count"}),
        {"stream": mediamath(fault("until_close")), "page": kargo(fault("until_close"))},
    ),
    Behaviour(
        "sends one JSON document without length or chunks",
        "the job is done; `proof` is `end`",
        whole(receipt={"proof": "end"}),
        {"single answer": rokt(fault("until_close"))},
    ),
    Behaviour(
        "does not answer a poll or a login",
        "the request is tried again",
        whole(),
        {
            "status": kargo(fault("reset", match=at("status"), times=2)),
            "login": kargo(fault("reset", match=at("token"), times=1)),
        },
    ),
)

TOO_SLOW = {"code": "TooSlow", "message": "took too long"}
RATE_LIMIT = failed("rate-limit-exceeded: ", "Rate limit exceeded, please slow down", "request id ")
NO_CAMPAIGN = {"message": "no such campaign"}

ERRORS = (
    Behaviour(
        "ends a stream with an error object, or answers 200 with one",
        "the job fails with code, message and request id; the object is not a row",
        failed("TooSlow", "took too long", "request id ", published=False),
        {
            "after rows": (
                mediamath(fault("error_line", after_rows=1500, **TOO_SLOW)),
                failed("TooSlow", "took too long", "request id ", published=True, asked={"stream": 1}),
            ),
            "in place of a later page": (
                mediamath_pages(fault("error_body", match={"page": 1}, **TOO_SLOW)),
                failed("TooSlow", "took too long", "request id "),
            ),
        },
    ),
    Behaviour(
        "sends an error object that has only a code",
        "the job fails with the code",
        failed("Gone"),
        {"in a stream": mediamath(fault("error_line", after_rows=1500, code="Gone", partial=True))},
    ),
    Behaviour(
        "has its gateway answer, with an error that begins with `meta`",
        "the job fails with code, message and request id",
        RATE_LIMIT,
        {
            "line of a stream": (
                mediamath(fault("gateway_line", after_rows=1500)),
                failed("service-overloaded: ", "please retry later", "request id "),
            ),
            "in place of a stream": mediamath(fault("gateway", status=200)),
        },
    ),
    Behaviour(
        "answers 200 with an error on any other path",
        "the job fails with the vendor's message",
        failed("no such campaign", published=False),
        {
            "rokt's query": rokt(fault("error_body", **NO_CAMPAIGN), report=QUERIED),
            "instal's status": instal(fault("error_body", match=at("status"), **NO_CAMPAIGN)),
            "instal's file": instal(fault("error_body", match=at("csv"), **NO_CAMPAIGN)),
            "kargo's submit": kargo(fault("error_body", match=at("submit"), **NO_CAMPAIGN)),
            "kargo's csv": kargo_csv(fault("error_body", match=at("csv"), **NO_CAMPAIGN)),
        },
    ),
)

COUNTS = (
    Behaviour(
        "states more or fewer rows than it sends",
        "the job fails and says how many rows were expected and received",
        failed("expected 2503 rows, got 2500", published=True),
        {
            "stream, more": mediamath(fault("wrong_total", by=3)),
            "numbered pages, more": mediamath_pages(fault("wrong_total", by=3)),
            "pages by offset, more": kargo(fault("wrong_total", by=3)),
            "csv, more": kargo_csv(fault("wrong_total", by=3)),
            "stream, fewer": (
                mediamath(fault("wrong_total", by=-3)),
                failed("expected 2497 rows, got 2500", published=True),
            ),
        },
    ),
    Behaviour(
        "leaves out a row",
        "the job fails and says how many rows were expected and received",
        failed("expected 2500 rows, got 2499", published=True),
        {"page": kargo(fault("drop_row", row=1200))},
    ),
    Behaviour(
        "leaves out a row while its count is at its cap",
        "the report is read again, at most three times; then the job fails",
        failed("keeps changing"),
        {"page": kargo(fault("capped_total"), fault("drop_row", row=300), rows=10_000)},
    ),
    Behaviour(
        "has no count: -1 or null",
        "the job is done if the end is clean; `proof` is `end`",
        whole(receipt={"proof": "end", "expected_rows": None}),
        {"stream": mediamath(fault("named_total", value=-1)), "null": kargo(fault("named_total", value=None))},
    ),
    Behaviour(
        "writes the count as text",
        "the count is used",
        whole(receipt={"proof": "count", "expected_rows": ROWS}),
        {"page": kargo(fault("named_total", value=str(ROWS)))},
    ),
    Behaviour(
        "puts totals and links after the rows",
        "they are used",
        whole(receipt={"proof": "count", "expected_rows": ROWS}),
        {"page": kargo(fault("totals_last"))},
    ),
    Behaviour(
        "changes its count from page to page",
        "the report is read again, at most three times; then the job fails; readings are never mixed",
        failed("keeps changing", also=was_read_three_times),
        {
            "pages by offset": kargo(fault("drifting_total"), rows=21_000),
            "a new first row": mediamath_pages(fault("drifting_total", by=1, shifts=True)),
        },
    ),
    Behaviour(
        "caps its count at 10,000 but has more rows",
        "reading continues until a page is empty",
        whole(20_000, receipt={"proof": "end", "expected_rows": None}),
        {
            "past the end: empty": kargo(fault("capped_total"), rows=20_000),
            "last page: short": (
                kargo(fault("capped_total"), rows=21_000),
                whole(21_000, receipt={"proof": "end", "expected_rows": None}),
            ),
            "csv": (kargo_csv(fault("capped_total"), rows=12_000), whole(12_000, receipt={"expected_rows": None})),
        },
    ),
    Behaviour(
        "counts all rows, or only as many as were requested",
        "both are accepted",
        done(300, receipt={"proof": "count"}),
        {
            "capped": mediamath(params={**MEDIAMATH, "max_results": 300}),
            "uncapped": mediamath(fault("uncapped_total"), params={**MEDIAMATH, "max_results": 300}),
        },
    ),
    Behaviour(
        "caps an answer without saying so",
        "the job is done; the receipt has no expected count",
        done(1000, receipt={"proof": "end", "expected_rows": None}),
        {"single answer": rokt(fault("round_cap", rows=1000))},
    ),
)
