"""What a MediaMath query may say, dataset by dataset.

`query.json` has the rules of the vendor's machine-readable definition, `datasets.json` what each dataset has. Where
that definition and the vendor's prose differ, the narrower rule applies, and the dial has a fault for the other one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sandbox.vendors.mediamath.datasets import Dataset, datasets
from sandbox.vendors.mediamath.times import moment
from sandbox.vendors.schema import BadRequest, Schema


@dataclass(frozen=True, slots=True)
class Leniency:
    """How strict the vendor is where its documents disagree."""

    page_bound: int = 1000
    is_conflict_refused: bool = False
    today_words: tuple[str, ...] = ("current_day",)


@dataclass(frozen=True, slots=True)
class Query:
    """A query that passed. `page_size` None: a stream."""

    dataset: Dataset
    fields: tuple[str, ...]
    body: dict[str, Any]
    page_index: int = 0
    page_size: int | None = None
    max_results: int | None = None

    @property
    def rollup(self) -> str:
        """How rows are added up over time."""
        return str(self.body["rollup"])


def read_query(dataset: Dataset, body: Any, leniency: Leniency) -> Query:
    """The query in this JSON body. Raises BadRequest if the dataset does not offer it."""
    _schema(dataset.name, leniency).check(body)
    if unknown := [name for name in body["fields"] if name not in dataset.fields]:
        message = f"field does not exist in this dataset: {unknown[0]}"
        raise BadRequest(message, {"fields": [message]})
    opens, closes = moment(body.get("start_time")), moment(body.get("end_time"))
    if opens and closes and closes < opens:
        raise BadRequest("end_time is before start_time", {"end_time": ["before start_time"]})
    pages = body.get("pagination") or {}
    sizes = pages.get("page_index", 0), pages.get("page_size"), body.get("max_results")
    return Query(dataset, tuple(body["fields"]), body, *sizes)


@lru_cache(maxsize=64)
def _schema(name: str, leniency: Leniency) -> Schema:
    dataset = datasets()[name]
    fields = sorted(dataset.fields)
    # deals is filtered by an organization although it has no such field.
    filtered = [*fields, "organization_id"] if name == "deals" else fields
    moments: Any = {"type": "string", "format": "date-time"} if dataset.has_range else False
    windows = [
        {"enum": list(leniency.today_words)}
        if word == "current_day"
        else {"pattern": f"^{word.replace('X', '[1-9][0-9]{0,3}')}$"}
        for word in dataset.windows
    ]
    zones: Any = {"type": "string", "anyOf": [{"enum": list(dataset.zones)}, {"format": "time-zone"}]}
    own_rules: list[Any] = []
    if name == "deals":
        own_rules += [{"properties": {"filters": {"contains": {"$ref": f"#/$defs/{rule}"}}}} for rule in _OF_DEALS]
    if leniency.is_conflict_refused:
        both = {"time_window": {"type": "string"}, "start_time": {"type": "string"}}
        own_rules.append({"not": {"required": list(both), "properties": both}})
    return Schema(
        "sandbox.vendors.mediamath",
        "query.json",
        field={"enum": fields},
        filter_field={"enum": filtered},
        rollup={"enum": list(dataset.rollups)},
        window={"type": "string", "anyOf": windows},
        moment=moments,
        zone=zones if dataset.zones else False,
        page_size={"type": "integer", "minimum": 1, "maximum": leniency.page_bound},
        own_rules={"allOf": own_rules} if own_rules else True,
    )


_OF_DEALS = ("of_one_organization", "of_deals")
