"""Authentication: one model for each kind."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from worker.sources.schema.declared import Declared, HeaderName, JsonPath, Text, UnusualStatus
from worker.sources.schema.request import Request


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
    name: HeaderName
    value: str


class QueryAuth(Declared):
    """A key in the query string."""

    kind: Literal["query"]
    name: Text
    value: str


class BodyAuth(Declared):
    """A key in the body of each request that has one: a field of its form, or a value at a path of its JSON."""

    kind: Literal["form", "json"]
    name: Text
    value: str


TokenPlace = Annotated[HeaderAuth | QueryAuth | BodyAuth, Field(discriminator="kind")]


def _bearer() -> HeaderAuth:
    return HeaderAuth(kind="header", name="Authorization", value="Bearer {token}")


class SessionAuth(Declared):
    """A login whose answer has a token at `token`, or in the header `token_header`; it is sent until it expires.

    With `token: ""` the whole answer is the token, as plain text or as a JSON string; with `token_header: Set-Cookie`
    the token is the cookies that the answer sets. `send` says where the token is put, as `{token}`; by default into
    `Authorization: Bearer {token}`. `basic` names the two credentials that authorise the login itself; without it they
    are in the login's body. A status in `renew_on` means that the token is no longer accepted; it is renewed once.

    `refresh_token` is the path of a token that takes the place of the credential `refresh_token`, which the login
    sends: each one that comes is kept in Redis for all workers.
    """

    kind: Literal["session"]
    login: Request
    basic: tuple[str, str] | None = None
    token: JsonPath = "access_token"  # noqa: S105 - a path
    token_header: HeaderName | None = None
    expires_in: JsonPath = "expires_in"
    default_lifetime_seconds: int = Field(default=3600, ge=1)
    renew_on: list[UnusualStatus] = [401]
    refresh_token: JsonPath | None = None
    send: TokenPlace = Field(default_factory=_bearer)

    @property
    def replaces_refresh_token(self) -> bool:
        """May the vendor replace the refresh token that we log in with?"""
        return self.refresh_token is not None


class OAuth2Auth(Declared):
    """OAuth2 with the grant `client_credentials`, `password`, or `refresh_token` (which a person got by consenting).

    A refresh token that comes with an access token is used to get the next access token. With the grant
    `refresh_token`, a refresh token that replaces the first one is kept in Redis for all workers. `token_url` is
    absolute, or relative to the connection's base if it begins with `/`; `token_path` is appended to an absolute one
    that has no path. `client` says where id and secret are sent: in the form (`body`), or as user and password of Basic
    authentication, either form-encoded as in RFC 6749, 2.3.1 (`basic`) or as they are (`basic-unencoded`); an empty
    `client_secret` is not sent in the form. `extra` is added to the form (audience, scope). `renew_on` and `send` are
    as in SessionAuth.
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
    renew_on: list[UnusualStatus] = [401]
    send: TokenPlace = Field(default_factory=_bearer)

    @property
    def replaces_refresh_token(self) -> bool:
        """May the vendor replace the refresh token that we log in with?"""
        return self.grant == "refresh_token"


OneAuth = BasicAuth | BearerAuth | HeaderAuth | QueryAuth | BodyAuth | SessionAuth | OAuth2Auth


class AllAuth(Declared):
    """Several methods at once, such as an access token and a developer key. At most one of them fetches a token."""

    kind: Literal["all"]
    of: list[Annotated[OneAuth, Field(discriminator="kind")]] = Field(min_length=2)


Auth = Annotated[NoAuth | OneAuth | AllAuth, Field(discriminator="kind")]
