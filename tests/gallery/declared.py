"""Vendors whose ends involve reader, paging, ledger and steps together; facts about a single part are proven there."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import yaml

from tests import source_files
from tests.fake_vendor import Answer, Request, Vendor
from tests.gallery.pull import Pull
from worker.model import Json

DECLARED: dict[str, Json] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
ROWS = 250
NO_PAGE = Answer({"message": "no such page"}, status=404)


def source_file(name: str) -> Json:
    """The source file of one of them, whose one report is called `r`."""
    words = {"request": {"path": "/rows"}, "format": source_files.JSON, **DECLARED[name]}
    of_source = {word: words.pop(word) for word in ("title", "auth", "errors") if word in words}
    of_report = {word: words.pop(word) for word in ("submit", "poll", "columns") if word in words}
    of_report["proof"] = "count" if "total" in words["format"] or "total" in of_report.get("poll", {}) else "end"
    return source_files.source(source_files.report(words, **of_report), **of_source)


def ids(start: int, end: int) -> list[dict[str, int]]:
    """Rows that differ."""
    return [{"id": number} for number in range(start, max(start, end))]


def same(vendor: Vendor) -> Vendor:
    """A vendor that remembers nothing is the same one in every run."""
    return vendor


def by_page(request: Request, rows: int = ROWS) -> list[dict[str, int]]:
    first = int(request.query["page"]) * 100 - 100
    return ids(first, min(first + 100, rows))


def until(rows: int, beyond: Answer, **beside: int) -> Vendor:
    """Numbered pages of 100 with these fields beside their rows, and the answer to a page after the last."""

    def respond(request: Request) -> Answer:
        found = by_page(request, rows)
        return Answer({**beside, "data": found}) if found else beyond

    return respond


def last_page_again(request: Request) -> Answer:
    page = min(int(request.query["page"]), 3)
    return Answer({"data": ids(page * 100 - 100, min(page * 100, ROWS))})


def never_ending_cursors(request: Request) -> Answer:
    """Says in words whether there is more, and would go on for ever past the end."""
    at = int(request.query.get("cursor", "0"))
    if at >= ROWS:
        return Answer({"data": ids(at, at + 100), "paging": {"cursor": at + 100, "has_more": "true"}})
    end = min(at + 100, ROWS)
    return Answer({"data": ids(at, end), "paging": {"cursor": end, "has_more": str(end < ROWS).lower()}})


def links_by_rel(request: Request) -> Answer:
    at = int(request.query.get("at", 0))
    end = min(at + 100, ROWS)
    links = [{"rel": "self", "href": request.target}, {"rel": "prev", "href": "/rows"}]
    if end < ROWS:
        links.append({"rel": "next", "href": f"{request.base}/rows?at={end}"})
    return Answer({"data": ids(at, end), "links": links})


def circle_under_other_links(request: Request) -> Answer:
    """Goes back to its first rows by links that are never the same, until as many rows came as it counts."""
    turn = int(request.query.get("turn", "0"))
    start = turn % 2 * 100
    return Answer({"total": 300, "data": ids(start, start + 100), "next": f"/rows?turn={turn + 1}"})


def counted_by_the_poll(request: Request) -> Answer:
    if request.method == "POST":
        return Answer({"id": "9"})
    if request.path == "/reports/9":
        return Answer({"status": "done", "rows": ROWS})
    start = int(request.query["offset"])
    rows = ids(start, min(start + int(request.query["limit"]), ROWS))
    return Answer({"data": rows}) if rows else Answer({"message": "offset past the end"}, status=400)


def storage_refuses(request: Request) -> Answer:
    if request.is_storage:
        words = b"<Error><Code>AccessDenied</Code><Message>Access to this bucket was withdrawn</Message></Error>"
        return Answer(words, status=403, headers={"Content-Type": "application/xml"})
    return Answer({"id": 9}) if request.method == "POST" else Answer({"status": "done", "url": f"{request.storage}/x"})


def session_that_ends() -> Vendor:
    logins: list[str] = []

    def respond(request: Request) -> Answer:
        if request.path == "/login":
            logins.append(f"token {len(logins)}")
            return Answer({"access_token": logins[-1], "expires_in": 3600})
        at = int(request.query.get("after", 0))
        # The first session is over on the second page.
        if at == 100 and len(logins) < 2:
            return Answer({"data": [], "error": {"code": "SESSION_EXPIRED", "message": "log in again"}})
        end = min(at + 100, ROWS)
        return Answer({"data": ids(at, end), "next": f"/rows?limit=100&after={end}" if end < ROWS else None})

    return respond


FILE = (
    "Date/Time Generated,11/24/26 11:13 AM\r\nAccount ID,4444\r\n\r\nReport Fields\r\nid,Date,Impressions,Clicks\r\n"
    + "".join(f"{number},2026-11-{number % 24 + 1:02},{number * 10},{number}\r\n" for number in range(40))
    + "Grand Total:,,7800,780\r\n"
)
NO_DATA = Answer({"error": {"code": "NO_DATA", "message": "nothing in these days"}}, status=404)


REMEMBERS_NOTHING = {
    "offset-ignored": (lambda _: Answer({"data": ids(0, 200)}), {"fails": ("ignores `offset`",), "at_most": 4}),
    "last-page-again": (last_page_again, {"fails": ("page 4 has the rows of page 3", "`page`"), "at_most": 4}),
    "circle-under-other-links": (circle_under_other_links, {"fails": ("page 3 has the rows of page 1",)}),
    "more-pages-than-rows": (until(ROWS, NO_PAGE, pages=9, total=ROWS), {"rows": ROWS, "at_most": 3}),
    "no-content-past-the-end": (until(200, Answer(status=204)), {"rows": 200, "at_most": 3}),
    "declared-refusal": (until(200, NO_PAGE), {"rows": 200, "at_most": 3}),
    "has-more": (never_ending_cursors, {"rows": ROWS, "at_most": 3}),
    "links-by-rel": (links_by_rel, {"rows": ROWS, "at_most": 3}),
    "counted-by-the-poll": (counted_by_the_poll, {"rows": ROWS}),
    "no-data-as-a-refusal": (lambda _: NO_DATA, {"at_most": 1}),
    "storage-refuses": (storage_refuses, {"fails": ("403", "AccessDenied: Access to this bucket was withdrawn")}),
    "file-preamble-and-total": (lambda _: Answer(FILE.encode()), {"rows": 40}),
}
ACCOUNT = {"username": "ann@agency", "password": "a long password"}
PULLS = {
    **{name: Pull(f"{name}.r", partial(same, vendor), **end) for name, (vendor, end) in REMEMBERS_NOTHING.items()},
    "login-in-a-body": Pull("login-in-a-body.r", session_that_ends, ROWS, at_most=6, client=ACCOUNT),
}
