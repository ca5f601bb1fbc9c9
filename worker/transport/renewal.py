"""Keeps a token in use: fetched by one worker for all, ahead of its end, and once more where the vendor refuses it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from worker.errors import FailJob, RetryLater
from worker.observe import Event, log
from worker.sources.base_urls import Base
from worker.transport.login import TokenAuth, grant_in, login_request
from worker.transport.redaction import Redactor
from worker.transport.request import WireRequest
from worker.transport.tokens import Grant, Token, Tokens, Turn

LOOK_SECONDS = 0.2
PATIENCE_SECONDS = 3.0
REST_SECONDS = 5.0

Ask = Callable[[WireRequest], Any]
"""Sends a login and gives the JSON it answered; raises PermissionError where the credentials are refused."""


class Renewal:
    """The tokens of one account. Safe to share between threads."""

    def __init__(
        self,
        way: TokenAuth,
        base: Base,
        secrets: Mapping[str, str],
        tokens: Tokens,
        redactor: Redactor,
        *,
        ask: Ask,
        sleep: Callable[[float], None],
    ) -> None:
        self.way = way
        self.last: Token | None = None
        self._base = base
        self._secrets = secrets
        self._tokens = tokens
        self._redactor = redactor
        self._ask = ask
        self._sleep = sleep

    def token(self, refused: str = "") -> Token:
        """The token in use, other than the one of version `refused`.

        Fetched by this caller where it is its turn, waited for a moment where it is another's; then RetryLater, which
        is no attempt. FailJob where the credentials are refused.
        """
        waited = 0.0
        while True:
            found = self._tokens.take(refused)
            token = self._fetched(found) if isinstance(found, Turn) else found
            if isinstance(token, Token):
                self._redactor.learn(token.value)
                self.last = token
                return token
            if waited >= PATIENCE_SECONDS:
                why = "another worker is fetching the access token"
                raise RetryLater(why, wait_seconds=1, is_attempt=False, is_unsent=True)
            self._sleep(LOOK_SECONDS)
            waited += LOOK_SECONDS

    def _fetched(self, turn: Turn) -> Token:
        """A token fetched in our turn. Where renewing ahead of time fails, the good one stays in use for a while."""
        try:
            grant = self._login(turn.refresh)
        except (RetryLater, FailJob) as error:
            is_passing = isinstance(error, RetryLater)
            self._tokens.leave(turn, rest_seconds=REST_SECONDS if is_passing or turn.good else 0)
            if turn.good:
                return turn.good
            if isinstance(error, RetryLater):
                error.is_unsent = True
            raise
        token = self._tokens.keep(turn, grant)
        log.info(Event.TOKEN_RENEWED, lifetime_seconds=grant.lifetime_seconds)
        return token

    def _login(self, refresh: str | None) -> Grant:
        """Log in: with the refresh token, and if that is refused with the credentials themselves."""
        request = login_request(self.way, self._base, self._secrets, refresh)
        try:
            answer = self._ask(request)
        except PermissionError as refusal:
            if refresh:
                return self._login(None)
            raise FailJob(str(refusal)) from None
        grant = grant_in(self.way, answer, request.name)
        for secret in (grant.value, grant.refresh or ""):
            self._redactor.learn(secret)
        return grant
