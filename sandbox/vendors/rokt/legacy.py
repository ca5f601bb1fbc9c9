"""Rokt's legacy reports: their paths, what a request for them may contain, and their rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.columns import Column, ColumnKind
from sandbox.http.message import Json, dumps
from sandbox.rows import FixedRows, Rendering, RowPlan
from sandbox.vendors.dates import between
from sandbox.vendors.schema import BadRequest, Schema

DOCUMENTED_ZONES = ("America/Chicago", "Pacific/Honolulu", "Australia/Sydney")

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
METADATA_PATHS = {
    "campaign-metadata": _CAMPAIGN,
    "audience-metadata": _CAMPAIGN + "/audiences/{audience}",
    "creative-metadata": _CREATIVE,
}


@dataclass(frozen=True, slots=True)
class LegacyRequest:
    """A legacy request that passed."""

    begin: datetime
    end: datetime
    group: str | None

    def days(self) -> tuple[str, ...]:
        """The days of the range as the histogram writes them."""
        return tuple(f"{day:%Y-%m-%dT00:00:00.000}" for day in between(self.begin, self.end, "day"))


def read_legacy_request(
    query: Mapping[str, str], shape: Shape | None, *, spellings: tuple[str, ...] = ("groupby",), is_strict: bool = False
) -> LegacyRequest:
    """The request in these query parameters. Raises BadRequest if one is missing, unknown or wrong.

    `spellings` are the names groupby may have, `is_strict` allows the documented time zones alone.
    """
    spelt = {"groupby" if name in spellings else name: value for name, value in query.items()}
    definitions = {"groups": {"enum": list(shape.groups)} if shape and shape.groups else False}
    if is_strict:
        definitions["zone"] = {"enum": list(DOCUMENTED_ZONES)}
    Schema("sandbox.vendors.rokt", "legacy.json", **definitions).check(spelt)
    begin, end = datetime.fromisoformat(query["dateStart"]), datetime.fromisoformat(query["dateEnd"])
    if end < begin:
        raise BadRequest("dateEnd is before dateStart")
    group = spelt.get("groupby", shape.default_group) if shape and shape.groups else None
    if shape and shape.groups and group is None:
        raise BadRequest(f"groupby must be one of: {', '.join(shape.groups)}")
    # A date alone means its midnight, so a range of one date and itself holds nothing but is allowed.
    return LegacyRequest(begin, max(end, begin + timedelta(seconds=1)), group)


def legacy_plan(report: str, asked: LegacyRequest, rendering: Rendering, *, audiences: str = "Audiences") -> RowPlan:
    """The rows of a legacy report."""
    columns = SHAPE_BY_REPORT[report].columns(asked.group, audiences=audiences)
    return RowPlan(f"rokt.{report}", columns, rendering, asked.days())


def summary(asked: LegacyRequest, rendering: Rendering) -> FixedRows:
    """The account summary: two objects in one row."""
    campaigns, transactions = (
        legacy_plan(report, asked, rendering).row(1)
        for report in ("campaign-overview", "account-transactions-overview")
    )
    row = b'{"campaignsSummary":%b,"transactionsSummary":%b}' % (campaigns, transactions)
    return FixedRows("rokt.account-summary", (row,))


def metadata(report: str, ids: Mapping[str, str]) -> FixedRows:
    """The metadata of a campaign, an audience or a creative; `ids` are those of the path."""
    about = {f"{name}Id": number for name, number in ids.items()} | _METADATA[report]
    return FixedRows(f"rokt.{report}", (dumps(about),))


_METADATA: dict[str, dict[str, Json]] = {
    "campaign-metadata": {
        "campaignName": "Blue Heron Bank Spring 2026", "campaignType": "standard",
        "campaignObjective": "acquisition", "countryCode": "US", "status": "active",
    },
    "audience-metadata": {
        "name": "Zoë & Finn, returning", "ageRange": {"min": 25, "max": 54},
        "device": {"desktop": True, "tablet": False, "mobile": True}, "gender": "all",
    },
    "creative-metadata": {
        "name": "Spring offer", "title": 'A "quiet" week', "subtitle": "",
        "text": "Two nights, one price.", "responses": ["Yes please", "No thanks"], "status": "active",
    },
}  # fmt: skip
