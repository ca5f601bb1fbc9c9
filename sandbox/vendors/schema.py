"""Checks requests against JSON Schemas, which are files in the packages of the vendors."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError, best_match

from sandbox.vendors.dates import read_date

_FORMATS = FormatChecker(formats=())


class BadRequest(ValueError):
    """A request is wrong. `problems` has the messages for each field by its name; the error's own is one of them."""

    def __init__(self, message: str, problems: Mapping[str, list[str]] | None = None) -> None:
        self.problems = dict(problems or {})
        super().__init__(message)


class Schema:
    """A JSON Schema from a file in a vendor's package, with some of its `$defs` added."""

    def __init__(self, package: str, name: str, **definitions: Any) -> None:
        schema = read_json(package, name)
        schema.setdefault("$defs", {}).update(definitions)
        self._validator = Draft202012Validator(schema, format_checker=_FORMATS)

    def check(self, value: Any) -> None:
        """Raise BadRequest if the value does not fit the schema."""
        errors = list(self._validator.iter_errors(value))
        if (worst := best_match(errors)) is None:
            return
        where = "".join(f"{name}: " for name in worst.absolute_path)
        # The message of an enum with hundreds of fields would fill several pages.
        text = worst.message if len(worst.message) < 300 else f"{worst.message[:140]} ... {worst.message[-140:]}"
        raise BadRequest(where + text, _group_by_field(errors))


def read_json(package: str, name: str) -> Any:
    """Parse a JSON file of a package."""
    return json.loads(files(package).joinpath(name).read_text(encoding="utf-8"))


def _group_by_field(errors: Iterable[ValidationError]) -> dict[str, list[str]]:
    """The messages for each field that is missing, unknown or wrong, by its name."""
    found: dict[str, list[str]] = {}
    for error in errors:
        if error.absolute_path:
            names = [str(error.absolute_path[0])]
        elif error.validator == "required":
            names = [name for name in error.validator_value if name not in error.instance]
        elif error.validator == "additionalProperties":
            names = sorted(error.instance.keys() - error.schema["properties"].keys())
        else:
            names = ["non_field_errors"]
        for name in names:
            if error.message not in found.setdefault(name, []):
                found[name].append(error.message)
    return found


def _format(allows: Callable[[str], object]) -> tuple[Callable[[object], bool], tuple[type[Exception], ...]]:
    """A format for the format checker, from a function that returns something true for allowed text, or raises."""
    return lambda value: not isinstance(value, str) or bool(allows(value)), (KeyError, ValueError, OSError)


_FORMATS.checkers = {
    "date": _format(lambda text: read_date(text, is_time_allowed=False)),
    "local-date": _format(read_date),
    "date-time": _format(lambda text: "T" in text and datetime.fromisoformat(text).tzinfo),
    "time-zone": _format(ZoneInfo),
}
