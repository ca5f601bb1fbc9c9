"""Checks the links in vendors' answers before we follow them: they are untrusted input.

Only path and query of an `api` link are used: they are put on the connection's own base. A `download` link may lead to
another host; `Target.is_own` says whether the connection's credentials may be sent there. Path and query are sent as
they were given, because a signature covers their spelling; links are compared in their `normal_form`. The network
address of the host is checked when the connection is made: see `addresses.py`, `http.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from worker.errors import FailJob
from worker.sources.base_urls import Base, NotAUrl, host_of, port_of, refuse_dots, refuse_unsafe, split

LinkKind = Literal["api", "download"]

LONGEST_LINK = 8_192

_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_RESERVED = "!#$%&'()*+,/:;=?@[]~"
_ODD = '"<>^`{|}'


@dataclass(frozen=True, slots=True)
class Target:
    """An address that may be contacted. `is_own`: scheme, host and port are the connection's."""

    url: str
    is_own: bool


def on_base(base: Base, link: str, *, at: str) -> str:
    """An `api` link as a URL on our own base.

    `at` is the URL of the request that was answered; a relative link is relative to it. The host that the link names is
    never contacted. Raises FailJob if the link is malformed or outside the base's path.
    """
    _, target = _parse(link, at)
    path, mark, query = target.partition("?")
    rest = _below(base.prefix, path)
    if rest is None and base.documented_prefix is not None:
        rest = _below(base.documented_prefix, path)
    if rest is None:
        raise FailJob(f"a link to {path[:200]!r} is not followed: it is outside {base.prefix or '/'!r}")
    return f"{base.origin}{base.prefix}{rest}{mark}{query}"


def download_target(base: Base, link: str, *, at: str) -> Target:
    """A `download` link as an address to contact: https anywhere, plain http only if our connection uses it.

    Raises FailJob if the link is malformed or its scheme is not allowed.
    """
    parts, target = _parse(link, at)
    target_base = Base(parts.scheme, host_of(parts), port_of(parts), "")
    is_own = target_base.origin == base.origin
    if parts.scheme == "http" and not (is_own or base.is_plain_loopback):
        raise FailJob(f"a link to plain http on {target_base.host!r} is not followed")
    return Target(f"{target_base.origin}{target}", is_own)


def redirect_target(base: Base, location: str, kind: LinkKind, *, at: str) -> Target:
    """The target of a redirect, checked like a link of this kind.

    Raises FailJob, naming the host, if an `api` request is redirected to another host.
    """
    if kind == "download":
        return download_target(base, location, at=at)
    parts, _ = _parse(location, at)
    # A vendor behind a gateway may name its own scheme and port, not the gateway's.
    if host_of(parts) != base.host or parts.port not in (None, base.port):
        hint = "the source file declares no download (`link_kind` of a read, or `done_on` of a poll that leads there)"
        raise FailJob(f"it redirects to another host, {parts.netloc}, but {hint}")
    return Target(on_base(base, location, at=at), is_own=True)


def other_host(base: Base, link: str, *, at: str) -> str:
    """The host that a link names if it is not that of the base; else empty."""
    parts, _ = _parse(link, at)
    return "" if host_of(parts) == base.host else host_of(parts)


def normal_form(url: str) -> str:
    """The spelling in which links are compared (RFC 3986, 6.2.2): escapes in upper case, none that is not needed."""

    def escape(match: re.Match[str]) -> str:
        character = chr(int(match[1], 16))
        return character if character in _UNRESERVED else f"%{match[1].upper()}"

    return _ESCAPE.sub(escape, quote(url, safe=_RESERVED))


def without_query(url: str) -> str:
    """The path of a URL, for people: never its query, which may hold a key or a signature."""
    return urlsplit(url).path or "/"


def _parse(link: str, at: str) -> tuple[SplitResult, str]:
    """The parts of a link, and its path and query as they were given. Raises FailJob if it is malformed."""
    if not isinstance(link, str) or not link:
        raise FailJob(f"a link must be text, not {type(link).__name__}")
    if len(link) > LONGEST_LINK:
        raise FailJob(f"a link of {len(link)} characters is not followed; at most {LONGEST_LINK} are allowed")
    try:
        parts = split(_join(at, link))
    except NotAUrl as error:
        raise FailJob(f"a link is not followed: {error}") from None
    except ValueError:
        raise FailJob("a link that cannot be parsed is not followed") from None
    query = f"?{parts.query}" if parts.query else ""
    # Letters beyond ASCII are escaped; `%` is not, because what is already escaped must stay as it is.
    return parts, quote(f"{parts.path or '/'}{query}", safe=_RESERVED + _ODD)


def _join(at: str, link: str) -> str:
    """A link as an absolute URL. Raises NotAUrl if its path contains `.` or `..`."""
    # Vendors put names of reports into their links as they are. In a host an escape is refused, as a blank is.
    if link == link.strip():
        link = link.replace(" ", "%20")
    refuse_unsafe(link)
    parts = urlsplit(link)
    if parts.scheme and not parts.netloc:
        raise NotAUrl(f"its scheme is {parts.scheme[:20]!r}, without a host")
    # Checked before `urljoin`, which resolves `..` silently. Only a relative path may begin with one.
    if parts.path.startswith("/"):
        refuse_dots(parts.path)
    url = link if parts.scheme else urljoin(at, link)
    refuse_dots(urlsplit(url).path)
    return url


def _below(prefix: str, path: str) -> str | None:
    """The part of a path after a prefix, spelled as it was given; None if the path does not begin with the prefix."""
    segments = path.split("/")
    depth = prefix.count("/") + 1
    if normal_form("/".join(segments[:depth])) != normal_form(prefix):
        return None
    return "".join(f"/{segment}" for segment in segments[depth:])
