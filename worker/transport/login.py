"""Logs in: one worker fetches an access token for all, before the old one expires or when the vendor refuses it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any
from urllib.parse import quote_plus, urlsplit

from worker.errors import FailJob, RetryLater
from worker.json_path import find, link_in, number
from worker.observe import Event, log
from worker.sources.base_urls import Base, without_password
from worker.sources.placeholders import fill
from worker.sources.schema import ErrorShape, OAuth2Auth, SessionAuth, Source
from worker.transport import links
from worker.transport.redaction import Redactor
from worker.transport.refusals import describe, parse_json, refusal
from worker.transport.request import WireRequest, basic, compose, encode_query, with_header
from worker.transport.response import Response
from worker.transport.tokens import Grant, Token, Tokens, Turn
from worker.vendor_errors import error_in, excerpt

LOOK_SECONDS = 0.2
PATIENCE_SECONDS = 3.0
REST_SECONDS = 5.0
LARGEST_ANSWER_BYTES = 1024 * 1024
LONGEST_LIFETIME_SECONDS = 10 * 365 * 86_400.0
REFUSED = (400, 401, 403)

_TOKEN = re.compile(rb"[\w.~+/=:-]+")
_LONG_WORD = re.compile(rb"[\w.~+/=-]{20,}|(?=[a-zA-Z_.~+/=-]*\d)[\w.~+/=-]{6,}")
"""What may be a token in an answer that cannot be read: a very long word, or one with digits."""

_OAUTH_ERROR = ErrorShape(when="error", code="error", message="error_description")

TokenFlow = Generator[WireRequest, Response, Token]
"""Yields each login request to send, gets the answer (or the exception that sending raised), and returns the token."""


class LoginRequest(WireRequest):
    """A request for a token. Its answer is small, so its timeout is shorter than that of rows."""


class Login:
    """The tokens of one account. Safe to share between threads."""

    def __init__(
        self,
        way: SessionAuth | OAuth2Auth,
        base: Base,
        secrets: Mapping[str, str],
        tokens: Callable[[str], Tokens],
        redactor: Redactor,
        *,
        source: Source,
        check: Sequence[str],
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        """`secrets` are the credentials by name, `check` the variables that the message of a refusal names."""
        self.way = way
        self.last: Token | None = None
        self._base = base
        self._secrets = secrets
        self._tokens = tokens(account_name(way, base, secrets))
        self.token_key = self._tokens.key
        self._redactor = redactor
        self._shapes = [*source.errors, _OAUTH_ERROR]
        self._retry_statuses = source.retry_statuses
        self._check = check
        self._clock = clock
        self._sleep = sleep

    def token(self, refused: str = "") -> TokenFlow:
        """The token in use, but not the one whose version is `refused`.

        Fetches a new one if it is this caller's turn, else waits a few seconds for the caller whose turn it is. Raises
        RetryLater, which does not count as an attempt, if that takes longer, or at once after a failed login, if the
        next one must wait. Raises FailJob if the credentials are refused.
        """
        waited = 0.0
        while True:
            taken = self._tokens.take(refused)
            found = (yield from self._fetch(taken)) if isinstance(taken, Turn) else taken
            if isinstance(found, Token):
                return self.use(found)
            if found.is_rest:
                why = f"the last login failed; the next is tried in {found.seconds:.1f} s"
                raise RetryLater(why, wait_seconds=found.seconds, is_attempt=False, is_unsent=True)
            if waited >= PATIENCE_SECONDS:
                why = "another worker is fetching the access token"
                raise RetryLater(why, wait_seconds=1, is_attempt=False, is_unsent=True)
            self._sleep(LOOK_SECONDS)
            waited += LOOK_SECONDS

    def use(self, token: Token) -> Token:
        """Note that a request is sent with this token, and return it."""
        self._redactor.learn(token.value)
        self.last = token
        return token

    def _fetch(self, turn: Turn) -> TokenFlow:
        """Fetch a token in our turn. If that fails and the current token is still good, it stays in use."""
        try:
            grant = yield from self._log_in(turn.refresh)
        except (RetryLater, FailJob) as error:
            stated = error.wait_seconds if isinstance(error, RetryLater) else None
            is_rested = isinstance(error, RetryLater) or turn.good
            self._tokens.leave(turn, rest_seconds=max(REST_SECONDS, stated or 0) if is_rested else 0)
            if turn.good:
                return turn.good
            # The request that needed the token was certainly not sent.
            if isinstance(error, RetryLater):
                error.is_unsent = True
            raise
        token = self._tokens.keep(turn, grant)
        log.info(Event.TOKEN_RENEWED, lifetime_seconds=grant.lifetime_seconds)
        return token

    def _log_in(self, kept: str | None) -> Generator[WireRequest, Response, Grant]:
        """Log in with the stored refresh token; if there is none or it is refused, with the credentials."""
        # Another worker may have stored it, and the endpoint may quote it.
        self._redactor.learn(kept or "")
        response = yield self._build_request(kept)
        if kept and not self.way.replaces_refresh_token and response.status in REFUSED:
            response.close()
            kept = None
            response = yield self._build_request(None)
        if response.status in REFUSED:
            words = describe(response, self._shapes, self._redactor)
            raise FailJob(f"{words}; check {', '.join(self._check)}")
        if 300 <= response.status < 400 and (location := response.headers.get("Location")):
            # Not followed: the request has the credentials.
            response.close()
            raise FailJob(f"{response.name}: {response.status}: the login redirects to {without_password(location)}")
        if not 200 <= response.status < 300:
            raw, statuses = response.start(), self._retry_statuses
            raise refusal(response, raw, self._shapes, self._redactor, retry_statuses=statuses, now=self._clock())
        grant = self._read_grant(response, kept)
        for secret in (grant.value, grant.refresh or ""):
            self._redactor.learn(secret)
        return grant

    def _build_request(self, kept: str | None) -> WireRequest:
        """The request for a token; with the stored refresh token, if there is one."""
        way, secrets = self.way, self._secrets
        if isinstance(way, SessionAuth):
            request = compose(self._base, way.login, {**secrets, "refresh_token": kept} if kept else secrets)
            if way.basic:
                request = with_header(request, "Authorization", basic(*(secrets[name] for name in way.basic)))
            return LoginRequest(request.method, request.url, request.headers, request.body)
        client_id, client_secret = str(fill(way.client_id, secrets)), str(fill(way.client_secret, secrets))
        form: dict[str, Any] = {"grant_type": way.grant, **(fill(way.extra, secrets) or {})}
        if kept or way.grant == "refresh_token":
            form |= {"grant_type": "refresh_token", "refresh_token": kept or _own_refresh_token(way, secrets)}
        elif way.grant == "password":
            form |= {"username": fill(way.username, secrets), "password": fill(way.password, secrets)}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if way.client == "body":
            form |= {"client_id": client_id} | ({"client_secret": client_secret} if client_secret else {})
        else:
            # RFC 6749, 2.3.1: form-encoded first, because a secret may contain a colon or non-ASCII characters.
            plain = way.client == "basic-unencoded"
            pair = (client_id, client_secret) if plain else (quote_plus(client_id), quote_plus(client_secret))
            headers["Authorization"] = basic(*pair)
            self._redactor.learn(headers["Authorization"].removeprefix("Basic "))
        return LoginRequest("POST", self._token_url(way), headers, encode_query(form).encode())

    def _token_url(self, way: OAuth2Auth) -> str:
        """The URL of the token endpoint: on the connection's base, or any https URL that the operator gave."""
        url = str(fill(way.token_url, self._secrets))
        if url.startswith("/"):
            return self._base.url(url)
        if way.token_path and urlsplit(url).path in ("", "/"):
            url = url.rstrip("/") + way.token_path
        return links.download_target(self._base, url, at=self._base.url("")).url

    def _read_grant(self, response: Response, kept: str | None) -> Grant:
        """The token in a login's answer. Raises FailJob, with the vendor's words, if there is none."""
        way, name = self.way, response.name
        raw = response.body(LARGEST_ANSWER_BYTES)
        if isinstance(way, SessionAuth) and way.token_header:
            is_cookie = way.token_header.lower() == "set-cookie"
            stated = response.cookies if is_cookie else response.headers.get(way.token_header, "").strip()
            if not stated:
                raise FailJob(f"{name}: the answer has no header {way.token_header!r}: {_quote(raw)}")
            return Grant(stated, float(way.default_lifetime_seconds))
        if isinstance(way, SessionAuth) and not way.token and _TOKEN.fullmatch(raw.strip()):
            return Grant(raw.strip().decode(), float(way.default_lifetime_seconds))
        try:
            content = parse_json(raw, name)
        except FailJob:
            raise FailJob(f"{name}: the answer is not JSON: {_quote(raw)}") from None
        token_at, lifetime_at, refresh_at = "access_token", "expires_in", "refresh_token"
        if isinstance(way, SessionAuth):
            token_at, lifetime_at, refresh_at = way.token, way.expires_in, way.refresh_token or ""
        value = link_in(content, [token_at])
        if value is None:
            there = ", ".join(sorted(content)) if isinstance(content, dict) else type(content).__name__
            error = error_in(partial(find, content), self._shapes)
            words = error.words if error else f"it has: {there[:200] or 'nothing'}"
            raise FailJob(f"{name}: the answer has no token at {token_at!r}: {words}")
        lifetime = number(find(content, lifetime_at)) or 0.0
        # A lifetime that is missing, negative, NaN, or so large that it must be in milliseconds cannot be relied on.
        if not 0 < lifetime < LONGEST_LIFETIME_SECONDS:
            lifetime = float(way.default_lifetime_seconds)
        # RFC 6749, 6: a refresh token stays in use until the vendor gives another one.
        refresh = link_in(content, filter(None, [refresh_at])) or kept
        # The operator's refresh token is not stored, so that a changed environment takes effect.
        if refresh == _own_refresh_token(way, self._secrets):
            refresh = None
        return Grant(value, lifetime, refresh, is_refresh_durable=way.replaces_refresh_token)


