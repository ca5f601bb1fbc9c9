"""Finds out which proxy a connection uses and which certificates it trusts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from worker.errors import BadInput
from worker.sources.base_urls import DIRECTLY, host_of, is_loopback, port_of, proxy_url

CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies of one connection. The URLs in `by_scheme` may contain a password: never print them.

    `direct` are the entries of NO_PROXY. If it is not set (None), only this machine is reached without the proxy.
    """

    by_scheme: Mapping[str, str] = field(default_factory=dict, repr=False)
    direct: tuple[str, ...] | None = None

    def proxy_for(self, url: str) -> str | None:
        """The URL of the proxy for a request; None if it goes directly."""
        parts = urlsplit(url)
        proxy = self.by_scheme.get(parts.scheme)
        if proxy is None:
            return None
        host = host_of(parts)
        if self.direct is None:
            return None if is_loopback(host) else proxy
        return None if any(_covers(entry, host, port_of(parts)) for entry in self.direct) else proxy


@dataclass(frozen=True, slots=True)
class Network:
    """Proxies and certificates. `ca_bundle`, a file or directory, replaces the default trusted certificates."""

    proxies: Proxies = Proxies()
    ca_bundle: str | None = None


def network_of(declared_proxy: str | None, variables: Mapping[str, str]) -> Network:
    """The network of a connection: through the proxy it declares, else through those that these variables name.

    Raises BadInput for a variable whose value is not the URL of a proxy, or not an existing file of certificates.
    """
    name = next((name for name in CA_VARIABLES if variables.get(name)), None)
    if name is not None and not Path(variables[name]).exists():
        raise BadInput(name, variables[name], "an existing file or directory of certificates")
    ca_bundle = variables[name] if name else None
    if declared_proxy == DIRECTLY:
        return Network(Proxies(), ca_bundle)
    if declared_proxy is not None:
        return Network(Proxies({"http": declared_proxy, "https": declared_proxy}, ()), ca_bundle)
    # Lower case first, as curl does: CGI programs get a client's `Proxy` header as HTTP_PROXY.
    no_proxy = next((variables[name] for name in ("no_proxy", "NO_PROXY") if name in variables), None)
    direct = None if no_proxy is None else tuple(no_proxy.replace(",", " ").split())
    by_scheme: dict[str, str] = {}
    for scheme in ("http", "https"):
        names = (f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY")
        if name := next((name for name in names if variables.get(name)), None):
            by_scheme[scheme] = proxy_url(variables[name], name)
    return Network(Proxies(by_scheme, direct), ca_bundle)


def _covers(entry: str, host: str, port: int) -> bool:
    """Does an entry of NO_PROXY match this host? `*`, a name (with subdomains) or a network, maybe with a port."""
    # There is no standard for NO_PROXY; these are the forms that Go's net/http accepts (and curl: separated by blanks).
    if entry == "*":
        return True
    name, colon, digits = entry.rpartition(":")
    if colon and digits.isdecimal() and (":" not in name or name.endswith("]")):
        if int(digits) != port:
            return False
        entry = name
    entry = entry.strip("[]").removeprefix("*").lstrip(".").lower()
    try:
        return ip_address(host.strip("[]")) in ip_network(entry, strict=False)
    except ValueError:
        return host == entry or host.endswith(f".{entry}")
