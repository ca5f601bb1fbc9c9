"""Checks an account: are its credentials set, and does the vendor accept them? Requests no report, needs no Redis."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

from redis import Redis

from config.settings import environment_value
from worker.errors import MillraceError, RetryLater
from worker.sources.connections import Connection
from worker.sources.credentials import missing_credentials
from worker.sources.environment_names import Environment
from worker.transport.account import Account
from worker.transport.exchange import Exchange
from worker.transport.request import compose

SILENCE_SECONDS = 20.0

State = Literal["ok", "unproven", "missing", "failed"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of checking one account. `said` tells people what worked, or what to do.

    `unproven`: the credentials are set, but the vendor offers no cheap request to try them with.
    """

    connection: str
    source: str
    state: State
    said: str

    @property
    def is_failure(self) -> bool:
        """Must something be done before this account can be used?"""
        return self.state in ("missing", "failed")


def try_account(
    connection: Connection, redis: Redis | None = None, *, environment: Environment = environment_value
) -> Finding:
    """Log in if the vendor has a login, and send the request that the source file declares as a check, once each.

    Refusals and mistakes are reported in the finding, not raised. If a credential is missing, nothing is sent.
    """
    finding = partial(Finding, connection.name, connection.source.source)
    if missing := missing_credentials(connection, environment):
        return finding("missing", f"set {' and '.join(missing)} in the environment or in .env")
    proven: list[str] = []
    try:
        exchange = Exchange(Account(connection, environment=environment), redis, silence_seconds=SILENCE_SECONDS)
        variables = exchange.auth().variables
        with exchange.handling_errors():
            if exchange.log_in():
                proven.append(f"the vendor gave a token for {', '.join(variables)}")
        if request := connection.source.check.request:
            exchange.ask(compose(exchange.base, request, {}))
            proven.append(f"{request.method} {request.path} answered")
    except RetryLater as away:
        return finding("failed", f"{away}; is {connection.base_url} right and reachable from here?")
    except MillraceError as refusal:
        return finding("failed", str(refusal))
    if proven:
        return finding("ok", "; ".join(proven))
    if not variables:
        return finding("ok", "no credentials are needed; nothing was sent")
    why = connection.source.check.note or "the source file declares no request to check with"
    return finding("unproven", f"{', '.join(variables)} set, not tried: {why}")
