"""Checks what concerns a source as a whole: base URL, deadlines, authentication, error shapes, check, discovery."""

from __future__ import annotations

import re
from collections.abc import Iterator

from worker.durations import parse_duration
from worker.sources.base_urls import base_of
from worker.sources.checks.mistake import Mistake, below, refusal_of
from worker.sources.checks.requests import formatted_placeholders, mistakes_in_request
from worker.sources.credentials import UNUSED_BY_GRANT, auth_methods, credential_names
from worker.sources.placeholders import names_in
from worker.sources.schema import (
    Auth,
    BasicAuth,
    BearerAuth,
    ErrorShape,
    HeaderAuth,
    OAuth2Auth,
    OneAuth,
    Paged,
    Request,
    SessionAuth,
    Source,
)
from worker.sources.templates import requests_of, texts_in
from worker.sources.yaml_files import Place
from worker.suggestions import one_of

_MATCHERS = ("equals", "unless", "contains")
_VARIABLE = re.compile(r"\$\{?[A-Z][A-Z0-9_]*")


def mistakes_in_base_and_deadlines(source: Source) -> Iterator[Mistake]:
    """A base URL that cannot be used, and deadlines that contradict each other."""
    url = source.base_url
    if url is not None:
        # Whether plain http is allowed is for the connection to say.
        yield from refusal_of(("base_url",), lambda: base_of(url, where="", allow_http=True))
    ready, finish = (parse_duration(text, "") for text in (source.ready_within, source.finish_within))
    # The default, 2 hours, ends with a shorter `finish_within`.
    if "ready_within" in source.model_fields_set and ready > finish:
        allowed = f"at most `finish_within`, which is {source.finish_within} and ends the job"
        yield Mistake(("ready_within",), allowed, source.ready_within)


def mistakes_in_account(source: Source) -> Iterator[Mistake]:
    """Methods that exclude each other, and requests of an account that would need a parameter or cannot be sent."""
    for position, auth in enumerate(source.auth):
        for number, earlier in enumerate(source.auth[:position]):
            if set(credential_names(earlier)) <= set(credential_names(auth)):
                allowed = f"a method before auth.{number}, which is always used first: it needs no other credentials"
                yield Mistake(("auth", position), allowed, auth.kind)
        yield from below(("auth", position), _mistakes_in_methods(auth))
    yield from _missing_bodies(source)
    tried = source.check.request
    for name in names_in(tried.model_dump() if tried else None):
        yield Mistake(("check", "request"), "a request without placeholders", f"{{{name}}}")
    if tried and source.check.note:
        yield Mistake(("check", "note"), "no `note` beside a `request`: it says why there is none")
    yield from _mistakes_in_discoveries(source)
    for place, request in _requests_of_account(source):
        yield from below(place, mistakes_in_request(request))
        yield from below(place, formatted_placeholders(request.model_dump()))


def _mistakes_in_methods(auth: Auth) -> Iterator[Mistake]:
    yield from formatted_placeholders(auth.model_dump())
    for place, text in texts_in(auth.model_dump(by_alias=True), ()):
        if _VARIABLE.search(text):
            allowed = "a placeholder such as {key}; the connection's `credentials` name the variable"
            # The text itself is not shown: it may be a secret with a dollar sign.
            yield Mistake(place, allowed, "a variable of the environment")
    fetching = [way for way in auth_methods(auth) if isinstance(way, SessionAuth | OAuth2Auth)]
    if len(fetching) > 1:
        yield Mistake(("of",), "one of them at most", "two methods that fetch a token")
    taken = [_place_of(way) for way in auth_methods(auth)]
    for kind, name in (place for place in taken if taken.count(place) > 1):
        where = kind if kind == "header" else f"{kind} value"
        yield Mistake(("of",), "one of them", f"two methods that set the {where} {name!r}")
    for way in fetching:
        yield from _mistakes_in_login(way)


def _place_of(way: OneAuth) -> tuple[str, str]:
    """Where an auth method puts what it adds to a request: a kind of place, and a name in it."""
    if isinstance(way, SessionAuth | OAuth2Auth):
        return _place_of(way.send)
    if isinstance(way, BasicAuth | BearerAuth):
        return "header", "authorization"
    return way.kind, way.name.lower() if isinstance(way, HeaderAuth) else way.name


def _missing_bodies(source: Source) -> Iterator[Mistake]:
    """Requests without the body that every way to authenticate puts a credential into."""
    kinds = [{_place_of(way)[0] for way in auth_methods(auth)} for auth in source.auth]
    requests = [
        (("reports", name, *place), each)
        for name, report in source.reports.items()
        for place, each in requests_of(report)
    ]
    requests += [(("check", "request"), source.check.request)] if source.check.request else []
    for place, request in requests:
        for kind, body in (("form", request.form), ("json", request.json_body)):
            if body is None and all(kind in each for each in kinds):
                yield Mistake(place, f"`{kind}` in it, which may be {{}}: a credential goes there", "no body")


