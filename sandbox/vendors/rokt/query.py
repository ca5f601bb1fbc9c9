"""What a request to Rokt's Query API may contain: the body's fields, and the names an account can use."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sandbox.vendors.schema import BadRequest, Schema

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


_BODIES = {
    report: Schema(
        "sandbox.vendors.rokt",
        "query.json",
        metric={"enum": list(names["metrics"])},
        dimension={"enum": list(names["dimensions"])},
    )
    for report, names in NAMES.items()
}


def read_body(report: str, body: Any, *, latest_end: str | None = None) -> dict[str, Any]:
    """The query in this JSON body. Raises BadRequest if a field is missing, unknown or wrong.

    `latest_end` is today's date if the vendor refuses an endDate after tomorrow.
    """
    _BODIES[report].check(body)
    begin, end = datetime.fromisoformat(body["startDate"]), datetime.fromisoformat(body["endDate"])
    if end <= begin:
        raise BadRequest("endDate is not part of the range, so it must be after startDate")
    if latest_end and end.date() > date.fromisoformat(latest_end) + timedelta(days=1):
        raise BadRequest("endDate cannot be in the future")
    asked = [*body["metrics"], *body.get("dimensions", [])]
    for one in body.get("orderBys", []):
        if one["column"] not in asked:
            raise BadRequest(f"unknown column {one['column']}")
    return dict(body)


def capabilities(report: str) -> dict[str, list[dict[str, str]]]:
    """What an account can request; one metric has no slug, as happens."""
    found = {
        kind: [{"slug": name, "description": name.replace("_", " ")} for name in names]
        for kind, names in NAMES[report].items()
    }
    found["metrics"].append({"description": "a metric without a slug"})
    return found
