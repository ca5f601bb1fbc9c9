"""Google Ads by REST: one answer in batches; errors are a list with one object, or one of the batches."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from tests.fake_vendor import Answer, Request
from tests.gallery.pull import FROM, TO, Pull, days

CLIENT = {
    "client_id": "1.apps.googleusercontent.com",
    "client_secret": "GOCSPX-a secret",
    "refresh_token": "1//a refresh token",
    "developer_token": "a developer token",
}
MANAGED = {**CLIENT, "login_customer_id": "5550001111"}
BATCH = 10
RESOURCES = {"campaign": 5, "ad_group_ad": 9, "keyword_view": 20}
STREAM = "POST /customers/17/googleAds:searchStream"


class GoogleAds:
    """The vendor. `refusals` answer the next streams; `breaks_off` ends one with an error after its first batch.

    `tokens` is how many access tokens are refused before one is taken, as if each had ended early. `manager` is the
    account that the access is through.
    """

    def __init__(
        self, *refusals: Answer, breaks_off: bool = False, tokens: int = 0, manager: str | None = None
    ) -> None:
        self._refusals, self._breaks_off = list(refusals), breaks_off
        self._given, self._spoiled, self._manager = 0, tokens, manager

    def __call__(self, request: Request) -> Answer:
        if request.path == "/token":
            self._given += 1
            return Answer({"access_token": f"ya29.{self._given}", "expires_in": 3599, "token_type": "Bearer"})
        if request.headers.get("Authorization") != f"Bearer ya29.{self._spoiled + 1}":
            return failure(401, "UNAUTHENTICATED", "authenticationError", "Request is missing a valid access token.")
        if request.headers.get("developer-token") != CLIENT["developer_token"]:
            return failure(401, "UNAUTHENTICATED", "authenticationError", "Developer token is missing.")
        if f"{request.method} {request.path}" != STREAM or request.headers.get("login-customer-id") != self._manager:
            return failure(403, "PERMISSION_DENIED", "authorizationError", "User doesn't have permission to access it.")
        if self._refusals:
            return self._refusals.pop(0)
        return self.stream(request.json["query"])

    def stream(self, query: str) -> Answer:
        asked = re.fullmatch(r"SELECT (.+) FROM (\w+)(?: WHERE segments\.date BETWEEN '(.+)' AND '(.+)')?", query)
        if asked is None or asked[2] not in RESOURCES:
            return failure(400, "INVALID_ARGUMENT", "queryError", "Error in query: unexpected input.")
        span = (asked[3], asked[4]) if asked[3] else (FROM.isoformat(), FROM.isoformat())
        rows = list(rows_of(asked[1].split(","), RESOURCES[asked[2]], *span))
        batches: list[Any] = [
            {"results": rows[at : at + BATCH], "fieldMask": asked[1], "requestId": "xN_KaZRH"}
            for at in range(0, len(rows), BATCH)
        ]
        # The last one tells what the query cost and has no rows.
        batches.append({"fieldMask": asked[1], "requestId": "xN_KaZRH", "queryResourceConsumption": "217"})
        if self._breaks_off:
            self._breaks_off = False
            batches = [batches[0], failure(500, "INTERNAL", "internalError", "An internal error has occurred.").body[0]]
        return Answer(batches)


def rows_of(fields: list[str], objects: int, first: str, last: str) -> Iterator[dict[str, Any]]:
    for day in days(first, last):
        for at in range(objects):
            row: dict[str, Any] = {}
            for field in fields:
                # Fields are asked for in small letters and underscores, and answered in camel case.
                *path, name = [
                    re.sub("_(.)", lambda found: found[1].upper(), part) for part in field.strip().split(".")
                ]
                inner = row
                for step in path:
                    inner = inner.setdefault(step, {})
                inner[name] = day if name == "date" else str(20_000_000_000 + at)
            yield row


def failure(status: int, word: str, kind: str, message: str, **details: Any) -> Answer:
    """An error as the vendor words it."""
    error = {"errorCode": {kind: word}, "message": message, **details}
    held = [{"@type": "type.googleapis.com/google.ads.googleads.v26.errors.GoogleAdsFailure", "errors": [error]}]
    held[0]["requestId"] = "xN_KaZRH"
    return Answer([{"error": {"code": status, "message": word, "status": word, "details": held}}], status=status)


TOO_MANY = failure(
    429,
    "RESOURCE_EXHAUSTED",
    "quotaError",
    "Too many requests. Retry in 1 seconds.",
    details={"quotaErrorDetails": {"rateScope": "DEVELOPER", "retryDelay": "1s"}},
)
ASKED = {"customer_id": "17", "from": FROM.isoformat(), "to": TO.isoformat()}
ANY = {"customer_id": "17", "query": "SELECT campaign.id, metrics.clicks FROM campaign"}
pulled = partial(Pull, "google-ads.campaigns", params=ASKED)

PULLS = {
    "campaigns in batches": pulled(GoogleAds, 15, asked={STREAM: 1}),
    "ads": Pull("google-ads.ads", GoogleAds, 27, params=ASKED),
    "keywords": Pull("google-ads.keywords", GoogleAds, 60, params=ASKED),
    "any query": Pull("google-ads.query", GoogleAds, 5, params=ANY),
    "through a manager account": pulled(lambda: GoogleAds(manager=MANAGED["login_customer_id"]), 15, client=MANAGED),
    "a quota that ran out": pulled(lambda: GoogleAds(TOO_MANY), 15, asked={STREAM: 2}),
    "a token that ended early": pulled(lambda: GoogleAds(tokens=1), 15, asked={STREAM: 2, "POST /token": 2}),
    "an error among the batches": pulled(lambda: GoogleAds(breaks_off=True), 15, asked={STREAM: 2}),
    "a query that is wrong": Pull(
        "google-ads.query",
        GoogleAds,
        fails=("INVALID_ARGUMENT: Error in query", "xN_KaZRH"),
        params={**ANY, "query": "SELECT"},
        asked={STREAM: 1},
    ),
    "an account not ours": Pull(
        "google-ads.ads", GoogleAds, fails=("PERMISSION_DENIED: User doesn't",), params={**ASKED, "customer_id": "18"}
    ),
}