def _mistakes_in_login(way: SessionAuth | OAuth2Auth) -> Iterator[Mistake]:
    if "token" not in names_in(way.send.value):
        yield Mistake(("send", "value"), "text with {token}, the token from the login", way.send.value)
    if isinstance(way, OAuth2Auth):
        yield from _mistakes_in_grant(way)
        return
    if way.token_header:
        for word in sorted({"token", "expires_in", "refresh_token"} & way.model_fields_set):
            yield Mistake((word,), f"no {word} beside token_header: no body is read")
    if way.refresh_token is not None and "refresh_token" not in names_in(way.login.model_dump()):
        yield Mistake(("refresh_token",), "a `login` that sends {refresh_token}, whose place it takes")


def _mistakes_in_grant(way: OAuth2Auth) -> Iterator[Mistake]:
    if not way.token_url.startswith(("/", "https://", "http://", "{")):
        yield Mistake(("token_url",), "https://HOST/PATH, or a path that starts with /", way.token_url)
    for word in sorted(UNUSED_BY_GRANT[way.grant] & way.model_fields_set):
        yield Mistake((word,), f"no {word} beside grant: {way.grant}")
    if way.token_path and way.token_url.startswith("/"):
        yield Mistake(("token_path",), "a token_url without a path beside it", way.token_path)


def _mistakes_in_discoveries(source: Source) -> Iterator[Mistake]:
    for position, discovery in enumerate(source.discover):
        place: Place = ("discover", position, "report")
        report = source.reports.get(discovery.report)
        if report is None:
            yield Mistake(place, one_of(discovery.report, source.reports, "reports"), discovery.report)
        elif report.submit or report.one_of or any(param.required for param in report.params.values()):
            yield Mistake(place, "a report that is read at once and needs no parameter", discovery.report)


def _requests_of_account(source: Source) -> Iterator[tuple[Place, Request]]:
    """Every request that belongs to no report, and its place."""
    if source.check.request:
        yield ("check", "request"), source.check.request
    for position, auth in enumerate(source.auth):
        logins = (way.login for way in auth_methods(auth) if isinstance(way, SessionAuth))
        yield from ((("auth", position, "login"), login) for login in logins)
    for position, discovery in enumerate(source.discover):
        for number, detail in enumerate(discovery.details):
            yield ("discover", position, "details", number, "request"), detail.request


def mistakes_in_errors(source: Source) -> Iterator[Mistake]:
    """Error shapes that match everything or nothing, or have a consequence that the source does not allow."""
    has_login = any(isinstance(way, SessionAuth | OAuth2Auth) for auth in source.auth for way in auth_methods(auth))
    yield from below(("errors",), _mistakes_in_shapes(source.errors, has_login=has_login))
    for name, report in source.reports.items():
        for position, read in enumerate(report.read):
            place: Place = ("reports", name, "read", position)
            yield from below((*place, "format", "errors"), _mistakes_in_shapes(read.format.errors, has_login=has_login))
            ends = read.paging.end_statuses if isinstance(read.paging, Paged) else []
            for status in set(ends) & set(source.retry_statuses):
                allowed = "no status of `retry_statuses`: it is not the end, but a pause"
                yield Mistake((*place, "paging", "end_statuses"), allowed, status)


def _mistakes_in_shapes(shapes: list[ErrorShape], *, has_login: bool) -> Iterator[Mistake]:
    for position, shape in enumerate(shapes):
        yield from below((position,), _mistakes_in_shape(shape, has_login=has_login))


def _mistakes_in_shape(shape: ErrorShape, *, has_login: bool) -> Iterator[Mistake]:
    for word in _MATCHERS:
        if word in shape.model_fields_set and getattr(shape, word) in (None, "", []):
            yield Mistake((word,), "a value to compare")
    matchers = [word for word in _MATCHERS if getattr(shape, word) is not None]
    if len(matchers) > 1:
        yield Mistake((matchers[-1],), "one of `equals`, `unless` and `contains`")
    if not shape.when and not matchers:
        yield Mistake(("when",), "`contains` beside it: every body matches the empty path")
    if shape.wait is not None and shape.then != "rate-limit":
        yield Mistake(("wait",), "`then: rate-limit` beside it")
    if shape.then == "login" and not has_login:
        yield Mistake(("then",), "a login in `auth`; or another consequence", "login")
