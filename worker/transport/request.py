"""Builds the request that is sent from a request declared in a source file and the values of its placeholders."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import quote, unquote_plus, urlencode

from worker.errors import FailJob
from worker.sources.base_urls import Base
from worker.sources.placeholders import as_text, fill, fill_path, fill_query
from worker.sources.schema import Request
from worker.transport.links import without_query

NOTHING: Mapping[str, Any] = {}
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class WireRequest:
    """One request as it is sent. `url` is absolute and has been checked."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None

    @property
    def target(self) -> str:
        """Path and query, spelled as they are in the URL."""
        return "/" + self.url.partition("://")[2].partition("/")[2]

    @property
    def name(self) -> str:
        """Method and path, for messages; never the query."""
        return f"{self.method} {without_query(self.url)}"


def compose(
    base: Base,
    request: Request,
    values: Mapping[str, Any],
    *,
    path: str | None = None,
    query: Mapping[str, Any] = NOTHING,
    form: Mapping[str, Any] = NOTHING,
    json_parts: Mapping[str, Any] = NOTHING,
) -> WireRequest:
    """The declared request with its placeholders filled; `path`, if given, replaces its path.

    `query`, `form` and `json_parts` (by path) replace the values that the request declares there.
    """
    filled_path = fill_path(path or request.path, values)
    if isinstance(request.query, str):
        url = with_query(base.url(filled_path, fill_query(request.query, values)), query)
    else:
        url = base.url(filled_path, encode_query({**(fill(request.query, values) or {}), **query}))
    headers = fill_headers(request, values)
    body, content_type = _body(request, values, form, json_parts)
    if content_type and "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = content_type
    return WireRequest(request.method, url, headers, body)


def fill_headers(request: Request, values: Mapping[str, Any]) -> dict[str, str]:
    """The declared headers with their placeholders filled; those without a value are left out."""
    return {name: as_text(value) for name, value in (fill(request.headers, values) or {}).items()}


def headers_of_get(request: Request, values: Mapping[str, Any]) -> dict[str, str]:
    """The declared headers for a GET of a link that the answer led to: without the type of the request's own body."""
    headers = fill_headers(request, values)
    if request.method == "GET":
        return headers
    return {name: value for name, value in headers.items() if name.lower() != "content-type"}


def encode_query(query: Mapping[str, Any]) -> str:
    """A query string: lists repeat their name, absent values are left out."""
    pairs = [
        (name, part if isinstance(part, str) else json.dumps(part, ensure_ascii=False))
        for name, value in query.items()
        for part in (value if isinstance(value, list | tuple) else [value])
        if part is not None
    ]
    # By default, urlencode writes a blank as `+`, which is correct in forms only; `%20` is correct everywhere.
    return urlencode(pairs, quote_via=quote, safe="")


def with_query(url: str, query: Mapping[str, Any]) -> str:
    """The URL with these query values, which replace those with the same names; the others keep their spelling."""
    for name in query:
        url = without_query_value(url, name)
    text = encode_query(query)
    return f"{url}{'&' if '?' in url else '?'}{text}" if text else url


def without_query_value(url: str, name: str) -> str:
    """The URL without the query values of one name; the others keep their spelling, which a signature may cover."""
    start, _, text = url.partition("?")
    kept = [part for part in text.split("&") if unquote_plus(part.partition("=")[0]) != name]
    return f"{start}?{'&'.join(kept)}" if text and kept else start


def basic(username: str, password: str) -> str:
    """The value of an `Authorization: Basic` header (RFC 7617), in UTF-8."""
    return "Basic " + b64encode(f"{username}:{password}".encode()).decode()


def with_header(request: WireRequest, name: str, value: str) -> WireRequest:
    """The request with one more header, or another value of it."""
    kept = {key: held for key, held in request.headers.items() if key.lower() != name.lower()}
    return replace(request, headers={**kept, name: value})


def with_body_value(request: WireRequest, kind: Literal["form", "json"], name: str, value: str) -> WireRequest:
    """The request with one more value in its form, or at a path of its JSON. Without such a body it stays as it is."""
    types = [held for each, held in request.headers.items() if each.lower() == "content-type"]
    is_form = any(held.lower().startswith(FORM) for held in types)
    if request.body is None or is_form != (kind == "form"):
        return request
    if is_form:
        return replace(request, body=b"&".join(filter(None, (request.body, encode_query({name: value}).encode()))))
    return replace(request, body=_dump(set_at_path(json.loads(request.body), name, value)))


def set_at_path(body: Any, path: str, value: Any) -> Any:
    """The JSON body with a value at a path of names; missing objects on the path are created."""
    name, _, rest = path.partition(".")
    inner = body if isinstance(body, dict) else {}
    return {**inner, name: set_at_path(inner.get(name), rest, value) if rest else value}


def _body(
    request: Request, values: Mapping[str, Any], form: Mapping[str, Any], json_parts: Mapping[str, Any]
) -> tuple[bytes | None, str | None]:
    if request.form is not None:
        return encode_query({**(fill(request.form, values) or {}), **form}).encode(), FORM
    body = fill(request.json_body, values)
    for path, value in json_parts.items():
        body = set_at_path(body, path, value)
    if body is None:
        return None, None
    try:
        return _dump(body), "application/json"
    except ValueError:
        raise FailJob(f"{request.path}: a number in the request is not finite") from None


def _dump(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
