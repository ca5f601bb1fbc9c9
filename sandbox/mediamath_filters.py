"""The filters of a MediaMath query: comparisons on fields, and their nesting by and/or."""

from __future__ import annotations

from typing import Any

from sandbox.mediamath_facts import Dataset
from sandbox.mediamath_times import BadTimes

COMPARING = frozenset({"=", "!=", ">", ">=", "<", "<=", "=~"})
JOINING = frozenset({"and", "or"})
ASKING = frozenset({"isNull", "isNotNull"})
_KEYS = {"field", "op", "value", "filters"}


class BadFilter(BadTimes):
    """A filter is refused."""


def check_filters(dataset: Dataset, filters: Any, *, least: int = 1) -> None:
    """BadFilter unless every filter names a field of the dataset and suits its op.

    At least one is needed.
    """
    if not isinstance(filters, list) or len(filters) < least:
        raise BadFilter(f"filters must be a list of at least {least}")
    for one in filters:
        if not isinstance(one, dict) or one.keys() - _KEYS:
            raise BadFilter("a filter has field, op, value and filters")
        _check(dataset, one)


def _check(dataset: Dataset, one: dict[str, Any]) -> None:
    op = one.get("op", "=")
    if op in JOINING:
        check_filters(dataset, one.get("filters"), least=2)
        return
    if op not in COMPARING | ASKING:
        raise BadFilter(f"unknown op: {op}")
    field = one.get("field")
    # deals is filtered by an organization although it has no such field.
    if field not in dataset.fields and (dataset.name, field) != ("deals", "organization_id"):
        raise BadFilter(f"field does not exist in this dataset: {field}")
    if op in COMPARING and not _is_value(one.get("value")):
        raise BadFilter(f"the filter on {field} needs a value")
    if isinstance(one.get("value"), list) and op not in ("=", "!="):
        raise BadFilter(f"a list does not suit {op}")


def _is_value(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(one, (int, float, str, bool)) for one in value)
    return isinstance(value, (int, float, str, bool))


def deals_filters(dataset: Dataset, filters: list[dict[str, Any]]) -> None:
    """BadFilter unless a query on deals names one organization and at least one deal."""
    if dataset.name != "deals":
        return
    named = {one.get("field"): one.get("value") for one in filters if one.get("op", "=") == "="}
    organization, deal = named.get("organization_id"), named.get("deal_id")
    if organization is None or (isinstance(organization, list) and len(organization) != 1):
        raise BadFilter("deals needs a filter on organization_id with exactly one value")
    if deal is None:
        raise BadFilter("deals needs a filter on deal_id")
