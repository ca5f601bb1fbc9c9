"""The Trade Desk: a token in its own header, a schedule with one run, and the execution that belongs to it."""

from __future__ import annotations

from functools import partial
from typing import Any

from tests.fake_vendor import Answer, Request
from tests.gallery.pull import FROM, TO, Pull, days

CLIENT = {"username": "ttd_api_abc@agency", "password": "a long password"}
COLUMNS = ["Date", "Advertiser ID", "Campaign ID", "Impressions", "Advertiser Cost (USD)"]
SCHEDULE, QUERY = "POST /myreports/reportschedule", "POST /myreports/reportexecution/query/advertisers"
TEMPLATES = "POST /myreports/reporttemplateheader/query"
LOGIN = "POST /authentication"


class TheTradeDesk:
    """The vendor. `state` is what executions end with; `spoiled` tokens end before their time."""

    def __init__(self, *, state: str = "Complete", spoiled: int = 0, refusals: int = 0) -> None:
        self._state, self._spoiled, self._refusals = state, spoiled, refusals
        self._tokens = self._asks = 0
        self._span = (FROM.isoformat(), TO.isoformat())

    def __call__(self, request: Request) -> Answer:
        if request.path == "/authentication":
            if request.json["Login"] != CLIENT["username"] or request.json["Password"] != CLIENT["password"]:
                return refusal(401, "The login is not known.")
            self._tokens += 1
            return Answer({"Token": f"ttd-{self._tokens}", "ExpirationDateUtc": "2026-11-04T00:00:00Z"})
        if request.headers.get("TTD-Auth") != f"ttd-{self._spoiled + 1}":
            return refusal(403, "The token is not known or has ended.")
        if request.path.startswith("/files/"):
            return self.file()
        if self._refusals:
            self._refusals -= 1
            return Answer({"Message": "Too many requests"}, status=429, headers={"Retry-After": "1"})
        handlers = {SCHEDULE: self.scheduled, QUERY: self.executions, TEMPLATES: self.templates}
        return handlers[f"{request.method} {request.path}"](request)

    def scheduled(self, request: Request) -> Answer:
        asked = request.json
        if asked["AdvertiserFilters"] != ["adv1"]:
            return refusal(
                400, "The request is not valid.", "AdvertiserFilters", "You have no access to advertiser adv2."
            )
        self._span = (asked["ReportStartDateInclusive"][:10], asked["ReportEndDateExclusive"][:10])
        return Answer({"ReportScheduleId": 5678, "ReportScheduleName": asked["ReportScheduleName"]})

    def executions(self, request: Request) -> Answer:
        """Another schedule's execution is first, and ours comes with the second request."""
        asked = request.json
        if not all(isinstance(number, int) for number in asked["ReportScheduleIds"]):
            return refusal(400, "The request is not valid.", "ReportScheduleIds", "Not a number.")
        self._asks += 1
        (schedule,) = asked["ReportScheduleIds"]
        done = execution(1, schedule, self._state, f"{request.base}/files/report.csv")
        if "ReportExecutionStates" in asked:
            return Answer({"Result": [done], "ResultCount": 1})
        other = execution(2, 4, "Complete", f"{request.base}/files/other.csv")
        ours = [[], [execution(1, schedule, "Pending", None)], [done]][min(self._asks, 3) - 1]
        return Answer({"Result": [other, *ours], "ResultCount": 1 + len(ours)})

    def templates(self, request: Request) -> Answer:
        first, size = request.json["PageStartIndex"], request.json["PageSize"]
        found = [{"ReportTemplateId": number, "Name": f"by day {number}", "Format": "Text"} for number in range(230)]
        page = found[first : first + size]
        return Answer({"Result": page, "ResultCount": len(page), "TotalFilteredCount": len(found)})

    def file(self) -> Answer:
        first, end = self._span
        rows = [f"{day}T00:00:00,adv1,c{at},1000,2.50" for day in list(days(first, end))[:-1] for at in range(8)]
        return Answer("\r\n".join([",".join(COLUMNS), *rows, ""]).encode(), headers={"Content-Type": "text/csv"})


def execution(number: int, schedule: int, state: str, url: str | None) -> dict[str, Any]:
    delivery = {"ReportDestination": "Download", "DownloadURL": url}
    found = {"ReportExecutionId": number, "ReportScheduleId": schedule, "ReportExecutionState": state}
    return {**found, "DisabledReason": None, "ReportDeliveries": [delivery]}


def refusal(status: int, message: str, where: str = "", reason: str = "") -> Answer:
    """An error as the vendor words it."""
    details = [{"Property": where, "Reasons": [reason]}] if where else None
    return Answer({"Message": message, "ErrorDetails": details}, status=status)


ASKED = {"template_id": 12, "advertiser_ids": ["adv1"], "from": FROM.isoformat(), "to": TO.isoformat()}
LAST = {"schedule_id": 77, "advertiser_ids": ["adv1"]}
ROWS = 2 * 8
pulled = partial(Pull, "the-trade-desk.report", params=ASKED)

PULLS = {
    "a template's report": pulled(
        TheTradeDesk, ROWS, params={**ASKED, "columns": COLUMNS}, asked={SCHEDULE: 1, QUERY: 3}
    ),
    "the last of a schedule": Pull("the-trade-desk.scheduled-report", TheTradeDesk, ROWS, params=LAST),
    "a token made by hand": pulled(TheTradeDesk, ROWS, client={"token": "ttd-1"}, asked={LOGIN: 0}),
    "templates": Pull("the-trade-desk.templates", TheTradeDesk, 230, asked={TEMPLATES: 3}),
    "a token that ended early": pulled(lambda: TheTradeDesk(spoiled=1), ROWS, asked={LOGIN: 2, SCHEDULE: 2}),
    "asked too often": pulled(lambda: TheTradeDesk(refusals=1), ROWS, asked={SCHEDULE: 2}),
    "an execution that failed": pulled(lambda: TheTradeDesk(state="Failed"), fails=("could not prepare", "5678")),
    "a column the template has not": pulled(
        TheTradeDesk, fails=("no column Clicks",), params={**ASKED, "columns": ["Clicks"]}
    ),
    "an advertiser not ours": pulled(
        TheTradeDesk, fails=("AdvertiserFilters: You have no access",), params={**ASKED, "advertiser_ids": ["adv2"]}
    ),
}
