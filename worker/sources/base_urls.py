"""Which base URLs a connection may have."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from worker.errors import BadInput


def checked_base(url: str, where: str, *, may_be_http: bool) -> str:
    """The base URL without a slash at its end.

    Raises BadInput unless it is https (http only to loopback, or where allowed), a host, and nothing after the path.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise BadInput(where, "a URL that cannot be read", "https://HOST/PATH") from error
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise BadInput(where, f"{parts.scheme}://...@{host}", "a URL without user and password; they are `credentials`")
    if parts.scheme not in ("http", "https") or not host:
        raise BadInput(where, url, "https://HOST/PATH")
    if "?" in url or "#" in url:
        raise BadInput(where, url.partition("?")[0].partition("#")[0], "a URL without ? and #")
    if parts.scheme == "http" and not (may_be_http or is_loopback(host)):
        raise BadInput(where, url, "https; plain http only to this machine, or with `allow_http: true`")
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
