"""A source and its reports as JSON, for the command line and the HTTP API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from worker.model import Json
from worker.sources import docs
from worker.sources.credentials import credential_names
from worker.sources.params import TYPES
from worker.sources.schema import Param, ParamType, Report, Source

_JSON_TYPES = {
    "string": "string", "integer": "integer", "number": "number", "boolean": "boolean", "object": "object",
    "list": "array",
}  # fmt: skip


def source_facts(source: Source, connections: Iterable[str]) -> Json:
    """A source as JSON. `connections` are the names of our accounts there."""
    return {
        "source": source.source,
        "title": source.title,
        "base_url": source.base_url,
        "docs": source.docs or None,
        "note": source.note or None,
        "auth": [{"kind": auth.kind, "credentials": credential_names(auth)} for auth in source.auth],
        "limits": source.limits.model_dump(),
        "connections": list(connections),
        "reports": list(source.reports),
    }


def report_facts(prefix: str, name: str, report: Report) -> Json:
    """A report as JSON. `prefix` is the source or the connection, as in the name that the caller used."""
    return {
        "report": f"{prefix}.{name}",
        "title": report.title,
        "asks": docs.asks(report.poll),
        "rows_come_as": docs.ways(report),
        "proof": report.proof,
        "replay": report.replay,
        "window": report.window and {**report.window, "ends": report.window_ends, "at_most": report.window_at_most},
        "one_of": report.one_of,
        "note": report.note or None,
        "params": [
            {
                "name": parameter,
                "type": param.type,
                "required": param.required,
                "default": param.default,
                "allowed": docs.allowed_values(param) or None,
                **param.model_dump(exclude_defaults=True, by_alias=True),
            }
            for parameter, param in report.params.items()
        ],
    }


def params_schema(report: Report) -> Json:
    """A report's parameters as JSON Schema (2020-12), for forms and editors.

    Everything that Millrace accepts is valid, if numbers, booleans and lists are given as such and not as text. The
    `schema` of the report as a whole is not part of it; it is checked when a job is made.
    """
    schema: Json = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": False,
        "properties": {name: _param_schema(name, param) for name, param in report.params.items()},
        "required": [name for name, param in report.params.items() if param.required and param.default is None],
    }
    if report.one_of:
        schema["allOf"] = [{"oneOf": [{"required": [name]} for name in group]} for group in report.one_of]
    if needs := {name: param.needs for name, param in report.params.items() if param.needs}:
        schema["dependentRequired"] = needs
    return schema


def _param_schema(name: str, param: Param) -> Json:
    bounds: dict[str, Any] = {
        "enum": param.allowed,
        "pattern": f"^(?:{param.pattern})$" if param.pattern else None,
        "minimum": param.minimum,
        "maximum": param.maximum,
        "minItems": param.min_items,
        "maxItems": param.max_items,
        "uniqueItems": param.unique or None,
        "default": param.default,
        "description": param.help or _type_schema(param.type).get("description"),
    }
    if param.type == "list":
        bounds["items"] = {
            **_type_schema(param.items or "any"),
            **({"enum": param.items_allowed} if param.items_allowed else {}),
        }
    if param.json_schema:
        # With an $id of its own, so that its references to `#/definitions` are resolved within it.
        bounds["allOf"] = [{"$id": f"urn:millrace:param:{name}", **param.json_schema}]
    return {**_type_schema(param.type), **{word: value for word, value in bounds.items() if value is not None}}


def _type_schema(kind: ParamType) -> Json:
    if kind == "any":
        return {}
    # A date or time has no `format`: a strict validator would refuse macros.
    return {"type": _JSON_TYPES[kind]} if kind in _JSON_TYPES else {"type": "string", "description": TYPES[kind][1]}
