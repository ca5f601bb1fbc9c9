"""Scenarios: refusals, server errors, and answers without data."""

from __future__ import annotations

from tests.requests import QUERIED
from tests.scenarios.outcome import Outcome
from tests.scenarios.scenario import (
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


def asked_nothing_but_to_log_in(outcome: Outcome) -> None:
    assert {one["endpoint"] for one in outcome.heard} <= {"authenticate", "token"}


def logged_in_twice(outcome: Outcome) -> None:
    assert len(outcome.asked("authenticate") + outcome.asked("token")) == 2


CREDENTIALS = (
    Behaviour(
        "refuses a token in the middle of a report",
        "the token is renewed once, and the job continues; no attempt is counted",
        whole(attempts=0, also=logged_in_twice),
        {
            "kargo": kargo(fault("token_expires", after_requests=3, times=1)),
            "mediamath's page": mediamath_pages(fault("token_expires", after_requests=1, times=1)),
            "mediamath's stream": mediamath(fault("status", code=401, times=1, match=at("stream"))),
            "rokt, 401": rokt(fault("status", code=401, match=at("single"), times=1)),
            "rokt, 403": rokt(fault("status", code=403, match=at("single"), times=1)),
        },
    ),
    Behaviour(
        "ends sessions earlier or later than stated, or without notice",
        "the session is renewed, and the job continues; no attempt is counted",
        whole(attempts=0),
        {
            "ahead of time": kargo(fault("expires_in", value=1, times=3)),
            "every other request": kargo(fault("token_expires", after_requests=1)),
            "one token at a time": (kargo(fault("one_token"), rows=20_500), whole(20_500, attempts=0)),
        },
    ),
    Behaviour(
        "refuses the new token as well",
        "the job fails, and the error names the credentials to check",
        failed("401", "check ", published=False),
        {
            "kargo": (
                kargo(fault("status", code=401, match=at("page"))),
                failed("401", "check ", published=False, asked={"completed-reports": 2}),
            ),
            "instal": instal(fault("status", code=401, match=at("status"))),
        },
    ),
    Behaviour(
        "does not know the credentials",
        "the job fails before any other request",
        failed("check ", published=False, also=asked_nothing_but_to_log_in),
        {
            "kargo, 401": kargo(fault("status", code=401, match=at("token"))),
            "mediamath, 403": mediamath(fault("status", code=403, match=at("token"))),
            "rokt, 400": rokt(fault("status", code=400, match=at("token"))),
        },
    ),
)

REFUSALS = (
    Behaviour(
        "answers 403",
        "the job fails with the vendor's message",
        failed("403", "made to fail", published=False),
        {
            "kargo's page": kargo(fault("status", code=403, match=at("page"))),
            "instal's status": instal(fault("status", code=403, match=at("status"))),
        },
    ),
    Behaviour(
        "answers 400 with any form of body",
        "the job fails with the vendor's message",
        failed("400", "no such account", published=False),
        {
            form: rokt(fault("status", code=400, body=form, message="no such account"), report=QUERIED)
            for form in ("message", "errors", "list", "text", "html")
        },
    ),
    Behaviour(
        "answers an error without a body",
        "the job fails, and the error says so",
        failed("403", "(empty)", published=False),
        {"page": kargo(fault("status", code=403, body="empty", match=at("page")))},
    ),
    Behaviour(
        "answers 429 or 503 with `Retry-After`",
        "no request is made on this connection until then; no attempt is counted",
        whole(attempts=0),
        {
            "429, json": mediamath(fault("status", code=429, body="gateway", retry_after=1.0, times=2)),
            "429, a date": (
                rokt(fault("status", code=429, retry_after=2.0, retry_after_form="date", times=1)),
                whole(attempts=0, asked={"campaign-breakdown": 2}),
            ),
        },
    ),
    Behaviour(
        "answers 429, 500, 503 or 504 without `Retry-After`",
        "the request is tried again, after a longer wait each time",
        whole(),
        {
            "429": mediamath(fault("status", code=429, times=1)),
            "503 at a page": kargo(fault("status", code=503, times=1, match=at("page"))),
            "500 at the status": kargo(fault("status", code=500, times=2, match=at("status"))),
            "500 at the login": kargo(fault("status", code=500, times=1, match=at("token"))),
            "504 at storage": instal(fault("status", code=504, times=1, match=at("csv"))),
        },
    ),
    Behaviour(
        "always answers 500",
        "the job fails at its deadline",
        failed("not finished within", published=False),
        {"500": mediamath(fault("status", code=500, message="all is lost"), finish_within="6s")},
    ),
)

NO_DATA = (
    Behaviour(
        "sends HTML instead of data",
        "the job fails, and the error has the first bytes",
        failed("<!DOCTYPE html>", published=False),
        {
            "page": kargo(fault("html", match=at("page"))),
            "csv on storage": instal(fault("html", match=at("csv"))),
            "stream": mediamath(fault("html")),
            "login": rokt(fault("html", match=at("token"))),
        },
    ),
    Behaviour(
        "sends an empty body although one is needed",
        "the job fails",
        failed("empty", published=False),
        {
            "kargo's submit": kargo(fault("empty_body", match=at("submit"))),
            "kargo's csv": kargo_csv(fault("empty_body", match=at("csv"))),
            "stream": mediamath(fault("empty_body")),
        },
    ),
    Behaviour(
        "sends no rows although it may",
        "the job is done, with no rows",
        done(0),
        {
            "an empty file": instal(fault("empty_body", match=at("csv"))),
            "a header": instal(fault("csv_empty", header=True)),
            "an empty stream": mediamath(rows=0),
            "no list at all": rokt(fault("no_rows_key"), report=QUERIED),
            "an empty csv": kargo_csv(rows=0),
        },
    ),
    Behaviour(
        "states a wrong content type",
        "the content decides",
        whole(),
        {
            "a stream as text/plain": mediamath(fault("content_type", value="text/plain")),
            "a page as text/html": mediamath_pages(fault("content_type", value="text/html")),
        },
    ),
)
