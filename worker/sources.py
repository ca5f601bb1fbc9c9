"""What a source file may say: one vendor, in a closed vocabulary.

A placeholder is `{name}`. A string that is nothing but a placeholder becomes the value itself, with its type; in a
longer string the value stands as text. A key whose placeholder has no value is left out. There are no expressions.
A path is names and list positions joined by dots: `data.rows`, `0.id`; the empty path is the whole body. Where a list of
paths is allowed, the first that leads to a value wins.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Paths = list[str]
ParamType = Literal["string", "integer", "number", "boolean", "date", "datetime", "list", "object", "any"]
ColumnType = Literal["string", "integer", "number", "boolean", "datetime"]


class Declared(BaseModel):
    """Forbids what is not declared, so that a typo fails when the file is read, with the name of the field."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


# ---------------------------------------------------------------- requests and auth


class Request(Declared):
    """One HTTP request. `path` starts at the connection's base; at most one of `json_body` and `form`."""

    method: Literal["GET", "POST"] = "GET"
    path: str
    query: dict[str, Any] = {}
    headers: dict[str, str] = {}
    json_body: Any = Field(default=None, alias="json")
    form: dict[str, Any] | None = None


class NoAuth(Declared):
    kind: Literal["none"]


class BasicAuth(Declared):
    """`Authorization: Basic` with the credentials `username` and `password`."""

    kind: Literal["basic"]
    username: str = "{username}"
    password: str = "{password}"  # noqa: S105 - a placeholder


class BearerAuth(Declared):
    """`Authorization: Bearer` with a token that does not change."""

    kind: Literal["bearer"]
    token: str = "{token}"  # noqa: S105 - a placeholder


class HeaderAuth(Declared):
    """A header with a fixed value, such as `Authorization: Token {token}`."""

    kind: Literal["header"]
    name: str
    value: str


class QueryAuth(Declared):
    """A key in the query string."""

    kind: Literal["query"]
    name: str
    value: str


class SessionAuth(Declared):
    """A login request whose answer holds a token, sent as `Authorization: Bearer` until it expires.

    `basic` names the two credentials the login itself is authorised with; without it the login's own body carries them.
    """

    kind: Literal["session"]
    login: Request
    basic: tuple[str, str] | None = None
    token: str = "access_token"  # noqa: S105 - a path
    expires_in: str = "expires_in"
    default_lifetime_seconds: int = 3600


class OAuth2Auth(Declared):
    """OAuth2 client credentials or password grant; a refresh token is used where the vendor gives one.

    `token_url` is absolute, or a path on the connection's base's host when it starts with `/`. `client` says where id
    and secret go: `basic` or `body`. `extra` is added to the form (audience, scope).
    """

    kind: Literal["oauth2"]
    grant: Literal["client_credentials", "password"]
    token_url: str
    client: Literal["basic", "body"] = "body"
    client_id: str = "{client_id}"
    client_secret: str = "{client_secret}"  # noqa: S105 - a placeholder
    username: str = "{username}"
    password: str = "{password}"  # noqa: S105 - a placeholder
    extra: dict[str, str] = {}
    default_lifetime_seconds: int = 3600


Auth = Annotated[
    NoAuth | BasicAuth | BearerAuth | HeaderAuth | QueryAuth | SessionAuth | OAuth2Auth, Field(discriminator="kind")
]

# ---------------------------------------------------------------- formats: how rows stand in a response


class ErrorShape(Declared):
    """How the vendor words an error inside a body, whatever the status: it is one when `when` leads to a value.

    `equals` narrows that to one value. The other paths say where to find what a person needs.
    """

    when: str
    equals: Any = None
    code: str | None = None
    message: str | None = None
    request_id: str | None = None


class JsonRows(Declared):
    """One JSON document. `rows` are the places the rows may stand: lists, or an object that is the one row.

    `comma_joined` accepts objects joined by commas where a list was meant. `skip_empty` drops `[]` and `{}` rows.
    """

    kind: Literal["json"]
    rows: Paths
    total: Paths = []
    total_pages: Paths = []
    next: Paths = []
    errors: list[ErrorShape] = []
    comma_joined: bool = False
    skip_empty: bool = False


class Ndjson(Declared):
    """JSON objects one after another. With `header`, the first object names the columns and may count the rows."""

    kind: Literal["ndjson"]
    header: StreamHeader | None = None
    metadata: str | None = None
    errors: list[ErrorShape] = []
    reader: Literal["ijson", "lines"] | None = None


class StreamHeader(Declared):
    """The first object of a stream: a list of columns at `columns`, each with its `name`, and the count at `total` (-1: unknown)."""

    columns: str = "fields"
    name: str = "name"
    total: str = "total_items_count"


