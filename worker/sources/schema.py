"""What a source file may say: one vendor, in a closed vocabulary.

A placeholder is `{name}`: a parameter of the report, or one of ENGINE_NAMES; `{name:%Y%m%d}` is a date or time in that
form, `{name|integer}` the value as a number, `{name|json}` as JSON text. A string that is nothing but a placeholder
becomes the value itself, with its type; in a longer string the value stands as text; `{{name}}` is the text `{name}`. A
key whose placeholder has no value is left out. There are no expressions. A path is names and list positions joined by
dots: `data.rows`, `0.id`; the empty path is the whole body. Where a list of paths is allowed, the first that leads to a
value wins. A list within a list of allowed values is spread, so that YAML anchors can share names.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
Duration = Annotated[str, Field(pattern=r"^[1-9][0-9]*[smhdw]$")]
ColumnType = Literal["string", "integer", "number", "boolean", "datetime"]
ParamType = Literal[
    "string", "integer", "number", "boolean", "list", "object", "any", "date", "datetime", "local-datetime", "timezone"
]
# What the engine itself knows besides parameters; credentials stand inside `auth` only.
ENGINE_NAMES = frozenset({"report_id", "limit", "offset", "page_number", "page_size", "token", "link"})
Paths = list[str]
Placeholder = Annotated[str, Field(pattern=r"^\{[A-Za-z_][\w-]*\}$")]


def status_word(value: Any) -> Any:
    """A status as statuses are compared: trimmed, in lower case, a number in its digits. None where it is none."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:.15g}"
    return value.strip().lower() if isinstance(value, str) else None


StatusWord = Annotated[str, BeforeValidator(status_word, json_schema_input_type=str | float | bool)]


class Declared(BaseModel):
    """Forbids what is not declared, so that a typo fails when the file is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Request(Declared):
    """One HTTP request.

    `path` starts at the connection's base; at most one of `json` and `form`. `path_on_404` is tried once where `path`
    answers 404: for vendors who do not say whether a slash ends it. A `query` that is a text is sent as it is written;
    the values in it are percent-encoded, and a part between two `&` whose placeholder has no value is left out.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    path: str
    path_on_404: str | None = None
    query: dict[str, Any] | str = {}
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
    name: str = Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
    value: str


class QueryAuth(Declared):
    """A key in the query string."""

    kind: Literal["query"]
    name: str
    value: str


TokenPlace = Annotated[HeaderAuth | QueryAuth, Field(discriminator="kind")]


def _bearer() -> HeaderAuth:
    return HeaderAuth(kind="header", name="Authorization", value="Bearer {token}")


class SessionAuth(Declared):
    """A login whose answer holds a token at `token`, or in the header `token_header`, sent until it expires.

    `send` says where the token goes, as `{token}`; unless said, it is `Authorization: Bearer {token}`. `basic` names
    the two credentials the login itself is authorised with; without it the login's own body carries them. Any status
    in `renew_on` means that the token is no longer accepted; it is renewed once.
    """

    kind: Literal["session"]
    login: Request
    basic: tuple[str, str] | None = None
    token: str = "access_token"  # noqa: S105 - a path
    token_header: str | None = None
    expires_in: str = "expires_in"
    default_lifetime_seconds: int = Field(default=3600, ge=1)
    renew_on: list[int] = [401]
    send: TokenPlace = Field(default_factory=_bearer)


class OAuth2Auth(Declared):
    """OAuth2: client credentials, a password, or a refresh token that a person once got by consenting.

    A refresh token the vendor gives with an access token is used for the next one; of the grant `refresh_token`,
    whatever the vendor puts in the first one's place is kept in Redis for all workers. `token_url` is absolute, or
    starts at the connection's base when it begins with `/`; `token_path` is added to an absolute one that has no path.
    `client` says where id and secret go: in the form (`body`), or as user and password, form-encoded as RFC 6749 wants
    them (`basic`) or as they are (`basic-unencoded`); an empty `client_secret` is not sent in the form. `extra` is
    added to the form (audience, scope). `renew_on` and `send` are as for a session.
    """

    kind: Literal["oauth2"]
    grant: Literal["client_credentials", "password", "refresh_token"]
    token_url: str
    token_path: str = ""
    client: Literal["basic", "basic-unencoded", "body"] = "body"
    client_id: str = "{client_id}"
    client_secret: str = "{client_secret}"  # noqa: S105 - a placeholder
    username: str = "{username}"
    password: str = "{password}"  # noqa: S105 - a placeholder
    refresh_token: str = "{refresh_token}"  # noqa: S105 - a placeholder
    extra: dict[str, str] = {}
    default_lifetime_seconds: int = Field(default=3600, ge=1)
    renew_on: list[int] = [401]
    send: TokenPlace = Field(default_factory=_bearer)


