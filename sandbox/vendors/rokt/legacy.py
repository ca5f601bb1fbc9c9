"""Rokt's legacy reports: their paths, what a request for them may contain, and their rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.columns import Column, ColumnKind
from sandbox.http.message import dumps
from sandbox.rows import Rendering, RowPlan, fixed_rows
from sandbox.vendors.dates import between
from sandbox.vendors.schema import BadRequest, Schema, read_json

_FACTS = read_json("sandbox.vendors.rokt", "reports.json")
_PAGE_LEVEL = frozenset({"transactions", "purchases", "rpt"})
_DECIMALS = frozenset({"grossCost", "netCost", "revenue", "rpt", "rpm"})
_ID_GROUPS = frozenset({"campaign", "creative", "audience"})


@dataclass(frozen=True, slots=True)
class Shape:
    """One legacy report. `groups` are the values of groupby; `default_group` is used without it."""

    report: str
    path: str
    metrics: Sequence[str]
    groups: Sequence[str] = ()
    default_group: str | None = None
    is_list: bool = False
    name_column: str | None = None
    is_histogram: bool = False

    def columns(self, group: str | None, *, audiences: str = "Audiences") -> tuple[Column, ...]:
        """Its columns, if grouped by `group`. `audiences` is the spelling of one column of the campaigns breakdown."""
        metrics = tuple(name for name in self.metrics if group != "placement" or name not in _PAGE_LEVEL)
        found = [Column(name, "decimal" if name in _DECIMALS else "count") for name in metrics]
        if self.report == "account-campaigns-breakdown":
            found = [Column(audiences, column.kind) if column.name == "audiences" else column for column in found]
        if self.is_histogram:
            found.insert(0, Column("intervalTimestamp", "time"))
        if group is not None:
            kind: ColumnKind = "big_id" if group in _ID_GROUPS else "country" if group == "country" else "text"
            found.insert(0, Column("groupByValue", kind))
        if self.name_column:
            found.append(Column(self.name_column, "text"))
        return tuple(found)


SHAPES = {
    report: Shape(report, **{**facts, "metrics": _FACTS["metrics"][facts["metrics"]]})
    for report, facts in _FACTS["legacy"].items()
}
METADATA_PATHS = {report: facts["path"] for report, facts in _FACTS["metadata"].items()}


@dataclass(frozen=True, slots=True)
class LegacyRequest:
    """A valid legacy request."""

    begin: datetime
    end: datetime
    group: str | None

    def days(self) -> tuple[str, ...]:
        """The days of the range as the histogram writes them."""
        return tuple(f"{day:%Y-%m-%dT00:00:00.000}" for day in between(self.begin, self.end, "day"))


def read_legacy_request(query: Mapping[str, str], shape: Shape | None) -> LegacyRequest:
    """The request in these query parameters. Raises BadRequest if one is missing, unknown or wrong."""
    groups = {"enum": list(shape.groups)} if shape and shape.groups else False
    Schema("sandbox.vendors.rokt", "legacy.json", groups=groups).check(dict(query))
    begin, end = datetime.fromisoformat(query["dateStart"]), datetime.fromisoformat(query["dateEnd"])
    if end < begin:
        raise BadRequest("dateEnd is before dateStart")
    group = query.get("groupby", shape.default_group) if shape and shape.groups else None
    if shape and shape.groups and group is None:
        raise BadRequest(f"groupby must be one of: {', '.join(shape.groups)}")
    # A date alone means midnight, so a range from a date to the same date is empty, but allowed.
    return LegacyRequest(begin, max(end, begin + timedelta(seconds=1)), group)


def legacy_plan(report: str, asked: LegacyRequest, rendering: Rendering, *, audiences: str = "Audiences") -> RowPlan:
    """The rows of a legacy report."""
    columns = SHAPES[report].columns(asked.group, audiences=audiences)
    return RowPlan(f"rokt.{report}", columns, rendering, asked.days())


def summary(asked: LegacyRequest, rendering: Rendering) -> RowPlan:
    """The account summary: two objects in one row."""
    campaigns, transactions = (
        legacy_plan(report, asked, rendering).row(1)
        for report in ("campaign-overview", "account-transactions-overview")
    )
    row = b'{"campaignsSummary":%b,"transactionsSummary":%b}' % (campaigns, transactions)
    return fixed_rows("rokt.account-summary", row)


def metadata(report: str, ids: Mapping[str, str]) -> RowPlan:
    """The metadata of a campaign, an audience or a creative; `ids` are those of the path."""
    about = {f"{name}Id": number for name, number in ids.items()} | _FACTS["metadata"][report]["sample"]
    return fixed_rows(f"rokt.{report}", dumps(about))
