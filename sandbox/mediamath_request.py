"""What a MediaMath query may say.

The rules are those of the vendor's machine-readable definition.
Where that definition and the vendor's prose differ, the narrower bound holds and the dial has the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.mediamath_facts import Dataset
from sandbox.mediamath_filters import check_filters, deals_filters
from sandbox.mediamath_times import BadTimes, check_times, check_zone

REQUIRED = ("fields", "filters", "rollup")
OPTIONAL = (
    "time_window", "start_time", "end_time", "order", "pagination", "max_results", "full_entities", "time_zone",
)  # fmt: skip


class BadQuery(ValueError):
    """The query is refused; the message is the vendor's."""


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
    """The query in this JSON body; BadQuery where the dataset does not offer it."""
    if not isinstance(body, dict):
        raise BadQuery("the body must be an object")
    if missing := [name for name in REQUIRED if body.get(name) is None]:
        raise BadQuery(f"missing: {', '.join(missing)}")
    if extra := sorted(body.keys() - {*REQUIRED, *OPTIONAL}):
        raise BadQuery(f"unknown: {', '.join(extra)}")
    fields = _fields(dataset, body)
    try:
        check_times(dataset, body, is_conflict_refused=leniency.is_conflict_refused, today_words=leniency.today_words)
        check_zone(dataset, body.get("time_zone"))
        check_filters(dataset, body["filters"])
        deals_filters(dataset, body["filters"])
    except BadTimes as reason:
        raise BadQuery(str(reason)) from None
    _check_order(dataset, body)
    _check_entities(body.get("full_entities"))
    page_index, page_size = _pagination(body.get("pagination"), leniency.page_bound)
    return Query(dataset, fields, body, page_index, page_size, _max_results(body.get("max_results"), page_size))


def _fields(dataset: Dataset, body: dict[str, Any]) -> tuple[str, ...]:
    names = _distinct_names(body["fields"], "fields")
    for name in names:
        if name not in dataset.fields:
            raise BadQuery(f"field does not exist in this dataset: {name}")
    if "agg_timestamp" in names and body["rollup"] == "all":
        raise BadQuery("agg_timestamp needs a rollup other than all")
    return names


def _distinct_names(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(name, str) for name in value):
        raise BadQuery(f"{where} must be a list of at least one name")
    if len(set(value)) != len(value):
        raise BadQuery(f"{where} must not name anything twice")
    return tuple(value)


def _check_order(dataset: Dataset, body: dict[str, Any]) -> None:
    order = body.get("order")
    if order is None:
        return
    if not isinstance(order, list):
        raise BadQuery("order must be a list")
    for one in order:
        if (
            not isinstance(one, dict)
            or not isinstance(one.get("field"), str)
            or one.keys() - {"field", "desc", "nulls_last"}
        ):
            raise BadQuery("order needs a field, and may say desc and nulls_last")
        if not all(isinstance(one.get(name, False), bool) for name in ("desc", "nulls_last")):
            raise BadQuery("desc and nulls_last must be true or false")
        if one["field"] not in dataset.fields:
            raise BadQuery(f"field does not exist in this dataset: {one['field']}")
        if one["field"] == "agg_timestamp" and body["rollup"] == "all":
            raise BadQuery("cannot order by agg_timestamp with rollup all")


def _check_entities(value: Any) -> None:
    if value is not None:
        _distinct_names(value, "full_entities")


def _pagination(value: Any, bound: int) -> tuple[int, int | None]:
    if value is None:
        return 0, None
    if not isinstance(value, dict) or value.keys() != {"page_index", "page_size"}:
        raise BadQuery("pagination must have page_size and page_index")
    index, size = value["page_index"], value["page_size"]
    if not _is_integer(index) or index < 0:
        raise BadQuery("page_index must be an integer from 0")
    if not _is_integer(size) or not 1 <= size <= bound:
        raise BadQuery(f"page_size must be an integer from 1 to {bound}")
    return index, size


def _max_results(value: Any, page_size: int | None) -> int | None:
    if value is None:
        return None
    if not _is_integer(value) or value < 1:
        raise BadQuery("max_results must be an integer from 1")
    if page_size is not None:
        raise BadQuery("max_results is for streaming responses")
    return int(value)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
