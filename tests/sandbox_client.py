"""A client for tests of the sandbox itself, fixtures that start it, and usual requests to each vendor.

A test module begins with `sandbox = running(...)`; the other fixtures here build on its `sandbox`.
"""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from sandbox import Sandbox, SandboxProcess

_PATIENCE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as received: not decompressed, not decoded, without following redirects."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def lines(self) -> list[bytes]:
        """The body's lines."""
        return self.body.splitlines()


class Visitor:
    """Sends requests to one sandbox, with valid credentials.

    If an answer breaks off, http.client's own errors are raised.
    """

    def __init__(self, sandbox: Sandbox | SandboxProcess) -> None:
        self.urls = sandbox.urls
        self.credentials = sandbox.credentials
        self._tokens: dict[str, str] = {}

    def ask(self, method: str, url: str, headers: Mapping[str, str] | None = None, body: Any = None) -> Reply:
        """One exchange on a connection of its own.

        A body that is neither bytes nor None goes as JSON.
        """
        where = urlsplit(url)
        sent = {"Content-Type": "application/json", **(headers or {})} if body is not None else dict(headers or {})
        text = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection(where.netloc, timeout=_PATIENCE_SECONDS)
        try:
            connection.request(method, where.path + (f"?{where.query}" if where.query else ""), text, sent)
            answer = connection.getresponse()
            return Reply(answer.status, dict(answer.headers.items()), answer.read())
        finally:
            connection.close()

    def log_in(self, vendor: str) -> Reply:
        """Fetch a token for the next requests; returns the answer as received."""
        known = self.credentials[vendor]
        if vendor == "kargo":
            reply = self.ask("POST", f"{self.urls['kargo']}/authenticate", basic(known["username"], known["password"]))
        elif vendor == "rokt":
            headers = basic(known["app_id"], known["app_secret"])
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            url = f"{self.urls['rokt']}/auth/oauth2/token"
            reply = self.ask("POST", url, headers, b"grant_type=client_credentials")
        else:
            form = {"grant_type": "password", "audience": "https://api.mediamath.com/", **known}
            reply = self.ask("POST", self.urls["mediamath_auth"], body=form)
        if reply.status == 200:
            self._tokens[vendor] = str(reply.json()["access_token"])
        return reply

    def authorization(self, vendor: str) -> dict[str, str]:
        """The authorization header for a vendor; fetches a token if there is none."""
        if vendor == "instal":
            return {"Authorization": f"Token {self.credentials['instal']['token']}"}
        if vendor not in self._tokens:
            self.log_in(vendor)
        return {"Authorization": f"Bearer {self._tokens[vendor]}"}

    def get(self, vendor: str, path: str, **query: Any) -> Reply:
        """A GET below the vendor's base URL, authorized."""
        url = f"{self.urls[vendor]}{path}" + (f"?{urlencode(query)}" if query else "")
        return self.ask("GET", url, self.authorization(vendor))

    def post(self, vendor: str, path: str, body: Any) -> Reply:
        """A POST of JSON below the vendor's base URL, authorized."""
        return self.ask("POST", f"{self.urls[vendor]}{path}", self.authorization(vendor), body)

    def kargo_report(self, asked: Mapping[str, Any], *, polls: int = 3) -> str:
        """Request a report from Kargo and poll this many times; returns its id."""
        order = {"report_definition_id": "campaign-performance-metrics", "parameters": dict(asked)}
        report_id = str(self.post("kargo", "/reports", order).json()["id"])
        for _ in range(polls):
            self.get("kargo", "/reports", show_all=1, report_id=report_id)
        return report_id

    def instal_task(self, asked: Mapping[str, Any], *, polls: int = 2) -> str:
        """Request an export from Instal and poll this many times; returns the id of its task."""
        task_id = str(self.post("instal", "/reports/exports/", dict(asked)).json()["task_id"])
        for _ in range(polls):
            self.get("instal", f"/reports/exports/{task_id}")
        return task_id


def basic(user: str, password: str) -> dict[str, str]:
    """The header of Basic authorization."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def running(**settings: Any) -> Any:
    """Make a fixture of vendors with these settings, shared by all tests of a module."""

    @pytest.fixture(scope="module")
    def sandbox() -> Iterator[Sandbox]:
        with Sandbox(**settings) as started:
            yield started

    return sandbox


@pytest.fixture
def visitor(sandbox: Sandbox) -> Visitor:
    """A client without tokens, for vendors without any trace of earlier tests."""
    sandbox.remote.reset()
    return Visitor(sandbox)


# ---------------------------------------------------------------- Kargo

KARGO_ASKED = {
    "dimensions": ["campaign_name", "advertiser_name"],
    "measures": ["clicks_sum", "advertiser_impressions_sum"],
    "filters": [{"day_time_id": {"op": "between", "start": 2023030100, "end": 2023033100}}],
}
KARGO_DOCUMENTED = "https://datasharingapi.dev.kargo.com/v1"


def poll(visitor: Visitor, report_id: str, **query: Any) -> Any:
    return visitor.get("kargo", "/reports", report_id=report_id, **query).json()


def report_row(visitor: Visitor, report_id: str) -> dict[str, Any]:
    """The last row in Kargo's answer about a report."""
    return dict(poll(visitor, report_id, show_all=1)["data"]["rows"][-1])


def rows_of(visitor: Visitor, report_id: str, **query: Any) -> Reply:
    return visitor.get("kargo", f"/completed-reports/{report_id}", **query)


# ---------------------------------------------------------------- MediaMath

MEDIAMATH_QUERY = {
    "fields": ["campaign_id", "campaign_name", "impressions", "clicks", "total_spend"],
    "filters": [{"field": "organization_id", "value": 1}],
    "rollup": "by_day",
    "time_window": "last_7_days",
}


# ---------------------------------------------------------------- Rokt

ACCOUNT, CAMPAIGN = "3141592653589793238", "2718281828459045235"
ROKT_ASK = {
    "dateStart": "2026-01-01T00:00:00.000",
    "dateEnd": "2026-01-07T23:59:59.000",
    "currency": "USD",
    "timeZoneVariation": "America/Los_Angeles",
}
ROKT_QUERY = {
    "interval": "day",
    "startDate": "2026-01-01",
    "endDate": "2026-01-08",
    "metrics": ["impressions", "gross_cost"],
    "dimensions": ["campaign_id", "campaign_name"],
    "dimensionFilters": {},
    "orderBys": [{"column": "impressions", "direction": "desc"}],
    "timezoneVariation": "UTC",
    "currencyCode": "USD",
}
BREAKDOWN = f"/reporting/accounts/{ACCOUNT}/campaigns/{CAMPAIGN}/breakdown"
CAMPAIGNS = f"/v1/query/accounts/{ACCOUNT}/campaigns/"


def breakdown(visitor: Visitor, **changes: str) -> Reply:
    return visitor.get("rokt", BREAKDOWN, **{**ROKT_ASK, "groupby": "creative", **changes})


# ---------------------------------------------------------------- Instal

INSTAL_EXPORT = {"start_date": "2026-01-01", "stop_date": "2026-01-03"}


def task(visitor: Visitor, task_id: str) -> Reply:
    return visitor.get("instal", f"/reports/exports/{task_id}")
