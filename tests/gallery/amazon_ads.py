"""Amazon Ads reporting, version 3: requested, refused while an equal report is being prepared, read from storage."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import Any

from tests.fake_vendor import Answer, Request
from tests.gallery.pull import FROM, TO, Pull, days

CLIENT = {"client_id": "amzn1.application-oa2-client.1", "client_secret": "a long secret", "refresh_token": "Atzr|1"}
ACCESS = "Atza|an access token"
ASKING = "application/vnd.createasyncreportrequest.v3+json"
CAMPAIGNS = 4


class AmazonAds:
    """The vendor. `polls` a report takes; `ends` are the statuses the next reports end with, then COMPLETED.

    `before` is the time unit of a report of this type that somebody asked for already, and which counts as the same;
    `refusals` answer the next requests for a report.
    """

    def __init__(
        self, *, polls: int = 2, ends: tuple[str, ...] = (), before: str | None = None, refusals: int = 0
    ) -> None:
        self._polls, self._ends, self._refusals = polls, list(ends), refusals
        self._asked_before = before
        self._reports: dict[str, dict[str, Any]] = {}

    def __call__(self, request: Request) -> Answer:
        if request.is_storage:
            return self.stored(request)
        if request.path == "/token":
            return Answer({"access_token": ACCESS, "token_type": "bearer", "expires_in": 3600})
        if request.headers.get("Authorization") != f"Bearer {ACCESS}":
            return refused(401, "UNAUTHORIZED", "Not authorized to access scope")
        if request.headers.get("Amazon-Advertising-API-ClientId") != CLIENT["client_id"]:
            return refused(401, "UNAUTHORIZED", "the client's id is missing")
        if request.headers.get("Amazon-Advertising-API-Scope") != "17":
            return refused(403, "403", "the profile is not one of yours")
        return self.created(request) if request.method == "POST" else self.status(request)

    def created(self, request: Request) -> Answer:
        if self._refusals:
            self._refusals -= 1
            return Answer({"code": "429", "details": "Too Many Requests"}, status=429, headers={"Retry-After": "1"})
        if request.headers.get("Content-Type") != ASKING:
            return refused(415, "415", "Cannot consume content type")
        asked = request.json
        span = date.fromisoformat(asked["endDate"]) - date.fromisoformat(asked["startDate"])
        if span.days >= 31:
            return refused(
                400, "400", f"startDate to endDate range ({span.days + 1} days) must not exceed maximum range (31 days)"
            )
        if self._asked_before:
            self.make({**asked, "configuration": {**asked["configuration"], "timeUnit": self._asked_before}})
            self._asked_before = None
        for known in self._reports.values():
            same = known["configuration"]["reportTypeId"] == asked["configuration"]["reportTypeId"]
            if same and known["status"] in ("PENDING", "PROCESSING"):
                return refused(425, "425", f"The Request is a duplicate of : {known['reportId']}")
        return Answer(self.make(asked))

    def make(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        report_id = f"88dac5e8-0987-4c1b-9d3f-{len(self._reports):012}"
        made = {**asked, "reportId": report_id, "status": "PENDING", "url": None, "urlExpiresAt": None, "asks": 0}
        self._reports[report_id] = made
        return made

    def status(self, request: Request) -> Answer:
        report = self._reports.get(request.path.rpartition("/")[2])
        if report is None:
            return refused(404, "404", "report not found")
        report["asks"] += 1
        report["status"] = "PROCESSING"
        if report["asks"] >= self._polls:
            report["status"] = self._ends.pop(0) if self._ends else "COMPLETED"
            failed = report["status"] == "FAILED"
            report["failureReason"] = "the report is too large" if failed else None
            report["url"] = None if failed else f"{request.storage}/{report['reportId']}?X-Amz-Signature=a%2Fb"
        return Answer(report)

    def stored(self, request: Request) -> Answer:
        if "Authorization" in request.headers or request.query != {"X-Amz-Signature": "a/b"}:
            return Answer(b"<Error><Code>SignatureDoesNotMatch</Code></Error>", status=403)
        report = self._reports[request.path.strip("/")]
        span, columns = days(report["startDate"], report["endDate"]), report["configuration"]["columns"]
        rows = [row_of(columns, day, at) for day in span for at in range(CAMPAIGNS)]
        return Answer(gzip.compress(json.dumps(rows).encode()), headers={"Content-Type": "application/octet-stream"})


def row_of(columns: list[str], day: str, at: int) -> dict[str, Any]:
    known = {"date": day, "impressions": 2216 + at, "clicks": at, "cost": 14.5, "campaignId": 158_410_630_682_987 + at}
    return {column: known.get(column, f"{column} {at}") for column in columns}


def refused(status: int, code: str, detail: str) -> Answer:
    return Answer({"code": code, "detail": detail}, status=status)


ASKED = {"profile_id": "17", "startDate": FROM.isoformat(), "endDate": TO.isoformat()}
ROWS = 3 * CAMPAIGNS
ANY = {
    "adProduct": "SPONSORED_BRANDS",
    "reportTypeId": "sbCampaigns",
    "groupBy": ["campaign"],
    "columns": ["date", "campaignId", "cost"],
}
CREATE = "POST /reporting/reports"
pulled = partial(Pull, "amazon-ads.sp-campaigns", params=ASKED)

PULLS = {
    "campaigns, daily": pulled(AmazonAds, ROWS, asked={CREATE: 1}),
    "advertised products": Pull("amazon-ads.sp-advertised-products", AmazonAds, ROWS, params=ASKED),
    "search terms": Pull("amazon-ads.sp-search-terms", AmazonAds, ROWS, params=ASKED),
    "any type": Pull("amazon-ads.report", AmazonAds, ROWS, params={**ASKED, **ANY}),
    "the same is on its way": pulled(lambda: AmazonAds(before="DAILY"), ROWS, asked={CREATE: 1}),
    "another counts as the same": pulled(
        lambda: AmazonAds(before="SUMMARY"),
        fails=("not the one asked for: configuration.timeUnit is 'SUMMARY', not 'DAILY'",),
    ),
    "fails once at the vendor": pulled(lambda: AmazonAds(ends=("FAILED",)), ROWS, asked={CREATE: 2}),
    "fails for good": pulled(lambda: AmazonAds(ends=("FAILED", "FAILED")), fails=("failed", "the report is too large")),
    "asked too often": pulled(lambda: AmazonAds(refusals=1), ROWS, asked={CREATE: 2}),
    "in another region": pulled(AmazonAds, ROWS, client={**CLIENT, "auth_url": "/token"}),
    "somebody else's profile": pulled(
        AmazonAds, fails=("403: the profile is not one of yours",), params={**ASKED, "profile_id": "18"}
    ),
}