OneAuth = BasicAuth | BearerAuth | HeaderAuth | QueryAuth | SessionAuth | OAuth2Auth


class AllAuth(Declared):
    """Several ways at once, such as an access token and a developer's key. At most one of them fetches a token."""

    kind: Literal["all"]
    of: list[Annotated[OneAuth, Field(discriminator="kind")]] = Field(min_length=2)


Auth = Annotated[NoAuth | OneAuth | AllAuth, Field(discriminator="kind")]


Consequence = Literal["fail", "retry", "rate-limit", "login", "end"]


class ErrorShape(Declared):
    """How the vendor words an error: a body is one when `when` leads to a value other than null, empty or false.

    `equals` narrows that to a value or one of several, `unless` to anything but them, `contains` to text with these
    words in it; `""` is the whole body, which is text where it is not JSON. `then` is what follows: fail the job, ask
    again (retry), ask again after the seconds at `wait`, or so many, and let nobody else ask before (rate-limit), log
    in anew (login), or nothing more to read (end). Without it a refusal means what its status means, and an error in a
    success fails the job. The other paths say where to find what a person needs.
    """

    when: str
    equals: Any = None
    unless: Any = None
    contains: str | None = None
    then: Consequence | None = None
    wait: str | Annotated[float, Field(gt=0)] | None = None
    code: str | None = None
    message: str | None = None
    request_id: str | None = None


class JsonRows(Declared):
    """One JSON document. `rows` are the places a list of rows may stand.

    `*` on such a place is any member of a list or an object: `*.results` for rows in batches. Rows that are lists take
    their names from `columns`: the place of a list of names, or of objects with a name at `column_name`; it may stand
    behind the rows. With `object_is_row`, an object at such a place is the one row where no list is found.
    `comma_joined` accepts objects joined by commas where a list was meant. `skip_empty` drops `[]` and `{}` rows.
    `has_more` says whether more pages follow, whatever `next` holds. With `absent_is_empty`, no list anywhere, or null
    in its place, means no rows; else it is an error.
    """

    kind: Literal["json"]
    rows: Paths = Field(min_length=1)
    object_is_row: bool = False
    absent_is_empty: bool = False
    total: Paths = []
    total_pages: Paths = []
    next: Paths = []
    has_more: Paths = []
    errors: list[ErrorShape] = []
    comma_joined: bool = False
    skip_empty: bool = False
    columns: str | None = None
    column_name: str = "name"


class StreamHeader(Declared):
    """The first object of a stream: a `name` for each of `columns`, and a `total` or -1."""

    columns: str = "fields"
    name: str = "name"
    total: str = "total_items_count"


class Ndjson(Declared):
    """JSON objects one after another.

    With `header`, the first object names the columns and may count the rows. An object whose one key is `metadata` is
    no row.
    """

    kind: Literal["ndjson"]
    header: StreamHeader | None = None
    metadata: str | None = None
    errors: list[ErrorShape] = []


class Delimited(Declared):
    """CSV, TSV and the like.

    The header must hold the columns the report declares; other columns are kept. Every row is as wide as the header.
    """

    kind: Literal["delimited"]
    delimiter: str = Field(default=",", description="one character between values")
    delimiters: list[str] = Field(default=[], description="instead of `delimiter`: one of these, as the header shows")
    header: bool | str = Field(
        default=True,
        description="whether names stand above the rows; a placeholder takes the answer from a boolean parameter",
    )
    columns: list[str] = Field(default=[], description="the names, in their order, where the file has no header")
    required: list[str] | None = Field(
        default=None,
        description="the names the header must hold: without it those of the report's `columns`, or, where "
        "`columns_from` says which were asked for, those",
    )
    preamble: Annotated[int, Field(ge=0)] | Literal["any"] = Field(
        default=0,
        description="how many lines stand before the header (before the rows where there is none), or `any`: then the "
        "header is the first line, of the first 100, that holds every required column",
    )
    preamble_count: str | None = Field(
        default=None,
        description="what the first value of a line before the header says, with `{count}` for the number of rows, "
        "which is then proof: `Rows: {count}`",
    )
    footer: list[str] = Field(
        default=[],
        description="what the first value of a line behind the rows says: `*` stands for anything, `{count}` for "
        'the number of rows, which is then proof, and `""` is an empty one. Behind the first such line narrower lines '
        "are no rows either, and a row fails the job. A file without its footer may be cut",
    )
    footer_is_optional: bool = Field(default=False, description="the vendor may leave out the footer of a whole file")
    quote: str = Field(default='"', description="one character around values, or `none`: quotes are plain characters")
    escape: str | None = Field(default=None, description="one character that makes the next one plain, such as `\\`")
    line_end: Literal["lf", "cr"] = Field(default="lf", description="`lf`, with or without CR before it, or only `cr`")
    missing_fields: Literal["fail", "null"] = Field(
        default="fail", description="what a row narrower than the header means: a mistake, or null for the last columns"
    )
    extra_fields: Literal["fail", "drop"] = Field(
        default="fail", description="what a row wider than the header means: a mistake, or values nobody needs"
    )
    same_names: Literal["fail", "number"] = Field(
        default="fail",
        description="what columns of one name mean: a mistake, or that the second `Clicks` is `Clicks_2`",
    )
    encoding: str | None = Field(
        default=None,
        description="the character set, such as `shift_jis`: without it the one of Content-Type, else utf-8. A byte "
        "order mark goes before all",
    )
    errors: list[ErrorShape] = []


