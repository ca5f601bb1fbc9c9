"""How vendors page, and how they end it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.cases.case import Case, always, ids
from tests.fake_vendor import Answer, Request

ROWS = 250


def _by_offset(request: Request, rows: int = ROWS, first: int = 0) -> list[dict[str, int]]:
    start = max(0, int(request.query["offset"]) - first)
    return ids(start, min(start + int(request.query["limit"]), rows))


def _by_page(request: Request, rows: int = ROWS, size: int = 100) -> list[dict[str, int]]:
    page = int(request.query["page"])
    return ids(page * size - size, min(page * size, rows))


def _offsets_end_at_1000(request: Request) -> Answer:
    if int(request.query["offset"]) + int(request.query["limit"]) > 1000:
        return Answer({"error": {"code": "OFFSET_TOO_LARGE", "message": "offset and limit end at 1000"}}, status=400)
    return Answer({"data": _by_offset(request, 1250)})


def _offset_ignored(request: Request) -> Answer:
    return Answer({"data": ids(0, 200)})


def _last_page_again(request: Request) -> Answer:
    page = min(int(request.query["page"]), 3)
    return Answer({"total": str(ROWS), "data": ids(page * 100 - 100, min(page * 100, ROWS))})


def _cursor(request: Request) -> dict[str, Any]:
    at = int(request.query.get("cursor", "0"))
    end = min(at + 100, ROWS)
    return {"data": ids(at, end), "paging": {"cursor": end, "has_more": str(end < ROWS).lower()}}


def _never_more(request: Request) -> Answer:
    """Says `has_more` in text, counts its cursors, and would go on for ever past the end."""
    at = int(request.query.get("cursor", "0"))
    if at >= ROWS:
        return Answer({"data": ids(at, at + 100), "paging": {"cursor": at + 100, "has_more": "true"}})
    return Answer(_cursor(request))


def _counted_from_one(request: Request) -> Answer:
    return Answer({"data": _by_offset(request, first=1)})


def _numbers_in_the_body(request: Request) -> Answer:
    asked = request.json["page"]
    return Answer({"data": ids(asked["from"], min(asked["from"] + asked["count"], ROWS))})


def _links_by_rel(request: Request) -> Answer:
    at = int(request.query.get("at", 0))
    end = min(at + 100, ROWS)
    links = [{"rel": "self", "href": request.target}, {"rel": "prev", "href": "/rows"}]
    if end < ROWS:
        links.append({"rel": "next", "href": f"{request.base}/rows?at={end}"})
    return Answer({"data": ids(at, end), "links": links})


def _token_in_a_header(request: Request) -> Answer:
    at = int(request.query.get("token", 0))
    end = min(at + 100, ROWS)
    headers: Mapping[str, str] = {"X-Next-Token": str(end)} if end < ROWS else {}
    return Answer({"data": ids(at, end)}, headers=headers)


def _clamped(request: Request) -> Answer:
    """Sends 40 rows at most, however many are asked for, and counts them."""
    return Answer({"total": ROWS, "data": _by_page(request, size=40)})


def _refused_past_the_count(request: Request) -> Answer:
    rows = _by_page(request)
    return Answer({"total": ROWS, "data": rows}) if rows else Answer({"message": "no such page"}, status=404)


def _more_pages_than_rows(request: Request) -> Answer:
    """Counts its pages wrongly and its rows rightly."""
    rows = _by_page(request)
    return (
        Answer({"pages": 9, "total": ROWS, "data": rows}) if rows else Answer({"message": "no such page"}, status=404)
    )


def _refused_past_the_end(request: Request) -> Answer:
    rows = _by_page(request, rows=200)
    return Answer({"data": rows}) if rows else Answer({"message": "no such page"}, status=404)


def _nothing_past_the_end(request: Request) -> Answer:
    rows = _by_page(request, rows=200)
    return Answer({"data": rows}) if rows else Answer(status=204)


def _cursor_past_the_count(request: Request) -> Answer:
    """Always names a next cursor, counts its rows, and refuses what stands beyond them."""
    at = int(request.query.get("cursor", "0"))
    if at >= ROWS:
        return Answer({"message": "no such cursor"}, status=404)
    return Answer({"total": ROWS, "data": ids(at, min(at + 100, ROWS)), "paging": {"cursor": at + 100}})


def _circle_under_other_links(request: Request) -> Answer:
    """Goes back to its first rows by links that are never the same, until as many rows came as it counts."""
    turn = int(request.query.get("turn", "0"))
    start = turn % 2 * 100
    return Answer({"total": 300, "data": ids(start, start + 100), "next": f"/rows?turn={turn + 1}"})


def _counted_by_the_poll(request: Request) -> Answer:
    if request.method == "POST":
        return Answer({"id": "9"})
    if request.path == "/reports/9":
        return Answer({"status": "done", "rows": ROWS})
    rows = _by_offset(request)
    return Answer({"data": rows}) if rows else Answer({"message": "offset past the end"}, status=400)


def _growing(request: Request) -> Answer:
    page = int(request.query["page"])
    return Answer({"total": ROWS + page, "data": _by_page(request)})


CASES = (
    Case("offset-refused-past-a-cap", always(_offsets_end_at_1000), fails=("OFFSET_TOO_LARGE",)),
    Case("offset-ignored", always(_offset_ignored), fails=("ignores `offset`",), at_most=4),
    Case("last-page-again-counted", always(_last_page_again), rows=ROWS, at_most=3),
    Case("last-page-again", always(_last_page_again), fails=("page 4 has the rows of page 3", "`page`"), at_most=4),
    Case("cursor-repeated-at-the-end", always(lambda request: Answer(_cursor(request))), rows=ROWS, at_most=4),
    Case("has-more", always(_never_more), rows=ROWS, at_most=3),
    Case("offset-from-one", always(_counted_from_one), rows=ROWS),
    Case("numbers-in-the-body", always(_numbers_in_the_body), rows=ROWS),
    Case("links-by-rel", always(_links_by_rel), rows=ROWS, at_most=3),
    Case("token-in-a-header", always(_token_in_a_header), rows=ROWS, at_most=3),
    Case("clamped-pages-counted", always(_clamped), rows=ROWS, at_most=7),
    Case("refused-past-the-count", always(_refused_past_the_count), rows=ROWS, at_most=3),
    Case("more-pages-than-rows", always(_more_pages_than_rows), rows=ROWS, at_most=3),
    Case("refused-past-the-end", always(_refused_past_the_end), fails=("404", "no such page")),
    Case("declared-refusal", always(_refused_past_the_end), rows=200, at_most=3),
    Case("no-content-past-the-end", always(_nothing_past_the_end), rows=200, at_most=3),
    Case("short-page", always(lambda request: Answer({"data": _by_page(request)})), rows=ROWS, at_most=3),
    Case("cursor-past-the-count", always(_cursor_past_the_count), rows=ROWS, at_most=3),
    Case("circle-under-other-links", always(_circle_under_other_links), fails=("page 3 has the rows of page 1",)),
    Case("counted-by-the-poll", always(_counted_by_the_poll), rows=ROWS),
    Case("growing-count", always(_growing), fails=("does not hold still",)),
)
