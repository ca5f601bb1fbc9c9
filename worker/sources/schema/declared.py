"""The base class of all models of a source file, and types that several of them use."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from worker.durations import parse_duration
from worker.errors import BadInput
from worker.json_path import is_choice

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
# Some vendors have statuses of their own beyond 599.
RefusalStatus = Annotated[int, Field(ge=400, le=999)]
Status = Annotated[int, Field(ge=200, le=999)]
UnusualStatus = Annotated[int, Field(ge=300, le=999)]
"""A refusal or a redirect."""
_HEADER_NAME = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
Text = Annotated[str, Field(min_length=1)]
"""Text that is not empty."""
_DURATION = r"^[1-9][0-9]*[smhdw]$"


def _as_duration(value: Any) -> Any:
    """The value if it is a duration. Pydantic would show a pattern or ask for text, not say what to write."""
    try:
        parse_duration(str(value), "")
    except BadInput as wrong:
        raise ValueError(wrong.allowed) from None
    return value


Duration = Annotated[str, Field(pattern=_DURATION), BeforeValidator(_as_duration)]


def _as_header_name(value: Any) -> Any:
    if not isinstance(value, str) or not re.fullmatch(_HEADER_NAME, value):
        raise ValueError("the name of a header, such as X-Api-Key")
    return value


HeaderName = Annotated[str, Field(pattern=f"^{_HEADER_NAME}$"), BeforeValidator(_as_header_name)]


def only(is_right: Callable[[str], object], allowed: str) -> AfterValidator:
    """Accepts only text for which `is_right` is true; the message for any other says what is allowed."""

    def check(text: str) -> str:
        if not is_right(text):
            raise ValueError(allowed)
        return text

    return AfterValidator(check)


def _may_lead_to_value(path: str) -> bool:
    # A path such as `$.next` would lead to nothing, so that a report would end after its first page without a word.
    has_brackets = any(("[" in step or "]" in step) and not is_choice(step) for step in path.split("."))
    return not has_brackets and not path.startswith(("$.", "$[", "/"))


JsonPathWithStar = Annotated[
    str,
    only(
        _may_lead_to_value,
        "names and positions joined by dots, such as data.0.rows, or [name=value] for one member of a list",
    ),
]
"""Where values are in a JSON body, as `worker.sources.schema` describes it; `*` is any member of a list or object."""
JsonPath = Annotated[
    JsonPathWithStar, only(lambda path: "*" not in path.split("."), "a path to one value, without `*`")
]
"""Where one value is in a JSON body."""


def _as_regex(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"a regular expression ({error})") from None
    return pattern


Regex = Annotated[str, AfterValidator(_as_regex)]


class Declared(BaseModel):
    """A model that forbids unknown fields, so that a typo fails when the file is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False)
