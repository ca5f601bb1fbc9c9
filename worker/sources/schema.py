"""What a source file may say: one vendor, in a closed vocabulary.

A placeholder is `{name}`: a parameter of the report, or one of ENGINE_NAMES. A string that is nothing but a placeholder
becomes the value itself, with its type; in a longer string the value stands as text; `{{name}}` is the text `{name}`. A
key whose placeholder has no value is left out. There are no expressions. A path is names and list positions joined by
dots: `data.rows`, `0.id`; the empty path is the whole body. Where a list of paths is allowed, the first that leads to a
value wins. A list within a list of allowed values is spread, so that YAML anchors can share names.
"""

# ruff: noqa: RUF012 - these are pydantic models, which copy a default before it is used
from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from worker.sources.account import Check, Detail, Discovery
from worker.sources.wire import (
    Auth,
    BasicAuth,
    BearerAuth,
    Declared,
    Delimited,
    ErrorShape,
    Format,
    HeaderAuth,
    JsonRows,
    LinkPaging,
    Ndjson,
    NoAuth,
    OAuth2Auth,
    OffsetPaging,
    PageNumberPaging,
    Paging,
    Paths,
    QueryAuth,
    Request,
    SessionAuth,
    SinglePage,
    StreamHeader,
    TokenPaging,
)

__all__ = [
    "ENGINE_NAMES",
    "Adoption",
    "Auth",
    "BasicAuth",
    "BearerAuth",
    "Check",
    "ColumnType",
    "Declared",
    "Delimited",
    "Detail",
    "Discovery",
    "ErrorShape",
    "Format",
    "HeaderAuth",
    "JsonRows",
    "Limits",
    "LinkPaging",
    "Ndjson",
    "NoAuth",
    "OAuth2Auth",
    "OffsetPaging",
    "PageNumberPaging",
    "Paging",
    "Param",
    "ParamType",
    "Paths",
    "Poll",
    "QueryAuth",
    "Read",
    "Report",
    "Request",
    "SessionAuth",
    "SinglePage",
    "Source",
    "StreamHeader",
    "Submit",
    "TokenPaging",
]

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
Duration = Annotated[str, Field(pattern=r"^[1-9][0-9]*[smhdw]$")]
ColumnType = Literal["string", "integer", "number", "boolean", "datetime"]
ParamType = Literal[
    "string", "integer", "number", "boolean", "list", "object", "any", "date", "datetime", "local-datetime", "timezone"
]
# What the engine itself knows besides parameters; credentials stand inside `auth` only.
ENGINE_NAMES = frozenset({"report_id", "limit", "offset", "page_number", "page_size", "token", "link"})


class Adoption(Declared):
    """How to find a report we may have asked for, in the vendor's list of reports.

    `match` maps paths in a listed report to what must stand there, where absent, null and empty are alike and the
    order of keys does not count; `created_at` must not be before the attempt. `next` leads to the list's next page.
    A report may be missing from the list for `grace_seconds` after it was made.
    """

    request: Request
    rows: str
    next: Paths = []
    id: str = "id"
    created_at: str = "created_at"
    match: dict[str, Any]
    grace_seconds: int = 60


class Submit(Declared):
    """Ask the vendor to prepare a report. `is_repeatable`: asking twice makes no second report.

    `refused` maps paths in the answer to values that mean no.
    """

    request: Request
    report_id: Paths
    refused: dict[str, list[Any]] = {}
    is_repeatable: bool = False
    adopt: Adoption | None = None
    grace_seconds: int = 60