class Delimited(Declared):
    """CSV or TSV. `columns` are the names where the file has none, in order."""

    kind: Literal["delimited"]
    delimiter: str = ","
    delimiters: list[str] = []
    header: bool | str = True
    columns: list[str] = []
    encoding: Literal["utf-8"] = "utf-8"


Format = Annotated[JsonRows | Ndjson | Delimited, Field(discriminator="kind")]

# ---------------------------------------------------------------- paging: how to address the next page


class SinglePage(Declared):
    kind: Literal["single"] = "single"


class OffsetPaging(Declared):
    """`limit` rows from `offset` on. Pages can be addressed in advance, so many are read at once."""

    kind: Literal["offset"]
    limit: int
    limit_param: str = "limit"
    offset_param: str = "offset"
    total_capped_at: int | None = None


class PageNumberPaging(Declared):
    """Numbered pages. `size` may be a placeholder; `place` says whether the numbers go in the query or, by path, the JSON body."""

    kind: Literal["page-number"]
    size: int | str | None = None
    first: int = 1
    number_param: str = "page"
    size_param: str | None = None
    place: Literal["query", "json"] = "query"


class LinkPaging(Declared):
    """The response holds the next page's address, in the body (`JsonRows.next`) or in the `Link` header."""

    kind: Literal["link"]
    place: Literal["body", "header"] = "body"


class TokenPaging(Declared):
    """The response holds a token (`JsonRows.next`) that is sent back as `param`."""

    kind: Literal["token"]
    param: str
    place: Literal["query", "json"] = "query"


Paging = Annotated[
    SinglePage | OffsetPaging | PageNumberPaging | LinkPaging | TokenPaging, Field(discriminator="kind")
]

# ---------------------------------------------------------------- the life of a report


class Adoption(Declared):
    """How to find a report we may have asked for without hearing the answer: in the vendor's list of reports.

    `match` maps paths in a listed report to what must stand there; `created_at` must not be before the attempt.
    A report may be missing from the list for `grace_seconds` after it was made.
    """

    request: Request
    rows: str
    id: str = "id"
    created_at: str = "created_at"
    match: dict[str, Any]
    grace_seconds: int = 60


class Submit(Declared):
    """Ask the vendor to prepare a report. `is_repeatable`: asking twice makes no second report."""

    request: Request
    report_id: Paths
    refused: dict[str, list[Any]] = {}
    is_repeatable: bool = False
    adopt: Adoption | None = None
    grace_seconds: int = 60


class Poll(Declared):
    """Ask whether the report is ready.

    Where the answer is a list at `reports`, ours is the one whose `id` is our report id, never simply the first. Words are
    compared trimmed and in lower case; a word in neither list waits. `ready_when_set` leads to a value that alone means ready.
    """

    request: Request
    every_seconds: float = 15
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
    """Read the report's rows. `when` chooses among several: a parameter's value, or `"*"` for any value given.

    `resolve` is a request whose answer holds, at `link`, the address of the rows; without it, `link` names the poll's link.
    `link_kind` says how far such an address is trusted: `api` is put on our own base, `download` may be another https host.
    """

    when: dict[str, Any] = {}
    request: Request | None = None
    resolve: Request | None = None
    link: Paths = []
    link_kind: Literal["api", "download"] = "api"
    format: Format
    paging: Paging = SinglePage()
    empty_body_is_no_rows: bool = False


class Param(Declared):
    """One parameter of a report, under the vendor's own name."""

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
    json_schema: dict[str, Any] | None = Field(default=None, alias="schema")
    help: str = ""


class Report(Declared):
    """One report of a vendor."""

    title: str
    params: dict[str, Param] = {}
    one_of: list[list[str]] = []
    window: dict[Literal["from", "to"], str] | None = None
    submit: Submit | None = None
    poll: Poll | None = None
    read: list[Read] = Field(min_length=1)
    columns: dict[str, ColumnType] = {}
    proof: Literal["count", "end", "none"]
    replay: Literal["stable", "unstable"]
    note: str = ""


class Limits(Declared):
    """What the vendor allows one account, shared by all workers."""

    requests_per_second: float = 5
    reports_at_once: int = 10
    streams_at_once: int = 4


class Source(Declared):
    """One vendor."""

    source: str
    title: str
    base_url: str | None = None
    docs: str = ""
    auth: list[Auth] = Field(min_length=1)
    limits: Limits = Limits()
    retry_statuses: list[int] = [408, 425, 429, 500, 502, 503, 504]
    errors: list[ErrorShape] = []
    ready_within: str = "2h"
    finish_within: str = "24h"
    reports: dict[str, Report]
