"""Rokt's legacy reports: their paths, what they may be grouped by, and their columns."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.columns import Column, ColumnKind

_ACCOUNT = "/accounts/{account}"
_CAMPAIGN = _ACCOUNT + "/campaigns/{campaign}"
_CREATIVE = _CAMPAIGN + "/creatives/{creative}"

_CAMPAIGN_METRICS = (
    "grossCost", "netCost", "impressions", "referrals", "acquisitionsByConversionDate",
    "acquisitionsByReferralDate", "campaigns", "creatives", "audiences", "campaignCountries",
)  # fmt: skip
_TRANSACTION_METRICS = (
    "revenue", "transactions", "placementImpressions", "impressions", "referrals", "rpt", "rpm",
    "positivePlacementEngagements", "purchases",
)  # fmt: skip
_CREATIVE_METRICS = (
    "grossCost", "netCost", "impressions", "referrals", "uniqueReferrals", "acquisitionsByConversionDate",
    "acquisitionsByReferralDate", "creatives", "audiences",
)  # fmt: skip
_PAGE_LEVEL = frozenset({"transactions", "purchases", "rpt"})
_DECIMALS = frozenset({"grossCost", "netCost", "revenue", "rpt", "rpm"})
_GROUP_KINDS: dict[str, ColumnKind] = {
    "campaign": "big_id",
    "creative": "big_id",
    "audience": "big_id",
    "country": "country",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """One legacy report. `groups` are the values of groupby; `default_group` is used if it is absent."""

    report: str
    path: str
    metrics: tuple[str, ...]
    groups: tuple[str, ...] = ()
    default_group: str | None = None
    is_list: bool = False
    name_column: str | None = None
    is_histogram: bool = False

    def columns(self, group: str | None, *, audiences: str = "Audiences") -> tuple[Column, ...]:
        """Its columns if grouped by `group`. The campaigns breakdown spells one of them with a capital."""
        metrics = tuple(name for name in self.metrics if group != "placement" or name not in _PAGE_LEVEL)
        found = [Column(name, "decimal" if name in _DECIMALS else "count") for name in metrics]
        if self.report == "account-campaigns-breakdown":
            found = [Column(audiences, one.kind) if one.name == "audiences" else one for one in found]
        if self.is_histogram:
            found.insert(0, Column("intervalTimestamp", "time"))
        if group is not None:
            found.insert(0, Column("groupByValue", _GROUP_KINDS.get(group, "text")))
        if self.name_column:
            found.append(Column(self.name_column, "text"))
        return tuple(found)


SHAPES: tuple[Shape, ...] = (
    Shape(
        "account-campaigns-breakdown", f"{_ACCOUNT}/campaigns/breakdown", _CAMPAIGN_METRICS,
        ("campaign", "country", "partner-source"), "campaign", is_list=True, name_column="campaignName",
    ),
    Shape("account-transactions-overview", f"{_ACCOUNT}/transactions/overview", _TRANSACTION_METRICS),
    Shape(
        "account-transactions-breakdown", f"{_ACCOUNT}/transactions/breakdown", _TRANSACTION_METRICS,
        ("age", "gender", "page", "pagetype", "placement", "position", "brand"), is_list=True,
    ),
    Shape("campaign-overview", f"{_CAMPAIGN}/overview", _CAMPAIGN_METRICS),
    Shape(
        "campaign-breakdown", f"{_CAMPAIGN}/breakdown", _CAMPAIGN_METRICS,
        ("country", "campaign", "audience", "creative", "subvertical"), default_group="creative",
        is_list=True, name_column="creativeName",
    ),
    Shape("campaign-histogram", f"{_CAMPAIGN}/histogram", _CAMPAIGN_METRICS, is_list=True, is_histogram=True),
    Shape("creative-overview", f"{_CREATIVE}/overview", _CREATIVE_METRICS),
    Shape(
        "creative-breakdown", f"{_CREATIVE}/breakdown", _CREATIVE_METRICS, ("audience",), "audience", is_list=True
    ),
)  # fmt: skip
SHAPE_BY_REPORT = {shape.report: shape for shape in SHAPES}
SUMMARY_PATH = f"{_ACCOUNT}/summary"
SUMMARY_PARTS = (("campaignsSummary", "campaign-overview"), ("transactionsSummary", "account-transactions-overview"))
METADATA_PATHS = {
    "campaign-metadata": _CAMPAIGN,
    "audience-metadata": _CAMPAIGN + "/audiences/{audience}",
    "creative-metadata": _CREATIVE,
}