Format = Annotated[JsonRows | Ndjson | Delimited, Field(discriminator="kind")]


class SinglePage(Declared):
    kind: Literal["single"] = "single"
    total_capped_at: int | None = None


class Paged(Declared):
    """What every kind of paging in several requests may say.

    `end_statuses`: a refusal of these statuses, where no count promises rows and its body fits no declared error, means
    that there are no more pages. Any other refusal fails the page, since a refusal is no proof of an end.
    """

    end_statuses: list[Annotated[int, Field(ge=400, le=499)]] = []


class OffsetPaging(Paged):
    """`limit` rows from `offset` on, the first of them at `first`; both go in the query or, by path, in the JSON body.

    Pages can be addressed in advance, so many are read at once. `limit` may be a placeholder. `ends_with`: the last
    page is the one before an empty one, or a short one. A total of exactly `total_capped_at` may mean more; here and in
    SinglePage it is then no proof.
    """

    kind: Literal["offset"]
    limit: Annotated[int, Field(ge=1)] | Placeholder
    first: int = Field(default=0, ge=0)
    limit_param: str = "limit"
    offset_param: str = "offset"
    place: Literal["query", "json"] = "query"
    ends_with: Literal["empty", "short"] = "empty"
    total_capped_at: int | None = None


class PageNumberPaging(Paged):
    """Numbered pages; both numbers go in the query or, by path, in the JSON body.

    `size` may be a placeholder. `ends_with` is as for OffsetPaging; `short` is measured by `size`.
    """

    kind: Literal["page-number"]
    size: Annotated[int, Field(ge=1)] | Placeholder | None = None
    first: int = 1
    number_param: str = "page"
    size_param: str | None = None
    place: Literal["query", "json"] = "query"
    ends_with: Literal["empty", "short"] = "empty"


class LinkPaging(Paged):
    """The next page's address is in the body (`JsonRows.next`) or in a header, of `Link` the one called `next`.

    The last page names no next; with `ends_with: empty` it is the one before an empty one, whatever that names.
    """

    kind: Literal["link"]
    place: Literal["body", "header"] = "body"
    header: str = "Link"
    ends_with: Literal["no-next", "empty"] = "no-next"


class TokenPaging(Paged):
    """The body (`JsonRows.next`), or `header`, holds a token that takes the place of the request's `param`.

    `place` says where the request has it. `ends_with` is as for LinkPaging.
    """

    kind: Literal["token"]
    param: str
    place: Literal["query", "json"] = "query"
    header: str | None = None
    ends_with: Literal["no-next", "empty"] = "no-next"


Paging = Annotated[SinglePage | OffsetPaging | PageNumberPaging | LinkPaging | TokenPaging, Field(discriminator="kind")]


