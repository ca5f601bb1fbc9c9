"""Requests to a vendor, and where to find values in its answers."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from worker.sources.schema.declared import Declared

# Placeholders that Millrace itself fills, besides parameters. Credentials are placeholders only inside `auth`.
ENGINE_NAMES = frozenset({"report_id", "limit", "offset", "page_number", "page_size", "token", "link"})
Paths = list[str]

Placeholder = Annotated[str, Field(pattern=r"^\{[A-Za-z_][\w-]*\}$")]


class Request(Declared):
    """One HTTP request.

    `path` is relative to the connection's base; at most one of `json` and `form` is given. `path_on_404` is tried once
    if `path` answers 404, for vendors that do not say whether it ends with a slash. A `query` that is text is sent as
    written; values in it are percent-encoded, and a part between two `&` whose placeholder has no value is left out.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    path: str
    path_on_404: str | None = None
    query: dict[str, Any] | str = {}
    headers: dict[str, str] = {}
    json_body: Any = Field(default=None, alias="json")
    form: dict[str, Any] | None = None


class Selector(Declared):
    """Where to find a value in an answer: at a `path` of its body, or in a `header`.

    With `pattern`, a regular expression, the value is what it matches in the text there: its group, or the whole match.
    """

    path: str | None = None
    header: str | None = None
    pattern: str | None = None

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        if (self.path is None) == (self.header is None):
            raise ValueError("one of path and header")
        try:
            groups = re.compile(self.pattern or "").groups
        except re.error as error:
            raise ValueError(f"a regular expression ({error})") from None
        if groups > 1:
            raise ValueError("a pattern with at most one group")
        return self


Selectors = list[str | Selector]
"""The first that leads to a value is used; a string is a path in the body."""
