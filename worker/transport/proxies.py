"""How a connection reaches the world: through which proxy, and whose certificates it trusts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from worker.errors import BadInput
from worker.sources.base_urls import DIRECTLY, host_of, is_loopback, port_of, proxy_url

CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies of one connection. `by_scheme` holds URLs that may carry a password: never print them.

    `direct` are the entries of NO_PROXY; None where nobody set it, and this machine alone is reached directly.
    """

    by_scheme: Mapping[str, str] = field(default_factory=dict, repr=False)
    direct: tuple[str, ...] | None = None

    def proxy_for(self, url: str) -> str | None:
        """The URL of the proxy a request goes through; None where it goes directly."""
        parts = urlsplit(url)
        proxy = self.by_scheme.get(parts.scheme)
        return None if proxy is None or self._is_direct(parts) else proxy

    def _is_direct(self, parts: SplitResult) -> bool:
        host = host_of(parts)
        if self.direct is None:
            return is_loopback(host)
        return any(_covers(entry, host, port_of(parts)) for entry in self.direct)


@dataclass(frozen=True, slots=True)
class Network:
    """The way out. `ca_bundle` is a file or directory of certificates trusted in place of the usual ones."""

    proxies: Proxies = Proxies()
    ca_bundle: str | None = None


def network_of(declared_proxy: str | None, variables: Mapping[str, str]) -> Network:
    """The way out of a connection that declares this proxy, in an environment with these variables.

    Raises BadInput for a variable that names no proxy, or no certificates.
    """
    name = next((name for name in CA_VARIABLES if variables.get(name)), None)
    if name is not None and not Path(variables[name]).exists():
        raise BadInput(name, variables[name], "a file or directory of certificates that is there")
    return Network(_proxies_of(declared_proxy, variables), variables[name] if name else None)


def _proxies_of(declared: str | None, variables: Mapping[str, str]) -> Proxies:
    """What the connection says stands alone. Variables are looked up in small letters first, as curl does."""
    if declared == DIRECTLY:
        return Proxies()
    if declared is not None:
        return Proxies({"http": declared, "https": declared}, ())
    no_proxy = next((variables[name] for name in ("no_proxy", "NO_PROXY") if name in variables), None)
    entries = None if no_proxy is None else tuple(part.strip() for part in no_proxy.split(",") if part.strip())
    return Proxies(dict(_proxies_in(variables)), entries)


def _proxies_in(variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for scheme in ("http", "https"):
        names = [f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY"]
        name = next((name for name in names if variables.get(name)), None)
        if name is not None:
            yield scheme, proxy_url(variables[name], name)


def _covers(entry: str, host: str, port: int) -> bool:
    """Does an entry of NO_PROXY mean this host? `*`, a name and all below it, or a network; a port may follow."""
    if entry == "*":
        return True
    name, colon, digits = entry.rpartition(":")
    if colon and digits.isdecimal() and (":" not in name or name.endswith("]")):
        if int(digits) != port:
            return False
        entry = name
    entry = entry.strip("[]").lstrip(".").lower()
    try:
        return ip_address(host.strip("[]")) in ip_network(entry, strict=False)
    except ValueError:
        return host == entry or host.endswith(f".{entry}")
