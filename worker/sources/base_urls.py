"""Parses the base URLs of connections and the URLs of proxies, strictly."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, quote, unquote, urlsplit

from worker.errors import BadInput

DIRECTLY = "none"
"""The value of `proxy` for a connection that goes directly, whatever the environment says."""

DEFAULT_PORTS = {"https": 443, "http": 80}

_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
# An underscore is not allowed in host names, but services of Docker Compose have them and resolvers accept them.
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?|\[[0-9A-Fa-f:.]+\]")


class NotAUrl(ValueError):
    """Not an http(s) URL, or one that different programs parse differently. The message contains no password."""


@dataclass(frozen=True, slots=True)
class Base:
    """The base of a connection's URLs. `documented_prefix` is the path of the base URL in the vendor's documents."""

    scheme: str
    host: str
    port: int
    prefix: str
    documented_prefix: str | None = None

    @property
    def origin(self) -> str:
        """Scheme, host and port, as in a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @property
    def is_plain_loopback(self) -> bool:
        """Is this plain http on this machine, as the sandbox is?"""
        return self.scheme == "http" and is_loopback(self.host)

    def url(self, path: str, query: str = "") -> str:
        """The URL of a path of this base."""
        if path and not path.startswith("/"):
            path = f"/{path}"
        return f"{self.origin}{self.prefix}{path}" + (f"?{query}" if query else "")


def base_of(url: str, *, where: str = "base_url", allow_http: bool = False, documented: str | None = None) -> Base:
    """Parse a connection's base URL. `documented` is the base URL in the source file.

    Raises BadInput for an unusual URL, one with a query or fragment, and plain http unless to this machine or allowed.
    """
    try:
        parts = split(url)
        refuse_dots(parts.path)
    except NotAUrl as error:
        raise BadInput(where, without_password(url), f"https://HOST/PATH ({error})") from None
    if "?" in url or "#" in url:
        raise BadInput(where, url.partition("?")[0].partition("#")[0], "a URL without ? and #")
    if not parts.path.isascii():
        raise BadInput(where, url, f"a path in ASCII: {quote(parts.path, safe='/%:@')}")
    if parts.scheme == "http" and not (allow_http or is_loopback(parts.hostname or "")):
        raise BadInput(where, url, "https; plain http only to this machine, or with `allow_http: true`")
    known = urlsplit(documented).path.rstrip("/") if documented else None
    return Base(parts.scheme, host_of(parts), port_of(parts), parts.path.rstrip("/"), known)


def proxy_url(text: str, where: str) -> str:
    """The URL of a proxy; a bare HOST:PORT means plain http. Raises BadInput without its user and password."""
    url = (text if "://" in text else f"http://{text}").rstrip("/")
    try:
        parts = urlsplit(url)
        is_usable = bool(parts.hostname) and parts.port != 0 and not (parts.path or parts.query or parts.fragment)
    except ValueError:
        is_usable = False
    if not is_usable or url.partition("://")[0] not in ("http", "https"):
        wanted = "http://HOST:PORT or https://HOST:PORT, with USER:PASSWORD@ in front of HOST if the proxy needs them"
        raise BadInput(where, f"{url.partition('://')[0]}://...", wanted)
    return url


def split(url: str) -> SplitResult:
    """Parse a URL. Raises NotAUrl if any part is unusual, or if it contains a user or password."""
    refuse_unsafe(url)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise NotAUrl("it cannot be read") from None
    if parts.scheme not in DEFAULT_PORTS:
        raise NotAUrl(f"its scheme is {parts.scheme[:20]!r}")
    if "@" in parts.netloc:
        raise NotAUrl("it contains a user or password")
    bare = parts.netloc if port is None else parts.netloc.rpartition(":")[0]
    if port == 0 or not _HOST.fullmatch(bare):
        raise NotAUrl(f"its host is {parts.netloc[:200]!r}")
    return parts


def host_of(parts: SplitResult) -> str:
    """The host in lower case, without a dot at its end."""
    return (parts.hostname or "").rstrip(".")


def port_of(parts: SplitResult) -> int:
    """The port, or the scheme's default port."""
    return parts.port or DEFAULT_PORTS[parts.scheme]


def refuse_unsafe(text: str) -> None:
    """Raise NotAUrl for characters that programs drop or read differently."""
    if _UNSAFE.search(text):
        raise NotAUrl("it contains blanks, control characters or backslashes")


def refuse_dots(path: str) -> None:
    """Raise NotAUrl for a path with `.` or `..` in it, even if they are percent-encoded several times."""
    # A gateway and the servers behind it may each unescape the path once more.
    plain = path
    for _ in range(3):
        plain = unquote(plain)
    for segment in plain.replace("\\", "/").split("/"):
        # Java's servlets drop what follows `;` in a segment, so `..;x` leads upwards as well.
        if segment.partition(";")[0] in (".", ".."):
            raise NotAUrl(f"its path contains . or ..: {path[:200]!r}")


def is_loopback(host: str) -> bool:
    """Does this host name or address mean this machine? No resolver is asked."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def without_password(url: str) -> str:
    """A URL for people: without user and password, without query."""
    shown = url.partition("?")[0].partition("#")[0]
    start, separator, rest = shown.rpartition("@")
    return f"{start.partition('://')[0]}://...@{rest}" if separator else shown
