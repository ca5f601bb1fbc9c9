"""Fetches an access token: what to send for it, and what the answer grants."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from worker.errors import FailJob
from worker.json_path import find
from worker.sources.base_urls import Base
from worker.sources.placeholders import fill
from worker.sources.schema import OAuth2Auth, SessionAuth
from worker.transport import links
from worker.transport.request import WireRequest, compose, encoded
from worker.transport.tokens import Grant

TokenAuth = SessionAuth | OAuth2Auth


def login_request(auth: TokenAuth, base: Base, secrets: Mapping[str, str], refresh: str | None) -> WireRequest:
    """The request that asks for a token; with a refresh token where one was granted before."""
    if isinstance(auth, SessionAuth):
        request = compose(base, auth.login, secrets)
        return (
            with_header(request, "Authorization", basic(*(secrets[n] for n in auth.basic))) if auth.basic else request
        )
    client_id, client_secret = str(fill(auth.client_id, secrets)), str(fill(auth.client_secret, secrets))
    form: dict[str, Any] = {"grant_type": auth.grant, **(fill(auth.extra, secrets) or {})}
    if refresh:
        form |= {"grant_type": "refresh_token", "refresh_token": refresh}
    elif auth.grant == "password":
        form |= {"username": fill(auth.username, secrets), "password": fill(auth.password, secrets)}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    if auth.client == "basic":
        headers["Authorization"] = basic(client_id, client_secret)
    else:
        form |= {"client_id": client_id, "client_secret": client_secret}
    return WireRequest("POST", _token_url(auth, base, secrets), headers, encoded(form).encode())


def grant_in(auth: TokenAuth, body: Any, name: str) -> Grant:
    """What a login's answer grants; FailJob naming the field where there is no token in it."""
    token_at, lifetime_at = (
        (auth.token, auth.expires_in) if isinstance(auth, SessionAuth) else ("access_token", "expires_in")
    )
    value = find(body, token_at)
    if not isinstance(value, str) or not value.strip():
        there = ", ".join(sorted(body)) if isinstance(body, dict) else type(body).__name__
        raise FailJob(f"{name}: the answer has no text at {token_at!r}; it has: {there[:200] or 'nothing'}")
    refresh = find(body, "refresh_token") if isinstance(auth, OAuth2Auth) else None
    lifetime = _seconds(find(body, lifetime_at)) or float(auth.default_lifetime_seconds)
    return Grant(value.strip(), lifetime, refresh if isinstance(refresh, str) and refresh else None)


def basic(username: str, password: str) -> str:
    """The value of an `Authorization: Basic` header, in UTF-8."""
    return "Basic " + b64encode(f"{username}:{password}".encode()).decode()


def with_header(request: WireRequest, name: str, value: str) -> WireRequest:
    """The request with one more header, or another value of it."""
    kept = {key: held for key, held in request.headers.items() if key.lower() != name.lower()}
    return WireRequest(request.method, request.url, {**kept, name: value}, request.body)


def _token_url(auth: OAuth2Auth, base: Base, secrets: Mapping[str, str]) -> str:
    """The token address: on the base, or wherever the operator put it, by https."""
    url = str(fill(auth.token_url, secrets))
    if url.startswith("/"):
        return base.url(url)
    if auth.token_path and urlsplit(url).path in ("", "/"):
        url = url.rstrip("/") + auth.token_path
    return links.elsewhere(base, url, at=base.url("")).url


def _seconds(stated: Any) -> float | None:
    """A lifetime given as a number or in digits; None where it is missing or makes no sense."""
    try:
        seconds = float(stated)
    except (TypeError, ValueError):
        return None
    return seconds if 0 < seconds < 10 * 365 * 86_400 else None
