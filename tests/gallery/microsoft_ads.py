"""Microsoft Advertising: submitted, polled, and read from a ZIP whose file counts its rows above them."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import date
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from tests.fake_vendor import Answer, Request
from tests.gallery.pull import FROM, TO, Pull, days

CLIENT = {"client_id": "a-client", "client_secret": "a client's secret", "refresh_token": "M.C1_a refresh token"}
CLIENT["developer_token"] = "BBD37VB98 of a developer"
CAMPAIGNS = 6
SUBMIT, POLL = "POST /GenerateReport/Submit", "POST /GenerateReport/Poll"
NUMBERS = {"Impressions": "1200", "Clicks": "35", "Spend": "12.34", "Conversions": "--"}


class MicrosoftAds:
    """The vendor. `word` is what a report ends with; `rows_short` is how many rows its file lacks.

    `is_empty`: there are no figures, and so no file. `refusals` answer the next requests for a report. `link_ends`: the
    first address of the file is too old once it is used. `secret` is the application's, None where it has none.
    """

    def __init__(
        self,
        *refusals: Answer,
        word: str = "Success",
        is_empty: bool = False,
        rows_short: int = 0,
        link_ends: bool = False,
        secret: str | None = CLIENT["client_secret"],
    ) -> None:
        self._refusals, self._word, self._is_empty = list(refusals), word, is_empty
        self._rows_short, self._link_ends, self._secret = rows_short, link_ends, secret
        self._reports: list[dict[str, Any]] = []
        self._polls = self._refreshed = 0

    def __call__(self, request: Request) -> Answer:
        if request.is_storage:
            return self.stored(request)
        if request.path == "/token":
            if dict(parse_qsl(request.body.decode())).get("client_secret") != self._secret:
                return Answer({"error": "invalid_client", "error_description": "AADSTS7000218"}, status=401)
            self._refreshed += 1
            return Answer({"access_token": "EwB4 a token", "expires_in": 3600, "refresh_token": f"M.{self._refreshed}"})
        if request.headers.get("Authorization") != "Bearer EwB4 a token":
            return fault("Errors", 105, "InvalidCredentials", "Authentication failed.", status=401)
        if request.headers.get("DeveloperToken") != CLIENT["developer_token"]:
            return fault("Errors", 105, "InvalidCredentials", "Authentication failed.", status=401)
        if (request.headers.get("CustomerId"), request.headers.get("CustomerAccountId")) != ("5", "17"):
            return fault("OperationErrors", 2011, "ReportingServiceUnauthorizedAccountId", "The account is not yours.")
        return self.submitted(request.json) if request.path.endswith("Submit") else self.status(request)

    def submitted(self, body: Any) -> Answer:
        if self._refusals:
            return self._refusals.pop(0)
        asked = body["ReportRequest"]
        if asked["Scope"] != {"AccountIds": [17]} or not isinstance(asked["Time"]["CustomDateRangeStart"]["Day"], int):
            return fault("OperationErrors", 100, "NullRequest", "The request message is null.")
        self._reports.append(asked)
        return Answer({"ReportRequestId": str(30_000_000_000 + len(self._reports))})

    def status(self, request: Request) -> Answer:
        self._polls += 1
        if self._polls == 1:
            return Answer({"ReportRequestStatus": {"ReportDownloadUrl": None, "Status": "Pending"}})
        has_file = self._word == "Success" and not self._is_empty
        url = f"{request.storage}/report.zip?sv=2019&sig=a%2Fb&poll={self._polls}" if has_file else None
        return Answer({"ReportRequestStatus": {"ReportDownloadUrl": url, "Status": self._word}})

    def stored(self, request: Request) -> Answer:
        if self._link_ends:
            self._link_ends = False
            words = b"<Error><Code>AuthenticationFailed</Code><Message>Signature not valid</Message></Error>"
            return Answer(words, status=403)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("report.csv", self.file(self._reports[-1]))
        return Answer(packed.getvalue(), headers={"Content-Type": "application/x-zip-compressed"})

    def file(self, asked: dict[str, Any]) -> bytes:
        stated = [asked["Time"][side] for side in ("CustomDateRangeStart", "CustomDateRangeEnd")]
        span = [date(one["Year"], one["Month"], one["Day"]).isoformat() for one in stated]
        rows = [row_of(asked["Columns"], day, at) for day in days(*span) for at in range(CAMPAIGNS)]
        above = [f"Report Name: {asked['ReportName']}", "Report Aggregation: Daily", "Report Filter: "]
        above += ["Potential Incomplete Data: true", f"Rows: {len(rows)}"]
        text = io.StringIO()
        writer = csv.writer(text, quoting=csv.QUOTE_ALL)
        writer.writerows([[line] for line in above])
        text.write("\r\n")
        writer.writerow(asked["Columns"])
        writer.writerows(rows[: len(rows) - self._rows_short])
        text.write("\r\n")
        writer.writerow(["©2026 Microsoft Corporation. All rights reserved. "])
        return text.getvalue().encode("utf-8-sig")


def row_of(columns: list[str], day: str, at: int) -> list[str]:
    known = {"TimePeriod": day, "CampaignName": f"Brand, {at}", "CampaignId": str(414_000_000 + at), **NUMBERS}
    return [known.get(column, f"{column} {at}") for column in columns]


def fault(where: str, code: int, word: str, message: str, *, status: int = 400) -> Answer:
    """A fault as the vendor words it."""
    error = {"Code": code, "ErrorCode": word, "Message": message, "Detail": None}
    others = dict.fromkeys(("Errors", "OperationErrors", "BatchErrors"))
    return Answer({**others, where: [error], "TrackingId": "88dac5e8"}, status=status)


TOO_MANY = fault("Errors", 117, "CallRateExceeded", "You have exceeded the number of calls.")
ASKED = {"customer_id": 5, "account_id": 17, "from": FROM.isoformat(), "to": TO.isoformat()}
ROWS = 3 * CAMPAIGNS
pulled = partial(Pull, "microsoft-ads.campaigns", params=ASKED)

PULLS = {
    "campaigns": pulled(MicrosoftAds, ROWS, asked={SUBMIT: 1, POLL: 2}),
    "ads": Pull("microsoft-ads.ads", MicrosoftAds, ROWS, params=ASKED),
    "keywords": Pull("microsoft-ads.keywords", MicrosoftAds, ROWS, params=ASKED),
    "an application without a secret": pulled(
        lambda: MicrosoftAds(secret=None),
        ROWS,
        client={name: value for name, value in CLIENT.items() if name != "client_secret"},
    ),
    "no figures, no file": pulled(lambda: MicrosoftAds(is_empty=True), 0),
    "a link that has ended": pulled(lambda: MicrosoftAds(link_ends=True), ROWS, asked={SUBMIT: 1, POLL: 3}),
    "asked too often": pulled(lambda: MicrosoftAds(TOO_MANY), ROWS, asked={SUBMIT: 2}),
    "a report that fails": pulled(lambda: MicrosoftAds(word="Error"), fails=("could not prepare",)),
    "fewer rows than counted": pulled(lambda: MicrosoftAds(rows_short=1), fails=("18", "17")),
    "an account not ours": Pull(
        "microsoft-ads.ads",
        MicrosoftAds,
        fails=("ReportingServiceUnauthorizedAccountId: The account", "88dac5e8"),
        params={**ASKED, "account_id": 18},
    ),
}
