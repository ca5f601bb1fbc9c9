"""The reports that are measured, with realistic columns, and requests to the vendor without Millrace."""

from __future__ import annotations

from typing import Any

import requests

from bench.stage import Stage
from worker.model import Job, Json

MEDIAMATH = "mediamath.performance"
MEDIAMATH_PARAMS: Json = {
    "fields": [
        "organization_id", "advertiser_id", "advertiser_name", "campaign_id", "campaign_name", "impressions", "clicks",
    ],
    "filters": [{"field": "organization_id", "value": 100048}],
    "rollup": "by_day",
    "time_window": "last_7_days",
}  # fmt: skip
"""Rows of 243 bytes on average."""
WIDE_MEDIAMATH_PARAMS: Json = MEDIAMATH_PARAMS | {
    "fields": [
        "organization_id", "advertiser_id", "advertiser_name", "campaign_id", "campaign_name", "strategy_id",
        "strategy_name", "impressions", "clicks", "ctr", "total_conversions", "total_revenue", "total_spend",
        "total_spend_cpm",
    ],
}  # fmt: skip
"""Rows of 431 bytes on average."""

KARGO = "kargo.campaign-performance-metrics"
KARGO_PARAMS: Json = {
    "dimensions": ["publisher_name", "advertiser_name", "campaign_name", "day_time_id"],
    "measures": ["advertiser_impressions_sum", "clicks_sum", "media_delivery_sum"],
    "filters": [{"day_time_id": {"op": "between", "start": 2026110100, "end": 2026113023}}],
}
KARGO_PAGE_ROWS = 10_000

ROKT = "rokt.account-transactions-breakdown"
ROKT_PARAMS: Json = {
    "accountId": "2595010012832894976",
    "dateStart": "2026-01-01",
    "dateEnd": "2026-01-31",
    "currency": "USD",
    "timeZoneVariation": "America/New_York",
    "groupby": "age",
}


def mediamath_call(stage: Stage) -> tuple[str, str]:
    """The URL of the stream, and the token that is needed."""
    return f"{stage.url('mediamath')}/performance", stage.vendors.credentials["mediamath"]["token"]


def kargo_call(stage: Stage, report_id: str) -> tuple[str, str]:
    """The URL of a prepared report, and a token for it."""
    base, known = stage.url("kargo"), stage.vendors.credentials["kargo"]
    answer = requests.post(f"{base}/authenticate", auth=(known["username"], known["password"]), timeout=30)
    return f"{base}/completed-reports/{report_id}", answer.json()["access_token"]


def fetch(url: str, token: str, **request: Any) -> bytes:
    """The whole answer in memory: of a POST if there is a JSON body, else of a GET."""
    method, headers = "POST" if "json" in request else "GET", {"Authorization": f"Bearer {token}"}
    answer = requests.request(method, url, headers=headers, timeout=120, **request)
    answer.raise_for_status()
    return answer.content


def require_whole(job: Job) -> None:
    """Raise RuntimeError unless the job is done and has as many rows as the vendor counted, if it counted them."""
    receipt = job.receipt or {}
    if job.state != "done" or receipt.get("expected_rows") not in (None, receipt.get("rows")):
        raise RuntimeError(f"a report did not arrive: {job}")
