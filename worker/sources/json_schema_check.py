"""Checks a value against a JSON Schema of a source file, and describes the mistake for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from worker.errors import BadInput
from worker.suggestions import one_of, shorten

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_KINDS = {
    "object": "an object",
    "array": "a list",
    "string": "text",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


def check_schema(value: Any, schema: Mapping[str, Any], where: str) -> None:
    """Raise BadInput for the most relevant mistake; a `description` in the schema says what is allowed."""
    # Imported here because it takes longer than everything else that `millrace --help` needs.
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    mistake = best_match(Draft202012Validator(schema).iter_errors(value))
    if mistake is not None:
        steps = [where, *map(str, mistake.absolute_path)]
        extra = _extra_name(mistake)
        given = mistake.instance if extra is None else extra
        describe = _DESCRIPTIONS.get(str(mistake.validator))
        if describe:
            allowed = describe(mistake, mistake.validator_value)
        else:
            described = mistake.schema.get("description") if isinstance(mistake.schema, Mapping) else None
            allowed = str(described or mistake.message)
        raise BadInput(".".join([*steps, *([extra] if extra else [])]), shorten(given), allowed)


def _extra_name(mistake: ValidationError) -> str | None:
    """The name that is not allowed in an object, if that is the mistake."""
    if mistake.validator != "additionalProperties" or mistake.validator_value is not False:
        return None
    declared = mistake.schema.get("properties", {})
    return next((str(name) for name in mistake.instance if name not in declared), None)


_DESCRIPTIONS: dict[str, Callable[[ValidationError, Any], str]] = {
    "enum": lambda mistake, values: one_of(mistake.instance, values, "values"),
    "type": lambda _, kinds: " or ".join(_KINDS[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds)),
    "required": lambda mistake, names: (
        " and ".join(f"{name!r}" for name in names if name not in mistake.instance) + " in it"
    ),
    "additionalProperties": lambda mistake, _: one_of(_extra_name(mistake), mistake.schema.get("properties", {})),
    "minItems": lambda _, count: f"at least {count} of them",
    "maxItems": lambda _, count: f"at most {count} of them",
    "minProperties": lambda _, count: f"at least {count} field in it",
    "minLength": lambda _, count: f"at least {count} characters",
    "minimum": lambda _, limit: f"{limit} or more",
    "maximum": lambda _, limit: f"{limit} or less",
    "uniqueItems": lambda _, __: "each value once",
}
