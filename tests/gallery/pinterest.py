"""Pinterest's reports: prepared for a token, kept for an hour, and read as an object with a list for each entity."""

from __future__ import annotations

from functools import partial
from typing import Any

from tests.fake_vendor import Answer, Request
from tests.gallery.pull import FROM, TO, Pull, days

CLIENT = {"client_id": "1470", "client_secret": "0123456789abcdef", "refresh_token": "pinr.1"}
BASIC = "Basic MTQ3MDowMTIzNDU2Nzg5YWJjZGVm"
ACCESS = "pina.an access token"
ENTITIES = 4


class Pinterest:
    """The vendor. `polls` a report takes; `ends` are the statuses the next reports end with, then FINISHED.

    `stale_links` links have expired when they are followed; `entities` is how many have figures.
    """

    def __init__(
        self, *, polls: int = 2, ends: tuple[str, ...] = (), stale_links: int = 0, entities: int = ENTITIES
    ) -> None:
        self._polls, self._ends, self._stale, self._entities = polls, list(ends), stale_links, entities
        self._reports: dict[str, dict[str, Any]] = {}
        self._links = 0

    def __call__(self, request: Request) -> Answer:
        if request.is_storage:
            return self.stored(request)
        if request.path == "/token":
            if request.headers["Authorization"] != BASIC or b"refresh_token=pinr." not in request.body:
                return refused(401, 2, "Authentication failed.")
            tokens = {"access_token": ACCESS, "token_type": "bearer", "refresh_token": "pinr.2"}
            return Answer({**tokens, "expires_in": 2_592_000, "refresh_token_expires_in": 5_184_000})
        if request.headers.get("Authorization") != f"Bearer {ACCESS}":
            return refused(401, 2, "Authentication failed.")
        if request.path != "/ad_accounts/17/reports":
            return refused(403, 29, "You are not permitted to access that resource.")
        if request.method == "POST":
            token = f"INDIVIDUAL+{len(self._reports)}/a=="
            self._reports[token] = {**request.json, "asks": 0}
            return Answer({"report_status": "IN_PROGRESS", "token": token, "message": None})
        return self.status(request)

    def status(self, request: Request) -> Answer:
        report = self._reports[request.query["token"]]
        report["asks"] += 1
        status, url = "IN_PROGRESS", None
        if report["asks"] >= self._polls:
            status = report.setdefault("end", self._ends.pop(0) if self._ends else "FINISHED")
        if status == "FINISHED":
            self._links += 1
            url = (
                f"{request.storage}/{list(self._reports).index(request.query['token'])}?Signature=a%2Fb&n={self._links}"
            )
        return Answer({"report_status": status, "url": url, "size": 267.5 if url else None})

    def stored(self, request: Request) -> Answer:
        if "Authorization" in request.headers or int(request.query["n"]) <= self._stale:
            return Answer(b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>", status=403)
        report = list(self._reports.values())[int(request.path.strip("/"))]
        span = list(days(report["start_date"], report["end_date"]))
        return Answer({f"62673{at}": [row_of(report, day, at) for day in span] for at in range(self._entities)})


def row_of(report: dict[str, Any], day: str, at: int) -> dict[str, Any]:
    known = {"CAMPAIGN_ID": 626_730 + at, "SPEND_IN_DOLLAR": 14.5, "TOTAL_IMPRESSION": 2216.0}
    return {"DATE": day, **{column: known.get(column, f"{column} {at}") for column in report["columns"]}}


def refused(status: int, code: int, message: str) -> Answer:
    return Answer({"code": code, "message": message}, status=status)


ASKED = {"ad_account_id": "17", "start_date": FROM.isoformat(), "end_date": TO.isoformat()}
COLUMNS = ["CAMPAIGN_ID", "SPEND_IN_DOLLAR", "TOTAL_IMPRESSION"]
ROWS = 3 * ENTITIES
CREATE = "POST /ad_accounts/17/reports"
pulled = partial(Pull, "pinterest.campaigns", params={**ASKED, "columns": COLUMNS})

PULLS = {
    "campaigns": pulled(Pinterest, ROWS, asked={CREATE: 1}),
    "ads": Pull("pinterest.ads", Pinterest, ROWS, params={**ASKED, "columns": ["AD_ID", "SPEND_IN_DOLLAR"]}),
    "any level": Pull("pinterest.report", Pinterest, ROWS, params={**ASKED, "columns": COLUMNS, "level": "KEYWORD"}),
    "no figures": pulled(lambda: Pinterest(entities=0)),
    "a link that has expired": pulled(lambda: Pinterest(stale_links=1), ROWS, asked={CREATE: 1}),
    "a report that has expired": pulled(lambda: Pinterest(ends=("EXPIRED",)), ROWS, asked={CREATE: 2}),
    "a report that fails": pulled(
        lambda: Pinterest(ends=("FAILED",)), fails=("could not prepare the report (failed)",)
    ),
    "an account not ours": Pull(
        "pinterest.ads", Pinterest, fails=("403", "29: You are not permitted"), params={**ASKED, "ad_account_id": "18"}
    ),
}
