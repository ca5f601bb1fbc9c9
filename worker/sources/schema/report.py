"""A report: its parameters, and how its rows are read."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from worker.sources.placeholders import names_in
from worker.sources.schema.declared import Declared, Duration, JsonPath, Regex, Text
from worker.sources.schema.formats import Delimited, Format, JsonRows, Ndjson
from worker.sources.schema.paging import Paging, SinglePage
from worker.sources.schema.preparation import Discard, Poll, Submit
from worker.sources.schema.request import Placeholder, Request

ColumnType = Literal["string", "integer", "number", "boolean", "datetime"]
ParamType = Literal[
    "string", "integer", "number", "boolean", "list", "object", "any", "date", "datetime", "local-datetime", "timezone"
]


class Read(Declared):
    """How the report's rows are read.

    `when` chooses among several reads: by the value of a parameter, or `"*"` for any value. The answer to `request` has
    the rows; or the answer to `resolve` has their address at `link` and their count at `total`; with neither, the rows
    are at the poll's link. In either request, `{link}` is what the poll's `link` leads to, such as the id of a file; of
    several files, each is a page. `link_kind` says how far an address or a redirect is trusted: `api` is put on our own
    base, `download` may be any https host. `rows_at_most` names a parameter that limits the rows; the total may be
    greater. `row_limit` is how many rows the vendor sends at most, leaving out the rest without a word: so many without
    a count fail the job.
    """

    when: dict[str, Any] = {}
    request: Request | None = None
    resolve: Request | None = None
    link: list[JsonPath] = []
    total: list[JsonPath] = []
    link_kind: Literal["api", "download"] = "api"
    format: Format
    paging: Paging = SinglePage()
    rows_at_most: str | None = None
    row_limit: Annotated[int, Field(ge=1)] | Placeholder | None = None
    empty_body_is_no_rows: bool = False

    @property
    def needs_link(self) -> bool:
        """Are the rows at the poll's link, or had by a request with `{link}` in it?"""
        request = self.request or self.resolve
        return request is None or "link" in names_in(request.model_dump())

    @property
    def totals(self) -> list[str]:
        """Where the vendor's count of rows is: paths, or lines of a CSV with `{count}`."""
        match self.format:
            case JsonRows() as found:
                return [*found.total, *self.total]
            case Ndjson(header=header) if header is not None:
                return [header.total, *self.total]
            case Delimited(footer=footer, preamble_count=above):
                return [*(text for text in (*footer, above or "") if "{count}" in text), *self.total]
        return list(self.total)


class Param(Declared):
    """One parameter of a report, under the vendor's own name; null counts as not given.

    `date_adds` is appended to a date without a time (`T23:59:59.000`); without it, a datetime is the date's midnight,
    and a local-datetime is sent as it was given. `needs` and `excludes` name parameters that must, or must not, be
    given with it. `join` is the separator with which a list is sent as one text. `schema` is a JSON Schema, which may
    refer to `#/definitions/NAME`.
    """

    type: ParamType = "string"
    required: bool = False
    default: Any = None
    allowed: list[Any] | None = Field(default=None, min_length=1)
    pattern: Regex | None = None
    minimum: float | None = None
    maximum: float | None = None
    items: ParamType | None = None
    items_allowed: list[Any] | None = Field(default=None, min_length=1)
    min_items: int | None = Field(default=None, ge=0)
    max_items: int | None = Field(default=None, ge=1)
    unique: bool = False
    date_adds: str = ""
    needs: list[str] = []
    excludes: list[str] = []
    join: Text | None = None
    json_schema: dict[str, Any] | None = Field(default=None, alias="schema")
    help: str = ""

    @property
    def is_always_given(self) -> bool:
        """Does every job have a value for it?"""
        return self.required or self.default is not None


class Report(Declared):
    """One report of a vendor.

    `one_of`: exactly one parameter of each group must be given. `schema` applies to all parameters together. `window`
    has the paths of the parameters for the dates covered; `*` is any list position. `window_ends` says whether `to`
    itself is covered, `window_form` is the format of the dates there (`%Y%m%d%H`) if the parameter's type does not say
    it. `columns_from` gives a type to the columns that a list parameter names, unless `columns` does.
    """

    title: str
    params: dict[str, Param] = {}
    one_of: list[list[str]] = []
    json_schema: dict[str, Any] | None = Field(default=None, alias="schema")
    window: dict[Literal["from", "to"], str] | None = None
    window_ends: Literal["inclusive", "exclusive"] = "inclusive"
    window_form: str | None = None
    window_at_most: Duration | None = Field(
        default=None, description="the longest window the vendor accepts, such as `31d`; a longer one is refused"
    )
    submit: Submit | None = None
    poll: Poll | None = None
    discard: Discard | None = None
    read: list[Read] = Field(min_length=1)
    columns: dict[str, ColumnType] = {}
    columns_from: dict[str, ColumnType] = {}
    proof: Literal["count", "end", "none"]
    replay: Literal["stable", "unstable"]
    note: str = ""
