"""What Rokt's Query API may be asked: the body's fields, and the names an account can use."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sandbox.dates import read_date
from sandbox.rokt_request import CURRENCIES, BadAsk, check_zone

REQUIRED = ("startDate", "endDate", "metrics")
OPTIONAL = ("interval", "dimensions", "dimensionFilters", "orderBys", "timezoneVariation", "currencyCode")
NAMES: dict[str, dict[str, tuple[str, ...]]] = {
    "query-campaigns": {
        "dimensions": tuple(
            "campaign_id campaign_name campaign_objective campaign_country creative_id creative_name "
            "audience_name age_range gender device".split()
        ),
        "metrics": tuple(
            "impressions referrals referral_rate gross_cost net_cost cpr cpa click_thru_cpa view_thru_cpa "
            "acquisitions click_thru_acquisitions view_thru_acquisitions acquisitions_by_conversion_time "
            "click_thru_acquisitions_by_conversion_time view_thru_acquisitions_by_conversion_time conversions "
            "click_thru_conversions view_thru_conversions conversion_rate click_thru_conversion_rate "
            "view_thru_conversion_rate cost_per_impression copi acquisition_roas conversion_roas acquisitions_value "
            "acquisition_aov conversion_value conversion_aov unique_creatives unique_campaigns unique_audiences "
            "unique_campaign_countries click_thru_conversion_value view_thru_conversion_value "
            "view_thru_acquisitions_value click_thru_acquisition_value".split()
        ),
    },
    "query-transactions": {
        "dimensions": ("partner_vertical", "partner_sub_vertical", "page_type", "display_type"),
        "metrics": (
            "transactions",
            "page_transactions",
            "rokt_transactions_per_transaction",
            "impressions",
            "layout_impressions",
            "referrals",
            "referral_rate",
        ),
    },
}


def read_body(report: str, body: Any, *, latest_end: str | None = None) -> dict[str, Any]:
    """The query in this JSON body; BadAsk where a field is missing, extra or wrong.

    `latest_end` is today's date where the vendor refuses an endDate after tomorrow.
    """
    if not isinstance(body, dict):
        raise BadAsk("the body must be an object")
    if missing := [name for name in REQUIRED if name not in body]:
        raise BadAsk(f"missing: {', '.join(missing)}")
    if extra := sorted(body.keys() - {*REQUIRED, *OPTIONAL}):
        raise BadAsk(f"unknown: {', '.join(extra)}")
    if body.get("interval", "day") != "day":
        raise BadAsk(f"interval {body['interval']!r} is not supported")
    _check_dates(body, latest_end)
    _check_names(report, "metrics", body["metrics"], least=1)
    _check_names(report, "dimensions", body.get("dimensions", []), least=0)
    _check_order(body)
    if not isinstance(body.get("dimensionFilters", {}), dict):
        raise BadAsk("dimensionFilters must be an object")
    if body.get("currencyCode", "USD") not in CURRENCIES:
        raise BadAsk(f"currencyCode {body['currencyCode']!r} is not supported")
    check_zone(body.get("timezoneVariation", "UTC"))
    return body


def _check_dates(body: dict[str, Any], latest_end: str | None) -> None:
    begin, end = read_date(body["startDate"]), read_date(body["endDate"])
    if begin is None or end is None or end <= begin:
        raise BadAsk("startDate and endDate must be dates, and endDate is not part of the range")
    if latest_end and end.date() > date.fromisoformat(latest_end) + timedelta(days=1):
        raise BadAsk("endDate cannot be in the future")


def _check_names(report: str, kind: str, value: Any, *, least: int) -> None:
    if not isinstance(value, list) or len(value) < least or len({str(name) for name in value}) != len(value):
        raise BadAsk(f"{kind} must be a list of at least {least}, each named once")
    if unknown := [name for name in value if name not in NAMES[report][kind]]:
        raise BadAsk(f"unknown column {unknown[0]}")


def _check_order(body: dict[str, Any]) -> None:
    order = body.get("orderBys", [])
    if not isinstance(order, list):
        raise BadAsk("orderBys must be a list")
    for one in order:
        if not isinstance(one, dict) or one.keys() - {"column", "direction"} or "column" not in one:
            raise BadAsk("orderBys have a column and a direction")
        if one["column"] not in [*body["metrics"], *body.get("dimensions", [])]:
            raise BadAsk(f"unknown column {one['column']}")
        if one.get("direction", "asc") not in ("asc", "desc"):
            raise BadAsk("direction must be asc or desc")


def capabilities(report: str) -> dict[str, list[dict[str, str]]]:
    """What an account can ask; one metric has no slug, as happens."""
    told = {
        kind: [{"slug": name, "description": name.replace("_", " ")} for name in names]
        for kind, names in NAMES[report].items()
    }
    told["metrics"].append({"description": "a metric without a slug"})
    return told
