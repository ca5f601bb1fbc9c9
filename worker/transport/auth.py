"""Authentication: adds an account's credentials to its requests, after a login if one is needed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace

from worker.sources.placeholders import fill
from worker.sources.schema import (
    BasicAuth,
    BearerAuth,
    BodyAuth,
    HeaderAuth,
    OAuth2Auth,
    OneAuth,
    QueryAuth,
    SessionAuth,
)
from worker.transport.account import Account
from worker.transport.login import Login
from worker.transport.redaction import Redactor
from worker.transport.request import WireRequest, basic, with_body_value, with_header, with_query, without_query_value
from worker.transport.response import Response
from worker.transport.tokens import Token, Tokens

PUBLIC_NAMES = ("username", "client_id", "app_id", "auth_url")

Flow = Generator[WireRequest, Response, Response]
"""An authentication flow, as in httpx: it yields each request to send, gets the answer (or the exception that sending
raised), and returns the answer to the original request."""


class Auth:
    """How one account authenticates. Safe to share between threads."""

    def __init__(
        self,
        account: Account,
        redactor: Redactor,
        *,
        tokens: Callable[[str], Tokens],
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        """`tokens` opens the store of an account's tokens, given a short name for the account.

        Raises BadInput, naming what to set, if credentials are missing. Nothing is sent yet.
        """
        credentials = account.credentials
        self._secrets = credentials.secrets
        self.variables = credentials.variables
        for name, value in self._secrets.items():
            # A user name is not secret, and masking it everywhere would make messages unreadable.
            if name not in PUBLIC_NAMES:
                redactor.learn(value)
        self._redactor = redactor
        self._fixed = [way for way in credentials.methods if not isinstance(way, SessionAuth | OAuth2Auth)]
        self.login: Login | None = None
        for way in credentials.methods:
            if isinstance(way, SessionAuth | OAuth2Auth):
                self.login = Login(
                    way,
                    account.base,
                    self._secrets,
                    tokens,
                    redactor,
                    source=account.connection.source,
                    check=self.variables,
                    clock=clock,
                    sleep=sleep,
                )

    def flow(self, request: WireRequest, token: Token | None) -> Flow:
        """Send the request with credentials, after a login if one is needed. A refused token is renewed once.

        `token` is the token in use, if the caller knows it.
        """
        request = self._sign(request, self._fixed, self._secrets)
        if self.login is None:
            return (yield request)
        token = self.login.use(token) if token else (yield from self.login.token())
        response = yield self._with_token(request, token.value)
        # If another worker has renewed the token in the meantime, `login.token` returns that one without logging in.
        if response.status in self.login.way.renew_on:
            response.close()
            token = yield from self.login.token(token.version)
            response = yield self._with_token(request, token.value)
        return response

    @property
    def to_check(self) -> str:
        """What may be wrong if the vendor refuses our credentials; a token that was just issued may be sent wrongly."""
        if not self.variables:
            return "`auth` in the source file, which sends no credentials"
        names = ", ".join(self.variables)
        if self.login is None or self.login.last is None:
            return names
        send = self.login.way.send
        return f"{names}, or `send`: the login's token goes out as the {send.kind} `{send.name}: {send.value}`"

    def remove_keys(self, url: str) -> str:
        """The URL without keys in its query: some vendors repeat our key in their links, and URLs are logged."""
        for way in [*self._fixed, *([self.login.way.send] if self.login else [])]:
            if isinstance(way, QueryAuth):
                url = without_query_value(url, way.name)
        return url

    def _with_token(self, request: WireRequest, token: str) -> WireRequest:
        assert self.login is not None  # noqa: S101 - there is no token without it
        return self._sign(request, [self.login.way.send], {**self._secrets, "token": token})

    def _sign(self, request: WireRequest, ways: Sequence[OneAuth], values: Mapping[str, str]) -> WireRequest:
        for way in ways:
            if isinstance(way, BasicAuth):
                value = basic(_text(way.username, values), _text(way.password, values))
                self._redactor.learn(value.removeprefix("Basic "))
                request = with_header(request, "Authorization", value)
            elif isinstance(way, BearerAuth):
                request = with_header(request, "Authorization", f"Bearer {_text(way.token, values)}")
            elif isinstance(way, HeaderAuth):
                request = with_header(request, way.name, _text(way.value, values))
            elif isinstance(way, QueryAuth):
                request = replace(request, url=with_query(request.url, {way.name: _text(way.value, values)}))
            elif isinstance(way, BodyAuth):
                request = with_body_value(request, way.kind, way.name, _text(way.value, values))
        return request


def _text(template: str, values: Mapping[str, str]) -> str:
    return str(fill(template, values))
