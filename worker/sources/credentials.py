"""Finds out which credentials an account needs and which are missing. Values are in `transport/account.py` only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from worker.errors import BadInput
from worker.sources.environment_names import Environment, value_of, variable_name
from worker.sources.placeholders import names_in, refuse_forms
from worker.sources.schema import (
    AllAuth,
    Auth,
    BasicAuth,
    BearerAuth,
    BodyAuth,
    HeaderAuth,
    NoAuth,
    OAuth2Auth,
    OneAuth,
    QueryAuth,
    SessionAuth,
    Source,
)
from worker.sources.yaml_files import Place, YamlFile
from worker.suggestions import one_of

UNUSED_BY_GRANT = {
    "client_credentials": {"username", "password", "refresh_token"},
    "password": {"refresh_token"},
    "refresh_token": {"username", "password"},
}


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
    return any(isinstance(way, OAuth2Auth) and way.grant == "refresh_token" for way in ways)


def check_auth(source: Source, file: YamlFile) -> None:
    """Raise BadInput for auth methods that exclude each other, and for fields without effect."""
    for position, auth in enumerate(source.auth):
        place: Place = ("auth", position)
        for number, earlier in enumerate(source.auth[:position]):
            if set(credential_names(earlier)) <= set(credential_names(auth)):
                allowed = f"a method before auth.{number}, which is always used first: it needs no other credentials"
                raise BadInput(file.where(place), auth.kind, allowed)
        refuse_forms(auth.model_dump(), file.where(place))
        fetching = [way for way in auth_methods(auth) if isinstance(way, SessionAuth | OAuth2Auth)]
        if len(fetching) > 1:
            raise BadInput(file.where((*place, "of")), "two methods that fetch a token", "one of them at most")
        taken = [taken for way in auth_methods(auth) for taken in _places(way)]
        twice = next((name for name in taken if taken.count(name) > 1), None)
        if twice:
            raise BadInput(file.where((*place, "of")), f"two methods that set the {twice}", "one of them")
        for way in fetching:
            _check_token_words(way, file, place)


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
        raise BadInput(f"connection {account.name}", "no credentials", f"{missing} set in the environment")
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


def _places(way: OneAuth) -> Iterator[str]:
    """Where an auth method puts what it adds to a request."""
    if isinstance(way, SessionAuth | OAuth2Auth):
        yield from _places(way.send)
    elif isinstance(way, BasicAuth | BearerAuth):
        yield "header 'authorization'"
    elif isinstance(way, HeaderAuth):
        yield f"header {way.name.lower()!r}"
    elif isinstance(way, QueryAuth):
        yield f"query value {way.name!r}"
    elif isinstance(way, BodyAuth):
        yield f"{way.kind} value {way.name!r}"


def _check_token_words(way: SessionAuth | OAuth2Auth, file: YamlFile, place: Place) -> None:
    if "token" not in names_in(way.send.value):
        raise BadInput(
            file.where((*place, "send", "value")), way.send.value, "text with {token}, the token from the login"
        )
    if isinstance(way, SessionAuth):
        for word in sorted({"token", "expires_in"} & way.model_fields_set if way.token_header else ()):
            raise BadInput(file.where((*place, word)), word, f"no {word} beside token_header: no body is read")
        return
    if not way.token_url.startswith(("/", "https://", "http://", "{")):
        raise BadInput(
            file.where((*place, "token_url")), way.token_url, "https://HOST/PATH, or a path that starts with /"
        )
    for word in sorted(UNUSED_BY_GRANT[way.grant] & way.model_fields_set):
        raise BadInput(file.where((*place, word)), word, f"no {word} beside grant: {way.grant}")
    if way.token_path and way.token_url.startswith("/"):
        raise BadInput(file.where((*place, "token_path")), way.token_path, "a token_url without a path beside it")


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
