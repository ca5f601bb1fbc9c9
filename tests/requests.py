"""The reports that tests request from the vendors, with usual parameters of each."""

from __future__ import annotations

from worker.model import Json

KARGO: Json = {
    "dimensions": ["publisher_name", "campaign_name"],
    "measures": ["clicks_sum"],
    "filters": [{"day_time_id": {"op": "between", "start": 2026110100, "end": 2026110123}}],
}
MEDIAMATH: Json = {
    "fields": ["campaign_id", "campaign_name", "impressions", "clicks", "total_spend"],
    "filters": [{"field": "organization_id", "value": 100048}],
    "rollup": "by_day",
    "time_window": "last_7_days",
}
MEDIAMATH_PAGES: Json = {**MEDIAMATH, "page_size": 1000}
# A double cannot hold 19 digits, so reading these ids as numbers would change them.
ROKT: Json = {
    "accountId": "1234567890123456789",
    "campaignId": "2345678901234567890",
    "dateStart": "2026-01-01",
    "dateEnd": "2026-01-31",
    "currency": "USD",
    "timeZoneVariation": "America/New_York",
}
QUERY: Json = {
    "accountId": "1234567890123456789",
    "startDate": "2026-01-01",
    "endDate": "2026-01-08",
    "interval": "day",
    "metrics": ["impressions", "gross_cost"],
    "dimensions": ["campaign_id", "campaign_name"],
}
INSTAL: Json = {"start_date": "2026-01-01", "stop_date": "2026-01-31"}

CSV: Json = {**KARGO, "format": "csv"}

STREAM, PAGES = "mediamath.performance", "kargo.campaign-performance-metrics"
EXPORT, SINGLE, HISTOGRAM, QUERIED = (
    "instal.advertiser-export",
    "rokt.campaign-breakdown",
    "rokt.campaign-histogram",
    "rokt.query-campaigns",
)
PARAMS = {PAGES: KARGO, STREAM: MEDIAMATH, SINGLE: ROKT, HISTOGRAM: ROKT, QUERIED: QUERY, EXPORT: INSTAL}
