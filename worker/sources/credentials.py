"""Finds out which credentials an account needs and which are missing. Values are in `transport/account.py` only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from worker.errors import BadInput, MissingInput
from worker.sources.environment_names import Environment, value_of, variable_name
from worker.sources.placeholders import names_in
from worker.sources.schema import AllAuth, Auth, NoAuth, OAuth2Auth, OneAuth, SessionAuth, Source
from worker.sources.yaml_files import Place, YamlFile
from worker.suggestions import one_of

UNUSED_BY_GRANT = {
    "client_credentials": {"username", "password", "refresh_token"},
    "password": {"refresh_token"},
    "refresh_token": {"username", "password"},
}
"""The credentials that a grant of OAuth2 does not use."""


class Account(Protocol):
    """The part of a connection that this module needs."""

    @property
    def name(self) -> str: ...

    @property
    def source(self) -> Source: ...

    @property
    def credentials(self) -> Mapping[str, str]: ...


def auth_methods(auth: Auth) -> Sequence[OneAuth]:
    """The methods that one entry of `auth` consists of, all of them used at once."""
    if isinstance(auth, NoAuth):
        return ()
    return auth.of if isinstance(auth, AllAuth) else (auth,)


def credential_names(auth: Auth) -> list[str]:
    """The credentials one entry of `auth` needs, in the order it names them."""
    names: list[str] = []
    for way in auth_methods(auth):
        if isinstance(way, SessionAuth | OAuth2Auth):
            names += way.basic or () if isinstance(way, SessionAuth) else ()
            unused = UNUSED_BY_GRANT[way.grant] if isinstance(way, OAuth2Auth) else set()
            names += names_in(way.model_dump(exclude={*unused, "send"}))
            # Here {token} is the token that the login returns, not a credential.
            names += (name for name in names_in(way.send.value) if name != "token")
        else:
            names += names_in(way.model_dump())
    return list(dict.fromkeys(names))


def needs_durable_tokens(account: Account) -> bool:
    """May the vendor replace the refresh token we log in with, so that losing the new one would lock us out?"""
    ways = (way for auth in account.source.auth for way in auth_methods(auth))
    return any(isinstance(way, SessionAuth | OAuth2Auth) and way.replaces_refresh_token for way in ways)


def check_credentials(source: Source, credentials: Mapping[str, str], file: YamlFile, place: Place) -> None:
    """Raise BadInput for a credential that nothing uses, and if no auth method has all of its credentials."""
    known = list(dict.fromkeys(name for auth in source.auth for name in credential_names(auth)))
    for name in credentials:
        if name not in known:
            raise BadInput(file.where((*place, name)), name, one_of(name, known, "credentials"))
    if not any(set(credential_names(auth)) <= set(credentials) for auth in source.auth):
        ways = " or ".join(f"({', '.join(credential_names(auth))})" for auth in source.auth)
        raise BadInput(file.where(place), ", ".join(credentials) or "no credentials", ways)


def auth_for(account: Account, environment: Environment) -> Auth | None:
    """The first entry of `auth` whose credentials all have a value; None if there is none."""
    return next((auth for auth in account.source.auth if not _missing(account, auth, environment)), None)


def require_auth(account: Account, environment: Environment) -> Auth:
    """The first entry of `auth` whose credentials all have a value. Raises BadInput, naming what to set."""
    auth = auth_for(account, environment)
    if auth is None:
        missing = " and ".join(missing_credentials(account, environment))
        raise MissingInput(f"a credential of the connection {account.name}", f"{missing} set in the environment")
    return auth


def missing_credentials(account: Account, environment: Environment) -> list[str]:
    """The environment variables that are still to be set; none if the account can log in.

    If there are several auth methods and no credential of any is set, the only entry names them all.
    """
    if auth_for(account, environment) is not None:
        return []
    ways = [auth for auth in account.source.auth if set(credential_names(auth)) <= set(account.credentials)]
    begun = [auth for auth in ways if _is_begun(account, auth, environment)]
    if len(ways) == 1 or begun:
        return min((_missing(account, auth, environment) for auth in begun or ways), key=len)
    return [", or ".join(" and ".join(_missing(account, auth, environment)) for auth in ways)]


def is_set_up(account: Account, environment: Environment) -> bool:
    """Is any credential of the account set, or does it need none? If not, nobody has begun to use it."""
    return not account.credentials or any(_is_begun(account, auth, environment) for auth in account.source.auth)


def _missing(account: Account, auth: Auth, environment: Environment) -> list[str]:
    held = account.credentials
    return [
        variable_name(held.get(name, "")) or f"credentials.{name}"
        for name in credential_names(auth)
        if name not in held or not value_of(held[name], environment)
    ]


def _is_begun(account: Account, auth: Auth, environment: Environment) -> bool:
    held = account.credentials
    variables = [variable_name(held[name]) for name in credential_names(auth) if name in held]
    return any(variable is not None and environment(variable) for variable in variables)
