"""Which addresses we may follow. A link in a response is text from outside: it is judged before anything is sent.

`api` links lend their path and query, nothing else: they are put on the connection's own base. `download` links may
lead to another host; `Target.is_own` says whether the connection's credentials may go along. The host's network address
is judged where the connection is made: `addresses.py`, `adapters.py`.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit, urlunsplit

from worker.errors import FailJob

LONGEST_LINK = 8_192
DEFAULT_PORTS = {"https": 443, "http": 80}

_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?|\[[0-9A-Fa-f:.]+\]")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


@dataclass(frozen=True, slots=True)
class Base:
    """Where a connection lives. `documented_prefix` is the path the vendor's own documents begin with, where known."""

    scheme: str
    host: str
    port: int
    prefix: str
    documented_prefix: str | None = None

    @property
    def origin(self) -> str:
        """Scheme, host and port, as they stand in a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @property
    def is_plain_loopback(self) -> bool:
        """Is this plain http on this machine, as the sandbox is?"""
        return self.scheme == "http" and names_loopback(self.host)

    def url(self, path: str, query: str = "") -> str:
        """The URL of a path of this base."""
        if path and not path.startswith("/"):
            path = f"/{path}"
        return f"{self.origin}{self.prefix}{path}" + (f"?{query}" if query else "")


@dataclass(frozen=True, slots=True)
class Target:
    """An address that may be contacted. `is_own`: scheme, host and port are the connection's."""

    url: str
    is_own: bool


def base_of(base_url: str, *, documented: str | None = None, allow_http: bool = False) -> Base:
    """The base a connection's `base_url` names; FailJob where it cannot be one or is plain http beyond loopback."""
    parts = _split(base_url)
    if not parts.netloc or parts.query or parts.fragment:
        raise FailJob(f"base_url {base_url!r} must be scheme, host and path")
    if parts.scheme == "http" and not (allow_http or names_loopback(parts.hostname or "")):
        raise FailJob(f"base_url {base_url!r} is plain http, which only loopback or `allow_http` permits")
    _refuse_dots(parts.path)
    known = urlsplit(documented).path.rstrip("/") if documented else None
    return Base(parts.scheme, _host(parts), _port(parts), parts.path.rstrip("/"), known)


def on_base(base: Base, link: str, *, at: str) -> str:
    """An `api` link as a URL on our own base, in the one form links are compared in.

    `at` is the URL of the request that was answered; a relative link starts there. Whatever host the link names is
    never contacted. FailJob where the link is malformed or leaves the base's path.
    """
    parts = _split(_joined(at, link))
    path = _normal(parts.path) or "/"
    if not _is_under(path, base.prefix):
        if base.documented_prefix is None or not _is_under(path, base.documented_prefix):
            raise FailJob(f"the link leads to {path[:200]!r}, outside {base.prefix or '/'!r}: not followed")
        path = base.prefix + path[len(base.documented_prefix) :]
    query = f"?{_normal(parts.query)}" if parts.query else ""
    return f"{base.origin}{path}{query}"


def elsewhere(base: Base, link: str, *, at: str) -> Target:
    """A `download` link as an address to contact: https anywhere, plain http only where we speak it ourselves.

    FailJob where the link is malformed or its scheme is refused.
    """
    parts = _split(_joined(at, link))
    target = Base(parts.scheme, _host(parts), _port(parts), "")
    is_own = target.origin == base.origin
    if parts.scheme == "http" and not (is_own or base.is_plain_loopback):
        raise FailJob(f"the link leads to plain http on {target.host!r}: not followed")
    query = f"?{_normal(parts.query)}" if parts.query else ""
    return Target(f"{target.origin}{_normal(parts.path) or '/'}{query}", is_own)


def names_loopback(host: str) -> bool:
    """Does this host name mean this machine without asking anybody?"""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _checked(link: object) -> str:
    if not isinstance(link, str) or not link:
        raise FailJob(f"a link must be text, not {type(link).__name__}")
    if len(link) > LONGEST_LINK:
        raise FailJob(f"a link of {len(link)} characters is not followed")
    if _UNSAFE.search(link):
        raise FailJob(f"a link with blanks, control characters or backslashes is not followed: {link[:200]!r}")
    return link


def _joined(at: str, link: str) -> str:
    """A link as a whole URL. One that begins anew, by a host or a slash, must not climb; another is resolved."""
    try:
        parts = urlsplit(_checked(link))
        if parts.scheme and not parts.netloc:
            raise FailJob(f"a link of scheme {parts.scheme!r} without a host is not followed")
        if parts.netloc or parts.path.startswith("/"):
            _refuse_dots(parts.path)
        url = urljoin(at, link)
        _refuse_dots(urlsplit(url).path)
    except ValueError:
        raise FailJob(f"not a link: {link[:200]!r}") from None
    return url


def _split(url: str) -> SplitResult:
    """Take a URL apart; FailJob unless every part is what it seems to be."""
    try:
        parts = urlsplit(_checked(url))
        port = parts.port
    except ValueError:
        raise FailJob(f"not a link: {url[:200]!r}") from None
    if parts.scheme not in DEFAULT_PORTS:
        raise FailJob(f"a link of scheme {parts.scheme!r} is not followed")
    if "@" in parts.netloc:
        raise FailJob("a link with credentials in it is not followed")
    bare = parts.netloc if port is None else parts.netloc.rpartition(":")[0]
    if port == 0 or not _HOST.fullmatch(bare):
        raise FailJob(f"a link to host {parts.netloc[:200]!r} is not followed")
    return parts


def _host(parts: SplitResult) -> str:
    return (parts.hostname or "").rstrip(".")


def _port(parts: SplitResult) -> int:
    return parts.port or DEFAULT_PORTS[parts.scheme]


def _refuse_dots(path: str) -> None:
    """Refuse a path that some server might read as leading upwards, however often it is escaped."""
    plain = path
    for _ in range(3):
        plain = unquote(plain)
    for segment in plain.replace("\\", "/").split("/"):
        if segment.partition(";")[0] in (".", ".."):
            raise FailJob(f"a link that climbs is not followed: {path[:200]!r}")


def _is_under(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")


def _normal(text: str) -> str:
    """One spelling: escapes in capitals, none that is needless, nothing beyond ASCII unescaped."""
    ascii_text = quote(text, safe="!#$%&'()*+,/:;=?@[]~")
    return _ESCAPE.sub(_normal_escape, ascii_text)


def _normal_escape(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if character in _UNRESERVED else f"%{match[1].upper()}"


def without_query(url: str) -> str:
    """The path of a URL, for people: never its query, which may hold a key or a signature."""
    parts = urlsplit(url)
    return urlunsplit(("", "", parts.path or "/", "", ""))
