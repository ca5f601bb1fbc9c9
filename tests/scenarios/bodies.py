"""Bodies that break off, errors that look like success, counts that are wrong."""

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

# Long enough that only giving up ends it, short enough that the sandbox is free again for the next scenario.
LONG_SILENCE_SECONDS = SILENCE_SECONDS * 2.5


def breaks(role: str, *, times: int | None = None) -> dict[str, dict[str, Any]]:
    """The ways a body ends before its end."""
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
        "cuts a body in a row or between rows, resets the connection, falls silent, before the answer or in it",
        "tried again",
        whole(also=was_never_voided),
        {
            f"{shape}: {how}": ask(rule)
            for shape, (ask, role) in SHAPES.items()
            for how, rule in breaks(role, times=1).items()
            # Every way on a stream; on the others the ways that each reader meets differently, silence where pages
            # or files are read beside each other, since there one that waits must not hold up the rest.
            if shape == "stream"
            or how in ("cut in a row", "reset before the answer")
            or (how == "silence" and shape in ("pages by offset", "csv on storage"))
        },
    ),
    Behaviour(
        "does so every time",
        "failed at the deadline",
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
        "cuts in a row, or in a JSON page, and ends the response as if it were whole",
        "tried again",
        whole(),
        {
            "stream": mediamath(fault("cut_in_row", row=1700, clean=True, times=1)),
            "stream's header": mediamath(fault("cut", after_bytes=40, clean=True, times=1)),
            "page": kargo(fault("cut_in_row", row=1700, clean=True, times=1)),
            "file": instal(fault("cut_in_row", row=1700, clean=True, times=1)),
        },
    ),
    Behaviour(
        "cuts a stream or file between rows and ends it as if it were whole",
        "failed: expected and got",
        failed("expected 2500 rows, got 1700", published=True),
        {
            "stream": mediamath(fault("cut_after_row", row=1700, clean=True)),
            "csv": kargo_csv(fault("cut_after_row", row=1700, clean=True)),
        },
    ),
    Behaviour(
        "cuts a stream whose rows it cannot count, or sends fewer bytes than it says",
        "tried again",
        whole(),
        {
            "stream": mediamath(fault("cut_after_row", row=900, times=1), fault("named_total", value=-1)),
            "file": instal(fault("wrong_length", by=100, times=1, match=at("csv"))),
        },
    ),
    Behaviour(
        "sends a stream or file without length, chunks or count",
        "done; `proof` is `none`",
        whole(receipt={"proof": "none"}),
        {
            "stream": mediamath(fault("until_close"), fault("named_total", value=-1)),
            "file": instal(fault("until_close", match=at("csv"))),
        },
    ),
    Behaviour(
        "the same, but names a count",
        "done; `proof` is `count`",
        whole(receipt={"proof": "count"}),
        {"stream": mediamath(fault("until_close")), "page": kargo(fault("until_close"))},
    ),
    Behaviour(
        "the same, as one JSON document",
        "done; `proof` is `end`",
        whole(receipt={"proof": "end"}),
        {"single answer": rokt(fault("until_close"))},
    ),
    Behaviour(
        "does not answer a question",
        "asked again",
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
        "failed: code, message, request id; it is no row",
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
        "sends an error object with nothing but a code",
        "failed: code",
        failed("Gone"),
        {"in a stream": mediamath(fault("error_line", after_rows=1500, code="Gone", partial=True))},
    ),
    Behaviour(
        "lets its gateway answer, with an error that begins with `meta`",
        "failed: code, message, request id",
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
        "failed with the vendor's words",
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
        "counts more or fewer rows than it sends",
        "failed: expected and got",
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
        "loses a row on the way",
        "failed: expected and got",
        failed("expected 2500 rows, got 2499", published=True),
        {"page": kargo(fault("drop_row", row=1200))},
    ),
    Behaviour(
        "loses a row under a count at its cap",
        "read anew, three times at most, then failed",
        failed("keeps changing"),
        {"page": kargo(fault("capped_total"), fault("drop_row", row=300), rows=10_000)},
    ),
    Behaviour(
        "has no count: -1, null",
        "done on a clean end; `proof` is `end`",
        whole(receipt={"proof": "end", "expected_rows": None}),
        {"stream": mediamath(fault("named_total", value=-1)), "null": kargo(fault("named_total", value=None))},
    ),
    Behaviour(
        "writes the count as text",
        "it counts",
        whole(receipt={"proof": "count", "expected_rows": ROWS}),
        {"page": kargo(fault("named_total", value=str(ROWS)))},
    ),
    Behaviour(
        "names totals and links behind the rows",
        "they count",
        whole(receipt={"proof": "count", "expected_rows": ROWS}),
        {"page": kargo(fault("totals_last"))},
    ),
    Behaviour(
        "changes its count from page to page",
        "read anew, three times at most, then failed; never a mixture",
        failed("keeps changing", also=was_read_three_times),
        {
            "pages by offset": kargo(fault("drifting_total"), rows=21_000),
            "a row put in front": mediamath_pages(fault("drifting_total", by=1, shifts=True)),
        },
    ),
    Behaviour(
        "caps its count at 10,000 and has more rows",
        "read on until a page is empty",
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
        "counts with or without the most rows asked for",
        "either is right",
        done(300, receipt={"proof": "count"}),
        {
            "capped": mediamath(params={**MEDIAMATH, "max_results": 300}),
            "uncapped": mediamath(fault("uncapped_total"), params={**MEDIAMATH, "max_results": 300}),
        },
    ),
    Behaviour(
        "caps an answer without a word",
        "done; the receipt claims no count",
        done(1000, receipt={"proof": "end", "expected_rows": None}),
        {"single answer": rokt(fault("round_cap", rows=1000))},
    ),
)
