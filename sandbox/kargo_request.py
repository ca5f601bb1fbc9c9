"""What a Kargo report request may say.

Its definition, dimensions, measures and the three ways to filter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

KNOWN_DIMENSIONS = ("campaign_name", "publisher_name", "advertiser_name", "day_time_id")
KNOWN_MEASURES = ("clicks_sum", "advertiser_impressions_sum", "media_delivery_sum")
KNOWN_DEFINITIONS = ("campaign-performance-metrics",)

COMPARING = frozenset({"isNot", "neq", "gt", "gte", "lt", "lte"})
MATCHING = frozenset({"like", "notLike", "iLike", "notILike"})
BETWEEN = frozenset({"between", "notbetween"})

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_DEFINITION = re.compile(r"[a-z][a-z0-9-]*")


class BadOrder(ValueError):
    """The request cannot be prepared; the message says why."""


@dataclass(frozen=True, slots=True)
class Order:
    """A report request that passed."""

    definition: str
    dimensions: tuple[str, ...]
    measures: tuple[str, ...]
    parameters: dict[str, Any]


def read_order(body: Any) -> Order:
    """The request in this JSON body.

    BadOrder where a field is missing, extra or of a wrong type.
    """
    _fields(body, "the body", ("report_definition_id", "parameters"), ())
    parameters = body["parameters"]
    _fields(parameters, "parameters", ("dimensions", "measures"), ("filters",))
    definition = body["report_definition_id"]
    if not isinstance(definition, str) or not _DEFINITION.fullmatch(definition):
        raise BadOrder(f"report_definition_id {definition!r} does not exist")
    dimensions = _names(parameters["dimensions"], "dimensions")
    measures = _names(parameters["measures"], "measures")
    if not dimensions and not measures:
        raise BadOrder("a report needs a dimension or a measure")
    _check_filters(parameters.get("filters", []))
    return Order(definition, dimensions, measures, parameters)


def check_known(order: Order) -> None:
    """BadOrder unless every name is in the samples of the vendor's documents."""
    unknown = {order.definition} - set(KNOWN_DEFINITIONS)
    unknown |= set(order.dimensions) - set(KNOWN_DIMENSIONS)
    unknown |= set(order.measures) - set(KNOWN_MEASURES)
    if unknown:
        raise BadOrder(f"unknown: {', '.join(sorted(unknown))}")


def _fields(value: Any, where: str, required: tuple[str, ...], optional: tuple[str, ...]) -> None:
    if not isinstance(value, dict):
        raise BadOrder(f"{where} must be an object")
    if missing := set(required) - value.keys():
        raise BadOrder(f"{where} lacks {', '.join(sorted(missing))}")
    if extra := value.keys() - {*required, *optional}:
        raise BadOrder(f"{where} has unknown fields: {', '.join(sorted(extra))}")


def _names(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) and _NAME.fullmatch(name) for name in value):
        raise BadOrder(f"{where} must be a list of names")
    if len(set(value)) != len(value):
        raise BadOrder(f"{where} names something twice")
    return tuple(value)


def _check_filters(filters: Any) -> None:
    if not isinstance(filters, list):
        raise BadOrder("filters must be a list")
    for one in filters:
        if not isinstance(one, dict) or not one:
            raise BadOrder("a filter must be an object that names a dimension")
        for dimension, condition in one.items():
            if not _NAME.fullmatch(dimension):
                raise BadOrder(f"{dimension!r} is no dimension")
            _check_condition(dimension, condition)


def _check_condition(dimension: str, condition: Any) -> None:
    """A literal, an operator with `start`, or a range with `start` and `end`."""
    if _is_literal(condition):
        return
    if not isinstance(condition, dict) or not isinstance(condition.get("op"), str):
        raise BadOrder(f"the filter on {dimension} must be a value or have an op")
    op = condition["op"]
    if op in BETWEEN:
        _fields(condition, f"{op} on {dimension}", ("op", "start", "end"), ())
        is_sound = _is_literal(condition["start"]) and _is_literal(condition["end"])
    else:
        # The documents' one example of iLike says `name` where their table says `start`.
        word = "name" if op in MATCHING and "name" in condition else "start"
        _fields(condition, f"{op} on {dimension}", ("op", word), ())
        is_sound = _suits(op, condition[word])
    if not is_sound:
        raise BadOrder(f"the filter on {dimension} has an op or a value that does not fit: {op}")


def _suits(op: str, start: Any) -> bool:
    if op in MATCHING:
        return isinstance(start, str)
    if op == "notIn":
        return isinstance(start, list) and bool(start) and all(map(_is_literal, start))
    return op in COMPARING and _is_literal(start)


def _is_literal(value: Any) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)