class Selector(Declared):
    """Where a value stands in an answer: at a `path` of its body, or in a `header`.

    With `pattern`, a regular expression, the value is what it finds in the text there: its one group, or all of it.
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
"""The first that leads to a value counts; a text is a path of the body."""


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


class Duplicate(Declared):
    """A refusal that names the report an earlier request for the same made. One that names none is as any other."""

    statuses: list[int] = Field(min_length=1)
    report_id: Selectors = Field(min_length=1)


class Submit(Declared):
    """Ask the vendor to prepare a report. `is_repeatable`: asking twice makes no second report.

    The answer holds the report's id, or the address to poll at `poll_link`, or both. `refused` maps paths in the answer
    to values that mean no. `ask_anew_at_most`: how often, in all, the report is asked for again where the vendor says
    one of the poll's words `ask_anew` or has the prepared report no longer.
    """

    request: Request
    report_id: Selectors = []
    poll_link: Selectors = []
    duplicate: Duplicate | None = None
    refused: dict[str, list[Any]] = {}
    is_repeatable: bool = False
    adopt: Adoption | None = None
    grace_seconds: int = 60
    ask_anew_at_most: int = Field(default=1, ge=0)


class Poll(Declared):
    """Ask whether the report is ready, by `request`, or by a GET of the submit's `poll_link` where there is none.

    `waits_on` are HTTP statuses that mean not yet, and `empty` an empty body; `done_on` those that mean ready, such as
    303. Any other success is judged by the word at `status`, or means ready where no `status` is declared. Words are
    compared trimmed and in lower case, numbers and true by their spelling; a word in no list waits. After one of
    `ask_anew` the report is asked for again, a bounded number of times (see Submit).

    Where the answer is a list at `reports`, ours is the one whose `id` is our report id, never simply the first.
    `ready_when_set` leads to a value that alone means ready. `link` leads to the rows' address, or to those of several
    files: `files.*.url`. With `no_link_is_no_rows`, ready without one means that there are none; else it is waited for.
    With `holds_rows` the rows are in the ready answer itself: the `poll_link` is asked again and read. `total` may run
    behind while the vendor still prepares; a page's own total is the better one.
    """

    request: Request | None = None
    every_seconds: float = Field(default=15, gt=0)
    waits_on: list[int | Literal["empty"]] = []
    done_on: list[int] = []
    reports: str | None = None
    id: str = "id"
    status: Selectors = []
    done: list[StatusWord] = []
    failed: list[StatusWord] = []
    ask_anew: list[StatusWord] = []
    ready_when_set: str | None = None
    total: Selectors = []
    link: Selectors = []
    no_link_is_no_rows: bool = False
    holds_rows: bool = False
    match: dict[str, Any] = Field(
        default={},
        description="what a report that is ready must say of itself, by its places, where it says anything there: the "
        "values it was asked for with. Another report is not read",
    )
    expires_at: str | None = None
    listing_grace_seconds: int = 60
    missing_link_grace_seconds: int = 60


class Discard(Declared):
    """Tell the vendor that nobody wants a prepared report any more, once its job has ended so: cancel or delete it.

    Done once, with a few seconds of patience; whether it worked changes nothing for the job.
    """

    request: Request
    after: list[Literal["cancelled", "failed", "done"]] = Field(default=["cancelled"], min_length=1)


class Read(Declared):
    """Read the report's rows.

    `when` chooses among several: a parameter's value, or `"*"` for any value given. `request` answers with the rows; or
    `resolve` answers with their address at `link` and their number at `total`; with neither, the rows are at the poll's
    link. `link_kind` says how far an address is trusted, and a redirect: `api` is put on our own base, `download` may
    be another https host. `rows_at_most` names a parameter that limits the rows: a total greater than it is no
    contradiction.
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

    `date_adds` completes a bare date (`T23:59:59.000`); without it a datetime is the date's midnight, and a
    local-datetime is sent as it was given. `needs` and `excludes` name parameters that must or must not be
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
    parameters that mean the dates covered; `*` is any list position. `window_ends` says whether `to` itself is covered,
    `window_form` how a date is written there (`%Y%m%d%H`) where the parameter's type does not say it.
    `columns_from` types the columns that a list parameter names, unless `columns` does.
    """

    title: str
    params: dict[str, Param] = {}
    one_of: list[list[str]] = []
    json_schema: dict[str, Any] | None = Field(default=None, alias="schema")
    window: dict[Literal["from", "to"], str] | None = None
    window_ends: Literal["inclusive", "exclusive"] = "inclusive"
    window_form: str | None = None
    window_at_most: Duration | None = Field(
        default=None, description="the longest window the vendor takes, such as `31d`; a longer one is not sent"
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


class Check(Declared):
    """What shows that an account's credentials work.

    A way of authenticating that fetches a token shows it by that alone. `request` is the cheapest one the vendor
    authorises, sent beside it; it has no placeholders. `note` says why there is none.
    """

    request: Request | None = None
    note: str = ""


class Detail(Declared):
    """What the vendor says about each row of a discovery: one more request, with the row's fields as placeholders.

    `lists` leads, by name, to lists in the answer; `name` to what stands for each of their entries (else all of it).
    """

    title: str
    request: Request
    lists: dict[str, str] = Field(min_length=1)
    name: str = ""


class Discovery(Declared):
    """What the vendor itself says it has: the rows of a report of this source that can be asked for without parameters.

    `columns` are those a person wants to see, all of them where none is named.
    """

    title: str
    report: str
    columns: list[str] = []
    details: list[Detail] = []


class Limits(Declared):
    """What the vendor allows one account, shared by all workers."""

    requests_per_second: float = Field(default=5, gt=0)
    reports_at_once: int = Field(default=10, ge=1)
    streams_at_once: int = Field(default=4, ge=1)


class Source(Declared):
    """One vendor.

    `alias_hosts` are other hosts by which the vendor calls its own API in links; such a link is put on our base.
    The first of `auth` whose credentials are there is used; `definitions` is for anchors and schemas. `check` tries an
    account, `discover` asks the vendor what there is. `note` is for people, such as how credentials are had.
    """

    source: Name
    title: str
    base_url: str | None = None
    docs: str = ""
    note: str = ""
    alias_hosts: list[str] = []
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
