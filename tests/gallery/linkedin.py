"""LinkedIn's ad analytics: a query language of its own, no pages, and nothing beyond 15,000 rows, without a word."""

from __future__ import annotations

import re
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.fake_vendor import Answer, Request
from tests.gallery.pull import FROM, TO, Pull, days

CLIENT = {"client_id": "78abc", "client_secret": "a long secret", "refresh_token": "AQW-refresh"}
TOKEN = "AQV-access"
CAMPAIGNS = 4
MOST_ROWS = 15_000
_DATE = r"\(year:(\d+),month:(\d+),day:(\d+)\)"
_RANGE = re.compile(rf"\(start:{_DATE},end:{_DATE}\)")
_LIST = re.compile(r"List\(([^()]*)\)")


class LinkedIn:
    """The vendor. `each` is how many campaigns have figures; `throttled` answers so many requests with 429."""

    def __init__(self, *, each: int = CAMPAIGNS, throttled: int = 0) -> None:
        self._each, self._throttled = each, throttled

    def __call__(self, request: Request) -> Answer:
        if request.path == "/token":
            return Answer({"access_token": TOKEN, "expires_in": 5_184_000, "refresh_token": CLIENT["refresh_token"]})
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return refused(401, "REVOKED_ACCESS_TOKEN", "The token used in the request has been revoked by the user")
        if request.headers.get("X-Restli-Protocol-Version") != "2.0.0":
            return refused(400, "ILLEGAL_ARGUMENT", "Invalid query parameters passed to request")
        if request.headers.get("LinkedIn-Version") != "202607":
            return refused(426, "NONEXISTENT_VERSION", "Requested version is not active")
        if self._throttled:
            self._throttled -= 1
            return refused(429, "TOO_MANY_REQUESTS", "Resource level throttle APPLICATION DAY limit is reached")
        # Its own language is not the usual one of queries, so it is taken apart before anything is decoded.
        asked = dict(part.split("=", 1) for part in urlsplit(request.target).query.split("&"))
        return self.figures(asked)

    def figures(self, asked: dict[str, str]) -> Answer:
        span, accounts = _RANGE.fullmatch(asked["dateRange"]), _LIST.fullmatch(asked["accounts"])
        pivots = _LIST.fullmatch(asked["pivots"]) if asked["q"] == "statistics" else None
        if span is None or accounts is None or (pivots is None and "pivot" not in asked):
            return refused(400, "ILLEGAL_ARGUMENT", "Invalid query parameters passed to request")
        fields = asked["fields"].split(",")
        if len(fields) > 22:
            return refused(400, "ILLEGAL_ARGUMENT", "The number of requested metrics exceeds the limit of 20")
        # No right to read an account looks like no activity.
        each = self._each if unquote(accounts[1]) == "urn:li:sponsoredAccount:17" else 0
        first, last = (f"{y}-{int(m):02}-{int(d):02}" for y, m, d in (span.groups()[:3], span.groups()[3:]))
        wide = len(pivots[1].split(",")) if pivots else 1
        rows = [row_of(fields, day, at, wide) for day in days(first, last) for at in range(each)]
        return Answer({"paging": {"start": 0, "count": 10, "links": []}, "elements": rows[:MOST_ROWS]})


def row_of(fields: list[str], day: str, at: int, wide: int) -> dict[str, Any]:
    year, month, number = map(int, day.split("-"))
    date = {"year": year, "month": month, "day": number}
    known = {
        "dateRange": {"start": date, "end": date},
        "pivotValues": [f"urn:li:sponsoredCampaign:{at}"] * wide,
        "impressions": 2216 + at,
        "clicks": at,
        "costInLocalCurrency": "14.50",
    }
    return {field: known.get(field, 0) for field in fields}


def refused(status: int, code: str, message: str) -> Answer:
    return Answer({"status": status, "serviceErrorCode": 65600, "code": code, "message": message}, status=status)


ASKED = {"account": "17", "from": FROM.isoformat(), "to": TO.isoformat()}
ROWS = 3 * CAMPAIGNS
GET = "GET /adAnalytics"
pulled = partial(Pull, "linkedin.campaigns", params=ASKED)

PULLS = {
    "campaigns": pulled(LinkedIn, ROWS, asked={GET: 1}),
    "creatives": Pull("linkedin.creatives", LinkedIn, ROWS, params=ASKED),
    "a breakdown": Pull(
        "linkedin.breakdown", LinkedIn, ROWS, params={**ASKED, "pivots": ["CAMPAIGN", "MEMBER_JOB_TITLE"]}
    ),
    "asked too often": pulled(lambda: LinkedIn(throttled=1), ROWS, asked={GET: 2}),
    "more rows than the vendor sends": pulled(lambda: LinkedIn(each=5_001), fails=("15,000 rows are the most",)),
    "an account that may not be read": pulled(LinkedIn, params={**ASKED, "account": "18"}),
    "a version that is over": pulled(
        LinkedIn, fails=("426", "NONEXISTENT_VERSION"), params={**ASKED, "version": "202501"}
    ),
}
