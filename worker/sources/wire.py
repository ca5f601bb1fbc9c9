"""What a source file may say of one HTTP exchange: request, auth, format, paging."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Paths = list[str]


class Declared(BaseModel):
    """Forbids what is not declared, so that a typo fails when the file is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Request(Declared):
    """One HTTP request.

    `path` starts at the connection's base; at most one of `json` and `form`. `path_on_404` is tried once where `path`
    answers 404: for vendors who do not say whether a slash ends it.
    """

    method: Literal["GET", "POST"] = "GET"
    path: str
    path_on_404: str | None = None
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
    """A login whose answer holds a token, sent as `Authorization: Bearer` until it expires.

    `basic` names the two credentials the login itself is authorised with; without it the login's own body carries them.
    Any status in `renew_on` means that the token is no longer accepted; it is renewed once.
    """

    kind: Literal["session"]
    login: Request
    basic: tuple[str, str] | None = None
    token: str = "access_token"  # noqa: S105 - a path
    expires_in: str = "expires_in"
    default_lifetime_seconds: int = 3600
    renew_on: list[int] = [401]


class OAuth2Auth(Declared):
    """OAuth2 client credentials or password grant, with a refresh token where there is one.

    `token_url` is absolute, or starts at the connection's base when it begins with `/`; `token_path` is added to an
    absolute one that has no path. `client` says where id and secret go. `extra` is added to the form (audience, scope).
    `renew_on` is as for a session.
    """

    kind: Literal["oauth2"]
    grant: Literal["client_credentials", "password"]
    token_url: str
    token_path: str = ""
    client: Literal["basic", "body"] = "body"
    client_id: str = "{client_id}"
    client_secret: str = "{client_secret}"  # noqa: S105 - a placeholder
    username: str = "{username}"
    password: str = "{password}"  # noqa: S105 - a placeholder
    extra: dict[str, str] = {}
    default_lifetime_seconds: int = 3600
    renew_on: list[int] = [401]


Auth = Annotated[
    NoAuth | BasicAuth | BearerAuth | HeaderAuth | QueryAuth | SessionAuth | OAuth2Auth, Field(discriminator="kind")
]


class ErrorShape(Declared):
    """How the vendor words an error: a body is one when `when` leads to a value.

    `equals` narrows that to one value. The other paths say where to find what a person needs.
    """

    when: str
    equals: Any = None
    code: str | None = None
    message: str | None = None
    request_id: str | None = None


class JsonRows(Declared):
    """One JSON document. `rows` are the places a list of rows may stand.

    With `object_is_row`, an object at such a place is the one row where no list is found. `comma_joined` accepts
    objects joined by commas where a list was meant. `skip_empty` drops `[]` and `{}` rows. With `absent_is_empty`, no
    list anywhere means no rows, else it is an error.
    """

    kind: Literal["json"]
    rows: Paths = Field(min_length=1)
    object_is_row: bool = False
    absent_is_empty: bool = False
    total: Paths = []
    total_pages: Paths = []
    next: Paths = []
    errors: list[ErrorShape] = []
    comma_joined: bool = False
    skip_empty: bool = False


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
    reader: Literal["ijson", "lines"] | None = None


class Delimited(Declared):
    """CSV or TSV.

    `delimiters`: one of these, as the first line shows. `columns`: the names, where the file has none. `header` says
    whether names stand in the first line; a placeholder takes the answer from a boolean parameter.
    """

    kind: Literal["delimited"]
    delimiter: str = ","
    delimiters: list[str] = []
    header: bool | str = True
    columns: list[str] = []
    encoding: Literal["utf-8"] = "utf-8"


Format = Annotated[JsonRows | Ndjson | Delimited, Field(discriminator="kind")]


class SinglePage(Declared):
    kind: Literal["single"] = "single"
    total_capped_at: int | None = None


class OffsetPaging(Declared):
    """`limit` rows from `offset` on.

    Pages can be addressed in advance, so many are read at once. A total of exactly `total_capped_at` may mean more;
    here and in SinglePage it is then no proof.
    """

    kind: Literal["offset"]
    limit: int = Field(ge=1)
    limit_param: str = "limit"
    offset_param: str = "offset"
    total_capped_at: int | None = None


class PageNumberPaging(Declared):
    """Numbered pages; both numbers go in the query or, by path, in the JSON body.

    `size` may be a placeholder.
    """

    kind: Literal["page-number"]
    size: int | str | None = None
    first: int = 1
    number_param: str = "page"
    size_param: str | None = None
    place: Literal["query", "json"] = "query"


class LinkPaging(Declared):
    """The next page's address is in the body (`JsonRows.next`) or in the `Link` header."""

    kind: Literal["link"]
    place: Literal["body", "header"] = "body"


class TokenPaging(Declared):
    """The body holds a token (`JsonRows.next`) that takes the place of the request's `param`."""

    kind: Literal["token"]
    param: str
    place: Literal["query", "json"] = "query"


Paging = Annotated[SinglePage | OffsetPaging | PageNumberPaging | LinkPaging | TokenPaging, Field(discriminator="kind")]
