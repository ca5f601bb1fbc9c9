"""Checks the JSON Schemas of a source file: a wrong one would fail in a job, and a misspelt word would do nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from worker.sources.checks.mistake import Mistake
from worker.sources.json_schema_check import KINDS, mistake_in_schema
from worker.sources.schema import Report, Source
from worker.sources.yaml_files import Place, YamlFile
from worker.suggestions import did_you_mean, one_of, shorten

_MAPS_OF_SCHEMAS = ("properties", "patternProperties", "definitions", "$defs", "dependentSchemas")
_SCHEMAS = (
    *("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"),
    *("unevaluatedItems", "unevaluatedProperties", "allOf", "anyOf", "oneOf", "prefixItems"),
)
_PLAIN_WORDS = (
    *("$comment", "title", "description", "default", "examples", "$ref", "type", "enum", "const", "required"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern"),
    *("minItems", "maxItems", "minContains", "maxContains", "uniqueItems", "minProperties", "maxProperties"),
    "dependentRequired",
)
_WORDS = (*_PLAIN_WORDS, *_SCHEMAS, *_MAPS_OF_SCHEMAS)


def mistakes_in_schemas(source: Source, file: YamlFile) -> Iterator[Mistake]:
    """A `schema` that is not a JSON Schema, or has a word or a `$ref` that leads to nothing."""
    for name, report in source.reports.items():
        for place, schema in _schemas_of(report, ("reports", name)):
            if mistake := mistake_in_schema(schema):
                is_type = mistake.path[-1:] == ("type",) and isinstance(mistake.given, str)
                allowed = one_of(mistake.given, KINDS) if is_type else mistake.allowed
                yield Mistake(_place_in(file, place, mistake.path), allowed, shorten(mistake.given))
            # A definition of the file is in the schema only if the schema refers to it.
            shared = (file.content.get("definitions") or {}, schema.get("definitions", {}))
            known = ["#", *(f"#/definitions/{part}" for names in shared for part in names)]
            known += [f"#/$defs/{part}" for part in schema.get("$defs", {})]
            for path, value in _words_in(schema):
                at, word = _place_in(file, place, path), path[-1]
                if word not in _WORDS:
                    yield Mistake(at, f"a word of JSON Schema that is checked{did_you_mean(word, _WORDS)}", word)
                if word == "$ref" and value not in known:
                    allowed = f"`#/definitions/NAME`, with a name in `definitions`{did_you_mean(value, known)}"
                    yield Mistake(at, allowed, value)


def _schemas_of(report: Report, place: Place) -> Iterator[tuple[Place, dict[str, Any]]]:
    if report.json_schema:
        yield (*place, "schema"), report.json_schema
    for name, param in report.params.items():
        if param.json_schema:
            yield (*place, "params", name, "schema"), param.json_schema


def _place_in(file: YamlFile, place: Place, path: Place) -> Place:
    """The place in the file: a schema has the file's own `definitions` in it."""
    is_shared = path[:1] == ("definitions",) and (*place, *path[:2]) not in file.lines
    return path if is_shared else (*place, *path)


def _words_in(schema: Any, path: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every word of a schema and of the schemas in it: its path, and its value."""
    if isinstance(schema, list):
        for position, part in enumerate(schema):
            yield from _words_in(part, (*path, position))
    elif isinstance(schema, dict):
        for word, value in schema.items():
            yield (*path, word), value
            if word in _MAPS_OF_SCHEMAS:
                for name, part in value.items():
                    yield from _words_in(part, (*path, word, name))
            elif word in _SCHEMAS:
                yield from _words_in(value, (*path, word))
