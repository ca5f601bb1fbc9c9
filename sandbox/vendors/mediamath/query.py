"""What a MediaMath query may contain, for each dataset.

`query.json` has the rules of the vendor's machine-readable definition, `datasets.json` the fields and windows of each
dataset. If that definition and the vendor's prose differ, the narrower rule applies.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sandbox.vendors.schema import BadRequest, Schema, read_json

LARGEST_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset. `has_range` says whether a query may have start_time."""

    name: str
    dimensions: frozenset[str]
    metrics: frozenset[str]
    windows: tuple[str, ...]
    rollups: tuple[str, ...]
    zones: tuple[str, ...]
    has_range: bool

    @property
    def fields(self) -> frozenset[str]:
        """All dimensions and metrics."""
        return self.dimensions | self.metrics


@lru_cache(maxsize=1)
def datasets() -> dict[str, Dataset]:
    """All datasets by name, read once from `datasets.json`."""
    facts = read_json("sandbox.vendors.mediamath", "datasets.json")
    found = {}
    for mark, name in facts["marks"].items():
        about = facts["datasets"][name]
        found[name] = Dataset(
            name,
            frozenset(field for field, marks in facts["dimensions"].items() if mark in marks),
            frozenset(field for field, marks in facts["metrics"].items() if mark in marks),
            tuple(about["windows"]),
            tuple(about["rollups"]),
            tuple(about["zones"]),
            about["has_range"],
        )
    return found


@dataclass(frozen=True, slots=True)
class Query:
    """A valid query. If `page_size` is None, it asks for a stream."""

    dataset: Dataset
    fields: tuple[str, ...]
    body: dict[str, Any]
    page_index: int = 0
    page_size: int | None = None
    max_results: int | None = None


def read_query(dataset: Dataset, body: Any) -> Query:
    """The query in this JSON body. Raises BadRequest if the dataset does not offer it."""
    _schema(dataset.name).check(body)
    opens, closes = moment(body.get("start_time")), moment(body.get("end_time"))
    if opens and closes and closes < opens:
        raise BadRequest("end_time is before start_time", {"end_time": ["before start_time"]})
    pages = body.get("pagination") or {}
    sizes = pages.get("page_index", 0), pages.get("page_size"), body.get("max_results")
    return Query(dataset, tuple(body["fields"]), body, *sizes)


def moment(text: str | None) -> datetime | None:
    """A time in RFC 3339 form, in UTC."""
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)


@lru_cache(maxsize=64)
def _schema(name: str) -> Schema:
    dataset = datasets()[name]
    fields = sorted(dataset.fields)
    windows = [f"^{word.replace('X', '[1-9][0-9]{0,3}')}$" for word in dataset.windows]
    zones: Any = {"type": "string", "anyOf": [{"enum": list(dataset.zones)}, {"format": "time-zone"}]}
    return Schema(
        "sandbox.vendors.mediamath",
        "query.json",
        field={"enum": fields},
        # Queries on deals must be filtered by organization_id, although it is not one of their fields.
        filter_field={"enum": [*fields, "organization_id"]} if name == "deals" else {"enum": fields},
        rollup={"enum": list(dataset.rollups)},
        window={"type": "string", "anyOf": [{"pattern": pattern} for pattern in windows]},
        moment={"type": "string", "format": "date-time"} if dataset.has_range else False,
        zone=zones if dataset.zones else False,
        page_size={"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE},
        own_rules={"$ref": "#/$defs/deals"} if name == "deals" else True,
    )