class Poll(Declared):
    """Ask whether the report is ready.

    Where the answer is a list at `reports`, ours is the one whose `id` is our report id, never simply the first. Words
    are compared trimmed and in lower case; a word in neither list waits. `ready_when_set` leads to a value that alone
    means ready. `total` may run behind while the vendor still prepares; a page's own total is the better one.
    """

    request: Request
    every_seconds: float = Field(default=15, gt=0)
    reports: str | None = None
    id: str = "id"
    status: Paths
    done: list[str]
    failed: list[str]
    ready_when_set: str | None = None
    total: Paths = []
    link: Paths = []
    expires_at: str | None = None
    listing_grace_seconds: int = 60
    missing_link_grace_seconds: int = 60


class Read(Declared):
    """Read the report's rows.

    `when` chooses among several: a parameter's value, or `"*"` for any value given. `request` answers with the rows; or
    `resolve` answers with their address at `link` and their number at `total`; with neither, the rows are at the poll's
    link. `link_kind` says how far an address is trusted: `api` is put on our own base, `download` may be another https
    host. `rows_at_most` names a parameter that limits the rows: a total greater than it is no contradiction.
    """

    when: dict[str, Any] = {}
    request: Request | None = None
    resolve: Request | None = None
    link: Paths = []
    total: Paths = []
    link_kind: Literal["api", "download"] = "api"
    format: Format
    paging: Paging = SinglePage()
    rows_at_most: str | None = None
    empty_body_is_no_rows: bool = False


class Param(Declared):
    """One parameter of a report, under the vendor's own name; null counts as not given.

    `date_adds` completes a bare date (`T23:59:59.000`). `needs` and `excludes` name parameters that must or must not be
    given beside it. `join` sends a list as one text. `schema` is a JSON Schema; it may refer to `#/definitions/NAME`.
    """

    type: ParamType = "string"
    required: bool = False
    default: Any = None
    allowed: list[Any] | None = None
    pattern: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    items: ParamType | None = None
    items_allowed: list[Any] | None = None
    min_items: int | None = None
    max_items: int | None = None
    unique: bool = False
    date_adds: str = ""
    needs: list[str] = []
    excludes: list[str] = []
    join: str | None = None
    json_schema: dict[str, Any] | None = Field(default=None, alias="schema")
    help: str = ""


class Report(Declared):
    """One report of a vendor.

    `one_of`: of each group of parameters exactly one is given. `schema` is for all of them. `window` leads to the
    parameters that mean the dates covered; `*` is any list position. `window_ends` says whether `to` itself is covered.
    `columns_from` types the columns that a list parameter names, unless `columns` does.
    """

    title: str
    params: dict[str, Param] = {}
    one_of: list[list[str]] = []
    json_schema: dict[str, Any] | None = Field(default=None, alias="schema")
    window: dict[Literal["from", "to"], str] | None = None
    window_ends: Literal["inclusive", "exclusive"] = "inclusive"
    submit: Submit | None = None
    poll: Poll | None = None
    read: list[Read] = Field(min_length=1)
    columns: dict[str, ColumnType] = {}
    columns_from: dict[str, ColumnType] = {}
    proof: Literal["count", "end", "none"]
    replay: Literal["stable", "unstable"]
    note: str = ""


class Limits(Declared):
    """What the vendor allows one account, shared by all workers."""

    requests_per_second: float = Field(default=5, gt=0)
    reports_at_once: int = Field(default=10, ge=1)
    streams_at_once: int = Field(default=4, ge=1)


class Source(Declared):
    """One vendor.

    The first of `auth` whose credentials are there is used; `definitions` is for anchors and schemas. `check` tries an
    account, `discover` asks the vendor what there is.
    """

    source: Name
    title: str
    base_url: str | None = None
    docs: str = ""
    auth: list[Auth] = Field(min_length=1)
    limits: Limits = Limits()
    retry_statuses: list[int] = [408, 425, 429, 500, 502, 503, 504]
    errors: list[ErrorShape] = []
    check: Check = Check()
    discover: list[Discovery] = []
    ready_within: Duration = "2h"
    finish_within: Duration = "24h"
    definitions: dict[str, Any] = {}
    reports: dict[Name, Report] = Field(min_length=1)
