"""Decides which network addresses a link may lead to: public ones, and those of the same kind as the connection's host.

Otherwise a vendor's link could reach into our network (server-side request forgery), for example a cloud's metadata
service at 169.254.169.254.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import Literal

from worker.errors import FailJob, RetryLater

AddressKind = Literal["public", "private", "loopback", "link-local", "reserved"]
Resolve = Callable[[str, int], list[str]]

# The well-known prefix of NAT64 (RFC 6052, 2.1).
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_INSIDE_NAMES = (".local", ".localhost", ".internal", ".intranet", ".private", ".corp", ".home", ".lan", ".home.arpa")


def resolve(host: str, port: int) -> list[str]:
    """All addresses of a host, in the resolver's order. Raises RetryLater if it cannot be resolved."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise RetryLater(f"the host {host!r} cannot be resolved: {error}", is_unsent=True) from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def kind_of(address: str) -> AddressKind:
    """The kind of an address. For an IPv6 address that contains an IPv4 address, the kind of the latter."""
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        # NAT64, IPv4-mapped, 6to4 and Teredo addresses lead to the IPv4 address that they contain.
        in_nat64 = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None
        ip = in_nat64 or ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else ip)
    if ip.is_loopback:
        return "loopback"
    if ip.is_link_local:
        return "link-local"
    if ip.is_multicast or ip.is_unspecified or ip.is_reserved:
        return "reserved"
    return "public" if ip.is_global else "private"


def permitted_kinds(host: str, port: int, *, resolve: Resolve = resolve) -> frozenset[AddressKind]:
    """The kinds of address that links may lead to on a connection at `host`: public ones and its own."""
    return frozenset({"public", *map(kind_of, resolve(host, port))}) - {"reserved"}


def permitted_kinds_behind_proxy(host: str, port: int, *, resolve: Resolve = resolve) -> frozenset[AddressKind]:
    """As `permitted_kinds`, for a connection behind a proxy: public ones only if its host cannot be resolved here."""
    try:
        return permitted_kinds(host, port, resolve=resolve)
    except RetryLater:
        return frozenset({"public"})


def check_behind_proxy(host: str, port: int, kinds: frozenset[AddressKind], *, resolve: Resolve = resolve) -> None:
    """Raise FailJob if a proxy must not be asked to connect to this host.

    A host that can be resolved here is judged by its addresses. If only the proxy can resolve it, it may be any public
    name, but not one that is in use only inside networks.
    """
    try:
        resolve_permitted(host, port, kinds, resolve=resolve)
    except RetryLater:
        name = host.lower().rstrip(".")
        if "." not in name or name.endswith(_INSIDE_NAMES):
            raise FailJob(f"the host {host!r} is a name inside a network, so no proxy is asked for it") from None


def resolve_permitted(host: str, port: int, kinds: frozenset[AddressKind], *, resolve: Resolve = resolve) -> list[str]:
    """The addresses of a host. Raises FailJob unless every one of them is of a permitted kind."""
    addresses = resolve(host, port)
    for address in addresses:
        if (kind := kind_of(address)) not in kinds:
            raise FailJob(f"the host {host!r} is at the {kind} address {address}: not contacted")
    return addresses
