"""Puts a connection's credentials on its requests. The only place where a credential's value is ever looked up."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from worker.errors import BadInput
from worker.sources.base_urls import Base
from worker.sources.connections import Connection
from worker.sources.credentials import auth_for, credential_names, missing_credentials
from worker.sources.environment_names import Environment, value_of, variable_in
from worker.sources.placeholders import fill
from worker.sources.schema import BasicAuth, BearerAuth, HeaderAuth, OAuth2Auth, QueryAuth, SessionAuth
from worker.transport.login import basic, with_header
from worker.transport.redaction import Redactor
from worker.transport.renewal import Ask, Renewal
from worker.transport.request import WireRequest, with_query, without_query_value
from worker.transport.tokens import Token, Tokens

PUBLIC_NAMES = ("username", "client_id", "app_id", "auth_url")


@dataclass(frozen=True, slots=True)
class Sent:
    """A request with credentials on it, and the token among them where there is one."""

    request: WireRequest
    token: Token | None = None


class Auth:
    """One connection's way of authenticating: the first whose credentials are all there. Threads may share it."""

    def __init__(
        self,
        connection: Connection,
        base: Base,
        environment: Environment,
        redactor: Redactor,
        *,
        tokens: Callable[[str], Tokens],
        ask: Ask,
        sleep: Callable[[float], None],
    ) -> None:
        """Raises BadInput, naming what to set, where credentials are missing. Nothing is sent yet."""
        way = auth_for(connection, environment)
        if way is None:
            missing = " and ".join(missing_credentials(connection, environment))
            raise BadInput(f"connection {connection.name}", "no credentials", f"{missing} set in the environment")
        held = {name: connection.credentials[name] for name in credential_names(way)}
        self._way = way
        self._secrets = {name: value_of(credential, environment) or "" for name, credential in held.items()}
        self.variables = [variable_in(credential) or f"the credential {name}" for name, credential in held.items()]
        for name, value in self._secrets.items():
            if name not in PUBLIC_NAMES:
                redactor.learn(value)
        self.renewal: Renewal | None = None
        if isinstance(way, SessionAuth | OAuth2Auth):
            place = token_place(base.origin, base.prefix, *self._secrets.values())
            self.renewal = Renewal(way, base, self._secrets, tokens(place), redactor, ask=ask, sleep=sleep)

    def authorise(self, request: WireRequest, *, instead_of: Sent | None = None) -> Sent:
        """The request with credentials on it; with another token than the one `instead_of` was refused with."""
        if self.renewal:
            token = self.renewal.token(instead_of.token.version if instead_of and instead_of.token else "")
            return Sent(with_header(request, "Authorization", f"Bearer {token.value}"), token)
        return Sent(self._signed(request))

    def is_stale(self, sent: Sent, status: int) -> bool:
        """Does this answer mean that the token is no longer accepted?"""
        return self.renewal is not None and sent.token is not None and status in self.renewal.way.renew_on

    def renew(self) -> None:
        """Fetch another token than the one last used, where this way of authenticating has tokens."""
        if self.renewal and self.renewal.last:
            self.renewal.token(self.renewal.last.version)

    def without_key(self, url: str) -> str:
        """The URL without the key, where this connection's key stands in the query and the vendor repeats it."""
        return without_query_value(url, self._way.name) if isinstance(self._way, QueryAuth) else url

    def _signed(self, request: WireRequest) -> WireRequest:
        """The request with credentials that do not change."""
        way = self._way
        if isinstance(way, BasicAuth):
            return with_header(request, "Authorization", basic(self._text(way.username), self._text(way.password)))
        if isinstance(way, BearerAuth):
            return with_header(request, "Authorization", f"Bearer {self._text(way.token)}")
        if isinstance(way, HeaderAuth):
            return with_header(request, way.name, self._text(way.value))
        if isinstance(way, QueryAuth):
            url = with_query(request.url, {way.name: self._text(way.value)})
            return WireRequest(request.method, url, request.headers, request.body)
        return request

    def _text(self, template: str) -> str:
        return str(fill(template, self._secrets))


@lru_cache(maxsize=256)
def token_place(*parts: str) -> str:
    """A short name for where and as whom we log in: a token of one account is never used for another.

    Slow on purpose, and so kept: nobody who reads the name finds a password by trying.
    """
    return hashlib.pbkdf2_hmac("sha256", "\0".join(parts).encode(), b"millrace token", 100_000).hex()[:16]
