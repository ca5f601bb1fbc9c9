"""Which credentials an account needs, and which of them are missing.

Names only; values are transport/auth.py's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from worker.errors import BadInput
from worker.sources.environment_names import Environment, value_of, variable_in
from worker.sources.placeholders import names_in
from worker.sources.schema import Auth, OAuth2Auth, SessionAuth, Source
from worker.sources.yaml_files import Place, YamlFile
from worker.suggestions import one_of


class Account(Protocol):
    """What this module asks of a connection."""

    @property
    def source(self) -> Source: ...

    @property
    def credentials(self) -> Mapping[str, str]: ...


def credential_names(auth: Auth) -> list[str]:
    """The credentials one way of authenticating needs, in the order it names them."""
    unused = {"username", "password"} if isinstance(auth, OAuth2Auth) and auth.grant == "client_credentials" else set()
    named = list(names_in(auth.model_dump(exclude=unused)))
    if isinstance(auth, SessionAuth) and auth.basic:
        named = [*auth.basic, *named]
    return list(dict.fromkeys(named))


def check_credentials(source: Source, credentials: Mapping[str, str], file: YamlFile, place: Place) -> None:
    """Raise BadInput for a credential without use, or where no way to authenticate has all."""
    known = list(dict.fromkeys(name for auth in source.auth for name in credential_names(auth)))
    for name in credentials:
        if name not in known:
            raise BadInput(file.where((*place, name)), name, one_of(name, known, "credentials"))
    if not any(set(credential_names(auth)) <= set(credentials) for auth in source.auth):
        ways = " or ".join(f"({', '.join(credential_names(auth))})" for auth in source.auth)
        raise BadInput(file.where(place), ", ".join(credentials) or "no credentials", ways)


def auth_for(account: Account, environment: Environment) -> Auth | None:
    """The first way of authenticating whose credentials all have a value; None without one."""
    return next((auth for auth in account.source.auth if not _missing(account, auth, environment)), None)


def missing_credentials(account: Account, environment: Environment) -> list[str]:
    """The environment variables still to be set, all of them; none when all are there.

    Where there are several ways and none is begun, the one entry names them all.
    """
    if auth_for(account, environment) is not None:
        return []
    ways = [auth for auth in account.source.auth if set(credential_names(auth)) <= set(account.credentials)]
    begun = [auth for auth in ways if _is_begun(account, auth, environment)]
    if len(ways) == 1 or begun:
        return min((_missing(account, auth, environment) for auth in begun or ways), key=len)
    return [", or ".join(" and ".join(_missing(account, auth, environment)) for auth in ways)]


def _missing(account: Account, auth: Auth, environment: Environment) -> list[str]:
    held = account.credentials
    return [
        variable_in(held.get(name, "")) or f"the credential {name}"
        for name in credential_names(auth)
        if name not in held or not value_of(held[name], environment)
    ]


def _is_begun(account: Account, auth: Auth, environment: Environment) -> bool:
    variables = [variable_in(account.credentials[name]) for name in credential_names(auth)]
    return any(variable is not None and environment(variable) for variable in variables)
