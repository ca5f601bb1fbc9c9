"""Requests to a vendor, and where to find values in its answers."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from worker.sources.schema.declared import Declared, HeaderName, JsonPath, JsonPathWithStar, Regex, only

UrlPath = Annotated[
    str,
    only(
        re.compile(r"/[^?#]*").fullmatch,
        "a path that starts with / and has no ? or #; what comes after a ? goes into `query`",
    ),
]
QueryAsWritten = Annotated[
    str,
    only(
        re.compile(r"(?![?&])[!\"$-~]*").fullmatch,
        "a query without ? in front, # and blanks; letters beyond ASCII are percent-encoded",
    ),
]

Placeholder = Annotated[str, Field(pattern=r"^\{[A-Za-z_][\w-]*\}$")]


class Request(Declared):
    """One HTTP request.

    `path` is relative to the connection's base; at most one of `json` and `form` is given. A `query` that is text is
    sent as written; values in it are percent-encoded, and a part between two `&` whose placeholder has no value is left
    out.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    path: UrlPath
    query: dict[str, Any] | QueryAsWritten = {}
    headers: dict[HeaderName, str] = {}
    json_body: Any = Field(default=None, alias="json")
    form: dict[str, Any] | None = None

    @model_validator(mode="before")
    @classmethod
    def _forget_absent_path(cls, content: Any) -> Any:
        """Jobs keep their source; in those from before 0.1.0 every request has `path_on_404`, mostly null."""
        is_absent = isinstance(content, dict) and content.get("path_on_404", ...) is None
        return {name: value for name, value in content.items() if name != "path_on_404"} if is_absent else content

    @property
    def paths(self) -> list[str]:
        """Every path that the request may be sent to."""
        return [self.path]


class RequestOfTwoPaths(Request):
    """A request that is sent to `path_on_404` once if `path` answers 404, for vendors that do not document a slash."""

    path_on_404: UrlPath | None = None

    @property
    def paths(self) -> list[str]:
        return [self.path] if self.path_on_404 is None else [self.path, self.path_on_404]


class Selector(Declared):
    """Where to find a value in an answer: at a `path` of its body, or in a `header`.

    With `pattern`, a regular expression, the value is what it matches in the text there: its group, or the whole match.
    """

    path: JsonPath | None = None
    header: HeaderName | None = None
    pattern: Regex | None = None

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        if (self.path is None) == (self.header is None):
            raise ValueError("one of path and header")
        if re.compile(self.pattern or "").groups > 1:
            raise ValueError("a pattern with at most one group")
        return self


class SelectorOfSeveral(Selector):
    """A selector whose path may have `*`, for any member of a list or an object."""

    path: JsonPathWithStar | None = None


Selectors = list[JsonPath | Selector]
"""The first that leads to a value is used; a string is a path in the body."""
