"""Checks a value against a JSON Schema of a source file, and describes the mistake for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from worker.errors import BadInput
from worker.suggestions import one_of, shorten

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

KINDS = {
    "object": "an object",
    "array": "a list",
    "string": "text",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


class Mistake(NamedTuple):
    """What is wrong with a value: where in it, what is there, and what is allowed."""

    path: tuple[str | int, ...]
    given: Any
    allowed: str


def check_schema(value: Any, schema: Mapping[str, Any], where: str) -> None:
    """Raise BadInput for the most relevant mistake; a `description` in the schema says what is allowed."""
    # Imported here because it takes longer than everything else that `millrace --help` needs.
    from jsonschema import Draft202012Validator

    if mistake := _find_mistake(value, Draft202012Validator(schema)):
        raise BadInput(".".join([where, *map(str, mistake.path)]), shorten(mistake.given), mistake.allowed)


def mistake_in_schema(schema: Mapping[str, Any]) -> Mistake | None:
    """The most relevant mistake in a JSON Schema; None if it is valid."""
    from jsonschema import Draft202012Validator

    # With the format checker, a `pattern` must be a regular expression.
    whole = Draft202012Validator(Draft202012Validator.META_SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return _find_mistake(schema, whole)


def _find_mistake(value: Any, validator: Draft202012Validator) -> Mistake | None:
    from jsonschema.exceptions import best_match

    mistake = best_match(validator.iter_errors(value))
    if mistake is None:
        return None
    extra = _extra_name(mistake)
    describe = _DESCRIPTIONS.get(str(mistake.validator))
    if describe:
        allowed = describe(mistake, mistake.validator_value)
    else:
        described = mistake.schema.get("description") if isinstance(mistake.schema, Mapping) else None
        allowed = str(described or mistake.message)
    path = (*mistake.absolute_path, *([extra] if extra else []))
    return Mistake(path, mistake.instance if extra is None else extra, allowed)


def _extra_name(mistake: ValidationError) -> str | None:
    """The name that is not allowed in an object, if that is the mistake."""
    if mistake.validator != "additionalProperties" or mistake.validator_value is not False:
        return None
    declared = mistake.schema.get("properties", {})
    return next((str(name) for name in mistake.instance if name not in declared), None)


_DESCRIPTIONS: dict[str, Callable[[ValidationError, Any], str]] = {
    "enum": lambda mistake, values: one_of(mistake.instance, values, "values"),
    "type": lambda _, kinds: " or ".join(KINDS[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds)),
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
    "format": lambda _, form: {"regex": "a regular expression"}.get(form, str(form)),
    "uniqueItems": lambda _, __: "each value once",
}