def _quote(raw: bytes) -> str:
    """The first bytes of a login's answer, without what may be its token."""
    return excerpt(_LONG_WORD.sub(b"...", raw))


def _own_refresh_token(way: SessionAuth | OAuth2Auth, secrets: Mapping[str, str]) -> Any:
    """The refresh token that the operator gave; None if there is none."""
    return fill(way.refresh_token if isinstance(way, OAuth2Auth) else "{refresh_token}", secrets)


def account_name(way: SessionAuth | OAuth2Auth, base: Base, secrets: Mapping[str, str]) -> str:
    """A short name made of the vendor's URL and the credentials: a token is never used for another account.

    If the vendor may replace the refresh token, the client's secret is not part of the name: if the secret changes, the
    refresh token that has replaced the operator's must not be lost.
    """
    parts = list(secrets.values())
    if way.replaces_refresh_token:
        parts = [str(fill(way.client_id, secrets))] if isinstance(way, OAuth2Auth) else []
        parts.append(str(_own_refresh_token(way, secrets)))
    return slow_hash(base.origin, base.prefix, *parts)


@lru_cache(maxsize=256)
def slow_hash(*parts: str) -> str:
    """A hash that is slow on purpose (and therefore cached), so that passwords cannot be found by trying."""
    return hashlib.pbkdf2_hmac("sha256", "\0".join(parts).encode(), b"millrace token", 100_000).hex()[:16]
