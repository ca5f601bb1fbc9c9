"""How vendors page, and how they end it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.cases.case import Cases, ids
from tests.fake_vendor import Answer, Request

CASES = Cases()

ROWS = 250


def _by_offset(request: Request, rows: int = ROWS, first: int = 0) -> list[dict[str, int]]:
    start = max(0, int(request.query["offset"]) - first)
    return ids(start, min(start + int(request.query["limit"]), rows))


def _by_page(request: Request, rows: int = ROWS, size: int = 100) -> list[dict[str, int]]:
    page = int(request.query["page"])
    return ids(page * size - size, min(page * size, rows))


@CASES.add("offset-refused-past-a-cap", fails=("OFFSET_TOO_LARGE",))
def offsets_end_at_1000(request: Request) -> Answer:
    if int(request.query["offset"]) + int(request.query["limit"]) > 1000:
        return Answer({"error": {"code": "OFFSET_TOO_LARGE", "message": "offset and limit end at 1000"}}, status=400)
    return Answer({"data": _by_offset(request, 1250)})


@CASES.add("offset-ignored", fails=("ignores `offset`",), at_most=4)
def offset_ignored(request: Request) -> Answer:
    return Answer({"data": ids(0, 200)})


def _last_page_again(request: Request) -> Answer:
    page = min(int(request.query["page"]), 3)
    return Answer({"total": str(ROWS), "data": ids(page * 100 - 100, min(page * 100, ROWS))})


def _cursor(request: Request) -> dict[str, Any]:
    at = int(request.query.get("cursor", "0"))
    end = min(at + 100, ROWS)
    return {"data": ids(at, end), "paging": {"cursor": end, "has_more": str(end < ROWS).lower()}}


@CASES.add("has-more", rows=ROWS, at_most=3)
def never_more(request: Request) -> Answer:
    """Says `has_more` in text, counts its cursors, and would go on for ever past the end."""
    at = int(request.query.get("cursor", "0"))
    if at >= ROWS:
        return Answer({"data": ids(at, at + 100), "paging": {"cursor": at + 100, "has_more": "true"}})
    return Answer(_cursor(request))


@CASES.add("offset-from-one", rows=ROWS)
def counted_from_one(request: Request) -> Answer:
    return Answer({"data": _by_offset(request, first=1)})


@CASES.add("numbers-in-the-body", rows=ROWS)
def numbers_in_the_body(request: Request) -> Answer:
    asked = request.json["page"]
    return Answer({"data": ids(asked["from"], min(asked["from"] + asked["count"], ROWS))})


@CASES.add("links-by-rel", rows=ROWS, at_most=3)
def links_by_rel(request: Request) -> Answer:
    at = int(request.query.get("at", 0))
    end = min(at + 100, ROWS)
    links = [{"rel": "self", "href": request.target}, {"rel": "prev", "href": "/rows"}]
    if end < ROWS:
        links.append({"rel": "next", "href": f"{request.base}/rows?at={end}"})
    return Answer({"data": ids(at, end), "links": links})


@CASES.add("token-in-a-header", rows=ROWS, at_most=3)
def token_in_a_header(request: Request) -> Answer:
    at = int(request.query.get("token", 0))
    end = min(at + 100, ROWS)
    headers: Mapping[str, str] = {"X-Next-Token": str(end)} if end < ROWS else {}
    return Answer({"data": ids(at, end)}, headers=headers)


@CASES.add("clamped-pages-counted", rows=ROWS, at_most=7)
def clamped(request: Request) -> Answer:
    """Sends 40 rows at most, however many are asked for, and counts them."""
    return Answer({"total": ROWS, "data": _by_page(request, size=40)})


@CASES.add("refused-past-the-count", rows=ROWS, at_most=3)
def refused_past_the_count(request: Request) -> Answer:
    rows = _by_page(request)
    return Answer({"total": ROWS, "data": rows}) if rows else Answer({"message": "no such page"}, status=404)


@CASES.add("more-pages-than-rows", rows=ROWS, at_most=3)
def more_pages_than_rows(request: Request) -> Answer:
    """Counts its pages wrongly and its rows rightly."""
    rows = _by_page(request)
    return (
        Answer({"pages": 9, "total": ROWS, "data": rows}) if rows else Answer({"message": "no such page"}, status=404)
    )


def _refused_past_the_end(request: Request) -> Answer:
    rows = _by_page(request, rows=200)
    return Answer({"data": rows}) if rows else Answer({"message": "no such page"}, status=404)


@CASES.add("no-content-past-the-end", rows=200, at_most=3)
def nothing_past_the_end(request: Request) -> Answer:
    rows = _by_page(request, rows=200)
    return Answer({"data": rows}) if rows else Answer(status=204)


@CASES.add("cursor-past-the-count", rows=ROWS, at_most=3)
def cursor_past_the_count(request: Request) -> Answer:
    """Always names a next cursor, counts its rows, and refuses what stands beyond them."""
    at = int(request.query.get("cursor", "0"))
    if at >= ROWS:
        return Answer({"message": "no such cursor"}, status=404)
    return Answer({"total": ROWS, "data": ids(at, min(at + 100, ROWS)), "paging": {"cursor": at + 100}})


@CASES.add("circle-under-other-links", fails=("page 3 has the rows of page 1",))
def circle_under_other_links(request: Request) -> Answer:
    """Goes back to its first rows by links that are never the same, until as many rows came as it counts."""
    turn = int(request.query.get("turn", "0"))
    start = turn % 2 * 100
    return Answer({"total": 300, "data": ids(start, start + 100), "next": f"/rows?turn={turn + 1}"})


@CASES.add("counted-by-the-poll", rows=ROWS)
def counted_by_the_poll(request: Request) -> Answer:
    if request.method == "POST":
        return Answer({"id": "9"})
    if request.path == "/reports/9":
        return Answer({"status": "done", "rows": ROWS})
    rows = _by_offset(request)
    return Answer({"data": rows}) if rows else Answer({"message": "offset past the end"}, status=400)


@CASES.add("growing-count", fails=("does not hold still",))
def growing(request: Request) -> Answer:
    page = int(request.query["page"])
    return Answer({"total": ROWS + page, "data": _by_page(request)})


CASES.add("last-page-again-counted", rows=ROWS, at_most=3)(_last_page_again)
CASES.add("last-page-again", fails=("page 4 has the rows of page 3", "`page`"), at_most=4)(_last_page_again)
CASES.add("cursor-repeated-at-the-end", rows=ROWS, at_most=4)(lambda request: Answer(_cursor(request)))
CASES.add("refused-past-the-end", fails=("404", "no such page"))(_refused_past_the_end)
CASES.add("declared-refusal", rows=200, at_most=3)(_refused_past_the_end)
CASES.add("short-page", rows=ROWS, at_most=3)(lambda request: Answer({"data": _by_page(request)}))
